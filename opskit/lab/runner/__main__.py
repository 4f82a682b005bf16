"""The command `python -m opskit.lab.runner`."""

import sys

from opskit.lab.runner.command import main
from opskit.lab.title import set_title

set_title("llama-server")
sys.exit(main(sys.argv[1:]))
