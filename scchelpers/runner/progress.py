"""How a run shows itself at work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from scchelpers.runner.job import Outcome

Style = Literal["auto", "bar", "lines", "none"]


@contextlib.contextmanager
def shown(total: int, style: Style = "auto") -> Iterator[Callable[[Outcome], None]]:
    """Show the progress of a run on standard error; what it gives is called with each outcome.

    Parameters
    ----------
    total : int
        Runs to come.
    style : {"auto", "bar", "lines", "none"}
        "auto" is a bar on a terminal and lines elsewhere.
    """
    console = Console(stderr=True, highlight=False)
    if style == "auto":
        style = "bar" if console.is_terminal else "lines"
    if style == "bar":
        with _bar(total, console) as advance:
            yield advance
        return
    done = 0

    def say(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        if style == "lines":
            end = "done" if outcome.ok else f"FAILED  {outcome.fault}"
            where = f"{outcome.site_id}  {outcome.notebook}"
            print(f"[{done}/{total}] {where}  {outcome.seconds:.1f} s  {end}", file=sys.stderr)

    yield say


@contextlib.contextmanager
def _bar(total: int, console: Console) -> Iterator[Callable[[Outcome], None]]:
    failed = 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Running notebooks", total=total, failed="")

        def advance(outcome: Outcome) -> None:
            nonlocal failed
            if not outcome.ok:
                failed += 1
                fault = escape(f"{outcome.site_id}  {outcome.notebook}  {outcome.fault}")
                progress.console.print(f"[red]failed[/red]  {fault}")
            progress.update(task, advance=1, failed=f"[red]{failed} failed" if failed else "")

        yield advance
