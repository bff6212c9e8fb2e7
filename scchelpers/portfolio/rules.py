"""What a row of a portfolio must keep to: tables, sessions, loads.

Reading, `scc check` and the importers follow the same rules: a faulty row never reaches a figure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import plausible, tables
from scchelpers.portfolio.frames import choice, dates, numbers
from scchelpers.timebase import utc_index, zone

# Identifiers that become folder names: the rest need only be printable.
_PATHS = ("site_id", "asset_id", "parent_id", "network_id")

_UNIQUE = "must be unique"


def table_faults(raw: pd.DataFrame, columns: tuple[tables.Column, ...], file: str) -> list[Fault]:
    """Return the faults of a raw table's header and values.

    Parameters
    ----------
    raw : pandas.DataFrame
        Text, indexed by row number, see `frames.read_csv`.
    columns : tuple of Column
        Its definition.
    file : str
        Name for faults.
    """
    faults = header_faults(raw.columns, columns, file)
    for column in columns:
        if column.name in raw:
            faults += _value_faults(raw, column, file)
    place = [c.name for c in tables.PLACE if c in columns]
    given = raw.reindex(columns=place, fill_value="") != ""
    half = given[given.any(axis=1) & ~given.all(axis=1)] if place else given
    sites = raw.get("site_id", pd.Series("", index=raw.index))
    faults += [
        Fault(file, int(row), name, "", "should stand beside the other of the two",
              "fill it in, or clear the other: half a place is not drawn", "note", sites[row])
        for row, known in half.iterrows() for name in place if not known[name]
    ]  # fmt: skip
    return faults


def header_faults(found: Iterable[str], columns, file: str) -> list[Fault]:
    """Return the faults of a table's column names; the closest known name is suggested."""
    found = list(found)
    known = [column.name for column in columns]
    absent = [name for name in known if name not in found]
    faults = []
    for name in found:
        if name in known:
            continue
        hint = closest(name, absent)
        faults.append(
            Fault(
                file,
                1,
                name,
                name,
                "must be a column that docs/portfolio.md names",
                f"{hint} Rename it" if hint else "nothing to do: it is kept but not read",
                "error" if hint else "note",
            )
        )
    for column in columns:
        if column.required and column.name in absent:
            hint = closest(column.name, [name for name in found if name not in known])
            remedy = f"add a column {column.name!r} ({column.meaning}) {hint}".rstrip()
            faults.append(Fault(file, 1, column.name, "", "the column is required", remedy))
    return faults


