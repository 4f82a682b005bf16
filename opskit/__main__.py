"""`python -m opskit` is the same program as the console script."""

from opskit.cli import main

main()
