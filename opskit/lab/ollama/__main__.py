"""The command `python -m opskit.lab.ollama --config FILE`."""

from opskit.lab.ollama.server import start
from opskit.lab.part import main
from opskit.lab.title import set_title

set_title("ollama")
main(start, "ollama")