def _value_faults(raw: pd.DataFrame, column: tables.Column, file: str) -> list[Fault]:
    text = raw[column.name].to_numpy(object)  # a site's few rows: labels would cost the most
    given = text != ""
    faults: list[Fault] = []
    if not (given.any() or column.required):
        return faults

    def add(bad, rule, remedy):
        for at in np.flatnonzero(bad):
            value, row = text[at], raw.index[at]
            site = raw["site_id"].iloc[at] if "site_id" in raw else ""
            said = remedy(value) if callable(remedy) else remedy
            faults.append(Fault(file, int(row), column.name, value[:80], rule, said, "error", site))

    def each(told) -> np.ndarray:
        return np.array([told(value) for value in text], bool)

    if column.required:
        add(~given, "a value is required", f"fill in: {column.meaning} [{column.unit}]")
    if column.kind in ("number", "integer"):
        read = numbers(raw[column.name]).to_numpy()
        plain = f"write a plain number [{column.unit}] such as 7.4, without unit or separators"
        add(given & np.isnan(read), "must be a number", plain)
        if column.kind == "integer":
            whole = np.isnan(read) | (read % 1 == 0)
            add(given & ~whole, "must be a whole number", f"write a whole number: {column.meaning}")
            if column.choices:
                allowed = np.isin(read, [float(c) for c in column.choices])
                rule = f"must be one of {', '.join(column.choices)}"
                add(~np.isnan(read) & whole & ~allowed, rule, f"write {column.meaning}")
        low, high = column.low, column.high
        if low is not None:
            add(
                read < low,
                f"must be {low:g} {column.unit} or more",
                "correct the value or its unit",
            )
        if high is not None:
            remedy = "correct the value or its unit"
            add(read > high, f"must be {high:g} {column.unit} or less", remedy)
    elif column.kind == "choice":
        rule = f"must be one of {', '.join(column.choices)}"
        bad = given & ~each(lambda value: choice(value) in column.choices)
        add(bad, rule, lambda value: closest(choice(value), column.choices) or "choose one of them")
    elif column.kind == "id" and column.name in _PATHS:
        bad = given & ~each(tables.is_id)
        rule = f"must be fit for a path: {tables.ID_RULE}"
        add(bad, rule, lambda value: f"write such as {tables.as_id(value)!r}")
    elif column.kind == "id":
        bad = given & ~each(tables.is_label)
        add(bad, f"must be {tables.LABEL_RULE}", "rename it here and in the sessions")
    elif column.kind == "date":
        add(
            given & dates(raw[column.name]).isna().to_numpy(),
            "must be a day",
            "write YYYY-MM-DD such as 2025-03-31",
        )
    elif column.name == "timezone":
        for name in dict.fromkeys(text[given]):
            try:
                zone(name)
            except UserError:
                add(text == name, "must be an IANA time zone", "write such as 'Europe/London'")
    return faults


def unique_faults(raw: pd.DataFrame, key: str, file: str) -> list[Fault]:
    """Return faults for identifiers that stand twice, or that differ only in upper and lower case.

    The second holds for identifiers that become folder names: some systems make one of the two.
    """
    if key not in raw:
        return []
    text = raw.loc[raw[key] != "", key]
    sites = raw.get("site_id", pd.Series("", index=raw.index))
    faults = []
    for rule, values, remedy in (
        (_UNIQUE, text, "rename or delete one"),
        ("must be unique regardless of case", text.str.lower(), "rename one: folders may clash"),
    ):
        if rule != _UNIQUE and key not in _PATHS:
            continue
        for _, same in text.groupby(values):
            if len(same) < 2 or (rule != _UNIQUE and same.nunique() < 2):
                continue
            rows = ", ".join(str(row) for row in same.index[:5])
            faults += [
                Fault(
                    file,
                    int(row),
                    key,
                    value[:80],
                    rule,
                    f"rows {rows}: {remedy}",
                    "error",
                    sites[row],
                )
                for row, value in same.items()
            ]
    return faults


def reference_faults(
    raw: pd.DataFrame, column: str, known: Collection[str], file: str, target: str
) -> list[Fault]:
    """Return faults for values that refer to a row which `target` does not have."""
    if column not in raw:
        return []
    bad = raw.loc[(raw[column] != "") & ~raw[column].isin(list(known)), column]
    sites = raw.get("site_id", pd.Series("", index=raw.index))
    hints = {value: closest(value, known) for value in bad.unique()}
    return [
        Fault(
            file,
            int(row),
            column,
            value[:80],
            f"must be in {target}",
            hints[value] or f"add it to {target}, or correct it here",
            "error",
            sites[row],
        )
        for row, value in bad.items()
    ]


def coverage_faults(raw: pd.DataFrame) -> list[Fault]:
    """Return the faults of spans of days on record."""
    file = "coverage.csv"
    faults = table_faults(raw, tables.COVERAGE, file)
    if {"first_day", "last_day", "site_id"} <= set(raw):
        late = raw[dates(raw["last_day"]) < dates(raw["first_day"])]
        rule, remedy = "must not lie before first_day", "correct one of the two, or import again"
        faults += [
            Fault(file, int(row), "last_day", day[:80], rule, remedy, "error", site)
            for row, day, site in late[["last_day", "site_id"]].itertuples()
        ]
    return faults


