"""What a dynamic limit leaves, risks and hides, in sentences."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.clm.control import Capacity, step_of
from scchelpers.wording import NARROW, count, number, percent, quantity


def span(seconds: float) -> str:
    """Return a length of time for reading.

    Examples
    --------
    >>> [span(s).replace(NARROW, " ") for s in (0, 5, 60, 90, 1800)]
    ['no delay', '5 s', '1 min', '90 s', '30 min']
    """
    if seconds == 0:
        return "no delay"
    if seconds % 60:
        return f"{seconds:g}{NARROW}s"
    return f"{seconds / 60:g}{NARROW}min"


def load(residual_kw: xr.DataArray | None, found: Capacity) -> str:
    """Return what is known of the site's other load, or what the lack of it means."""
    if residual_kw is None:
        return (
            "**No residual load on record.** A dynamic limit follows the site's other load, so the "
            "sections on it stay empty here. A static limit needs none: what this report says of "
            "it holds if the chargepoints have the capacity to themselves. `scc import halfhourly "
            "… -o load=site` adds a load."
        )
    step = step_of(residual_kw)
    values = residual_kw.to_numpy()
    known = np.isfinite(values)
    above = float((values[known] > found.kw).mean())
    said = (
        f"**Residual load:** {span(step.total_seconds())} means over "
        f"{quantity(known.sum() * (step / pd.Timedelta('1D')), 'days')}, "
        f"{quantity(values[known].mean(), 'kW')} on average and at most "
        f"{quantity(float(values[known].max()), 'kW')}"
    )
    if not known.all():
        said += f"; {percent(1 - known.mean())} is missing, and charging stops there"
    if above > 0:
        said += (
            f". It is above the capacity by itself for {percent(above)} of the time, which no "
            "management of chargepoints can mend"
        )
    if step >= pd.Timedelta("5min"):
        said += ". Jumps within a step are not on record: margins here are the least needed"
    return f"{said}."


def nothing(residual_kw: xr.DataArray | None) -> str:
    """Return the sentence for a section that needs a residual load, "" where there is one."""
    return "*No residual load on record: this section stays empty.*" if residual_kw is None else ""


def premium(found: pd.DataFrame, tolerated_h: float, step: pd.Timedelta) -> str:
    """Return what slowness costs in capacity, and what a faster signal is worth."""
    perfect_kw = (found["kept_kw"] + found["premium_kw"]).iloc[0]
    first, last = found[found.index > 0].index[0], found.index[-1]
    ends = {at: found.loc[at] for at in (first, last)}
    said = (
        f"With perfect knowledge the chargepoints could have {quantity(perfect_kw, 'kW')} on "
        f"average. To be above the DSC for at most {quantity(tolerated_h, 'h')} a year, a CLM that "
        f"answers within {span(first)} must hold back {quantity(ends[first]['margin_kw'], 'kW')} "
        f"and one that takes {span(last)} {quantity(ends[last]['margin_kw'], 'kW')}: a volatility "
        f"premium of {percent(ends[first]['premium_share'])} and "
        f"{percent(ends[last]['premium_share'])}."
    )
    resolved = found[found.index >= step.total_seconds()]
    rise = resolved["margin_kw"].diff().fillna(0.0)
    if len(resolved) > 1 and rise.max() > 0:
        jump = rise.idxmax()
        before = resolved.index[resolved.index.get_loc(jump) - 1]
        room_kwh = resolved.loc[jump, "premium_kwh"] - resolved.loc[before, "premium_kwh"]
        said += (
            f" From the step of the data up, most is lost between {span(before)} and {span(jump)}: "
            f"the faster signal is worth {quantity(rise[jump], 'kW')} of margin there, or "
            f"{quantity(room_kwh, 'kWh')} of room for charging a year."
        )
    finer = found[(found.index > 0) & (found.index < step.total_seconds())]
    if len(finer):
        said += (
            f" Below {span(step.total_seconds())}, the step of the data, a rise shows only as the "
            "change from one mean to the next: a faster answer makes an excursion shorter, not "
            "rarer or less deep. With its margin the answer within "
            f"{span(finer.index[0])} would still have "
            f"{count(round(finer['events'].iloc[0]), 'excursion')} a year, up to "
            f"{quantity(finer['worst_kw'].iloc[0], 'kW')} deep, each that short. What happens "
            "inside a step is not on record."
        )
    return said


