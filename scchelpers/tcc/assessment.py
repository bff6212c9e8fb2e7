"""One site's TCC from end to end: what is asked, the windows, and the verdict on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import diversity, timebase
from scchelpers.faults import UserError
from scchelpers.report.words import NARROW, percent, quantity
from scchelpers.site import Site
from scchelpers.tcc.derivation import (
    Cells,
    DayTypes,
    Rules,
    days_left_out,
    derive_windows,
    group_months,
    half_hourly,
    rating_at,
)
from scchelpers.tcc.windows import COLUMNS, inside, limit
from scchelpers.timebase import LONDON


def constrained(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    margin_kva: float = 0.0,
    timezone: str = LONDON,
) -> xr.DataArray:
    """Return where the request does not fit beside the load: 1, 0, NaN where unknown."""
    load = half_hourly(network_kva)
    free_kva = rating_at(rating_kva, load["time"], timezone) - margin_kva - load
    return (free_kva < requested_kva).astype(float).where(np.isfinite(load))


def consistency(
    on: xr.DataArray, windows: pd.DataFrame, requested_kva: float, *, timezone: str = LONDON
) -> pd.Series:
    """Measure how well windows meet the constraint.

    Parameters
    ----------
    on : xarray.DataArray
        From `constrained`.
    windows : pandas.DataFrame
        Windows.
    requested_kva : float
        Requested capacity [kVA].
    timezone : str
        Zone of the windows.

    Returns
    -------
    pandas.Series
        constrained_share (of known half hours), window_share (of all half hours), needed_share
        (of half hours in windows that are constrained), outside_share (of constrained half hours
        in no window), inside_days (share of constrained local days whose constraint lies wholly in
        windows), deep_share (equivalent full-curtailment hours over all hours), free_h (fewest
        hours of a day outside windows).

    Examples
    --------
    >>> window = {"season": "all year", "day_type": "all", "start": "16:00", "end": "20:00"}
    >>> windows = pd.DataFrame([{**window, "limit_kva": 40.0}])
    >>> hours = pd.date_range("2025-01-06", periods=96, freq="30min")
    >>> on = xr.DataArray((hours.hour >= 16) & (hours.hour < 18), {"time": hours}, ("time",))
    >>> consistency(on, windows, 100.0)[["needed_share", "outside_share"]].to_dict()
    {'needed_share': 0.5, 'outside_share': 0.0}
    """
    mask = inside(windows, on["time"], timezone)
    within = mask.any(axis=0)
    value = on.to_numpy()
    known, hit = np.isfinite(value), np.nan_to_num(value) > 0
    days = timebase.local_date(on["time"], timezone)
    daily = pd.DataFrame({"hit": hit, "out": hit & ~within, "within": within}).groupby(days).sum()
    caps = np.where(mask, windows["limit_kva"].to_numpy(float)[:, None], np.inf)
    limit_kva = np.minimum(requested_kva, caps.min(axis=0, initial=np.inf))
    return pd.Series(
        {
            "constrained_share": _share(hit.sum(), known.sum()),
            "window_share": float(within.mean()),
            "needed_share": _share((hit & within).sum(), (known & within).sum()),
            "outside_share": _share((hit & ~within).sum(), hit.sum()),
            "inside_days": _share(
                ((daily["hit"] > 0) & (daily["out"] == 0)).sum(), (daily["hit"] > 0).sum()
            ),
            "deep_share": float(1 - (limit_kva / requested_kva).mean()),
            "free_h": float(24 - min(24, daily["within"].max() / 2)),
        }
    )


def by_window(on: xr.DataArray, windows: pd.DataFrame, *, timezone: str = LONDON) -> pd.DataFrame:
    """Measure the constraint in each window, day by day.

    Parameters
    ----------
    on, windows, timezone
        As in `consistency`.

    Returns
    -------
    pandas.DataFrame
        One row a window: days (on record), constrained_days (share), needed_share, and the clock
        times between which the constraint begins and ends on 80 of 100 constrained days:
        begins_early, begins_late, ends_early, ends_late; spread_h, the wider of the two [h].

    Examples
    --------
    >>> window = {"season": "all year", "day_type": "all", "start": "16:00", "end": "20:00"}
    >>> windows = pd.DataFrame([{**window, "limit_kva": 40.0}])
    >>> hours = pd.date_range("2025-01-06", periods=96, freq="30min")
    >>> on = xr.DataArray((hours.hour >= 16) & (hours.hour < 18), {"time": hours}, ("time",))
    >>> by_window(on, windows)["needed_share"].tolist()
    [0.5]
    """
    mask = inside(windows, on["time"], timezone)
    local = timebase.clock(on["time"], timezone).tz_localize(None)
    value = on.to_numpy()
    rows = []
    for row, here in zip(windows.itertuples(), mask, strict=True):
        here = here & np.isfinite(value)
        start = pd.Timedelta(minutes=timebase.minute_of_clock(row.start))
        since = local[here] - start  # a window over midnight is one night
        frame = pd.DataFrame(
            {
                "day": since.normalize(),
                "at": (since - since.normalize()) / pd.Timedelta("1h"),
                "hit": value[here] > 0,
            }
        )
        hits = frame[frame["hit"]].groupby("day")["at"]
        begins, ends = hits.min(), hits.max() + 0.5
        marks = [_marks(side) for side in (begins, ends)]
        texts = [_clock(row.start, at) for pair in marks for at in pair]
        rows.append(
            {
                "days": frame["day"].nunique(),
                "constrained_days": _share(len(begins), frame["day"].nunique()),
                "needed_share": _share(frame["hit"].sum(), len(frame)),
                **dict(
                    zip(
                        ("begins_early", "begins_late", "ends_early", "ends_late"),
                        texts,
                        strict=True,
                    )
                ),
                "spread_h": float(max(late - early for early, late in marks)),
            }
        )
    names = ["days", "constrained_days", "needed_share", "begins_early", "begins_late"]
    return pd.DataFrame(rows, columns=[*names, "ends_early", "ends_late", "spread_h"])


def _marks(side: pd.Series) -> tuple[float, float]:
    if side.empty:
        return (np.nan, np.nan)
    return tuple(np.quantile(side, [0.1, 0.9], method="nearest"))


def _clock(start: str, hours: float) -> str:
    if not np.isfinite(hours):
        return "–"
    minute = (timebase.minute_of_clock(start) + round(60 * hours)) % 1440
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _share(part, whole) -> float:
    return float(part / whole) if whole else 0.0


FIRM = "firm connection fits"

FITS = "TCC fits"

DEEP = "TCC fits only with deep curtailment"

NOT_A_TCC = "not a TCC"

# Where the lines are drawn; all are conventions of this workbook. A limited constraint leaves a
# night's charging free every day. One is scattered if windows that catch it take a good part of the
# year and are seldom needed: long windows that are needed, or short ones that seldom are, both
# suit. Curtailment is deep once it equals more than a tenth of the year at nothing.
_FREE_H = 6.0

_WIDE_SHARE = 0.1

_NEEDED_SHARE = 0.2

_OUTSIDE_SHARE = 0.01

_DEEP_SHARE = 0.1


@dataclass(frozen=True)
class Verdict:
    """A verdict, its reasons, and whether windows should be offered.

    Attributes
    ----------
    verdict : str
        One of "firm connection fits", "TCC fits", "TCC fits only with deep curtailment", "not a
        TCC".
    reasons : tuple of str
        Sentences computed from the measures.
    """

    verdict: str
    reasons: tuple[str, ...]

    @property
    def offered(self) -> bool:
        """Whether the windows belong into an offer."""
        return self.verdict in (FITS, DEEP)


def verdict(
    windows: pd.DataFrame, measured: pd.Series, requested_kva: float, firm_kva: float
) -> Verdict:
    """Judge whether a TCC suits the network, with the reasons.

    Parameters
    ----------
    windows : pandas.DataFrame
        Derived windows.
    measured : pandas.Series
        From `consistency`.
    requested_kva : float
        Requested capacity [kVA].
    firm_kva : float
        Capacity that fits at all times [kVA].

    Notes
    -----
    Report section 6.2: a consistent load profile, and a risk for a consistent and limited period.

    Examples
    --------
    >>> window = {"season": "all year", "day_type": "all", "start": "16:00", "end": "20:00"}
    >>> windows = pd.DataFrame([{**window, "limit_kva": 40.0}])
    >>> hours = pd.date_range("2025-01-06", periods=96, freq="30min")
    >>> on = xr.DataArray((hours.hour >= 16) & (hours.hour < 18), {"time": hours}, ("time",))
    >>> verdict(windows, consistency(on, windows, 100.0), 100.0, 40.0).verdict
    'TCC fits'
    """
    asked = quantity(requested_kva, "kVA")
    if windows.empty:
        share = measured["constrained_share"]
        rest = f", but for {percent(share)} of the half hours on record" if share else ""
        return Verdict(FIRM, (f"{asked} fits beside the load at all times{rest}.",))
    needed, free_h = measured["needed_share"], measured["free_h"]
    cap_kva = windows["limit_kva"].min()
    against = []
    if free_h < _FREE_H:
        against.append(
            "the constraint lasts all day"
            if free_h == 0
            else f"the windows leave only {span(free_h)} of a day free (fewer than {span(_FREE_H)})"
        )
    wide = measured["window_share"]
    if wide > _WIDE_SHARE and needed < _NEEDED_SHARE:
        against.append(
            f"the constraint is scattered: windows that catch it take {percent(wide)} of the year "
            f"(more than {percent(_WIDE_SHARE)}), and it is there in only {percent(needed)} of "
            f"their hours (fewer than {percent(_NEEDED_SHARE)})"
        )
    outside = measured["outside_share"] * measured["constrained_share"]
    if outside > _OUTSIDE_SHARE:
        against.append(
            f"in {percent(outside)} of all half hours it falls outside every window (more than "
            f"{percent(_OUTSIDE_SHARE)})"
        )
    if against:
        reasons = [f"{text[0].upper()}{text[1:]}." for text in against]
        if firm_kva >= 1:
            reasons.append(f"A firm connection of {quantity(firm_kva, 'kVA')} would fit.")
        else:
            reasons.append("No firm capacity is left at all.")
        return Verdict(NOT_A_TCC, tuple(reasons))
    reasons = (
        f"Steady: on {percent(measured['inside_days'])} of the days without room the tight hours "
        f"lie wholly inside the windows, and a window is needed in {percent(needed)} of its hours.",
        f"Limited: at least {span(free_h)} of every day stay free.",
    )
    depth = (
        f"the lowest cap is {quantity(cap_kva, 'kVA')}, {percent(cap_kva / requested_kva)} of the "
        f"request, and the windows take {percent(measured['deep_share'])} of the capacity-hours of "
        "a year"
    )
    if measured["deep_share"] > _DEEP_SHARE:
        return Verdict(DEEP, (*reasons, f"Deep: {depth} (more than {percent(_DEEP_SHARE)})."))
    return Verdict(FITS, (*reasons, f"Not deep: {depth}."))


def span(hours: float) -> str:
    """Return a length in hours for reading.

    Examples
    --------
    >>> span(19.5).replace(NARROW, " "), span(8.0).replace(NARROW, " ")
    ('19.5 h', '8 h')
    """
    return f"{hours:,g}{NARROW}h"


Basis = Literal["full", "after-diversity"]


def requested_capacity(
    site: Site, basis: Basis = "full", *, samples: int = 200, seed: int = 0
) -> pd.Series:
    """Return the capacity to plan for, and what it rests on.

    Parameters
    ----------
    site : Site
        With a request; with sessions for "after-diversity".
    basis : {"full", "after-diversity"}
        The request as it stands, or the design value of `diversity` for the site's chargepoints,
        at most the request.
    samples, seed : int
        Of `diversity.coincidence`.

    Returns
    -------
    pandas.Series
        requested_kva [kVA], full_kva [kVA], basis, and design_basis (of the after-diversity
        figure; "" for the full request).

    Raises
    ------
    UserError
        If the site states no request, or there are no sessions.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("elm-road-lamps")
    >>> requested_capacity(site)["requested_kva"]
    134.0
    """
    full_kva = site.requested_kva
    if full_kva is None:
        raise UserError(f"sites.csv, {site.site_id}, requested_kva: empty; a TCC needs it")
    if basis == "full":
        return _series(full_kva, full_kva, basis, "")
    if basis != "after-diversity":
        raise UserError(f"basis = {basis!r}: 'full' or 'after-diversity'")
    points = diversity.counted(site.chargepoints)
    power_kw = diversity.demand(site)
    curve = diversity.coincidence(
        power_kw,
        rated_kw=diversity.ratings(site.chargepoints, power_kw),
        samples=samples,
        later_years=10,
        seed=seed,
        timezone=site.timezone,
    )
    value = diversity.design_value(len(points), diversity.design_admd(curve))
    if value["basis"] == "no record":
        raise UserError(f"{site.site_id}: no sessions on record, so no after-diversity figure")
    return _series(
        min(value["total_kw"] / site.power_factor, full_kva), full_kva, basis, value["basis"]
    )


def _series(requested_kva, full_kva, basis, design_basis) -> pd.Series:
    return pd.Series(
        {
            "requested_kva": float(requested_kva),
            "full_kva": float(full_kva),
            "basis": basis,
            "design_basis": design_basis,
        }
    )


Seasons = Literal["rating", "data"]


@dataclass(frozen=True, repr=False)
class Study:
    """What the analysis of one site found; without a network load only `lacking` is filled.

    Attributes
    ----------
    site : Site
        The site.
    lacking : tuple of str
        What the site lacks for an analysis, each with the remedy; empty where nothing does.
    request : pandas.Series
        From `requested_capacity`.
    margin_kva, firm_kva : float
        Kept free below the rating; capacity that fits at all times [kVA].
    network_kva : xarray.DataArray
        Load [kVA] in half hours; days left out are missing.
    left_out : pandas.Series
        From `days_left_out`.
    calendar : dict or None
        Month to season, None for the rating seasons.
    rules : dict
        Of `derive_windows`.
    windows, measured, verdict
        From `derive_windows`, `consistency`, `verdict`.
    """

    site: Site
    lacking: tuple[str, ...] = ()
    request: pd.Series | None = None
    margin_kva: float = 0.0
    firm_kva: float = 0.0
    network_kva: xr.DataArray | None = None
    left_out: pd.Series | None = None
    calendar: dict[int, str] | None = None
    day_types: DayTypes = "weekend"
    rules: dict = field(default_factory=dict)
    windows: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))
    measured: pd.Series | None = None
    verdict: Verdict | None = None

    def __repr__(self) -> str:
        found = f"{len(self.windows)} windows" if self.known else "; ".join(self.lacking)
        return f"<Study {self.site.name}: {found}>"

    @property
    def known(self) -> bool:
        """Whether the network could be assessed."""
        return not self.lacking

    @property
    def offered(self) -> bool:
        """Whether there are windows that belong into an offer."""
        return self.verdict is not None and self.verdict.offered

    @property
    def requested_kva(self) -> float:
        """Capacity asked for [kVA]."""
        return float(self.request["requested_kva"])

    @property
    def power_factor(self) -> float:
        """Of the site."""
        return self.site.power_factor

    @property
    def requested_kw(self) -> float:
        """Capacity asked for [kW]."""
        return self.requested_kva * self.power_factor

    def limit_kw(self, time) -> xr.DataArray:
        """Return the limit that the windows make over time [kW]."""
        return limit(
            self.windows,
            time,
            self.requested_kw,
            power_factor=self.power_factor,
            timezone=self.site.timezone,
        )

    @property
    def cut(self) -> dict:
        """How the year is cut: calendar, day_types and timezone, as other functions take them."""
        return {
            "calendar": self.calendar,
            "day_types": self.day_types,
            "timezone": self.site.timezone,
        }


def study(
    site: Site,
    *,
    basis: Basis = "full",
    seasons: Seasons = "rating",
    day_types: DayTypes = "weekend",
    margin_share: float = 0.02,
    leave_out: str = "",
    seed: int = 0,
    **rules,
) -> Study:
    """Analyse whether a TCC suits a site, and which windows it would need.

    Parameters
    ----------
    site : Site
        With requested_kva and power_factor; a site without a network load or rating gives a
        study that says what is lacking.
    basis : {"full", "after-diversity"}
        Capacity asked for, see `requested_capacity`.
    seasons : {"rating", "data"}
        The rating seasons of EREC P27, or the months that need a restriction (`group_months`).
    day_types : {"each", "weekend", "all"}
        See `Cells.of`.
    margin_share : float
        Kept free, as a share of the lowest rating.
    leave_out : str
        Of `days_left_out`.
    seed : int
        Of the after-diversity figure.
    **rules
        Of `derive_windows`, but margin_kva: quantile, and those of `windows_in`.

    Raises
    ------
    UserError
        If a value is out of range.
    """
    if not 0 <= margin_share < 1:
        raise UserError(f"margin_share = {margin_share}: must be a share, from 0 to below 1")
    lacking = _lacking(site)
    if lacking:
        return Study(site, lacking)
    load, rating, zone = half_hourly(site.network_kva), site.rating_kva, site.timezone
    left_out = days_left_out(load, leave_out, timezone=zone)
    if len(left_out):
        load = load.where(~timebase.local_date(load["time"], zone).isin(left_out.index))
    request = requested_capacity(site, basis, seed=seed)
    asked_kva = request["requested_kva"]
    rules = {"quantile": 0.99, **rules, "margin_kva": margin_share * float(rating.min())}
    planned = {name: rules[name] for name in ("quantile", "margin_kva")}
    calendar, cut = None, {"day_types": day_types, "timezone": zone}
    if seasons == "data":
        calendar = group_months(load, rating, asked_kva, **planned, **cut)
    windows = derive_windows(load, rating, asked_kva, calendar=calendar, **cut, **rules)
    on = constrained(load, rating, asked_kva, rules["margin_kva"], zone)
    measured = consistency(on, windows, asked_kva, timezone=zone)
    cells = Cells.of(load, calendar=calendar, **cut)
    room_kva = cells.room_kva(rating, cells.planned(planned["quantile"])[0], planned["margin_kva"])
    firm_kva = Rules(cap_step_kva=rules.get("cap_step_kva", 1.0)).cap(room_kva.min())
    return Study(
        site=site,
        request=request,
        margin_kva=rules["margin_kva"],
        firm_kva=firm_kva,
        network_kva=load,
        left_out=left_out,
        calendar=calendar,
        day_types=day_types,
        rules=rules,
        windows=windows,
        measured=measured,
        verdict=verdict(windows, measured, asked_kva, firm_kva),
    )


def _lacking(site: Site) -> tuple[str, ...]:
    """Return what a site lacks for an analysis, each with the remedy."""
    asset = site.asset_id
    if asset is None:
        return ("no network asset is named (sites.csv, asset_id)",)
    checks = (
        (site.network_kva is None, f"no load of {asset} is on record (`scc import loads`)"),
        (
            site.rating_kva is None or site.rating_kva.isna().any(),
            f"{asset} lacks a rating (assets.csv, rating_…_kva for every season)",
        ),
        (site.requested_kva is None, "no capacity is asked for (requested_kva)"),
    )
    return tuple(text for wrong, text in checks if wrong)