def cycle_faults(assets: pd.DataFrame, file: str) -> list[Fault]:
    """Return faults for assets that, followed by parent_id, feed themselves."""
    if not {"asset_id", "parent_id"} <= set(assets.columns):
        return []
    parents = dict(zip(assets["asset_id"], assets["parent_id"], strict=True))
    faults = []
    clear: set[str] = set()
    for start in parents:
        path, asset = [], start
        while asset in parents and asset not in clear and asset not in path:
            path.append(asset)
            asset = parents[asset]
        if asset in path:
            ring = path[path.index(asset) :]
            row = int(assets.index[assets["asset_id"] == asset][0])
            way = " → ".join([*ring[:8], asset])
            rule = "an asset must not feed itself"
            faults.append(
                Fault(file, row, "parent_id", way, rule, "correct one parent_id of the ring")
            )
        clear.update(path)
    return faults


def values_of(raw: pd.DataFrame, key: str) -> list[str]:
    """Return the distinct values of a column, none if it is not there."""
    return raw.loc[raw[key] != "", key].unique().tolist() if key in raw else []


# What a session may exceed rating × time by. Stamps cut to the minute hide up to one minute of a
# stay, and a rating is nominal: the supply may lie 10 % above 230 V (ESQC Regulations 2002).
_ROUNDING = pd.Timedelta("1min")

_OVER_RATING = 1.10

FIRST, LAST = pd.Timestamp("2000-01-01", tz="UTC"), pd.Timestamp("2100-01-01", tz="UTC")

ENERGY_RULE = "must not exceed rating × time (10 % and 1 minute are allowed)"

OVERLAP_RULE = "must not overlap another session on the same EVSE"

_UNIQUE_RULE = "session_id must be unique"

_UNREAD = {
    "unreadable": ("must be readable", "write a number, or an ISO 8601 stamp with its zone"),
    "ambiguous": ("must not lie in the repeated hour of the autumn clock change", "give UTC"),
    "nonexistent": ("must not lie in the skipped hour of the spring clock change", "give UTC"),
}


