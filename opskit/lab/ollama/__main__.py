"""The command `python -m opskit.lab.ollama --config FILE`."""

from opskit.lab.ollama.server import start
from opskit.lab.part import main

main(start, "ollama")
