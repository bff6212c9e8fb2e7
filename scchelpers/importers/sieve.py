"""The rules by which sessions are set aside: each row once, under the first reason that holds."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from scchelpers.importers.ratings import TOLERANCE
from scchelpers.importers.report import ImportReport
from scchelpers.portfolio import tables

# Stamps to the minute hide up to a minute of a stay.
MINUTE_H = 1 / 60


class Sieve:
    """Rows of sessions and the account of those that left.

    Attributes
    ----------
    rows : pandas.DataFrame
        Rows still in; the rules want `evse_id`, `plug_in`, `plug_out` (UTC), `energy_kwh` and
        `rated_kw`.
    read : int
        Rows at the beginning.
    """

    def __init__(self, rows: pd.DataFrame):
        self.rows = rows
        self.read = len(rows)
        self.set_aside: Counter = Counter()
        self._mended: dict[str, pd.Index] = {}

    def drop(self, bad, reason: str) -> None:
        """Set rows aside under a reason."""
        bad = np.asarray(bad, dtype=bool)
        self.set_aside[reason] += int(bad.sum())
        self.rows = self.rows[~bad]

    def mend(self, which, reason: str) -> None:
        """Note that rows were changed."""
        index = self.rows.index[np.asarray(which, dtype=bool)]
        self._mended[reason] = self._mended.get(reason, index[:0]).union(index)

    @property
    def mended(self) -> dict[str, int]:
        """Rows still in that were changed, by reason."""
        return {r: len(index.intersection(self.rows.index)) for r, index in self._mended.items()}

    @property
    def stay_h(self) -> pd.Series:
        """Length of the stay [h]."""
        return (self.rows["plug_out"] - self.rows["plug_in"]) / pd.Timedelta("1h")

    def check_stays(self, *, max_stay_h: float, min_stay_min: float = 0) -> None:
        """Set aside ends before the start, stays of no length and stays too short or too long."""
        self.drop(self.stay_h < 0, "end before start")
        self.drop(self.stay_h == 0, "stay of no length (stamps to the minute)")
        self.drop(self.stay_h * 60 <= min_stay_min, f"stay of {min_stay_min:g} min or less")
        self.drop(self.stay_h > max_stay_h, f"stay longer than {max_stay_h:g} h")

    def check_energy(self, *, max_energy_kwh: float | None = None) -> pd.DataFrame:
        """Set aside energy that is missing, not positive or impossible; return the impossible.

        Impossible is more than the rating over the stay, with a minute for stamps that are cut to
        the minute and `ratings.TOLERANCE` for ratings that are rounded in model names.
        """
        self.drop(self.rows["energy_kwh"].isna(), "energy missing or not a number")
        self.drop(self.rows["energy_kwh"] == 0, "energy zero")
        self.drop(self.rows["energy_kwh"] < 0, "energy negative")
        most = self.rows["rated_kw"] * TOLERANCE * (self.stay_h + MINUTE_H)
        impossible = self.rows["energy_kwh"] > most
        named = self.rows[impossible]
        self.drop(impossible, "energy beyond rating × time")
        if max_energy_kwh is not None:
            above = self.rows["energy_kwh"] > max_energy_kwh
            self.drop(above, f"energy above {max_energy_kwh:g} kWh")
        return named

    def check_repeats(self) -> None:
        """Set aside rows that say the same as one before: EVSE, start, end and energy."""
        key = ["evse_id", "plug_in", "plug_out", "energy_kwh"]
        self.drop(self.rows.duplicated(key), "exact repeat")

    def check_overlaps(self) -> None:
        """Set aside a session that begins on an EVSE before the one kept there has ended."""
        rows = self.rows.sort_values(["evse_id", "plug_in", "plug_out"], kind="stable")
        starts, ends = (rows[c].astype("int64").to_numpy() for c in ("plug_in", "plug_out"))
        evse = pd.factorize(rows["evse_id"])[0]
        bad = np.zeros(len(rows), dtype=bool)
        busy_until, on = 0, -1
        for i in range(len(rows)):
            if evse[i] == on and starts[i] < busy_until:
                bad[i] = True
            else:
                busy_until, on = ends[i], evse[i]
        self.drop(self.rows.index.isin(rows.index[bad]), "overlaps another session on its EVSE")

    def report(
        self, kind: str, files: Iterable[object], notes: Iterable[str], *, sites: int, evses: int
    ) -> ImportReport:
        """Return the account of an import whose rows went through this sieve."""
        some = len(self.rows) > 0
        return ImportReport(
            kind,
            tuple(map(str, files)),
            read=self.read,
            kept=len(self.rows),
            mended=self.mended,
            set_aside=self.set_aside,
            notes=tuple(notes),
            sites=sites,
            evses=evses,
            first=self.rows["plug_in"].min() if some else None,
            last=self.rows["plug_out"].max() if some else None,
            energy_kwh=float(self.rows["energy_kwh"].sum()),
        )


def identifiers(texts: Iterable[str], length: int = 40) -> dict[str, str]:
    """Return an identifier for each text, as near to it as may be and no two the same.

    Examples
    --------
    >>> identifiers(["50245", "CP/1", "CP 1"])
    {'50245': '50245', 'CP/1': 'CP-1-89f5', 'CP 1': 'CP-1-03fd'}
    """
    texts = list(dict.fromkeys(texts))
    plain = {t: re.sub(r"[^A-Za-z0-9._-]+|\.{2,}", "-", t).strip("-._") for t in texts}
    # Folders may not tell upper from lower case.
    count = Counter(p.lower() for p in plain.values())
    found = {}
    for text, name in plain.items():
        if count[name.lower()] > 1 or len(name) > length or not tables.is_id(name):
            digest = hashlib.sha256(text.encode()).hexdigest()[:4]
            name = f"{name[: length - 5] or 'x'}-{digest}"
            name = name if tables.is_id(name) else f"id-{name}"
        found[text] = name
    return found


def session_ids(rows: pd.DataFrame) -> pd.Series:
    """Return identifiers of sessions made from the EVSE and the start, and so from no person."""
    return rows["evse_id"] + "-" + rows["plug_in"].dt.strftime("%Y%m%dT%H%M%SZ")
