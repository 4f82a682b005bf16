"""The command `python -m opskit.lab.runner`."""

import sys

from opskit.lab.runner.command import main

sys.exit(main(sys.argv[1:]))
