"""Printed lengths of stay: clock-like, or a number whose unit the file itself must tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers.council.columns import words

_UNITS = {
    "minutes": ({"min", "mins", "minute", "minutes", "m"}, pd.Timedelta("1min")),
    "hours": ({"h", "hr", "hrs", "hour", "hours"}, pd.Timedelta("1h")),
    "seconds": ({"s", "sec", "secs", "second", "seconds"}, pd.Timedelta("1s")),
}


def read(texts: pd.Series, title: str, between: pd.Series, file: str) -> tuple[pd.Series, str]:
    """Return printed durations as lengths and say in which unit they stood.

    Parameters
    ----------
    texts : pandas.Series of str
        Durations as "1:23:45", "1:23" (hours and minutes) or numbers.
    title : str
        Name of the column, which may tell the unit.
    between : pandas.Series of timedelta
        End less start where both are printed: the evidence of the unit.
    file : str
        Name for messages.

    Raises
    ------
    UserError
        If numbers are printed and neither the name nor the ends tell their unit.
    """
    clock = texts.str.extract(r"^(\d+):(\d{2})(?::(\d{2})(?:\.\d+)?)?$").astype(float)
    lengths = pd.to_timedelta(clock[0] * 3600 + clock[1] * 60 + clock[2].fillna(0), unit="s")
    number = pd.to_numeric(texts.str.replace(",", ""), errors="coerce")
    if number.isna().all():
        return lengths, f"{title} is in h:mm:ss"
    told = [unit for unit, (names, _) in _UNITS.items() if names & {*words(title)}]
    sound = (number > 0) & (between > pd.Timedelta("5min")) & (between < pd.Timedelta("2D"))
    if sound.any():
        ratio = between[sound] / (number[sound] * pd.Timedelta("1min"))
        fits = {
            unit: np.isclose(ratio, one / pd.Timedelta("1min"), rtol=0.25).mean()
            for unit, (_, one) in _UNITS.items()
        }
        unit = max(fits, key=fits.__getitem__)
        if fits[unit] > 0.5:
            why = f"{title} is in {unit}: {fits[unit]:.0%} of the stays agree"
            return lengths.fillna(number * _UNITS[unit][1]), why
    if len(told) == 1:
        return lengths.fillna(number * _UNITS[told[0]][1]), f"{title} is in {told[0]}, by its name"
    raise UserError(
        f"{file}: {title} holds numbers such as {texts[number.notna()].iloc[0]!r}, and neither its "
        "name nor the ends tell whether they are minutes or hours; write the unit into the "
        "column's name, such as 'Duration (min)'"
    )