def on_demand(found: xr.Dataset, tolerated_h: float, worst_case_kw: float) -> str:
    """Return what margin the demand on record would have needed.

    Parameters
    ----------
    found : xarray.Dataset
        From `clm.frontier` with `want_kw`, for one response time.
    tolerated_h : float
        Time above the DSC that is tolerated in a year [h].
    worst_case_kw : float
        Margin needed if charging takes all it may [kW].
    """
    line = found.squeeze("latency")
    enough = line["margin"].where(line["excursion_h"] <= tolerated_h, drop=True)
    bare = line.isel(margin=0)
    said = (
        f"Cars seldom take all they may. With the demand on record and no margin the import is "
        f"above the DSC {count(round(float(bare['events'])), 'time')} a year, "
        f"{quantity(float(bare['excursion_h']), 'h')} in all, up to "
        f"{quantity(float(bare['worst_kw']), 'kW')}"
    )
    if not len(enough):
        return f"{said}; none of the margins tried is enough."
    return (
        f"{said}; a margin of {quantity(float(enough.min()), 'kW')} keeps to "
        f"{quantity(tolerated_h, 'h')}, against {quantity(worst_case_kw, 'kW')} in the worst case. "
        "The difference lasts only as long as charging stays as it was."
    )


def frontier(found: xr.Dataset) -> str:
    """Return what the frontier says of margins in general."""
    none = found.sel(margin=found["margin"].min())
    slow = none.isel(latency=-1)
    at = found["latency"].to_numpy()
    return (
        f"Without a margin a CLM that takes {span(at[-1])} is above the DSC for "
        f"{quantity(float(slow['excursion_h']), 'h')} a year, up to "
        f"{quantity(float(slow['worst_kw']), 'kW')}, if charging takes all it may; the highest "
        f"half hour is {quantity(float(none['highest_kva'].max()), 'kVA')}. Each kW of margin "
        "costs about a kW of charging at every response time: what differs is how much is needed."
    )


def granularity(found: pd.DataFrame, latency_s: float, tolerated_h: float) -> str:
    """Return what coarse data hide, and the margin that would make a half-hourly study safe."""
    finest, coarsest = found.index[0], found.index[-1]
    if finest == coarsest:
        return (
            f"The load on record has steps of {span(60 * finest)}. What happens inside them cannot "
            "be seen, so that the margins of this report are the least that may be needed: "
            "measured sites have single minutes far above their half-hourly mean. Record the load "
            "by the minute for a few weeks before building a dynamic CLM on these figures."
            if finest > 1
            else f"The load has steps of {span(60 * finest)}; coarser ones do not fit it."
        )
    fine, coarse = found.loc[finest], found.loc[coarsest]
    said = (
        f"For a response of {span(latency_s)}, a study with {span(60 * coarsest)} means would ask "
        f"for a margin of {quantity(coarse['margin_kw'], 'kW')} and expect "
        f"{quantity(coarse['seen_h'], 'h')} of excursions a year. "
    )
    if coarse["missing_kw"] <= 0:
        return said + (
            f"The load at {span(60 * finest)} needs no more: its jumps are as large from one half "
            "hour to the next as within it."
        )
    many = count(round(coarse["true_events"]), "excursion")
    times = fine["margin_kw"] / coarse["margin_kw"] if coarse["margin_kw"] else np.inf
    said += (
        f"The load at {span(60 * finest)} then has **{many}** a year "
        f"({quantity(coarse['true_h'], 'h')}), up to {quantity(coarse['worst_kw'], 'kW')} deep, of "
        f"which half-hourly readings of the import would not show "
        f"{percent(coarse['hidden_share'])}. **{quantity(coarse['missing_kw'], 'kW')} more** would "
        f"make that study safe to {quantity(tolerated_h, 'h')} a year: "
        f"{quantity(fine['margin_kw'], 'kW')} in all"
    )
    return said + (f", {number(times)} times what it found." if np.isfinite(times) else ".")


def loops_set(found: pd.DataFrame) -> pd.DataFrame:
    """Return the loops as a table for reading."""
    names = {
        "margin_kw": "margin [kW]",
        "kept_kw": "left to charging [kW]",
        "premium_share": "of perfect knowledge lost",
    }
    shown = found[list(names)].copy()
    shown["premium_share"] = [percent(share) for share in shown["premium_share"]]
    return shown.rename(columns=names)


def loops(found: pd.DataFrame) -> str:
    """Return which imperfection of the loop costs most, beside the ideal one."""
    lost_kw = (found["kept_kw"].iloc[0] - found["kept_kw"].iloc[1:]).sort_values()
    worst, least = lost_kw.index[-1], lost_kw.index[0]
    if lost_kw[worst] < 0.5:
        return "None of them matters here: the response time decides alone."
    return (
        f"The dearest imperfection is “{worst}”: {quantity(lost_kw[worst], 'kW')} less for "
        f"charging on average than the ideal loop leaves. The cheapest is “{least}”, at "
        f"{quantity(max(lost_kw[least], 0.0), 'kW')}."
    )
