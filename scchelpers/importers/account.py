"""What an import understood, what became of each row, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import pandas as pd

from scchelpers.faults import UserError


@dataclass
class Account:
    """What was read as what in one file, and the checks it went through.

    Attributes
    ----------
    file : str
        Name of the file.
    accepted : set of str
        Checks that the user answered with `-o accept=NAME`.
    table : list of tuple
        (column, meaning, unit, told by, first value, read as) a column.
    facts : list of str
        What was understood beside it: dates, clock, unit, sign, series.
    verdicts : list of (check, state, text, remedy)
        State is ok, note, accepted or refuse.
    about : dict
        What is kept with the rows: for loads, rows read and set aside, names of the series.
    """

    file: str
    accepted: set[str] = field(default_factory=set)
    table: list[tuple[str, ...]] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    verdicts: list[tuple[str, str, str, str]] = field(default_factory=list)
    about: dict = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Add a fact."""
        self.facts.append(text)

    def judge(self, check: str, bad, text: str, remedy: str = "", level: str = "refuse") -> None:
        """Record a check; `remedy` is the option that answers it."""
        state = "ok" if not bad else "accepted" if check in self.accepted else level
        answer = remedy or f"accept={check.replace(' ', '_')}"
        if bad or not any(v[0] == check for v in self.verdicts):
            self.verdicts.append((check, state, text, answer))

    @property
    def refusals(self) -> list[str]:
        """What stands against the import, each with the option that answers it."""
        return [
            f"{c}: {text} → -o {fix}" for c, state, text, fix in self.verdicts if state == "refuse"
        ]

    @property
    def notes(self) -> list[str]:
        """Facts and doubts in words."""
        doubts = [
            f"{c}: {text}" for c, state, text, _ in self.verdicts if state in ("note", "accepted")
        ]
        return [*self.facts, *doubts]

    def text(self) -> str:
        """Return the account as lines for people."""
        lines = [self.file]
        if self.table:
            head = ("column", "meaning", "unit", "told by", "first value", "read as")
            rows = [[cell[:40] for cell in row] for row in (head, *self.table)]
            wide = [max(len(row[i]) for row in rows) for i in range(len(head))]
            lines += [
                "  " + "  ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)).rstrip()
                for row in rows
            ]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)


def refuse_all(accounts: list[Account]) -> None:
    """Raise one UserError for everything that stands against an import, after what was read.

    Raises
    ------
    UserError
        If a check of any account refuses.
    """
    asked = [f"{a.file}: {refusal}" for a in accounts for refusal in a.refusals]
    if asked:
        seen = "\n".join(a.text() for a in accounts if a.refusals)
        listed = "\n  ".join(dict.fromkeys(asked))
        raise UserError(f"nothing is imported; to be answered:\n  {listed}\nread as\n{seen}")


_COUNTED = {"sessions": "EVSEs", "loads": "series", "assets": "assets"}


@dataclass(frozen=True)
class ImportReport:
    """The account of one import: every row read is either kept or set aside for a reason.

    Attributes
    ----------
    kind : str
        "sessions", "loads" or "assets".
    files : tuple of str
        Files read.
    read, kept : int
        Rows read, and rows that reached the portfolio.
    mended, set_aside : mapping of str to int
        Rows changed (a row may count under several reasons) and left out (under the first).
    notes : tuple of str
        What the reader should know.
    sites, evses : int
        Sites and EVSEs (or series, or assets) of the rows kept.
    first, last : pandas.Timestamp or None
        Span of the rows kept [UTC].
    energy_kwh : float or None
        Energy of the sessions kept [kWh]; None for loads.
    accounts : tuple of Account
        What was read as what, a file.

    Raises
    ------
    ValueError
        If rows read are not the rows kept and those set aside: a row would be lost.

    Examples
    --------
    >>> report = ImportReport("sessions", ("a.csv",), read=3, kept=2, set_aside={"no energy": 1})
    >>> print(report.text())
    sessions: 1 file
      rows read     3
      kept          2
      set aside     1
        no energy   1
    """

    kind: str
    files: tuple[str, ...]
    read: int
    kept: int
    mended: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sites: int = 0
    evses: int = 0
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    energy_kwh: float | None = None
    accounts: tuple[Account, ...] = ()

    def __post_init__(self):
        for name in ("mended", "set_aside"):
            counts = {str(k): int(v) for k, v in getattr(self, name).items() if v}
            object.__setattr__(self, name, counts)
        for name in ("files", "notes"):
            texts = tuple(dict.fromkeys(str(item) for item in getattr(self, name)))
            object.__setattr__(self, name, texts)
        aside = sum(self.set_aside.values())
        if self.read != self.kept + aside:
            raise ValueError(
                f"{self.kind}: {self.read} rows read, but {self.kept} kept and {aside} set aside"
            )

    def as_dict(self) -> dict:
        """Return the account as a plain dictionary, ready for JSON."""
        plain = asdict(self)
        for name in ("first", "last"):
            value = plain[name]
            plain[name] = None if value is None else value.isoformat()
        for account in plain["accounts"]:
            account["accepted"] = sorted(account["accepted"])
        return plain

    def text(self) -> str:
        """Return the account as lines for people."""
        rows = [("rows read", self.read), ("kept", self.kept)]
        if self.mended:
            rows.append(("of which mended, by reason", ""))
            rows += [(f"  {reason}", count) for reason, count in self.mended.items()]
        rows.append(("set aside", sum(self.set_aside.values())))
        rows += [(f"  {reason}", count) for reason, count in self.set_aside.items()]
        if self.sites or self.evses:
            rows += [("sites", self.sites)] if self.sites else []
            rows.append((_COUNTED[self.kind], self.evses))
        if self.energy_kwh is not None:
            rows.append(("energy [kWh]", f"{self.energy_kwh:,.1f}"))
        shown = [(name, f"{v:,}" if isinstance(v, int) else v) for name, v in rows]
        wide = max(len(name) for name, _ in shown)
        number = max(len(value) for _, value in shown)
        lines = [account.text() for account in self.accounts]
        lines.append(f"{self.kind}: {len(self.files)} file{'s' * (len(self.files) != 1)}")
        lines += [f"  {name:<{wide}} {value:>{number}}".rstrip() for name, value in shown]
        if self.first is not None:
            lines.append(f"  from {self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} UTC")
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])
