"""`scc`, the command line.

Each command is a thin layer over a function of the package and imports it only when it is called,
so that `scc --help` answers at once.
"""

import scchelpers.runner  # noqa: F401 # isort: skip - before anything that it spares
from scchelpers.cli import portfolios, runs, connections  # isort: skip - in the order of the help
from scchelpers.cli.app import app, main

__all__ = ["app", "connections", "main", "portfolios", "runs"]