def set_aside(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    *,
    doubt: pd.DataFrame | None = None,
    file: str = "sessions.parquet",
) -> tuple[pd.DataFrame, list[Fault]]:
    """Part the sessions that can be analysed from those that would falsify a figure.

    Parameters
    ----------
    sessions : pandas.DataFrame
        Columns of `tables.SESSIONS`; the index plus 1 is the row that a fault names.
    chargepoints : pandas.DataFrame
        evse_id, site_id and rated_kw [kW] of every EVSE that a session may name.
    doubt : pandas.DataFrame, optional
        What could not be read, see `frames.typed_sessions`.
    file : str
        Name for faults.

    Returns
    -------
    kept : pandas.DataFrame
        The sound rows, in their order. Of sessions that overlap on an EVSE as many are kept as
        can be; of a repeated session_id the first sound row.
    faults : list of Fault
        Every fault of every row left out, severity "set aside", rule by rule.

    Examples
    --------
    >>> posts = pd.DataFrame({"evse_id": ["e1"], "site_id": ["s"], "rated_kw": [7.0]})
    >>> stays = pd.DataFrame({
    ...     "session_id": ["a", "b"], "evse_id": ["e1", "e1"], "site_id": ["s", "s"],
    ...     "plug_in": pd.to_datetime(["2026-11-24T08:00Z", "2026-11-24T12:00Z"]),
    ...     "plug_out": pd.to_datetime(["2026-11-24T10:00Z", "2026-11-24T13:00Z"]),
    ...     "energy_kwh": [14.0, 20.0], "max_kw": [None, None]})
    >>> kept, faults = set_aside(stays, posts)
    >>> kept["session_id"].tolist(), faults[0].field, faults[0].value
    (['a'], 'energy_kwh', '20.0')
    """
    faults: list[Fault] = []
    sound = np.ones(len(sessions), dtype=bool)
    sites = sessions["site_id"].to_numpy(dtype=object)

    def refuse(bad, field, rule, remedy):
        at = np.flatnonzero(bad)
        sound[at] = False
        values = sessions[field].iloc[at]
        said = remedy if isinstance(remedy, list) else [remedy] * len(at)
        for row, value, site, how in zip(sessions.index[at], values, sites[at], said, strict=True):
            text = "" if pd.isna(value) else str(value)[:80]
            faults.append(
                Fault(file, int(row) + 1, field, text, rule, how, "set aside", str(site or ""))
            )

    unread = np.zeros(len(sessions), dtype=bool)
    for field in () if doubt is None else doubt.columns:
        reasons = doubt[field].to_numpy()
        for reason, (rule, remedy) in _UNREAD.items():
            refuse(reasons == reason, field, rule, remedy)
        unread |= (reasons != "") & (field != "max_kw")
    for column in tables.SESSIONS:
        if column.required:
            blank = sessions[column.name].isna()
            if column.kind == "id":
                blank |= sessions[column.name] == ""
            refuse(blank & ~unread, column.name, "a value is required", "fill in or delete the row")

    posts = chargepoints.drop_duplicates("evse_id").set_index("evse_id")
    evses = sessions["evse_id"].to_numpy(dtype=object)
    place = posts.index.get_indexer(pd.Index(evses))
    known = place >= 0
    home = np.where(known, _at(posts["site_id"], place), None)
    remedy = "add the EVSE to chargepoints.csv, or correct it here"
    refuse(~known & sessions["evse_id"].notna(), "evse_id", "must be in chargepoints.csv", remedy)
    stray = known & (home != sites)
    where = [f"chargepoints.csv has it at {site!r}; correct one of the two" for site in home[stray]]
    refuse(stray, "evse_id", "must be at the site of its EVSE", where)

    plug_in, plug_out = sessions["plug_in"], sessions["plug_out"]
    for field in ("plug_in", "plug_out"):
        absurd = (sessions[field] < FIRST) | (sessions[field] >= LAST)
        refuse(absurd, field, "must lie between 2000 and 2100", "correct the stamp")
    swap = "correct the two stamps; the day and the month may be swapped"
    refuse(plug_out <= plug_in, "plug_out", "must be after plug_in", swap)

    energy, max_kw = sessions["energy_kwh"].astype(float), sessions["max_kw"].astype(float)
    rule, remedy = "must be 0 kWh or more", "correct the value or delete the row"
    refuse((energy < 0) | np.isinf(energy), "energy_kwh", rule, remedy)
    refuse(
        (max_kw <= 0) | np.isinf(max_kw),
        "max_kw",
        "must be above 0 kW",
        "leave it blank if unknown",
    )
    rated_kw = np.where(known, _at(posts["rated_kw"], place), np.nan).astype(float)
    stay_h = ((plug_out - plug_in + _ROUNDING) / pd.Timedelta("1h")).to_numpy()
    most = rated_kw * stay_h * _OVER_RATING
    over = (energy.to_numpy() > most) & (plug_out > plug_in).to_numpy() & ~np.isinf(energy)
    said = [
        f"{kw:g} kW give at most {kwh:.1f} kWh here; correct energy, stamps or rating"
        for kw, kwh in zip(rated_kw[over], most[over], strict=True)
    ]
    refuse(over, "energy_kwh", ENERGY_RULE, said)
    powerless = known & np.isnan(rated_kw) & max_kw.isna().to_numpy()
    refuse(powerless, "max_kw", "max_kw or the EVSE's rated_kw must be known", "give the rating")

    again, first = _repeats(sessions, sound)
    refuse(
        again,
        "session_id",
        _UNIQUE_RULE,
        [f"row {row + 1} has it too; rename or delete one" for row in first],
    )
    _refuse_overlaps(sessions, sound, refuse)
    return sessions[sound], faults


