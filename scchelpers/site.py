"""One site: what every notebook means by its capacity, power factor, known time and tolerance.

A value that the portfolio does not give is assumed here, once for everybody, and `Site.assumed`
says so in words that a report can print.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.faults import UserError

POWER_FACTOR = 0.95  # where neither site nor portfolio gives one
TOLERANCE_KWH = 1.0  # a session that lacks less is not short
_LEAST_YEARS = 0.75  # known time that carries figures a year [years]
_LEAST_SEASON = 0.5  # share of each season that must be known for them
BRIDGED = pd.Timedelta("2h")  # a gap in a load over which a controller would hold its last limit
# Bands of the Department for Transport's public charging statistics since October 2023 [kW].
CHARGER_KINDS = {"slow": 0.0, "fast": 8.0, "rapid": 50.0, "ultra": 150.0}
_RECORDS = {
    "sessions": "charging sessions",
    "network_kva": "load of the network asset",
    "residual_kw": "other load of the site",
}
_DAY_TYPE = {"weekday": "weekday", "saturday": "weekend", "sunday": "weekend"}


def charger_kind(rated_kw: float) -> str:
    """Return the class of an EVSE by its rated power [kW], in the bands of the DfT statistics.

    Examples
    --------
    >>> [charger_kind(p) for p in (7.4, 22, 50, 150)]
    ['slow', 'fast', 'rapid', 'ultra']
    """
    return [kind for kind, low in CHARGER_KINDS.items() if rated_kw >= low][-1]


@dataclass(frozen=True, eq=False)
class Known:
    """The time in which all that a question needs is known; no other time is judged.

    Attributes
    ----------
    half_hours : pandas.Series of bool
        Over `time` [UTC], half hours from the first to the last that any record has.
    timezone : str
        IANA zone of the clock.
    what : str
        What the records are, for people.
    """

    half_hours: pd.Series
    timezone: str
    what: str = "record"

    @classmethod
    def of(cls, *loads: xr.DataArray, timezone: str, what: str = "load") -> Known:
        """Return the time in which all loads have values, at every asset of each.

        Examples
        --------
        >>> time = pd.date_range("2026-01-01", periods=4, freq="15min")
        >>> load = xr.DataArray([1.0, 2.0, 3.0, np.nan], {"time": time}, ("time",))
        >>> Known.of(load, timezone="Europe/London").half_hours.tolist()
        [True, False]
        """
        return cls(_all([_finite(load) for load in loads]), timezone, what)

    def __and__(self, other: Known) -> Known:
        """Return the time in which both are known."""
        both = _all([self.half_hours, other.half_hours])
        return Known(both, self.timezone, f"{self.what} and {other.what}")

    @property
    def years(self) -> float:
        """Length of the known time [years]."""
        return float(self.half_hours.sum()) / 2 / timebase.YEAR_H

    @property
    def by_season(self) -> pd.Series:
        """Share known of each season of a year (EREC P27); 1 if the known time fills it."""
        on = self.half_hours.index[self.half_hours.to_numpy()]
        days = pd.Series(timebase.season(on.to_numpy(), self.timezone)).value_counts() / 48
        whole = pd.Series(timebase.SEASON_DAYS)
        return (days.reindex(whole.index, fill_value=0) / whole).clip(upper=1.0).rename("share")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why figures a year, and so a recommendation, cannot rest on it; empty if they can."""
        if not self.half_hours.any():
            return (f"no time is on record in which all is known: {self.what}",)
        found = []
        if self.years < _LEAST_YEARS:
            found.append(
                f"{12 * self.years:.2g} months are known ({self.what}), and figures a year need "
                f"{12 * _LEAST_YEARS:g}"
            )
        for season, share in self.by_season[self.by_season < _LEAST_SEASON].items():
            found.append(f"{share:.0%} of a {season} is known ({self.what}), and half is needed")
        return tuple(found)

    @property
    def per_year(self) -> float:
        """What turns a sum over the known time into one a year [1/years].

        Raises
        ------
        UserError
            If the known time is too short for that, or leaves most of a season out.
        """
        if self.reasons:
            raise UserError(f"{self.reasons[0]}; import the record of more months")
        return 1 / self.years

    def judged(self, sessions: pd.DataFrame) -> tuple[pd.DataFrame, float]:
        """Return the sessions whose whole stay is known, and the years that they stand for.

        Parameters
        ----------
        sessions : pandas.DataFrame
            Columns plug_in, plug_out, energy_kwh.

        Returns
        -------
        pandas.DataFrame, float
            Sessions, and the length [years] of the known time, less the part of it whose sessions
            run into time that is not known, by their energy.

        Notes
        -----
        Gaps of up to two hours do not count: a controller would hold its last limit over them.
        """
        on = _bridged(self.half_hours.to_numpy(bool))
        years = float(on.sum()) / 2 / timebase.YEAR_H
        if sessions.empty or not on.any():
            return sessions[:0], years
        start = self.half_hours.index[0].tz_localize("UTC")
        first = ((sessions["plug_in"] - start) // timebase.HALF_HOUR).to_numpy()
        last = -((start - sessions["plug_out"]) // timebase.HALF_HOUR).to_numpy()
        begun = (first >= 0) & (first < len(on))
        begun[begun] = on[first[begun]]
        unknown = np.append(0, np.cumsum(~on))
        inside = begun & (last <= len(on))
        inside[inside] = unknown[last[inside]] == unknown[first[inside]]
        energy_kwh = sessions["energy_kwh"].to_numpy(float)
        began_kwh = energy_kwh[begun].sum()
        share = energy_kwh[inside].sum() / began_kwh if began_kwh else 1.0
        return sessions[inside].reset_index(drop=True), years * share


@dataclass(frozen=True)
class Site:
    """One site, its chargepoints, sessions and loads.

    Attributes
    ----------
    site_id : str
        Identifier.
    meta : dict
        The site's row of `sites.csv`; None where a value is missing.
    chargepoints : pandas.DataFrame
        One row an EVSE (`tables.CHARGEPOINTS`).
    sessions : pandas.DataFrame
        One row a session (`tables.SESSIONS`), sorted by (plug_in, session_id): the sound rows.
    residual_kw : xarray.DataArray or None
        Site load other than charging [kW] over `time`; None where the site has none on record.
    network_kva : xarray.DataArray or None
        Load of the site's network asset before the new site [kVA] over `time`.
    rating_kva : pandas.Series or None
        Rating of that asset [kVA] by season.
    timezone : str
        IANA zone of the site's clock.
    set_aside : dict of str to int
        Session rows and load intervals left out, by the rule they break.
    usual_power_factor : float or None
        Power factor that the portfolio gives for sites without one of their own.
    session_spans : tuple of (Timestamp, Timestamp) or None
        Start and end [UTC] of each time whose sessions the portfolio's sources know
        (`coverage.csv`); None where it does not say.
    """

    site_id: str
    meta: dict
    chargepoints: pd.DataFrame
    sessions: pd.DataFrame
    residual_kw: xr.DataArray | None
    network_kva: xr.DataArray | None
    rating_kva: pd.Series | None
    timezone: str
    set_aside: dict[str, int] = field(default_factory=dict)
    usual_power_factor: float | None = None
    session_spans: tuple[tuple[pd.Timestamp, pd.Timestamp], ...] | None = None

    @classmethod
    def of(
        cls,
        sessions: pd.DataFrame,
        *,
        load: pd.Series | None = None,
        rating_kva: float | Mapping[str, float] | None = None,
        residual_kw: pd.Series | None = None,
        requested_kva: float | None = None,
        dsc_kva: float | None = None,
        power_factor: float | None = None,
        timezone: str = timebase.LONDON,
        name: str = "own site",
    ) -> Site:
        """Return a site made of tables, without a portfolio.

        Parameters
        ----------
        sessions : pandas.DataFrame
            Columns plug_in, plug_out (UTC) and energy_kwh [kWh], and where known max_kw [kW],
            session_id and evse_id; else each row is a session of one socket.
        load : pandas.Series, optional
            Load of the network asset above the site [kVA], indexed by the start of its intervals
            (UTC).
        rating_kva : float or mapping of season to float, optional
            Rating of that asset [kVA].
        residual_kw : pandas.Series, optional
            Load of the site other than charging [kW], indexed likewise.
        requested_kva, dsc_kva : float, optional
            Capacity asked for, and declared supply capacity of today [kVA].
        power_factor : float, optional
            Power factor of the import; 0.95 if none is given.
        timezone : str
            IANA zone of the site's clock.
        name : str
            Name for people.

        Raises
        ------
        UserError
            If a column is missing or a time has no zone; says which, and what to pass.

        Examples
        --------
        >>> stays = pd.DataFrame({"plug_in": pd.to_datetime(["2026-01-01T08:00Z"]),
        ...     "plug_out": pd.to_datetime(["2026-01-01T12:00Z"]), "energy_kwh": [20.0]})
        >>> Site.of(stays, requested_kva=11.0)
        <Site own site: 1 session, 1 chargepoint, 11 kVA asked for>
        """
        rows = _own_sessions(sessions)
        rated_kw = rows.groupby("evse_id", sort=False)["max_kw"].max()
        posts = pd.DataFrame({"evse_id": rated_kw.index, "rated_kw": rated_kw.to_numpy()})
        kind = posts["rated_kw"].map(charger_kind, na_action="ignore")
        season = ("winter", "spring", "summer", "autumn")
        if rating_kva is not None and not isinstance(rating_kva, Mapping):
            rating_kva = dict.fromkeys(season, float(rating_kva))
        meta = {"site_id": "own", "name": name, "asset_id": None if load is None else "own network"}
        meta |= {"requested_kva": requested_kva, "dsc_kva": dsc_kva, "power_factor": power_factor}
        return cls(
            "own",
            meta,
            posts.assign(site_id="own", phases=np.nan, unit_id=None, kind=kind),
            rows.assign(site_id="own"),
            _own_load(residual_kw, "residual_kw", "kW"),
            _own_load(load, "network_kva", "kVA"),
            None if rating_kva is None else pd.Series(rating_kva, dtype=float),
            timezone,
        )

    def __repr__(self) -> str:
        asked = "" if self.requested_kva is None else f", {self.requested_kva:g} kVA asked for"
        counts = ((len(self.sessions), "session"), (len(self.chargepoints), "chargepoint"))
        held = ", ".join(f"{many:,} {what}{'' if many == 1 else 's'}" for many, what in counts)
        return f"<Site {self.name}: {held}{asked}>"

    def _repr_html_(self) -> str:
        """Return the card of the site: its capacity, and what is on record of it."""
        rows = {
            "capacity asked for [kVA]": self.requested_kva,
            "supply today [kVA]": self.dsc_kva,
            "power factor": self.power_factor,
            "network asset": self.asset_id,
            "chargepoints": len(self.chargepoints),
            "sessions": len(self.sessions),
        }
        for record, what in _RECORDS.items():
            known = self.known(record)
            on = known.half_hours.index[known.half_hours.to_numpy(bool)]
            rows[what] = "not on record"
            if len(on):
                months = f"{12 * known.years:.3g} months known"
                rows[what] = f"{on[0]:%d %b %Y} to {on[-1]:%d %b %Y}, {months}"
        left_out = sum(self.set_aside.values())
        rows["rows left out"] = left_out or None
        card = pd.Series(rows, dtype=object).dropna().to_frame(self.name)
        return card.to_html(float_format="{:g}".format)

    @property
    def name(self) -> str:
        """Name of the site, for people."""
        return self.meta.get("name") or self.site_id

    @property
    def asset_id(self) -> str | None:
        """Network asset that feeds the site; None where none is named."""
        return self.meta.get("asset_id")

    @property
    def power_factor(self) -> float:
        """Power factor of the site's import: its own, else the portfolio's, else 0.95."""
        given = self.meta.get("power_factor") or self.usual_power_factor
        return float(given or POWER_FACTOR)

    @property
    def requested_kva(self) -> float | None:
        """Capacity asked for the chargepoints [kVA]; None where none is stated."""
        return _number(self.meta.get("requested_kva"))

    @property
    def requested_kw(self) -> float | None:
        """Active power at the requested capacity [kW]."""
        return None if self.requested_kva is None else self.requested_kva * self.power_factor

    @property
    def dsc_kva(self) -> float | None:
        """Declared supply capacity of today [kVA]; None where none is stated."""
        return _number(self.meta.get("dsc_kva"))

    @property
    def dsc_kw(self) -> float | None:
        """Active power at the declared supply capacity [kW]."""
        return None if self.dsc_kva is None else self.dsc_kva * self.power_factor

    @property
    def tolerance_kwh(self) -> float:
        """Energy [kWh] that a session may lack before it counts as short."""
        return TOLERANCE_KWH

    @property
    def assumed(self) -> dict[str, str]:
        """What the portfolio does not say and is assumed: name to one sentence.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> Portfolio.open("data/demo").site("elm-road-lamps").assumed
        {}
        """
        if self.meta.get("power_factor"):
            return {}
        value = f"{self.power_factor:.2f}"
        source = "that of the portfolio" if self.usual_power_factor else "a common value"
        return {"power_factor": f"The site states no power factor: {value} is taken, {source}."}

    def known(self, *records: str) -> Known:
        """Return the time in which some records are all known.

        Parameters
        ----------
        *records : str
            Of "sessions", "network_kva" and "residual_kw". A record that the site does not have is
            known at no time.

        Notes
        -----
        Loads are known where they have values. Sessions are known where `coverage.csv` says so;
        without it from the day of the site's first to that of its last, but for gaps of more than
        14 days that are five times as long as is usual there.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> known = Portfolio.open("data/demo").site("elm-road-lamps").known("network_kva")
        >>> round(known.years, 2), round(known.by_season["winter"].item(), 2), known.reasons
        (1.0, 1.0, ())
        """
        parts = [
            self._sessions_known() if name == "sessions" else _finite(getattr(self, name))
            for name in records
        ]
        return Known(_all(parts), self.timezone, " and ".join(_RECORDS[name] for name in records))

    @property
    def judged(self) -> Known:
        """The time in which all that is on record of the site is known at once.

        Its `reasons` say why nothing can be recommended, if so.
        """
        loads = ("network_kva", "residual_kw")
        own = [name for name in loads if getattr(self, name) is not None]
        return self.known(*(["sessions"] if len(self.sessions) or not own else []), *own)

    def _sessions_known(self) -> pd.Series:
        spans = self.session_spans
        if spans is None and self.sessions.empty:
            spans = ()
        elif spans is None:
            days = timebase.local_date(self.sessions["plug_in"], self.timezone).unique()
            spans = _day_spans(days.sort_values(), self.timezone)
        on = [
            pd.Series(True, timebase.grid(first, end, "30min").tz_localize(None))
            for first, end in spans
            if first < end
        ]
        if not on:
            return _NOTHING
        merged = pd.concat(on).sort_index()
        return merged[~merged.index.duplicated()].asfreq("30min", fill_value=False)

    def half_hours(self) -> pd.DataFrame:
        """Return the network's load and rating, a row a half hour, with its place on the clock.

        Returns
        -------
        pandas.DataFrame
            Indexed by `time` [UTC]: `load_kva` and `rating_kva` [kVA], `season` (of EREC P27),
            `day_type` ("weekday" or "weekend"), `half_hour` of the local day (0 to 47), `day` (the
            local date). A half hour with a missing part has no load.

        Raises
        ------
        UserError
            If the site has no network load or rating on record, or its steps are above 30 minutes.

        Examples
        --------
        >>> from scchelpers.portfolio import Portfolio
        >>> load = Portfolio.open("data/demo").site("elm-road-lamps").half_hours()
        >>> len(load), load["day_type"].unique().tolist()
        (17520, ['weekday', 'weekend'])
        """
        if self.network_kva is None or self.rating_kva is None:
            raise UserError(
                f"{self.site_id}: no network load or rating on record; name the asset of the site "
                "in sites.csv, its ratings in assets.csv, and import its load"
            )
        load = self.network_kva.to_series()
        step = load.index[1] - load.index[0]
        if step > timebase.HALF_HOUR or timebase.HALF_HOUR % step:
            raise UserError(
                f"{self.site_id}: the network load is in steps of {step}; half hours or finer are "
                "needed"
            )
        if step < timebase.HALF_HOUR:
            parts = load.resample(timebase.HALF_HOUR)
            load = parts.mean().where(parts.count() == timebase.HALF_HOUR // step)
        time = load.index.tz_localize("UTC")
        season = timebase.season(time, self.timezone)
        day_type = pd.Series(timebase.day_type(time, self.timezone)).map(_DAY_TYPE)
        return pd.DataFrame(
            {
                "load_kva": load.to_numpy(float),
                "rating_kva": pd.Series(season).map(self.rating_kva).to_numpy(float),
                "season": season,
                "day_type": day_type.to_numpy(),
                "half_hour": timebase.half_hour(time, self.timezone),
                "day": timebase.local_date(time, self.timezone),
            },
            index=load.index.rename("time"),
        )


_NOTHING = pd.Series(False, pd.DatetimeIndex([], name="time"), dtype=bool)


def _day_spans(days: pd.DatetimeIndex, timezone: str) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Return start and end [UTC] of the spans that days with sessions make, in local days."""
    apart = pd.Series(days).diff().dt.days.fillna(1)
    usual = apart.quantile(0.95) if len(apart) > 5 else np.inf
    found = pd.Series(days).groupby(((apart > 14) & (apart > 5 * usual)).cumsum())
    ends = pd.DataFrame({"first": found.first(), "end": found.last() + pd.Timedelta("1D")})
    naive = pd.DatetimeIndex(ends.to_numpy().ravel())
    return list(zip(*[iter(timebase.from_clock(naive, timezone)[0])] * 2, strict=True))


def _finite(load: xr.DataArray | None) -> pd.Series:
    """Return in which half hours a load has a value, at every asset and throughout."""
    if load is None or load.sizes["time"] < 2:
        return _NOTHING
    others = [dim for dim in load.dims if dim != "time"]
    on = np.isfinite(load).all(others).to_series()
    step = on.index.to_series().diff().min()
    if step <= timebase.HALF_HOUR:
        return on.resample(timebase.HALF_HOUR).sum() == timebase.HALF_HOUR // step
    grid = pd.date_range(on.index[0], on.index[-1] + step, freq="30min", inclusive="left")
    held = on.reindex(grid, method="ffill", tolerance=step - timebase.HALF_HOUR)
    return held.eq(True).rename_axis("time")


def _all(parts: list[pd.Series]) -> pd.Series:
    """Return where all of some series of half hours are true; outside of its span none is."""
    if not parts or any(part.empty for part in parts):
        return _NOTHING
    grid = pd.date_range(
        min(part.index[0] for part in parts),
        max(part.index[-1] for part in parts),
        freq="30min",
        name="time",
    )
    on = [part.reindex(grid, fill_value=False).to_numpy(bool) for part in parts]
    return pd.Series(np.logical_and.reduce(on), grid)


def _bridged(on: np.ndarray) -> np.ndarray:
    """Return known half hours with the gaps of up to `BRIDGED` between them filled."""
    edges = np.flatnonzero(np.diff(np.r_[True, on, True].astype(int)))
    filled = on.copy()
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        if first > 0 and end < len(on) and (end - first) * timebase.HALF_HOUR <= BRIDGED:
            filled[first:end] = True
    return filled


def _number(value) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)


def _own_sessions(given: pd.DataFrame) -> pd.DataFrame:
    """Return sessions of one's own with every column that a method reads."""
    needed = ("plug_in", "plug_out", "energy_kwh")
    lacking = [name for name in needed if name not in given]
    if lacking:
        raise UserError(
            f"sessions: no column {lacking[0]!r} among {', '.join(map(str, given.columns))}; "
            f"rename yours to {', '.join(needed)}"
        )
    rows = given.reset_index(drop=True).copy()
    for name in ("plug_in", "plug_out"):
        rows[name] = timebase.utc_index(rows[name])
    rows["energy_kwh"] = rows["energy_kwh"].astype(float)
    bad = rows.index[~((rows["plug_out"] > rows["plug_in"]) & (rows["energy_kwh"] >= 0))]
    if len(bad):
        row = rows.loc[bad[0]]
        raise UserError(
            f"sessions, row {bad[0]}: from {row['plug_in']} to {row['plug_out']} with "
            f"{row['energy_kwh']} kWh; each must end after it begins and have 0 kWh or more"
        )
    stay_h = (rows["plug_out"] - rows["plug_in"]) / pd.Timedelta("1h")
    if "max_kw" not in rows:
        rows["max_kw"] = np.maximum(7.4, rows["energy_kwh"] / stay_h)
    rows["session_id"] = rows.get("session_id", pd.Series(rows.index)).astype(str)
    rows["evse_id"] = rows.get("evse_id", pd.Series("socket-1", rows.index)).astype(str)
    return rows.sort_values(["plug_in", "session_id"], kind="stable").reset_index(drop=True)


def _own_load(given: pd.Series | None, name: str, unit: str) -> xr.DataArray | None:
    """Return a load of one's own [unit] over `time`."""
    if given is None:
        return None
    if not isinstance(given.index, pd.DatetimeIndex):
        raise UserError(
            f"{name}: its index holds {type(given.index[0]).__name__}, not times; read it with "
            "pd.read_csv(…, parse_dates=['time'], index_col='time')"
        )
    time = timebase.utc_index(given.index).tz_localize(None).rename("time")
    values = given.to_numpy(float)
    return xr.DataArray(values, {"time": time}, ("time",), name, {"units": unit})
