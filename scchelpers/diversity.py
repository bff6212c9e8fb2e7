"""Load diversity: what n chargepoints draw together, and what a designer should assume for them.

Definitions, with p_i(t) the mean power of chargepoint i in an interval:

- coincidence factor: peak of the sum / sum of the peaks (its inverse is the diversity factor);
- demand factor: peak of the sum / sum of the ratings;
- ADMD (after-diversity maximum demand): peak of the sum / number of chargepoints [kW].

A chargepoint is an AC socket, or a DC unit with all its outlets. What was not on record is missing,
never zero. Peaks of groups are found week by week, so that one pass serves every choice of weeks.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special, stats

from scchelpers.charging import uncontrolled
from scchelpers.faults import UserError, entry
from scchelpers.site import Site
from scchelpers.timebase import LONDON, YEAR_DAYS, clock, local_date

_UNITS = {"peak_kw": "kW", "coincidence_factor": "1", "demand_factor": "1", "admd_kw": "kW"}
_FEWEST_EVSES = 4  # below these nothing is held out
_FEWEST_WEEKS = 8
_LEAST_WEEKS = 26  # of a group's own peaks, from which those of later years are told
_REFITS = 20  # of each group
# A year of weeks tells little of the shape of the tail: its skewness is drawn towards one a little
# below Gumbel's 0.17, as power is bounded. `benchmarks/README.md` has the coverage.
_USUAL_SKEW, _WEIGHT = 0.15, 0.75
# Chargepoints that share less than this are not summed: their joint peak was hardly on record.
_SHARED_WEEKS = 4
# How many of a week's highest intervals every other is held against.
_HIGHEST = 24
_LADDER = (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 50, 70, 100, 140, 200, 280, 400, 500, 700, 1000)
_OCCUPANCIES = np.linspace(0.002, 1.0, 500)


@entry
def demand(site: Site, placement: str = "measured") -> xr.DataArray:
    """Return the half-hour demand of every chargepoint, missing where nothing was recorded.

    Parameters
    ----------
    site : Site
        Site; its sessions are known when `Site.known` says so.
    placement : "measured", "front" or "spread"
        Where a session's energy lies: evenly from `charge_start` to `charge_end` where these are on
        record, else at full power from plugging in; all so; or all evenly over the stay.

    Returns
    -------
    xarray.DataArray
        Mean power [kW] over (time, evse), half hours labelled by their start in UTC. Only EVSEs
        with a session are in it, each from the calendar month of its first charge to that of its
        last; outlets of one DC unit are summed. Without sessions both dimensions are empty.

    See Also
    --------
    coincidence, ratings

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> power_kw = demand(Portfolio.open("data/demo").site("village-hall"))
    >>> power_kw.sizes["evse"], round(float(power_kw.sum("evse").max()))
    (7, 90)
    """
    sessions = site.sessions
    if not (sessions["energy_kwh"] > 0).any():
        coords = {"time": np.array([], "datetime64[ns]"), "evse": np.array([], str)}
        nothing = xr.DataArray(np.zeros((0, 0)), coords, ("time", "evse"), "power_kw")
        return nothing.assign_attrs(units="kW")
    timed = timed_sessions(sessions)
    parts = [(sessions, placement)]
    if placement == "measured":
        within = sessions.assign(
            plug_in=sessions["charge_start"].fillna(sessions["plug_in"]) if timed.any() else None,
            plug_out=sessions["charge_end"] if timed.any() else None,
        )
        parts = [(sessions[~timed], "front"), (within[timed], "spread")]
    span = {"start": sessions["plug_in"].min(), "end": sessions["plug_out"].max()}
    whose = {"by": "evse", "chargepoints": site.chargepoints}
    power_kw = sum(
        uncontrolled(rows, step="30min", placement=how, **whose, **span)
        for rows, how in parts
        if len(rows)
    )
    power_kw = power_kw.rename("power_kw").assign_attrs(units="kW")
    return _recorded(_together(power_kw, site.chargepoints), site)


def timed_sessions(sessions: pd.DataFrame) -> pd.Series:
    """Return which sessions have the end of their charging on record, within their stay.

    Examples
    --------
    >>> time = pd.to_datetime(["2026-01-01T08:00Z", "2026-01-01T09:00Z", "2026-01-01T10:00Z"])
    >>> stay = dict(zip(["plug_in", "charge_end", "plug_out"], time, strict=True))
    >>> timed_sessions(pd.DataFrame([{**stay, "charge_start": time[0]}])).tolist()
    [True]
    """
    if "charge_end" not in sessions:
        return pd.Series(False, sessions.index)
    begun = sessions["charge_start"].fillna(sessions["plug_in"])
    return (sessions["charge_end"] > begun) & (sessions["charge_end"] <= sessions["plug_out"])


def _recorded(power_kw: xr.DataArray, site: Site) -> xr.DataArray:
    """Return demand with what was not on record as missing instead of zero."""
    drawn = power_kw.transpose("time", "evse")
    drawn = drawn.isel(evse=np.flatnonzero((drawn > 0).any("time").to_numpy()))
    local = clock(drawn["time"], site.timezone)
    month, names = pd.factorize(12 * local.year + local.month)
    busy = np.zeros((len(names), drawn.sizes["evse"]), bool)
    np.logical_or.at(busy, month, drawn.to_numpy() > 0)
    begun = np.maximum.accumulate(busy, axis=0)
    not_ended = np.maximum.accumulate(busy[::-1], axis=0)[::-1]
    known = site.known("sessions").half_hours.reindex(drawn.get_index("time"), fill_value=False)
    counts = (begun & not_ended)[month] & known.to_numpy(bool)[:, None]
    on_record = np.flatnonzero(counts.any(axis=1))
    span = slice(on_record[0], on_record[-1] + 1) if len(on_record) else slice(0)
    return drawn.where(counts).isel(time=span)


def counted(chargepoints: pd.DataFrame) -> pd.DataFrame:
    """Return one row a chargepoint, in the columns of the EVSEs; a DC unit has its largest rating.

    Examples
    --------
    >>> counted(pd.DataFrame({"evse_id": ["u-1", "u-2"], "phases": 0, "unit_id": "u",
    ...                       "rated_kw": [43.0, 50.0]}))[["evse_id", "rated_kw"]].values.tolist()
    [['u-1', 50.0]]
    """
    group = _chargepoint_of(chargepoints).to_numpy()
    largest = chargepoints["rated_kw"].groupby(group).transform("max")
    whole = chargepoints.assign(rated_kw=largest)
    return whole[group == chargepoints["evse_id"].to_numpy()].reset_index(drop=True)


def _chargepoint_of(chargepoints: pd.DataFrame) -> pd.Series:
    """Return the chargepoint that each EVSE belongs to: a DC unit goes by its first outlet.

    The outlets of one DC unit share its power and seldom serve two cars at once: counted one by
    one they would look twice as diverse as they are.
    """
    evse_id = chargepoints["evse_id"]
    absent = pd.Series(None, index=chargepoints.index, dtype=object)
    unit_id = chargepoints.get("unit_id", absent)
    shared = unit_id.notna() & (chargepoints.get("phases", absent) == 0)
    first = evse_id.where(~shared, evse_id[shared].groupby(unit_id[shared]).transform("first"))
    return pd.Series(first.to_numpy(), pd.Index(evse_id, name="evse_id"), name="chargepoint")


def _together(power_kw: xr.DataArray, chargepoints: pd.DataFrame) -> xr.DataArray:
    """Return the demand of each chargepoint: outlets of one DC unit summed [kW]."""
    group = _chargepoint_of(chargepoints).reindex(power_kw["evse"].to_numpy())
    names = group.fillna(pd.Series(group.index, group.index)).to_numpy()
    codes, kept = pd.factorize(names)
    if len(kept) == len(names):
        return power_kw
    values = power_kw.transpose("time", "evse").to_numpy()
    summed = values @ (codes[:, None] == np.arange(len(kept)))
    coords = {"time": power_kw["time"], "evse": kept.astype(str)}
    return xr.DataArray(summed, coords, ("time", "evse"), power_kw.name, power_kw.attrs)


def ratings(chargepoints: pd.DataFrame, power_kw: xr.DataArray) -> pd.Series:
    """Return the rating of each chargepoint [kW], at least what it was seen to draw in `demand`.

    A unit that served two cars at once drew more than one outlet may: it counts with that.

    See Also
    --------
    demand

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> round(float(ratings(site.chargepoints, demand(site)).sum()), 1)
    94.4
    """
    rated_kw = counted(chargepoints).set_index("evse_id")["rated_kw"]
    seen_kw = power_kw.max("time").to_series() if power_kw.size else pd.Series(dtype=float)
    return rated_kw.clip(lower=seen_kw.reindex(rated_kw.index).fillna(0.0))


def sizes_up_to(count: int, *also: int) -> list[int]:
    """Return group sizes from 1 to `count` on a ladder, about seven to a decade.

    Parameters
    ----------
    count : int
        Chargepoints on record.
    also : int
        Further sizes; those above `count` are left out.

    Examples
    --------
    >>> sizes_up_to(12)
    [1, 2, 3, 4, 5, 7, 10, 12]
    >>> sizes_up_to(4, 6), sizes_up_to(0)
    ([1, 2, 3, 4], [])
    """
    return sorted({n for n in (*_LADDER, count, *also) if 1 <= n <= count})


@entry
def coincidence(
    power_kw: xr.DataArray,
    *,
    rated_kw: pd.Series | None = None,
    sizes: list[int] | None = None,
    samples: int = 500,
    later_years: float = 0.0,
    seed: int = 0,
    timezone: str = LONDON,
) -> xr.Dataset:
    """Measure how groups of n chargepoints peak together, for random groups of every size.

    Each sample is one random order of the chargepoints; its group of size n is the first n, drawn
    without replacement. The sum counts where every member is on record; groups whose members share
    fewer than four weeks (or the whole record, if shorter) are missing, and a size is left out if
    all its groups are.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse); NaN where an EVSE was not on record.
    rated_kw : pandas.Series, optional
        Rating [kW] by evse_id; without it the demand factor is missing.
    sizes : list of int, optional
        Group sizes; by default `sizes_up_to` the number of EVSEs.
    samples : int
        Random groups of each size.
    later_years : float
        Years not on record whose highest is drawn too [years]; 0 for none.
    seed : int
        Seed of the draws.
    timezone : str
        Zone of the weeks.

    Returns
    -------
    xarray.Dataset
        Over (size, sample): peak_kw and admd_kw [kW], coincidence_factor and demand_factor; over
        (size, sample, draw): later_kw, the group's highest in so many later years, at most its
        ratings, missing with fewer than 26 weeks on record. `attrs` hold samples, seed and evses.

    Raises
    ------
    UserError
        If a size exceeds the EVSEs on record, or samples is below 1.

    Notes
    -----
    The peak of the sum is that of the interval mean; sum of the peaks takes each EVSE's own peak
    over its whole record. Definitions after Rusck 1956. Later years: the generalised extreme value
    distribution of a group's weekly peaks, fitted by L-moments (Hosking, Wallis and Wood, 1985) to
    samples drawn from its own fit, so that the draws hold how little a short record tells.

    See Also
    --------
    design_admd, hold_out

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> power_kw = demand(Portfolio.open("data/demo").site("village-hall"))
    >>> coincidence(power_kw, samples=20)["size"].values.tolist()
    [1, 2, 3, 4, 5, 7]
    """
    evses = power_kw.sizes["evse"]
    sizes = sizes_up_to(evses) if sizes is None else list(sizes)
    if sizes and not 1 <= min(sizes) <= max(sizes) <= evses:
        raise UserError(f"sizes = {sizes}: must lie between 1 and the {evses} EVSEs on record")
    if samples < 1:
        raise UserError(f"samples = {samples}: must be 1 or more")
    orders = _random_orders(evses, samples, np.random.default_rng(seed))
    members = _membership(orders, sizes, evses)
    weekly_kw = _peak_candidates(power_kw, timezone)
    by_week = _weekly_peaks(weekly_kw, members)
    peak_kw = _overall_peak(by_week)
    own_kw = _overall_peak(_weekly_peaks(weekly_kw, np.eye(evses, dtype=bool)))
    ratings = np.full(evses, np.nan)
    if rated_kw is not None:
        ratings = rated_kw.reindex(power_kw["evse"].to_numpy()).to_numpy(float)
    shape = (len(sizes), samples)
    peak_kw = peak_kw.reshape(shape)
    sum_kw = (own_kw @ members).reshape(shape)
    rated = (ratings @ members).reshape(shape)
    n = np.array(sizes, float).reshape(-1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "peak_kw": peak_kw,
            "coincidence_factor": peak_kw / sum_kw,
            "demand_factor": peak_kw / rated,
            "admd_kw": peak_kw / n,
        }
    measured = xr.Dataset(
        {name: (("size", "sample"), found[name], {"units": unit}) for name, unit in _UNITS.items()},
        {"size": np.array(sizes, int)},
        {"samples": samples, "seed": seed, "evses": evses},
    )
    if later_years and sizes:
        rng = np.random.default_rng([seed, 1])
        weeks = later_years * YEAR_DAYS / 7
        later = [_later_peaks(part, weeks, rng) for part in np.split(by_week, len(sizes))]
        later_kw = np.minimum(np.stack(later), np.nan_to_num(rated, nan=np.inf)[..., None])
        measured["later_kw"] = (("size", "sample", "draw"), later_kw, {"units": "kW"})
    return measured.sel(size=np.isfinite(measured["peak_kw"]).any("sample"))


def hold_out(
    power_kw: xr.DataArray,
    *,
    rated_kw: pd.Series | None = None,
    sizes: list[int] | None = None,
    splits: int = 40,
    samples: int = 25,
    seed: int = 0,
    timezone: str = LONDON,
) -> xr.Dataset:
    """Halve the record at random, again and again, and measure both halves.

    Every split halves the chargepoints and, on its own, the local weeks (blocks, for days next to
    each other are alike). Groups drawn in one half were "seen" by a designer, those in the other
    not.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse).
    rated_kw : pandas.Series, optional
        Rating [kW] by evse_id, for the demand factor.
    sizes : list of int, optional
        Group sizes; those above half the EVSEs are left out.
    splits, samples : int
        Random splits, and groups of each size in each half.
    seed : int
        Seed of the splits.
    timezone : str
        Zone of the weeks.

    Returns
    -------
    xarray.Dataset
        admd_kw [kW], coincidence_factor and demand_factor over (points, weeks, split, size,
        sample), with points and weeks each "seen" or "unseen". No sizes where there are fewer
        than four EVSEs or eight weeks: nothing can be held out then.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> power_kw = demand(Portfolio.open("data/demo").site("village-hall"))
    >>> hold_out(power_kw, splits=2, samples=2)["admd_kw"].sizes["split"]
    2
    """
    evses = power_kw.sizes["evse"]
    weekly_kw = _peak_candidates(power_kw, timezone)
    count = len(weekly_kw)
    half = evses // 2
    enough = evses >= _FEWEST_EVSES and count >= _FEWEST_WEEKS
    sizes = sizes_up_to(half, *(sizes or [])) if enough else []
    rng = np.random.default_rng(seed)
    shape = (2, 2, splits, len(sizes), samples)
    peak_kw, sum_kw, sum_rated_kw = (np.full(shape, np.nan) for _ in range(3))
    ratings = np.full(evses, np.nan)
    if rated_kw is not None:
        ratings = rated_kw.reindex(power_kw["evse"].to_numpy()).to_numpy(float)
    own = _weekly_peaks(weekly_kw, np.eye(evses, dtype=bool))
    for split in range(splits if sizes else 0):
        points = rng.permutation(evses)
        seen = np.isin(np.arange(count), rng.permutation(count)[: count // 2])
        for p, mine in enumerate((points[:half], points[half : 2 * half])):
            orders = _random_orders(half, samples, rng)
            members = _membership(orders, sizes, half)
            peaks = _weekly_peaks([here[:, mine] for here in weekly_kw], members)
            for w, chosen in enumerate((seen, ~seen)):
                cut = (p, w, split)
                peak_kw[cut] = _overall_peak(peaks[:, chosen]).reshape(len(sizes), samples)
                own_kw = np.nan_to_num(_overall_peak(own[mine][:, chosen]))
                sum_kw[cut] = (own_kw @ members).reshape(len(sizes), samples)
                sum_rated_kw[cut] = (ratings[mine] @ members).reshape(len(sizes), samples)
    n = np.array(sizes, float).reshape(-1, 1)
    dims = ("points", "weeks", "split", "size", "sample")
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = {"coincidence_factor": peak_kw / sum_kw, "demand_factor": peak_kw / sum_rated_kw}
    found = xr.Dataset(
        {
            "admd_kw": (dims, peak_kw / n, {"units": "kW"}),
            **{name: (dims, values, {"units": "1"}) for name, values in factors.items()},
        },
        {
            "points": ["seen", "unseen"],
            "weeks": ["seen", "unseen"],
            "size": np.array(sizes, int),
        },
        {"evses": evses, "weeks": count, "splits": splits, "samples": samples, "seed": seed},
    )
    # A size stays if every half of every split has a group whose members were on record at once.
    known = np.isfinite(found["admd_kw"]).any("sample").all(("points", "weeks", "split"))
    return found.sel(size=known)


def _later_peaks(by_week: np.ndarray, weeks: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the highest of so many later weeks, over (group, draw) [kW]; NaN from short records."""
    many = np.isfinite(by_week).sum(axis=1)
    groups, longest = by_week.shape
    chance = rng.random((groups, _REFITS, longest))
    chance[np.arange(longest) >= many[:, None, None] * np.ones((1, _REFITS, 1))] = np.nan
    own = [part[:, None, None] for part in _extremes(by_week)]
    refitted = _extremes(_extreme_at(chance, *own))
    drawn = _extreme_at(rng.random((groups, _REFITS)) ** (1 / weeks), *refitted)
    drawn[many < _LEAST_WEEKS] = np.nan
    return drawn