def counts(faults: Iterable[Fault]) -> dict[str, int]:
    """Return how many rows were set aside by rule; a row counts once, under its first rule."""
    first = {}
    for fault in faults:
        first.setdefault((fault.file, fault.row), fault.rule)
    return {str(k): int(v) for k, v in pd.Series(first, dtype=object).value_counts().items()}


def _at(values: pd.Series, place: np.ndarray) -> np.ndarray:
    """Return the values at places; where there is no value at all, missing."""
    if values.empty:
        return np.full(len(place), None)
    return values.to_numpy(dtype=object)[place]


def _repeats(sessions: pd.DataFrame, sound: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return which rows repeat a session_id, and the row kept for each: the first sound one."""
    ids = sessions["session_id"]
    order = np.argsort(~sound, kind="stable")
    again = np.zeros(len(sessions), dtype=bool)
    again[order] = ids.iloc[order].duplicated().to_numpy() & ids.iloc[order].notna().to_numpy()
    keeper = pd.Series(sessions.index[~again], index=ids[~again])
    keeper = keeper[~keeper.index.duplicated()]
    return again, keeper.reindex(ids[again]).tolist()


def _refuse_overlaps(sessions: pd.DataFrame, sound: np.ndarray, refuse) -> None:
    """Set aside the fewest sessions that leave each EVSE with one car at a time."""
    at = np.flatnonzero(sound)
    nanoseconds = {
        # A stamp beyond what nanoseconds can hold is refused already.
        name: utc_index(sessions[name].clip(FIRST, LAST)).as_unit("ns").asi8
        for name in ("plug_in", "plug_out")
    }
    rows = pd.DataFrame(
        {
            "evse": pd.factorize(sessions["evse_id"].iloc[at])[0],
            "start": nanoseconds["plug_in"][at],
            "end": nanoseconds["plug_out"][at],
            "at": at,
        }
    )
    by_start = rows.sort_values(["evse", "start"], kind="stable")
    same = by_start["evse"].to_numpy()[1:] == by_start["evse"].to_numpy()[:-1]
    clash = same & (by_start["end"].to_numpy()[:-1] > by_start["start"].to_numpy()[1:])
    busy = by_start.loc[by_start["evse"].isin(by_start["evse"].to_numpy()[1:][clash])]
    # Keeping, of those left, the session that ends first keeps the most sessions.
    busy = busy.sort_values(["evse", "end", "start"], kind="stable")
    bad = np.zeros(len(sessions), dtype=bool)
    other = {}
    last_evse, last_end, last_at = -1, None, -1
    for evse, start, end, at in busy.itertuples(index=False):
        if evse == last_evse and start < last_end:
            bad[at], other[at] = True, last_at
        else:
            last_evse, last_end, last_at = evse, end, at
    said = [
        f"row {sessions.index[other[at]] + 1} (session {sessions['session_id'].iloc[other[at]]!r}) "
        f"holds EVSE {sessions['evse_id'].iloc[at]!r} until "
        f"{sessions['plug_out'].iloc[other[at]]}; correct the stamps or delete one"
        for at in np.flatnonzero(bad)
    ]
    refuse(bad, "plug_in", OVERLAP_RULE, said)


_CONTRADICTION = "must hold min ≤ mean ≤ max"

_SLACK = 1e-3  # share of the value that rounding to 32 bits or to a printed decimal may cost

_ABSURD = 10  # times the rating


def load_faults(
    load: xr.Dataset, group: str, series_id: str, rating_kva: float | None = None
) -> list[Fault]:
    """Return the faults of one load series.

    Parameters
    ----------
    load : xarray.Dataset
        Variables of `tables.LOADS[group]` over `time` (UTC).
    group : str
        A group of `tables.LOADS`.
    series_id : str
        Site or asset.
    rating_kva : float, optional
        Largest rating of the asset [kVA].
    """
    file = f"loads.zarr/{group}/{series_id}"
    site = "" if group == "network_kva" else series_id

    def fault(field, rule, remedy, value="", row=None, severity="error"):
        return Fault(file, row, field, str(value)[:80], rule, remedy, severity, site)

    if group not in load:
        hint = closest(group, map(str, load.data_vars))
        return [fault(group, "the variable is required", hint or f"write {group!r} over time")]
    mean = load[group]
    if mean.dims != ("time",):
        return [fault(group, "must lie over the one dimension time", "write it so", mean.dims)]
    faults = [
        fault(name, "must be a variable that docs/portfolio.md names", hint, name, None, "note")
        for name in map(str, load.data_vars)
        if name not in tables.LOADS[group]
        for hint in [closest(name, tables.LOADS[group]) or "nothing to do: it is not read"]
    ]
    for name, (unit, _) in tables.LOADS[group].items():
        if name in load and not np.issubdtype(load[name].dtype, np.number):
            return [fault(name, "must be numbers", "write floats", load[name].dtype)]
        if name in load and (told := load[name].attrs.get("stored_in")):
            rule = f"is stored in {told}, as its attribute units says: read as {unit}"
            value = f"largest {float(load[name].max()):,.4g} {unit}"
            faults.append(fault(name, rule, "correct the attribute if not", value, None, "note"))
    if "time" not in load.coords or not np.issubdtype(load["time"].dtype, np.datetime64):
        return [*faults, fault("time", "must be instants in UTC", "write a time coordinate")]
    stamps = _stamp_faults(load, fault)
    if any(f.severity == "error" for f in stamps):
        return faults + stamps
    return faults + stamps + _power_faults(load, group, rating_kva, fault)


def _stamp_faults(load: xr.Dataset, fault) -> list[Fault]:
    times = load["time"].to_numpy()
    if len(times) < 2 or np.isnat(times).any():
        remedy = "write the start of every interval [UTC]"
        return [fault("time", "must hold two stamps or more and none missing", remedy, len(times))]
    steps = np.diff(times)
    zero = np.timedelta64(0, "s")
    back, twice = np.flatnonzero(steps < zero) + 1, np.flatnonzero(steps == zero) + 1
    faults = []
    for bad, rule, remedy in (
        (back, "stamps must rise", "sort the series by time"),
        (twice, "stamps must be unique", "delete one of the two; were they local clock times?"),
    ):
        if len(bad):
            more = f"{remedy} ({len(bad)} such stamps, the first named here)"
            faults.append(fault("time", rule, more, _stamp(times[bad[0]]), int(bad[0]) + 1))
    if faults:
        return faults
    step = _step(times)
    odd = np.flatnonzero(steps % step != zero) + 1
    if len(odd) or np.timedelta64(1, "D") % step != zero:
        row = int(odd[0]) if len(odd) else 0
        remedy = f"average onto even intervals that divide a day ({len(odd)} odd steps)"
        return [fault("time", "steps must be even", remedy, _stamp(times[row]), row + 1)]
    if (times[0] - times[0].astype("datetime64[D]")) % step != zero:
        remedy = f"average onto intervals that start at 00:00 UTC and every {_minutes(step)} after"
        return [fault("time", "must lie on the UTC grid", remedy, _stamp(times[0]), 1)]
    if not np.timedelta64(1, "m") <= step <= np.timedelta64(30, "m"):
        remedy = "give 1 to 30 minutes: longer means hide peaks"
        faults.append(
            fault("time", "step must be 1 to 30 min", remedy, _minutes(step), None, "note")
        )
    gaps = np.flatnonzero(steps > step) + 1
    if len(gaps):
        lost = int((steps[gaps - 1] // step - 1).sum())
        remedy = f"{len(gaps)} gaps, {lost} intervals in all, are read as missing; fill if you can"
        at = int(gaps[0])
        faults.append(
            fault("time", "should have no gaps", remedy, _stamp(times[at - 1]), at, "note")
        )
    return faults


def _power_faults(load: xr.Dataset, group: str, rating_kva, fault) -> list[Fault]:
    mean = load[group].to_numpy().astype(float)
    known = mean[np.isfinite(mean)]
    if np.isinf(mean).any():
        row = int(np.flatnonzero(np.isinf(mean))[0]) + 1
        return [fault(group, "must be finite", "write a missing value as NaN", "inf", row)]
    if not len(known):
        return [fault(group, "must hold a value", "give the load or delete the series")]
    faults = []
    if len(known) < len(mean):
        value = f"{1 - len(known) / len(mean):.1%} missing"
        remedy = "missing stays missing; fill if you can"
        faults.append(fault(group, "should have no missing values", remedy, value, None, "note"))
    if not known.any():
        remedy = "delete the series if the load is not known"
        faults.append(fault(group, "should not be zero throughout", remedy, "0", None, "note"))
    size = np.abs(np.where(np.isfinite(mean), mean, 0))
    if rating_kva and size.max() > _ABSURD * rating_kva:
        row = int(size.argmax())
        value = f"{mean[row]:g}"
        remedy = f"the rating is {rating_kva:g} kVA; is the series in W or VA? Give kVA"
        faults.append(fault(group, f"must not exceed {_ABSURD} × rating", remedy, value, row + 1))
    doubts = {} if group == "setpoint_kw" else plausible.load_doubts(mean)
    for check in ("size", "sign", "register", "spike"):
        # A day may well only rise; a week of half hours does not.
        if check in doubts and (check == "size" or len(known) >= 336):
            rule, remedy = f"should be plausible: {doubts[check]}", plausible.LOADS[check].remedy
            severity = "error" if check == "size" else "note"
            faults.append(fault(group, rule, remedy, "", None, severity))
    for row in np.flatnonzero(_contradictions(load, group)):
        value = f"{mean[row]:g} at {_stamp(load['time'].to_numpy()[row])}"
        remedy = "correct the mean, the largest or the smallest value"
        faults.append(fault(group, _CONTRADICTION, remedy, value, int(row) + 1, "set aside"))
    return faults


def _contradictions(load: xr.Dataset, group: str) -> np.ndarray:
    """Return the intervals whose mean is above their largest or below their smallest value."""
    mean = load[group].to_numpy().astype(float)
    stem, unit = group.rsplit("_", 1)
    slack = _SLACK * np.abs(mean) + _SLACK
    bad = np.zeros(len(mean), dtype=bool)
    for name, sign in ((f"{stem}_max_{unit}", 1), (f"{stem}_min_{unit}", -1)):
        if name in load:
            bad |= sign * (mean - load[name].to_numpy()) > slack
    return bad


def sound(load: xr.Dataset, group: str) -> xr.Dataset:
    """Return a load without contradictory intervals, on its unbroken grid; what lacks is NaN.

    Parameters
    ----------
    load : xarray.Dataset
        A series without errors, see `load_faults`.
    group : str
        A group of `tables.LOADS`.
    """
    attrs = {name: load[name].attrs for name in load.data_vars}
    load = load.where(xr.DataArray(~_contradictions(load, group), dims="time"))
    times = load["time"].to_numpy()
    whole = np.arange(times[0], times[-1] + _step(times), _step(times))
    load = load.reindex(time=whole)
    for name, kept in attrs.items():
        load[name].attrs = kept
    return load


def _step(times: np.ndarray) -> np.timedelta64:
    steps, often = np.unique(np.diff(times), return_counts=True)
    return steps[often.argmax()]


def _stamp(time: np.datetime64) -> str:
    return utc_index(np.array([time]))[0].isoformat()


def _minutes(step: np.timedelta64) -> str:
    return f"{pd.Timedelta(step) / pd.Timedelta('1min'):g} min"
