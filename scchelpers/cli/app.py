"""The application that the commands join, and how it ends: one clear message for bad input."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scchelpers import __version__
from scchelpers.faults import UserError, printable

app = typer.Typer(
    help="How should a public EV charging site connect to the GB network? "
    "Import charging data, check it, and run the workbook's notebooks over every site.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Folder = Annotated[Path, typer.Argument(help="Portfolio folder.", show_default=False)]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
):
    if version:
        typer.echo(f"scc {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a fault in the input is one clear message, never a traceback."""
    sys.stdout = _Printable(sys.stdout)
    try:
        app()
    except UserError as error:
        _end(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _end(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("SCC_DEBUG"):
            raise
        _end(
            f"unexpected {type(error).__name__}: {error}\n"
            "This is a fault of the workbook, not of your data; SCC_DEBUG=1 shows where."
        )


def _end(message: str) -> NoReturn:
    sys.exit(f"scc: {printable(message)}")


class _Printable:
    """Standard output in which no text from data can move the cursor or change a colour."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(printable(text))

    def __getattr__(self, name: str):
        return getattr(self._stream, name)