def _extremes(peaks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return location, scale and shape of the extreme values along the last axis, by L-moments."""
    ordered = np.sort(peaks, axis=-1)  # missing ones last
    many = np.isfinite(ordered).sum(axis=-1, keepdims=True)
    below = np.arange(ordered.shape[-1])
    values = np.nan_to_num(ordered) / np.maximum(many, 1)
    once, twice = below / np.maximum(many - 1, 1), (below - 1) / np.maximum(many - 2, 1)
    b0, b1, b2 = (part.sum(axis=-1) for part in (values, values * once, values * once * twice))
    spread = np.maximum(2 * b1 - b0, 1e-9)
    skew = np.clip((6 * b2 - 6 * b1 + b0) / spread, -0.9, 0.9)
    skew += _WEIGHT * (_USUAL_SKEW - skew)
    lean = 2 / (3 + skew) - np.log(2) / np.log(3)
    shape = 7.859 * lean + 2.9554 * lean**2
    shape = np.where(np.abs(shape) < 1e-6, 1e-6, shape)
    whole = special.gamma(1 + shape)
    scale = spread * shape / ((1 - 2**-shape) * whole)
    return b0 - scale * (1 - whole) / shape, scale, shape


def _extreme_at(chance, location, scale, shape):
    return location + scale * (1 - (-np.log(chance)) ** shape) / shape


def design_admd(curve: xr.Dataset, probability: float = 0.9) -> pd.DataFrame:
    """Return the ADMD to assume for every measured group size.

    Parameters
    ----------
    curve : xarray.Dataset
        From `coincidence`, with ratings and later years.
    probability : float
        With which a group's highest in those years is to stay below.

    Returns
    -------
    pandas.DataFrame
        Indexed by size: p50_kw and p95_kw of the groups on record, rated_kw, and design_kw, all
        [kW per chargepoint]; basis: "later years", or "untested" (too few weeks are on record to
        tell: the ratings are assumed).

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("village-hall")
    >>> power_kw = demand(site)
    >>> rated_kw = ratings(site.chargepoints, power_kw)
    >>> curve = coincidence(power_kw, samples=20, rated_kw=rated_kw, later_years=2)
    >>> design_admd(curve)["basis"].unique().tolist()
    ['later years']
    """
    sizes = curve["size"].to_index()
    frame = pd.DataFrame(index=sizes)
    for name, q in (("p50_kw", 0.5), ("p95_kw", 0.95)):
        frame[name] = curve["admd_kw"].quantile(q, "sample") if len(sizes) else []
    rated_kw = (curve["admd_kw"] / curve["demand_factor"]).to_numpy()
    frame["rated_kw"] = np.nanquantile(rated_kw, 0.95, axis=1) if len(frame) else []
    later_kw = pd.Series(np.nan, sizes)
    if len(sizes):
        drawn = curve["later_kw"].to_numpy().reshape(len(sizes), -1)
        later_kw = pd.DataFrame(drawn, sizes).quantile(probability, axis=1) / sizes
    told = later_kw.notna()
    design_kw = np.fmin(np.fmax(later_kw, frame["p95_kw"]), frame["rated_kw"])
    frame["design_kw"] = design_kw.where(told, frame["rated_kw"])
    return frame.assign(basis=np.where(told, "later years", "untested"))


def design_value(n: int, design: pd.DataFrame) -> pd.Series:
    """Return what to assume for n chargepoints here, and on what it rests.

    Parameters
    ----------
    n : int
        Chargepoints of the design.
    design : pandas.DataFrame
        From `design_admd`.

    Returns
    -------
    pandas.Series
        n, evses (on record), admd_kw [kW per chargepoint], total_kw [kW], rated_kw [kW, all
        together], demand_factor, basis, extrapolated (bool). Above the chargepoints on record the
        ADMD of all of them is held, although it should fall with n: on the safe side, and basis
        says "extrapolated". A size between two measured ones takes the smaller's ADMD.

    Raises
    ------
    UserError
        If n is below 1.

    Examples
    --------
    >>> design = pd.DataFrame({"design_kw": [7.0, 4.0], "rated_kw": [7.0, 7.0],
    ...                        "basis": "later years"}, index=pd.Index([1, 4], name="size"))
    >>> design_value(10, design)[["admd_kw", "total_kw", "basis"]].tolist()
    [4.0, 40.0, 'extrapolated']
    """
    if n < 1:
        raise UserError(f"design_chargepoints = {n}: must be 1 or more")
    known = design.dropna(subset=["design_kw"])
    if known.empty:
        row = {"design_kw": np.nan, "rated_kw": np.nan, "basis": "no record"}
    else:
        row = known.loc[known.index[known.index <= n].max()].to_dict()
    evses = int(design.index.max()) if len(design) else 0
    extrapolated = n > evses
    if extrapolated and row["basis"] == "later years":
        row["basis"] = "extrapolated"
    return pd.Series(
        {
            "n": n,
            "evses": evses,
            "admd_kw": row["design_kw"],
            "total_kw": n * row["design_kw"],
            "rated_kw": n * row["rated_kw"],
            "demand_factor": row["design_kw"] / row["rated_kw"],
            "basis": row["basis"],
            "extrapolated": extrapolated,
        },
        name="design",
    )


def rusck(n, g_inf: float):
    """Return the coincidence factor of n like loads: g_inf + (1 - g_inf) / sqrt(n).

    Parameters
    ----------
    n : int or array-like
        Number of chargepoints, 1 or more.
    g_inf : float
        Coincidence factor of very many.

    Returns
    -------
    float or numpy.ndarray
        Coincidence factor; 1 at n = 1.

    Notes
    -----
    Rusck 1956: independent loads with normally distributed demand at the time of the joint peak.

    Examples
    --------
    >>> rusck([1, 4, 100], 0.2).round(4).tolist()
    [1.0, 0.6, 0.28]
    """
    return g_inf + (1 - g_inf) / np.sqrt(_count(n))


def binomial_peak(n, p: float, q: float = 0.99):
    """Return how many of n like chargepoints are busy at once, exceeded with chance 1 - q.

    Parameters
    ----------
    n : int or array-like
        Number of chargepoints, 1 or more.
    p : float
        Chance that one is busy at the time of the peak, 0 to 1.
    q : float
        Quantile: the smallest k with P(K <= k) >= q.

    Returns
    -------
    float or numpy.ndarray
        k; times the rating it is a power.

    Raises
    ------
    UserError
        If p or q is not a probability.

    Examples
    --------
    >>> binomial_peak([1, 10, 100], 0.3, 0.99).tolist()
    [1.0, 7.0, 41.0]
    """
    if not (np.min(p) >= 0 and np.max(p) <= 1 and 0 < q < 1):
        raise UserError(f"p = {p}, q = {q}: both must be probabilities, 0 to 1")
    return stats.binom.ppf(q, _count(n), p)


def fit_rusck(coincidence_factor: xr.DataArray) -> xr.DataArray:
    """Fit g_inf of Rusck's rule to measured coincidence factors by least squares.

    Parameters
    ----------
    coincidence_factor : xarray.DataArray
        Over size, and sample where single groups are given; the fit is made over both, and once
        for each entry of any other dimension (such as the split of `hold_out`). Groups of one say
        nothing.

    Returns
    -------
    xarray.DataArray
        g_inf; NaN where there is no group of two. Below 0 where the groups are more diverse than
        the rule can be: the best value within 0 and 1 is the nearest, as the misfit is a parabola.

    Notes
    -----
    g - 1/sqrt(n) = g_inf (1 - 1/sqrt(n)) is linear in g_inf: ordinary least squares through the
    origin.

    Examples
    --------
    >>> g = xr.DataArray(rusck([1, 2, 10], 0.23), {"size": [1, 2, 10]}, ("size",))
    >>> float(fit_rusck(g).round(6))
    0.23
    """
    root = 1 / np.sqrt(coincidence_factor["size"])
    over = [name for name in ("size", "sample") if name in coincidence_factor.dims]
    weight = (1 - root).where(np.isfinite(coincidence_factor), 0.0)
    squares = (weight**2).sum(over)
    fitted = ((coincidence_factor - root) * weight).sum(over) / squares.where(squares > 0)
    return fitted.rename("g_inf")


def fit_binomial(demand_factor: xr.DataArray, q: float = 0.99) -> xr.DataArray:
    """Fit the peak occupancy p of the binomial rule to measured demand factors.

    Parameters
    ----------
    demand_factor : xarray.DataArray
        Over size (means of the groups of each size), and any other dimension.
    q : float
        Quantile of the rule.

    Returns
    -------
    xarray.DataArray
        p that brings `binomial_peak(n, p, q) / n` nearest (least squares over the sizes); the rule
        is a staircase, so the middle of its best step. NaN where fewer than two sizes are known.

    Examples
    --------
    >>> n = np.array([1, 2, 4, 10, 20, 50])
    >>> share = xr.DataArray(binomial_peak(n, 0.3) / n, {"size": n}, ("size",))
    >>> binomial_peak(n, float(fit_binomial(share))).tolist() == binomial_peak(n, 0.3).tolist()
    True
    """
    sizes = demand_factor["size"]
    shares = xr.DataArray(
        binomial_peak(sizes.to_numpy()[None, :], _OCCUPANCIES[:, None], q) / sizes.to_numpy(),
        {"p": _OCCUPANCIES, "size": sizes},
        ("p", "size"),
    )
    misfit = ((demand_factor - shares) ** 2).sum("size")
    best = misfit <= misfit.min("p") + 1e-12
    fitted = (best * best["p"]).sum("p") / best.sum("p")
    return fitted.where(np.isfinite(demand_factor).sum("size") > 1).rename("p")


def clock_window(chance: pd.Series, covered: float = 0.9) -> tuple[int, int, float]:
    """Return the shortest stretch of the clock that holds a share of some chances.

    Parameters
    ----------
    chance : pandas.Series
        Chance by half hour of the day (0 to 47); half hours without one have none.
    covered : float
        Share asked for.

    Returns
    -------
    start, end : int
        Half hours of the day at which it begins and ends; it may run over midnight.
    held : float
        The chance it holds.

    Examples
    --------
    >>> start, end, held = clock_window(pd.Series([0.05, 0.6, 0.2, 0.15], [20, 34, 35, 36]))
    >>> start, end, round(held, 2)
    (34, 37, 0.95)
    """
    ring = chance.groupby(level=0).sum().reindex(range(48), fill_value=0.0).to_numpy()
    for length in range(1, 49):
        held = np.convolve(np.r_[ring, ring[: length - 1]], np.ones(length), "valid")
        first = int(np.argmax(held))
        if held[first] >= covered - 1e-9:
            break
    return first, (first + length) % 48, float(held[first])


def _peak_candidates(power_kw: xr.DataArray, timezone: str) -> list[np.ndarray]:
    """Return, week by week, the intervals that can hold the peak of some group."""
    power = power_kw.transpose("time", "evse").to_numpy().astype(np.float32)
    edges = _week_edges(power_kw["time"], timezone)
    return [_without_outdone(power[first:last]) for first, last in pairwise(edges)]


def _without_outdone(here: np.ndarray) -> np.ndarray:
    """Leave out the intervals in which one of the week's highest outdoes every EVSE."""
    # Missing counts as less than nothing: a recorded interval may stand in for a missing one.
    filled = np.nan_to_num(here, nan=-1)
    order = np.argsort(-filled.sum(axis=1), kind="stable")
    top, rest = order[:_HIGHEST], order[_HIGHEST:]
    outdone = (filled[rest, None, :] <= filled[None, top, :]).all(axis=2).any(axis=1)
    return here[np.r_[top, rest[~outdone]]]


def _weekly_peaks(weekly_kw: list[np.ndarray], members: np.ndarray) -> np.ndarray:
    """Return the peak of each group's sum in each week."""
    chosen = members.astype(np.float32)
    peaks = np.full((members.shape[1], len(weekly_kw)), np.nan)
    for week, here in enumerate(weekly_kw):
        missing = np.isnan(here)
        sums = np.where(missing, 0, here) @ chosen
        if missing.any():
            sums[(missing.astype(np.float32) @ chosen) > 0] = -np.inf
        peak = sums.max(axis=0)
        peaks[:, week] = np.where(np.isfinite(peak), peak, np.nan)
    return peaks


def _week_edges(times, timezone: str) -> np.ndarray:
    """Return the positions at which local weeks begin, and the length."""
    monday = _weeks(times, timezone)
    begins = np.flatnonzero(monday[1:] != monday[:-1]) + 1
    return np.unique(np.r_[0, begins, len(monday)]).astype(int)


def _weeks(times, timezone: str) -> pd.DatetimeIndex:
    """Return the Monday of each instant's local week, a stamp without a zone."""
    days = local_date(times, timezone)
    return days - pd.to_timedelta(days.day_of_week, unit="D")


def _overall_peak(peaks: np.ndarray) -> np.ndarray:
    """Return the peak over all weeks, NaN for groups that share too few of them."""
    if not peaks.size:
        return np.full(len(peaks), np.nan)
    shared = np.isfinite(peaks).sum(axis=1)
    enough = shared >= min(_SHARED_WEEKS, shared.max())
    return np.where(enough, np.fmax.reduce(peaks, axis=1), np.nan)


def _random_orders(evses: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return random orders of EVSEs, one a row (samples, evses)."""
    return rng.permuted(np.tile(np.arange(evses), (samples, 1)), axis=1)


def _membership(orders: np.ndarray, sizes: list[int], evses: int) -> np.ndarray:
    """Return who is in which group: bool over (evse, size x sample)."""
    rank = np.full((len(orders), evses), evses)
    np.put_along_axis(rank, orders, np.arange(orders.shape[1])[None, :], axis=1)
    inside = rank[None, :, :] < np.array(sizes, int).reshape(-1, 1, 1)
    return inside.reshape(len(sizes) * len(orders), evses).T


def _count(n):
    count = np.asarray(n, float)
    if (count < 1).any():
        raise UserError(f"n = {n}: must be 1 or more chargepoints")
    return count[()]
