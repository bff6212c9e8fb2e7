"""What can be offered, how surely, and what a buyer would pay for it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.baselines.days import Days, actual, schedule
from scchelpers.baselines.matching import event_mean
from scchelpers.faults import UserError

RELIABILITIES = (0.5, 0.8, 0.9, 0.95)
DAY_CLASSES = {"working": "working", "non_working": "weekend, holiday"}
OFFERS = 25
FEWEST_EVENTS = 20


def deliverable(actual_kw, floor_kw: float = 0.0) -> np.ndarray:
    """Return the reduction [kW] that could have been delivered: demand above a floor.

    Parameters
    ----------
    actual_kw : array-like over event [kW]
        Demand without the event.
    floor_kw : float
        What is kept for drivers [kW]; 0 where charging may pause.

    Examples
    --------
    >>> deliverable([0, 4, 12], 2).tolist()
    [0.0, 2.0, 10.0]
    """
    return np.maximum(np.asarray(actual_kw, float) - floor_kw, 0.0)


def firm_kw(reduction_kw, reliability: float) -> float:
    """Return the reduction [kW] that is there in at least a share of events; NaN without events.

    The quantile is one of the values seen: interpolation would make a reduction out of a zero. It
    is 0 where the share of events with nothing is 1 - reliability or more.

    Examples
    --------
    >>> firm_kw([0, 2, 10, 18], 0.9), firm_kw([0, 2, 10, 18], 0.7)
    (0.0, 2.0)
    """
    seen = np.asarray(reduction_kw, float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return np.nan
    return float(np.quantile(seen, 1 - reliability, method="inverted_cdf"))


def firm_by_hour(days: Days, hours: float = 3.0, *, floor_kw: float = 0.0) -> pd.DataFrame:
    """Return what can be offered with each reliability, by day class and hour of start.

    Parameters
    ----------
    days : Days
        The record.
    hours : float
        Length of the events [h].
    floor_kw : float
        Kept for drivers [kW].

    Returns
    -------
    pandas.DataFrame
        Indexed by (days, start hour): events, zero_share (nothing to reduce), mean_kw, and the
        firm reduction [kW] under each of `RELIABILITIES`. Hours with fewer than 20 events on
        record are left out.
    """
    rows = {}
    for on, name in DAY_CLASSES.items():
        for hour in range(24):
            events = schedule(days, f"{hour:02d}:00", hours, on=on)
            kw = deliverable(event_mean(actual(days, events)), floor_kw)
            if len(kw) >= FEWEST_EVENTS:
                firm = {level: firm_kw(kw, level) for level in RELIABILITIES}
                seen = {"events": len(kw), "zero_share": (kw == 0).mean(), "mean_kw": kw.mean()}
                rows[(name, hour)] = seen | firm
    columns = ["events", "zero_share", "mean_kw", *RELIABILITIES]
    index = pd.MultiIndex.from_tuples(rows, names=["days", "hour"]) if rows else None
    return pd.DataFrame(list(rows.values()), index=index, columns=columns)


def paid_share(ratio, threshold: float = 0.5, scale: str = "proportional") -> np.ndarray:
    """Return the share of the fee paid for a share of the reduction delivered.

    Parameters
    ----------
    ratio : array-like
        Delivered ÷ committed.
    threshold : float
        Below this nothing is paid.
    scale : "proportional" or "ramp"
        From the threshold to 1: what was delivered, or from nothing to all. Never more than all.

    Raises
    ------
    UserError
        If the scale or the threshold cannot be.

    Examples
    --------
    >>> paid_share([0.4, 0.5, 0.8, 1.3]).tolist()
    [0.0, 0.5, 0.8, 1.0]
    >>> paid_share([0.5, 0.75], scale="ramp").tolist()
    [0.0, 0.5]
    """
    if not 0 <= threshold < 1:
        raise UserError(f"threshold = {threshold}: must be 0 or more and below 1")
    ratio = np.asarray(ratio, float).clip(0, 1)
    if scale == "proportional":
        return np.where(ratio >= threshold, ratio, 0.0)
    if scale == "ramp":
        return ((ratio - threshold) / (1 - threshold)).clip(0)
    raise UserError(f"scale = {scale!r}: write 'proportional' or 'ramp'")


def consistency(reduction_kw, commitment_kw: float, *, threshold: float = 0.5) -> pd.Series:
    """Return how consistently a commitment is met over events in order of time.

    Returns
    -------
    pandas.Series
        events; full and partial (share of events with the whole, and with the threshold);
        mean and sd of the delivery ratio; longest_failure (events in a row below the threshold).

    Examples
    --------
    >>> found = consistency([0, 2, 10, 18], 10)
    >>> [round(float(found[name]), 3) for name in ("full", "partial", "mean", "longest_failure")]
    [0.5, 0.5, 0.55, 2.0]
    """
    if not commitment_kw > 0:
        raise UserError(f"commitment = {commitment_kw} kW: must be above 0")
    kw = np.asarray(reduction_kw, float)
    ratio = (kw[np.isfinite(kw)] / commitment_kw).clip(0, 1)
    failed = np.concatenate([[0], ratio < threshold, [0]]).astype(int)
    edges = np.flatnonzero(np.diff(failed))
    runs = edges[1::2] - edges[::2]
    known = len(ratio) > 0
    return pd.Series(
        {
            "events": len(ratio),
            "full": (ratio >= 1 - 1e-9).mean() if known else np.nan,
            "partial": (ratio >= threshold).mean() if known else np.nan,
            "mean": ratio.mean() if known else np.nan,
            "sd": ratio.std() if known else np.nan,
            "longest_failure": runs.max(initial=0),
        }
    )


def offers(
    reduction_kw,
    hours: float,
    *,
    threshold: float = 0.5,
    scale: str = "proportional",
    price_gbp_per_mwh: float = np.nan,
) -> pd.DataFrame:
    """Return what each size of commitment would be paid, over the events on record.

    Parameters
    ----------
    reduction_kw : array-like over event [kW]
        What could have been delivered.
    hours : float
        Length of an event [h].
    threshold, scale : float, str
        Of `paid_share`.
    price_gbp_per_mwh : float
        Fee for energy reduced [£/MWh].

    Returns
    -------
    pandas.DataFrame
        Indexed by commitment_kw [kW]: full and partial (shares of events), paid_kwh [kWh an
        event] and paid_share of it, paid_gbp [£ an event], and longest_failure [events].
    """
    kw = np.asarray(reduction_kw, float)
    kw = kw[np.isfinite(kw)]
    top = np.quantile(kw, 0.98) if len(kw) else 0.0
    rows = {}
    for commitment in np.linspace(top / OFFERS, top, OFFERS) if top > 0 else []:
        share = paid_share(kw / commitment, threshold, scale).mean()
        met = consistency(kw, commitment, threshold=threshold)
        paid_kwh = share * commitment * hours
        rows[commitment] = {
            "full": met["full"],
            "partial": met["partial"],
            "paid_kwh": paid_kwh,
            "paid_share": share,
            "paid_gbp": paid_kwh * price_gbp_per_mwh / 1000,
            "longest_failure": met["longest_failure"],
        }
    columns = ["full", "partial", "paid_kwh", "paid_share", "paid_gbp", "longest_failure"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis(
        "commitment_kw"
    )
