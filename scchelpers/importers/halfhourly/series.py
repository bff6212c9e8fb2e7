"""From rows to one regular series in UTC, with an account of what was mended."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.importers.halfhourly import faults
from scchelpers.portfolio import tables
from scchelpers.timebase import step_length

VARIABLES = ("value", "max", "min")


def step_of(rows: pd.DataFrame) -> pd.Timedelta:
    """Return the commonest step between the stamps of a series.

    Raises
    ------
    UserError
        If no step is common enough, or it does not divide a day.
    """
    unique = rows[["series", "stamp"]].drop_duplicates().sort_values(["series", "stamp"])
    steps = unique.groupby("series")["stamp"].diff().dropna()
    shares = steps.value_counts(normalize=True)
    if shares.empty or shares.iloc[0] < 0.5:
        raise UserError(
            "time: the stamps keep no regular step (the commonest holds for "
            f"{0 if shares.empty else shares.iloc[0]:.0%}); bring the load to regular intervals"
        )
    return step_length(shares.index[0])


def set_aside(rows: pd.DataFrame, step: pd.Timedelta) -> tuple[pd.DataFrame, Counter]:
    """Return the rows that take their place in a series, and count the others by reason.

    Parameters
    ----------
    rows : DataFrame
        series, start [UTC], has_value, skipped, value, max, min.
    step : Timedelta
        Step of the series.
    """
    known = [name for name in VARIABLES if name in rows]
    reason = pd.Series("", index=rows.index)

    def mark(flags, text):
        reason[(reason == "") & flags] = text

    mark(rows[known].isna().all(axis=1), "no reading")
    mark(rows["skipped"], "at an hour that the spring clock skips")
    offset = (rows["start"] - rows["start"].dt.normalize()) % step
    mark(offset != offset.mode().iloc[0], "off the regular step")
    key = ["series", "has_value", "start"]
    left = rows[reason == ""]
    again = left.duplicated(key).reindex(rows.index, fill_value=False)
    same = left.duplicated([*key, *known]).reindex(rows.index, fill_value=False)
    mark(again & same, "repeated")
    mark(again, "repeated stamp with another value; the first is kept")
    return rows[reason == ""], Counter(reason[reason != ""])


def regular(rows: pd.DataFrame, step: pd.Timedelta) -> pd.DataFrame:
    """Return one series on its regular grid; intervals without a row are missing.

    Parameters
    ----------
    rows : DataFrame
        Rows of one series; those of a file with the mean and those of a file with only the
        largest and smallest values meet at their starts.
    """
    grid = pd.date_range(rows["start"].min(), rows["start"].max(), freq=step, name="time")
    frame = pd.DataFrame(np.nan, index=grid, columns=list(VARIABLES))
    for _, own in rows.groupby("has_value"):
        placed = own.set_index("start").reindex(grid)
        for name in VARIABLES:
            if name in placed:
                frame[name] = placed[name].fillna(frame[name])
    return frame


def mend(
    frame: pd.DataFrame,
    step: pd.Timedelta,
    *,
    straight: int,
    frozen: int | None,
    clip: float | None,
    zero_gaps: bool,
) -> tuple[pd.DataFrame, Counter, list[str]]:
    """Mark as missing what was filled, frozen or clipped.

    Parameters
    ----------
    frame : DataFrame
        value, max, min over a regular time index, in the units of the file.
    straight, frozen : int or None
        Least intervals on a straight line, and of one equal value; 0 switches the test off.
    clip : float or None
        Value at which the meter saturates.
    zero_gaps : bool
        Whether zeros are gaps.

    Returns
    -------
    frame : DataFrame
        The series mended.
    mended : Counter
        Intervals marked, by reason.
    notes : list of str
        What was seen and left.
    """
    frame, mended, notes = frame.copy(), Counter(), []
    fine = step <= pd.Timedelta("5min")

    def strike(flags: np.ndarray, reason: str) -> None:
        flags = flags & frame["value"].notna().to_numpy()
        mended[reason] += int(flags.sum())
        frame.loc[flags, list(VARIABLES)] = np.nan

    values = frame["value"].to_numpy(copy=True)
    marks = {}
    if clip is not None:
        marks[f"clipped at {clip:g}: marked missing"] = values >= clip
    elif np.isfinite(values).any() and fine:
        top = int((values == np.nanmax(values)).sum())
        if top > 100:
            notes.append(
                f"{top} intervals stand exactly at the largest value, {np.nanmax(values):g}: the "
                "meter may saturate there; clip marks them missing"
            )
    if zero_gaps:
        marks["zeros and the repeats before them, a filled gap: marked missing"] = (
            faults.zero_filled(values)
        )
    elif fine and (values == 0).mean() > 0.01:
        notes.append(
            f"{(values == 0).mean():.1%} of the intervals are exactly zero; if the logger fills "
            "gaps so, zero_gaps marks them missing"
        )
    least = frozen if frozen is not None else max(8, int(pd.Timedelta("30min") / step))
    flags = faults.frozen(values, least) if least else np.zeros(len(values), dtype=bool)
    coarse = pd.Series(values).nunique() < faults.DISTINCT
    if frozen is None and coarse and flags.any():
        notes.append(
            f"{int(flags.sum())} intervals repeat one value {least} times or more; kept, for the "
            "meter is coarse; frozen = the least repeats marks them missing"
        )
    else:
        marks[f"frozen, {least} or more equal values: marked missing"] = flags
    if straight:
        marks[
            f"on a straight line over {straight} or more intervals, a filled gap: marked missing"
        ] = faults.straight(values, straight)
    for reason, flags in marks.items():
        strike(flags, reason)
    frame.loc[frame["value"].isna(), ["max", "min"]] = np.nan
    if frame[["max", "min"]].isna().all(axis=None):
        return frame, +mended, notes
    for reason, flags in faults.poor_extremes(frame).items():
        both = frame[["max", "min"]]
        mended[reason] += int((flags & both.notna().to_numpy()).any(axis=1).sum())
        frame[["max", "min"]] = both.mask(flags)
    return frame, +mended, notes


def dataset(frame: pd.DataFrame, group: str, factor: float) -> xr.Dataset:
    """Return a series as `store.write_loads` takes it, in the unit of its group.

    Parameters
    ----------
    frame : DataFrame
        value, max, min over UTC starts.
    group : str
        "residual_kw" or "network_kva".
    factor : float
        From the unit of the file to that of the group.
    """
    found = {}
    for name, own in zip(tables.LOADS[group], VARIABLES, strict=False):
        if own == "value" or frame[own].notna().any():
            unit, meaning = tables.LOADS[group][name]
            values = frame[own].to_numpy() * factor
            found[name] = ("time", values, {"units": unit, "long_name": meaning})
    time = frame.index.to_numpy()
    return xr.Dataset(found, coords={"time": time})
