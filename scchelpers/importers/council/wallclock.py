"""Stamps of the clock on the wall to UTC, the doubtful ones settled by what else a row tells."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from scchelpers.importers.ratings import TOLERANCE
from scchelpers.timebase import from_clock

_HOUR = pd.Timedelta("1h")


def to_utc(rows: pd.DataFrame, timezone: str) -> pd.DataFrame:
    """Add `plug_in`, `plug_out` (UTC) and `doubt` to rows of stamps on the clock.

    A stamp with a printed offset from UTC is certain. In the repeated autumn hour the pass is taken
    that agrees with the printed stay; without one, the first that puts the end after the start and
    makes the energy possible at the rating.

    Parameters
    ----------
    rows : pandas.DataFrame
        `start`, `end` (no zone), `start_offset`, `end_offset`, `stay` (printed), `energy_kwh`,
        `rated_kw`.
    timezone : str
        IANA zone of the clock.

    Returns
    -------
    pandas.DataFrame
        The rows; `doubt` is "", "ambiguous" or "nonexistent".
    """
    utc, doubts = {}, {}
    for side in ("start", "end"):
        instants, doubt = from_clock(rows[side], timezone)
        instants = pd.Series(instants, index=rows.index)
        offset = rows[f"{side}_offset"]
        certain = offset.notna()
        stated = (rows[side] - offset).dt.tz_localize("UTC")
        utc[side] = instants.where(~certain, stated)
        doubts[side] = pd.Series(doubt, index=rows.index).where(~certain, "")
    unsure = {side: doubts[side] == "ambiguous" for side in utc}
    for row in rows.index[(unsure["start"] | unsure["end"]) & rows["end"].notna()]:
        passes = [
            [utc[side][row], utc[side][row] + _HOUR] if unsure[side][row] else [utc[side][row]]
            for side in ("start", "end")
        ]
        best = min(itertools.product(*passes), key=lambda pair: _unfit(pair, rows.loc[row]))
        utc["start"][row], utc["end"][row] = best
    doubt = np.where(unsure["start"] | unsure["end"], "ambiguous", "")
    skipped = (doubts["start"] == "nonexistent") | (doubts["end"] == "nonexistent")
    return rows.assign(
        plug_in=utc["start"], plug_out=utc["end"], doubt=np.where(skipped, "nonexistent", doubt)
    )


def _unfit(pair: tuple[pd.Timestamp, pd.Timestamp], row: pd.Series) -> tuple:
    """Return how ill a choice of passes fits a row; of equals the first choice stands."""
    stay = pair[1] - pair[0]
    off = abs(stay - row["stay"]) if pd.notna(row["stay"]) else pd.Timedelta(0)
    most = row["rated_kw"] * TOLERANCE * (stay + pd.Timedelta("1min")) / _HOUR
    return (stay <= pd.Timedelta(0), off, row["energy_kwh"] > most)
