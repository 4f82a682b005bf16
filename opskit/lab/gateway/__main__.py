"""`python -m opskit.lab.gateway --config FILE`."""

from opskit.lab.gateway.service import start
from opskit.lab.part import main

main(start, "gateway")
