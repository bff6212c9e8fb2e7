"""Margins that know the hour, or the recent past, held against one number for all times.

Each method turns one period of the load into a margin for every interval of another period. It is
judged there: how often the rise exceeds the margin, what the margin costs on average, and the
pinball loss, which weighs the two and is least for the true quantile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.signal import lfilter

from scchelpers.clm.volatility import RESAMPLES, blocks, clock_cells, exceeded, rises
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON

# Memory of the recent past: weight of a squared change fades by this much each step (RiskMetrics).
FADE = 0.94
# A quiet hour does not make the margin vanish: the scale stays above this share of its mean.
LEAST_SCALE = 0.25
GARCH_STEPS = 50_000
FEWEST = 500


def plain(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return one margin for all of the future: the quantile of the past's rises [kW]."""
    return np.full(len(future), exceeded(past["rise_kw"].to_numpy(), chance))


def hour(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return the quantile of the past's rises at the hour and day type [kW].

    An hour with fewer than 500 rises on record takes the plain margin. It trusts that machines keep
    their hours: on real homes, whose hours move with the season, it is exceeded far too often.
    """
    groups = past.groupby(["days", "hour"])["rise_kw"]
    table = groups.agg(lambda here: exceeded(here.to_numpy(), chance))[groups.size() >= FEWEST]
    found = pd.MultiIndex.from_frame(future[["days", "hour"]])
    return table.reindex(found).fillna(exceeded(past["rise_kw"].to_numpy(), chance)).to_numpy()


def recent(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return a margin that follows the size of recent changes, exponentially faded [kW].

    Filtered historical simulation: the quantile of the past's rises over their scale, times the
    scale now.
    """
    return _scaled(past, future, chance, 1 - FADE, FADE, 0.0)


def garch(past: pd.DataFrame, future: pd.DataFrame, chance: float) -> np.ndarray:
    """Return a margin that follows a GARCH(1,1) model of the changes, fitted to the past [kW].

    Notes
    -----
    Bollerslev 1986, with Student's t, fitted by `arch` to at most 50,000 steps; then filtered
    historical simulation as in `recent`. Missing changes count as none.
    """
    from arch import arch_model  # heavy, and needed by this method alone

    changes = past["change_kw"].fillna(0.0).to_numpy()[-GARCH_STEPS:]
    size = changes.std()
    if not size > 0:
        return plain(past, future, chance)
    model = arch_model(changes / size, mean="Zero", vol="GARCH", dist="t", rescale=False)
    found = model.fit(disp="off", show_warning=False).params
    return _scaled(
        past, future, chance, found["alpha[1]"], found["beta[1]"], found["omega"] * size**2
    )


METHODS: dict[str, Callable[[pd.DataFrame, pd.DataFrame, float], np.ndarray]] = {
    "plain": plain,
    "hour": hour,
    "recent": recent,
    "garch": garch,
}


def held_out(
    residual_kw: xr.DataArray,
    within: str | pd.Timedelta,
    chances: Sequence[float] = (0.001, 0.0001),
    *,
    methods: Sequence[str] = ("plain", "hour", "recent"),
    periods: int = 4,
    seed: int = 0,
    timezone: str = LONDON,
) -> pd.DataFrame:
    """Derive margins on some periods and test them on another, each period in turn.

    Parameters
    ----------
    residual_kw : xarray.DataArray
        Residual load [kW] over a regular `time`.
    within : str or Timedelta
        Response time.
    chances : sequence of float
        Chances that a rise exceeds the margin.
    methods : sequence of str
        Of `METHODS`; "garch" takes some seconds a period.
    periods : int
        Periods of equal length into which the record is cut; 2 is one half against the other.
    seed : int
        Seed of the resampling.
    timezone : str
        Zone of the clock.

    Returns
    -------
    pandas.DataFrame
        Indexed by (method, chance): exceeded_share, the share of unseen rises above the margin,
        with low_share and high_share (90 of 100 resamples of unseen weeks) and worst_share (the
        worst period); margin_kw, the mean margin [kW]; margin_low_kw and margin_high_kw, the mean
        of the periods with the lowest and highest [kW]; pinball_kw, the mean loss [kW]; intervals.

    Raises
    ------
    UserError
        For an unknown method, fewer than two periods, or a record too short for them.
    """
    for method in methods:
        if method not in METHODS:
            raise UserError(f"methods: {method!r} is none; one of {', '.join(METHODS)}")
    if periods < 2:
        raise UserError(f"periods = {periods}: must be 2 or more")
    frame = _frame(residual_kw, within, timezone)
    known = frame["rise_kw"].notna().to_numpy()
    period = np.minimum(np.arange(len(frame)) * periods // len(frame), periods - 1)
    if np.bincount(period[known], minlength=periods).min() < FEWEST:
        raise UserError(
            f"residual_kw: {int(known.sum())} known rises are too few for {periods} periods of "
            f"{FEWEST}; give a longer record or fewer periods"
        )
    rows = []
    weeks = blocks(frame.index, "week", timezone)
    for method in methods:
        for chance in chances:
            margin = np.full(len(frame), np.nan)
            for unseen in range(periods):
                past = frame[known & (period != unseen)]
                here = known & (period == unseen)
                margin[here] = METHODS[method](past, frame[here], chance)
            rows.append({"method": method, "chance": chance}
                        | _score(frame["rise_kw"].to_numpy()[known], margin[known], chance,
                                 period[known], weeks[known], seed))  # fmt: skip
    return pd.DataFrame(rows).set_index(["method", "chance"])


def _frame(residual_kw: xr.DataArray, within, timezone: str) -> pd.DataFrame:
    """Return, for each interval, its rise and what is known of it when it begins."""
    rise = rises(residual_kw, within)
    time = pd.DatetimeIndex(rise["time"].to_numpy()).tz_localize("UTC")
    days, clock_hour = clock_cells(time, timezone)
    change = np.diff(residual_kw.to_numpy().astype(float), prepend=np.nan)
    columns = {"rise_kw": rise.to_numpy(), "change_kw": change, "days": days, "hour": clock_hour}
    return pd.DataFrame(columns, time)


def _scaled(past, future, chance: float, gain: float, fade: float, base: float) -> np.ndarray:
    """Return the margin of filtered historical simulation under a scale that has a memory."""
    mean_square = float(np.nanmean(past["change_kw"] ** 2))
    if not mean_square > 0:
        return plain(past, future, chance)

    def scale(frame: pd.DataFrame) -> np.ndarray:
        square = np.square(frame["change_kw"].fillna(0.0).to_numpy())
        start = [fade * mean_square]
        variance, _ = lfilter([1.0], [1.0, -fade], base + gain * square, zi=start)
        return np.sqrt(np.maximum(variance, LEAST_SCALE**2 * mean_square))

    return scale(future) * exceeded(past["rise_kw"].to_numpy() / scale(past), chance)


def _score(rise_kw, margin_kw, chance: float, period, weeks, seed: int) -> dict[str, float]:
    above = rise_kw > margin_kw
    excess = rise_kw - margin_kw
    pinball = np.where(excess > 0, (1 - chance) * excess, -chance * excess)
    per_period = np.bincount(period, above) / np.bincount(period)
    margin_by = np.bincount(period, margin_kw) / np.bincount(period)
    codes = pd.factorize(weeks)[0]
    in_week, hits = np.bincount(codes), np.bincount(codes, above)
    draws = np.random.default_rng(seed).integers(len(hits), size=(RESAMPLES, len(hits)))
    shares = hits[draws].sum(axis=1) / in_week[draws].sum(axis=1)
    low, high = np.quantile(shares, [0.05, 0.95])
    return {
        "exceeded_share": above.mean(),
        "low_share": low,
        "high_share": high,
        "worst_share": per_period.max(),
        "margin_kw": margin_kw.mean(),
        "margin_low_kw": margin_by.min(),
        "margin_high_kw": margin_by.max(),
        "pinball_kw": pinball.mean(),
        "intervals": len(rise_kw),
    }
