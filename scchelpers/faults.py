"""What is wrong with an input, said so that its owner can mend it."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


class UserError(ValueError):
    """A fault in what the user gave; the message names the place, the value and the remedy."""


@dataclass(frozen=True, order=True)
class Fault:
    """One fault in a portfolio or an imported file.

    Attributes
    ----------
    file : str
        File, relative to the folder or as it was given.
    row : int or None
        Row in the file as a spreadsheet numbers it (the header is row 1); for Parquet the record,
        from 1. None where the fault is of the whole file or column.
    field : str
        Column or key; "" where the fault is of the whole row.
    value : str
        The value found, as text.
    rule : str
        What is allowed.
    remedy : str
        How to mend it.
    severity : str
        "error": the site cannot be analysed until it is mended; "set aside": the row can be left
        out and counted; "note": read all the same.
    site_id : str
        The site concerned, where one is.
    """

    file: str
    row: int | None
    field: str
    value: str
    rule: str
    remedy: str
    severity: str = "error"
    site_id: str = ""

    def __str__(self) -> str:
        where = self.file
        if self.row is not None:
            where += f", row {self.row}"
        if self.field:
            where += f", {self.field}"
        found = f" = {self.value!r}" if self.value else ""
        return f"{where}{found}: {self.rule} → {self.remedy}"

    def as_dict(self) -> dict:
        """Return the fault as a plain dictionary, ready for JSON."""
        return asdict(self)


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return a text for a terminal: control characters of data are shown, never obeyed.

    Examples
    --------
    >>> printable("a\x1b[31mb\n")
    'a\\x1b[31mb\n'
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def closest(word: str, allowed: Iterable[str]) -> str:
    """Return a hint that names the allowed word nearest to `word`, or "".

    Examples
    --------
    >>> closest("dsc_kav", ["dsc_kva", "name"])
    'did you mean dsc_kva?'
    >>> closest("zzz", ["dsc_kva"])
    ''
    """
    near = difflib.get_close_matches(word.lower(), list(allowed), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def entry(function: Callable) -> Callable:
    """Return a function that tells a misspelt keyword by name, with the one that comes near it.

    Examples
    --------
    >>> entry(lambda limit_kw: limit_kw)(limit=40)
    Traceback (most recent call last):
    scchelpers.faults.UserError: limit = 40: no such argument; did you mean limit_kw?
    """
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def called(*args, **kwargs):
        for name in kwargs.keys() - set(known):
            hint = closest(name, known) or f"there are: {', '.join(known)}"
            raise UserError(f"{name} = {kwargs[name]!r:.60}: no such argument; {hint}")
        return function(*args, **kwargs)

    return called
