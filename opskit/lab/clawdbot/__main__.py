"""`python -m opskit.lab.clawdbot --config FILE`."""

from opskit.lab.clawdbot.service import start
from opskit.lab.part import main

main(start, "clawdbot")
