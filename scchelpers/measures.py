"""Measures of a limit: what the DNO sees in it, and what the customer loses by it.

- *Restriction* is the DNO's view: the limit stands below the requested capacity, whether or not
  anyone charges (`dno_measures`, `events`).
- *Curtailment* is the customer's view: demand not met when it was wanted (`loss_measures`,
  `customer_measures`).

The measures know no scheme. The quantities of the DNO's view are those of section 8.2 of the
Public Chargepoint Flexibility Insight Report (2021); the definitions are our own.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.charging import ChargingResult
from scchelpers.faults import UserError, entry
from scchelpers.site import TOLERANCE_KWH
from scchelpers.timebase import YEAR_H

_EPS_KW = 1e-9  # below it a cut is rounding

HOUR = np.timedelta64(3_600_000_000_000, "ns")


@dataclass(frozen=True, eq=False)
class _Restriction:
    """What a limit takes from the requested capacity, interval by interval."""

    time: np.ndarray
    cut_kw: np.ndarray
    requested_kw: np.ndarray
    step_h: float

    @property
    def observed(self) -> np.ndarray:
        """Whether the limit is known in each interval."""
        return ~np.isnan(self.cut_kw)

    @property
    def on(self) -> np.ndarray:
        """Whether capacity is restricted in each interval; False where unknown."""
        return self.cut_kw > _EPS_KW

    @property
    def full(self) -> np.ndarray:
        """Whether nothing at all is allowed."""
        return self.on & (self.cut_kw >= self.requested_kw - _EPS_KW)

    @property
    def runs(self) -> np.ndarray:
        """First and last interval + 1 of each event: a maximal run of restricted intervals.

        A run ends where an interval is missing or its limit is unknown.
        """
        step = np.timedelta64(round(self.step_h * 3.6e12), "ns")
        joined = np.zeros(len(self.time), dtype=bool)
        joined[1:] = self.on[1:] & self.on[:-1] & (np.diff(self.time) == step)
        first = np.flatnonzero(self.on & ~joined)
        last = np.flatnonzero(self.on & ~np.append(joined[1:], False)) + 1
        return np.column_stack((first, last))


def restriction(
    limit_kw: xr.DataArray, requested_kw: float | xr.DataArray, *, step=None
) -> _Restriction:
    """Set a limit against the requested capacity.

    Parameters
    ----------
    limit_kw : DataArray over time [kW]
        Limit, label = start of the interval; NaN where unknown. Intervals may be missing.
    requested_kw : float or DataArray over time [kW]
        Requested capacity, above 0.
    step : str or Timedelta, optional
        Length of an interval; by default the shortest distance between two stamps.

    Raises
    ------
    UserError
        If the limit is not over time alone or not in kW, its stamps do not lie on a grid or look
        like moments of change, or the requested capacity is not above 0.
    """
    if not isinstance(limit_kw, xr.DataArray) or limit_kw.dims != ("time",):
        found = getattr(limit_kw, "dims", type(limit_kw).__name__)
        raise UserError(f"limit_kw: has {found}; give a DataArray over ('time',) alone")
    if limit_kw.attrs.get("units", "kW") != "kW":
        raise UserError(f"limit_kw is in {limit_kw.attrs['units']!r}; give kW")
    time = limit_kw["time"].to_numpy().astype("datetime64[ns]")
    step_h = _step_hours(time, step)
    requested = _requested(requested_kw, limit_kw)
    cut = np.clip(requested - limit_kw.to_numpy().astype(float), 0.0, requested)
    return _Restriction(time, cut, requested, step_h)


def events(
    limit_kw: xr.DataArray, requested_kw: float | xr.DataArray, *, step=None
) -> pd.DataFrame:
    """List the events of a limit: maximal runs of restricted intervals.

    Parameters
    ----------
    limit_kw, requested_kw, step
        As for `restriction`.

    Returns
    -------
    DataFrame
        A row an event: start and end (UTC, half-open), duration_h [h], max_cut_kw [kW],
        restricted_kwh [kWh], full_h [h] (time with nothing allowed).
    """
    cut = restriction(limit_kw, requested_kw, step=step)
    first, last = cut.runs.T
    energy = np.concatenate(([0.0], np.cumsum(np.nan_to_num(cut.cut_kw)))) * cut.step_h
    full = np.concatenate(([0], np.cumsum(cut.full))) * cut.step_h
    start = pd.DatetimeIndex(cut.time[first]).tz_localize("UTC")
    duration_h = (last - first) * cut.step_h
    return pd.DataFrame(
        {
            "start": start,
            "end": start + pd.to_timedelta(duration_h, unit="h"),
            "duration_h": duration_h,
            "max_cut_kw": [cut.cut_kw[a:b].max() for a, b in cut.runs],
            "restricted_kwh": energy[last] - energy[first],
            "full_h": full[last] - full[first],
        }
    )


def _step_hours(time: np.ndarray, step=None) -> float:
    """Return the length of an interval [h] from rising stamps on a grid, some perhaps missing."""
    apart = np.diff(time)
    if step is None and len(time) < 2:
        raise UserError(f"limit_kw has {len(time)} stamps; give two or more, or say step='30min'")
    shortest = apart.min() if step is None else pd.Timedelta(step).to_timedelta64()
    if not shortest > np.timedelta64(0) or (len(apart) and apart.min() < shortest):
        raise UserError("limit_kw: stamps must rise by at least one step each")
    if (apart % shortest != np.timedelta64(0)).any():
        raise UserError(
            f"limit_kw: stamps lie on no grid of {pd.Timedelta(shortest)}; give a value for every "
            "interval, such as limit_kw.resample(time='30min').ffill()"
        )
    if step is None and len(time) > 2 and np.sum(apart > shortest) > len(apart) / 2:
        raise UserError(
            "limit_kw: most stamps are further apart than one step, as moments of change are; give "
            "a value for every interval, or say step= if the others are really missing"
        )
    return float(shortest / HOUR)


def _requested(requested_kw, limit_kw: xr.DataArray) -> np.ndarray:
    if isinstance(requested_kw, xr.DataArray):
        if not requested_kw.get_index("time").equals(limit_kw.get_index("time")):
            raise UserError("requested_kw: must have the same times as limit_kw, or be one number")
        requested = requested_kw.to_numpy().astype(float)
    else:
        requested = np.full(limit_kw.sizes["time"], float(requested_kw))
    if not (np.isfinite(requested) & (requested > 0)).all():
        bad = requested[~(np.isfinite(requested) & (requested > 0))][0]
        raise UserError(f"requested_kw = {bad}: must be a number above 0 kW")
    return requested


_FEW_YEARS = 0.9  # a record shorter than this cannot carry a yearly figure

_LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 11))


@entry
def dno_measures(
    limit_kw: xr.DataArray,
    requested_kw: float | xr.DataArray,
    *,
    levels_kw=None,
    hours_limit_h: float | None = None,
    step=None,
) -> xr.Dataset:
    """Measure a limit as a DNO's curtailment analysis does.

    Parameters
    ----------
    limit_kw : DataArray over time [kW]
        Limit, label = start of the interval; NaN where unknown. Intervals may be missing.
    requested_kw : float or DataArray over time [kW]
        Requested capacity.
    levels_kw : sequence of float, optional
        Cuts x [kW] for which P(cut >= x) is wanted; by default tenths of the largest requested
        capacity.
    hours_limit_h : float, optional
        Curtailment limit of the connection agreement [h a year]. It is counted by years that begin
        with the record; an unfinished year counts with the hours so far.
    step : str or Timedelta, optional
        Length of an interval; by default the shortest distance between two stamps.

    Returns
    -------
    Dataset
        max_cut_kw [kW]; availability (share of observed time with the whole capacity); events,
        full_events (count; those that reach nothing allowed); event_p50_h, event_p90_h,
        event_max_h [h], NaN without events; events_per_year (of observed time); probability over
        cut_kw, P(cut >= x); restricted_kwh [kWh]; equivalent_full_h [h], restricted energy ÷
        requested capacity; restricted_h, partial_h, full_h [h], hours with any restriction, with
        some and with no capacity left; above_limit_h, equivalent_above_limit_h [h], hours beyond
        hours_limit_h by either count, NaN without one; observed_h, missing_h [h];
        `attrs["warning"]`, "" or why a yearly figure means little.

    Raises
    ------
    UserError
        If the limit or the requested capacity cannot be used.

    Notes
    -----
    Which of the two counts of hours an agreement means, it must say itself. A probability from one
    year holds for that year's weather. Source of the quantities: report section 8.2.

    Examples
    --------
    >>> import pandas as pd
    >>> time = pd.date_range("2026-01-01", periods=4, freq="30min")
    >>> limit = xr.DataArray([100.0, 60, 0, 100], coords={"time": time}, dims="time")
    >>> measures = dno_measures(limit, 100.0)
    >>> float(measures["restricted_kwh"]), int(measures["events"]), float(measures["full_h"])
    (70.0, 1, 0.5)
    """
    cut = restriction(limit_kw, requested_kw, step=step)
    observed = cut.observed
    if not observed.any():
        raise UserError("limit_kw: no interval has a known value")
    if hours_limit_h is not None and not hours_limit_h >= 0:
        raise UserError(f"hours_limit_h = {hours_limit_h}: must be 0 h a year or more")
    most_kw = float(cut.requested_kw.max())
    levels = np.asarray([s * most_kw for s in _LEVELS] if levels_kw is None else levels_kw, float)
    known_kw = cut.cut_kw[observed]
    observed_h = float(observed.sum() * cut.step_h)
    span_h = float((cut.time[-1] - cut.time[0]) / np.timedelta64(1, "h")) + cut.step_h
    durations_h = (cut.runs[:, 1] - cut.runs[:, 0]) * cut.step_h
    middle, ninth, longest = _quantiles(durations_h)
    share = np.where(observed, cut.cut_kw / cut.requested_kw, 0.0)
    beyond, beyond_equivalent = (
        _beyond(cut, hours * cut.step_h, hours_limit_h) for hours in (cut.on, share)
    )
    values = {
        "max_cut_kw": (known_kw.max(), "kW", "largest restriction"),
        "availability": (1 - cut.on[observed].mean(), "1", "time with the whole capacity"),
        "events": (len(durations_h), "1", "events"),
        "full_events": (_full_events(cut), "1", "events in which nothing is allowed for a time"),
        "events_per_year": (len(durations_h) * YEAR_H / observed_h, "1", "events a year observed"),
        "event_p50_h": (middle, "h", "median length of an event"),
        "event_p90_h": (ninth, "h", "length that 90 of 100 events do not exceed"),
        "event_max_h": (longest, "h", "longest event"),
        "restricted_kwh": (np.nansum(cut.cut_kw) * cut.step_h, "kWh", "restricted energy"),
        "equivalent_full_h": (share.sum() * cut.step_h, "h", "equivalent hours of no capacity"),
        "restricted_h": (cut.on.sum() * cut.step_h, "h", "hours with any restriction"),
        "partial_h": ((cut.on & ~cut.full).sum() * cut.step_h, "h", "hours partly restricted"),
        "full_h": (cut.full.sum() * cut.step_h, "h", "hours with nothing allowed"),
        "above_limit_h": (beyond, "h", "hours of any restriction above the hours limit"),
        "equivalent_above_limit_h": (beyond_equivalent, "h", "equivalent hours above that limit"),
        "observed_h": (observed_h, "h", "hours with a known limit"),
        "missing_h": (span_h - observed_h, "h", "hours within the record without one"),
    }
    probability = [(known_kw >= level - _EPS_KW).mean() for level in levels]
    return xr.Dataset(
        {
            name: ((), value, {"units": unit, "long_name": meaning})
            for name, (value, unit, meaning) in values.items()
        }
        | {"probability": ("cut_kw", probability, {"units": "1", "long_name": "P(cut >= x)"})},
        coords={"cut_kw": ("cut_kw", levels, {"units": "kW", "long_name": "restriction x"})},
        attrs={"requested_kw": most_kw, "warning": _warning(observed_h, span_h)},
    )


def _quantiles(durations_h: np.ndarray) -> tuple[float, float, float]:
    if not len(durations_h):
        return np.nan, np.nan, np.nan
    middle, ninth = np.quantile(durations_h, [0.5, 0.9])
    return middle, ninth, durations_h.max()


def _full_events(cut: _Restriction) -> int:
    full = np.concatenate(([0], np.cumsum(cut.full)))
    return int((full[cut.runs[:, 1]] > full[cut.runs[:, 0]]).sum())


def _beyond(cut: _Restriction, hours: np.ndarray, hours_limit_h: float | None) -> float:
    if hours_limit_h is None:
        return np.nan
    # Years of an agreement end on its anniversaries, leap years or not.
    first, last = pd.Timestamp(cut.time[0]), pd.Timestamp(cut.time[-1])
    begun = pd.date_range(first, last, freq=pd.DateOffset(years=1)).to_numpy(cut.time.dtype)
    year = np.searchsorted(begun, cut.time, side="right") - 1
    return float(np.maximum(np.bincount(year, hours) - hours_limit_h, 0.0).sum())


def _warning(observed_h: float, span_h: float) -> str:
    said = []
    if observed_h < _FEW_YEARS * YEAR_H:
        said.append(
            f"{observed_h:,.0f} h are on record, less than a year: a count per year is no forecast"
        )
    if observed_h < _FEW_YEARS * span_h:
        said.append(f"{1 - observed_h / span_h:.0%} of the record is missing")
    return "; ".join(said)


def lost_kw(demand_kw: xr.DataArray, limit_kw: xr.DataArray) -> xr.DataArray:
    """Return the demand above a limit [kW], NaN where either is unknown.

    Parameters
    ----------
    demand_kw : DataArray over time [kW]
        Charging demand without a limit.
    limit_kw : DataArray over time [kW]
        Limit at the same times; below 0 counts as 0.

    Raises
    ------
    UserError
        If the times differ.
    """
    if not demand_kw.get_index("time").equals(limit_kw.get_index("time")):
        raise UserError(
            "demand_kw and limit_kw: must have the same times; bring the limit to the demand's, "
            "such as limit_kw.reindex(time=demand_kw.time, method='ffill')"
        )
    loss = np.maximum(demand_kw - np.maximum(limit_kw, 0.0), 0.0)
    return loss.rename("loss_kw").assign_attrs(units="kW", long_name="demand above the limit")


def loss_measures(
    demand_kw: xr.DataArray, limit_kw: xr.DataArray, requested_kw: float | None = None, *, step=None
) -> xr.Dataset:
    """Measure what a limit takes from a demand if nothing is made up later.

    Parameters
    ----------
    demand_kw, limit_kw : DataArray over time [kW]
        Charging demand without a limit, and the limit, at the same times.
    requested_kw : float, optional
        Requested capacity [kW]: the limit restricts where it is below. Without it the shares of
        restricted time are unknown.
    step : str or Timedelta, optional
        Length of an interval; by default the shortest distance between two stamps.

    Returns
    -------
    Dataset
        wanted_kwh, lost_kwh [kWh]; lost_share; coincident_steps, coincident_h [h], intervals and
        hours with demand above the limit; restricted_h [h]; wanted_share, restricted time in which
        anyone wanted power; loss_share, P(loss > 0 | restricted).

    Raises
    ------
    UserError
        If the times differ or the limit cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> time = pd.date_range("2026-01-01", periods=3, freq="1h")
    >>> demand = xr.DataArray([50.0, 50, 0], coords={"time": time}, dims="time")
    >>> limit = xr.DataArray([100.0, 20, 20], coords={"time": time}, dims="time")
    >>> measures = loss_measures(demand, limit, 100.0)
    >>> float(measures["lost_kwh"]), float(measures["loss_share"])
    (30.0, 0.5)
    """
    loss = lost_kw(demand_kw, limit_kw).to_numpy()
    cut = restriction(limit_kw, 1.0 if requested_kw is None else requested_kw, step=step)
    known = ~np.isnan(loss)
    demand = demand_kw.to_numpy()
    losing = loss > _EPS_KW
    on = cut.on & known
    # Without a requested capacity nothing says when the limit restricts.
    unknown = requested_kw is None or not on.any()
    wanted = demand[known].sum() * cut.step_h
    lost = loss[known].sum() * cut.step_h
    values = {
        "wanted_kwh": (wanted, "kWh", "energy wanted"),
        "lost_kwh": (lost, "kWh", "energy wanted above the limit, before any is made up"),
        "lost_share": (lost / wanted if wanted else np.nan, "1", "share of the energy wanted"),
        "coincident_steps": (int(losing.sum()), "1", "intervals with demand above the limit"),
        "coincident_h": (losing.sum() * cut.step_h, "h", "hours with demand above the limit"),
        "restricted_h": (
            np.nan if requested_kw is None else on.sum() * cut.step_h,
            "h",
            "hours with any restriction",
        ),
        "wanted_share": (
            np.nan if unknown else (demand[on] > _EPS_KW).mean(),
            "1",
            "restricted time in which anyone wanted power",
        ),
        "loss_share": (np.nan if unknown else losing[on].mean(), "1", "P(loss > 0 | restricted)"),
    }
    return xr.Dataset(
        {
            name: ((), value, {"units": unit, "long_name": meaning})
            for name, (value, unit, meaning) in values.items()
        }
    )


_ROUNDING_KWH = 0.01  # less is what the steps of a simulation leave
_NEVER_MIN = 1e-6  # shorter is rounding


@entry
def customer_measures(
    unlimited: ChargingResult,
    limited: ChargingResult,
    *,
    requested_kw: float | None = None,
    price: float | None = None,
    tolerance_kwh: float = TOLERANCE_KWH,
    rebound_h: float = 1.0,
) -> xr.Dataset:
    """Measure what charging lost by a limit.

    Parameters
    ----------
    unlimited, limited : ChargingResult
        The same sessions charged without and with the limit, on the same time axis.
    requested_kw : float, optional
        Requested capacity [kW]: the limit restricts where it is below. Without it the measures of
        restricted time and of the rebound are unknown (NaN).
    price : float, optional
        What a driver pays [£/kWh]; without it the revenue is unknown.
    tolerance_kwh : float
        Unserved energy up to which a session does not count as short [kWh]. It is still unserved.
    rebound_h : float
        Time after each restriction in which the rebound is looked for [h].

    Returns
    -------
    Dataset
        All of `loss_measures` (before shifting), and after shifting within the stay: unserved_kwh
        [kWh] and unserved_share; recovered_share, of the energy lost before shifting; sessions,
        short_sessions (left with less than without the limit), slowed_sessions (held back at some
        time), late_sessions (full, but later), short_share, affected_share; delay_p50_min,
        delay_p90_min, delay_max_min [min] of late sessions; revenue_before, revenue_at_risk [£],
        price × energy lost before and after shifting; rebound_peak_kw, unlimited_peak_kw [kW], the
        highest power soon after a restriction with and without the limit.

    Raises
    ------
    UserError
        If the results are not of the same sessions and times.

    Notes
    -----
    Everything is measured against `unlimited`: a session is short, slowed or late by what the limit
    adds. `unlimited` may itself be charging under the requested capacity, where the question is
    what a scheme takes from that. Energy before shifting compares means of intervals, unserved
    energy every instant: with stays as short as an interval it can come out the larger.

    Examples
    --------
    >>> import pandas as pd
    >>> from scchelpers import charging
    >>> car = pd.DataFrame({
    ...     "session_id": ["a"], "evse_id": ["E1"], "energy_kwh": [14.0], "max_kw": [7.0],
    ...     "plug_in": pd.to_datetime(["2026-01-01T00:00Z"]),
    ...     "plug_out": pd.to_datetime(["2026-01-01T03:00Z"])})
    >>> free = charging.simulate(car, step="1h")
    >>> held = charging.simulate(car, 4.0, step="1h")
    >>> measures = customer_measures(free, held, requested_kw=7.0, price=0.5)
    >>> [float(measures[name]) for name in ("lost_kwh", "unserved_kwh", "revenue_at_risk")]
    [6.0, 2.0, 1.0]
    """
    _same_case(unlimited, limited)
    free, held = unlimited.sessions, limited.sessions
    taken_kwh = (held["unserved_kwh"] - free["unserved_kwh"]).clip(lower=0.0)
    short = taken_kwh > tolerance_kwh
    slowed = held["held_min"] > free["held_min"] + _NEVER_MIN
    late_min = (held["finished_at"] - free["finished_at"]) / pd.Timedelta("1min")
    late_min = late_min[late_min > _NEVER_MIN]
    unserved_kwh = float(taken_kwh[taken_kwh > _ROUNDING_KWH].sum())
    paid = np.nan if price is None else price
    step_h = limited.span.step_ns / 3.6e12
    before = loss_measures(
        unlimited.power_kw, limited.limit_kw, requested_kw, step=f"{step_h * 3600}s"
    )
    wanted, lost = float(before["wanted_kwh"]), float(before["lost_kwh"])
    rebound, plain = _after(unlimited, limited, requested_kw, rebound_h)
    middle, ninth = late_min.quantile([0.5, 0.9])
    values = {
        "unserved_kwh": (unserved_kwh, "kWh", "energy not delivered by plug-out"),
        "unserved_share": (_share(unserved_kwh, wanted), "1", "share of the energy wanted"),
        "recovered_share": (
            _share(max(lost - unserved_kwh, 0.0), lost),
            "1",
            "made up within the stay",
        ),
        "sessions": (len(held), "1", "sessions"),
        "short_sessions": (int(short.sum()), "1", "sessions that left with less"),
        "late_sessions": (len(late_min), "1", "sessions full, but later"),
        "slowed_sessions": (int(slowed.sum()), "1", "sessions held back at some time"),
        "short_share": (_share(short.sum(), len(held)), "1", "share that left with less"),
        "affected_share": (
            _share((short | slowed).sum(), len(held)),
            "1",
            "share held back at some time or left with less",
        ),
        "delay_p50_min": (middle, "min", "median delay of late sessions"),
        "delay_p90_min": (ninth, "min", "delay that 90 of 100 late sessions do not exceed"),
        "delay_max_min": (late_min.max(), "min", "longest delay"),
        "revenue_before": (lost * paid, "£", "revenue at risk if nothing is made up"),
        "revenue_at_risk": (unserved_kwh * paid, "£", "revenue of the energy not delivered"),
        "rebound_peak_kw": (rebound, "kW", "highest power soon after a restriction"),
        "unlimited_peak_kw": (plain, "kW", "the same without the limit"),
    }
    return before.assign(
        {
            name: ((), value, {"units": unit, "long_name": meaning})
            for name, (value, unit, meaning) in values.items()
        }
    )


def _same_case(unlimited: ChargingResult, limited: ChargingResult) -> None:
    for name, given in (("unlimited", unlimited), ("limited", limited)):
        if not isinstance(given, ChargingResult):
            raise UserError(f"{name} = {reprlib.repr(given)}: pass what charging.simulate() gives")
    if unlimited.span != limited.span:
        raise UserError(
            "unlimited and limited: must have the same time axis; give simulate() the same start, "
            "end and step for both"
        )
    if not unlimited.sessions.index.equals(limited.sessions.index):
        raise UserError("unlimited and limited: must be of the same sessions, in the same order")


def _after(
    unlimited: ChargingResult, limited: ChargingResult, requested_kw: float | None, rebound_h: float
) -> tuple[float, float]:
    """Return the highest power with and without the limit soon after a restriction."""
    if requested_kw is None:
        return np.nan, np.nan
    step_h = limited.span.step_ns / 3.6e12
    on = restriction(limited.limit_kw, requested_kw, step=f"{step_h * 3600}s").on
    soon = np.zeros(len(on), dtype=bool)
    for ended in np.flatnonzero(on[:-1] & ~on[1:]) + 1:
        soon[ended : ended + max(1, round(rebound_h / step_h))] = True
    soon &= ~on
    if not soon.any():
        return np.nan, np.nan
    return tuple(float(r.power_kw.to_numpy()[soon].max()) for r in (limited, unlimited))


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else np.nan
