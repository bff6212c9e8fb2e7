"""`python -m scchelpers.cli`."""

from scchelpers.cli.app import main

main()
