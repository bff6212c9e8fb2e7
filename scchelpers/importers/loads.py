"""Load tables of any shape to one row a series and interval: UTC, at the interval's start.

A row an interval, or a row a day with 46 to 50 half hours across; stamps, dates with times, or
settlement periods. What the table tells is taken and said; what it does not tell is asked for.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from scchelpers.importers import layouts, mending, values
from scchelpers.importers.account import Account
from scchelpers.importers.layouts import Pick
from scchelpers.importers.table import Sheet
from scchelpers.portfolio import plausible, tables
from scchelpers.timebase import LONDON, zone

HALF_HOUR, MIN, DAY = pd.Timedelta("30min"), pd.Timedelta("1min"), pd.Timedelta("1D")
_GROUPS = {
    "network": "network_kva",
    "site": "residual_kw",
    "import": "import_kw",
    "setpoint": "setpoint_kw",
}
_REACTIVE = {"ri", "re", "lag", "lead", "kvarh", "reactive energy", "reactive", "ae"}
_TO_K = {
    "w": 1e-3,
    "kw": 1.0,
    "mw": 1e3,
    "va": 1e-3,
    "kva": 1.0,
    "mva": 1e3,
    "wh": 1e-3,
    "kwh": 1.0,
    "mwh": 1e3,
}
_METERS = ("mpan", "mpxn", "mprn", "mpr", "meter", "substation", "feeder", "site", "name")
_ASSETS = {
    *("id", "site", "mpan", "mpxn", "mpr", "mprn", "meter", "name", "substation", "feeder"),
    *("tx", "transformer", "asset", "device", "primary", "gsp"),
}
_ACROSS = (24, 46, 48, 50, 96, 144, 288)  # intervals of a day that a row may hold


@layouts.of_columns("loads")
class LoadOptions(layouts.Options):
    """What the user may tell of load tables; `time=` and the like name a column."""

    of: Literal["network", "site", "import", "setpoint"] = Field(
        "network", description="a network asset [kVA], a site without charging [kW], its meter, "
        "or the limits sent to it",
    )  # fmt: skip
    series: str | None = Field(None, description="name of the asset or site, or its column")
    net: str | None = Field(None, description="import-export: the one less the other")
    sum: str | None = Field(None, description="column whose values (phases) are added up")
    unit: str | None = None
    power_factor: float | None = Field(None, ge=0.5, le=1)
    voltage_kv: float | None = Field(None, gt=0, le=400)
    phases: Literal["1", "3"] = "3"
    rating_kva: float | None = Field(None, gt=0, description="of the asset, in every season")
    timezone: str | None = None
    label: Literal["start", "end"] | None = None
    dates: str | None = Field(None, description=f"one of {', '.join(values.STYLES)}")
    sign: Literal["as-printed", "import-negative"] | None = None
    step: str | None = None
    cumulative: Literal["yes", "no"] | None = Field(None, description="a meter's register")
    straight: int = Field(8, ge=0, description="intervals on a line that count as a filled gap")
    frozen: int | None = Field(None, ge=0, description="equal values that count as frozen")
    clip: float | None = Field(None, description="value at which the meter saturates")
    zero_gaps: bool = False

    @property
    def group(self) -> str:
        """Group of `tables.LOADS`."""
        return _GROUPS[self.of]


def read(sheet: Sheet, options: LoadOptions) -> tuple[pd.DataFrame, Account]:
    """Return the intervals of a load table and what was read as what.

    Columns: group, series, time [UTC], step, value, max, min [kW or kVA, as the group]. Where the
    account refuses, the rows are not to be used.
    """
    return _Reading(sheet, options).read()


def slots(names) -> tuple[list[str], list[int], str]:
    """Return the columns that are intervals of a day, their minutes or numbers, and which of both.

    Examples
    --------
    >>> slots([f"HH{n:02d}" for n in range(1, 49)])[1:][1], slots(["time", "kW"])[0]
    ('numbers', [])
    """
    times, numbers = [], []
    for name in names:
        bare = name.strip("[] ")
        pattern = r"(?:consumption |h)?(\d{1,2}):?(\d\d)(?::00)?(?: ?[AP]M)?"
        found = re.fullmatch(pattern, bare, re.I)
        if found and int(found[1]) <= 24 and int(found[2]) in range(0, 60, 5):
            times.append((name, int(found[1]) * 60 + int(found[2])))
        pattern = r"(?:consumption ?\(kwh\) ?)?(?:hh|p|id|kwh_?|interval_|period )?0?(\d{1,2})"
        found = re.fullmatch(pattern, bare, re.I)
        if found and 1 <= int(found[1]) <= 50:
            numbers.append((name, int(found[1])))
    if len(times) >= 44:  # a name "30" among 100, 130 … 2400 is half past midnight
        known = {minutes for _, minutes in times}
        times = [(n, 30) for n in names if n.strip("[] ") == "30" and 30 not in known] + times
    if (
        len(times) == 50
    ):  # room for the long day: the columns count half hours, whatever their names
        numbers, times = [(name, i + 1) for i, (name, _) in enumerate(times)], []
    best, by = max(((times, "times"), (numbers, "numbers")), key=lambda x: len(x[0]))
    if len(best) < 44 and len(best) != 24:
        return [], [], ""
    return [name for name, _ in best], [value for _, value in best], by


class _Reading(layouts.Reading):
    """The steps by which a load table is read."""

    what = "loads"

    def rows(self) -> pd.DataFrame:
        """Return the intervals of the table."""
        options, layout, account = self.options, self.layout, self.account
        self.fates: Counter = Counter()
        self.across_step, self.assets, self.names = HALF_HOUR, {}, {}
        n_read = len(self.frame)
        names, self.across, self.by = slots(self.frame.columns)
        if names and options.load is None:
            self._lengthen(names)
        else:
            self.across, self.by = [], ""
            self.resolve(self.frame)
        if layout and layout.missing:
            self.frame = self.frame.replace(dict.fromkeys(layout.missing, ""))
        self._keep_rows()
        self.print(self.frame)
        if not {"time", "date", "end"} & set(self.picks):
            listed = ", ".join(self.sheet.frame.columns[:10])
            self.ask(
                "time",
                f"no column is understood as the time; columns: {listed}",
                "time=COLUMN (or date=COLUMN and clock_time=COLUMN)",
            )
        value, extremes, unit, kva = self._values()
        naive, period = self._stamps()
        self.role = next(r for r in ("time", "date", "end") if r in self.picks)
        out = pd.DataFrame({"naive": naive, "value": value, "flag": self.text.get("flag", "")})
        out = out.assign(**extremes, period=period)
        out["series"] = self._series(naive, period)
        step = self._step(out)
        label = self._label(out, step)
        out["time"] = self._to_utc(out, step, label)
        if label == "end" and period.isna().all():
            out["time"] -= step
        for column, kept in layout.ends.items() if layout and not options.label else ():
            if column not in self.frame:
                continue
            out.loc[self.frame[column].isin(kept), "time"] -= step
            account.note(f"stamps of {' and '.join(kept)} are the ends of intervals")
        out = self._phases_added(out)
        hours = step / pd.Timedelta("1h")
        columns = [c for c in ("value", "max", "min") if c in out]
        if unit.endswith("wh"):
            out[columns] /= hours
        self._register(out)
        self._signs(out, columns)
        factor = self._to_group(kva)
        out[columns] *= factor
        out = self._sound(out, step)
        out["group"], out["step"] = options.group, step
        self._plausible(out)
        for name in ("max", "min"):
            out[name] = out.get(name, np.nan)
        if len(out):
            first = out.iloc[0]
            unit = tables.LOADS[options.group][next(iter(tables.LOADS[options.group]))][0]
            self.first_read = {
                "load": f"{first['value']:.4g} {unit}", "active": f"{first['value']:.4g} {unit}",
                self.role: f"{first['time']:%Y-%m-%d %H:%M} UTC",
            }  # fmt: skip
        columns = ["group", "series", "time", "step", "value", "max", "min"]
        rows = out[columns].reset_index(drop=True)
        rows.attrs = {}
        self.account.about = {
            "read": int(len(out) + sum(self.fates.values()))
            if self.across or self.fates
            else n_read,
            "set_aside": {k: int(v) for k, v in self.fates.items() if v},
            "assets": self.assets,
            "names": self.names,
        }
        return rows

    # The table ------------------------------------------------------------------------------

    def _lengthen(self, names: list[str]) -> None:
        """Turn a row a day with its half hours across into a row a half hour."""
        frame, account, layout = self.frame, self.account, self.layout
        by_times = self.by == "times"
        count = 48 if not by_times or 44 <= len(names) <= 50 else len(names)
        self.across_step = DAY / count
        minutes = 1440 // count
        grid = [x // minutes for x in self.across] if by_times else self.across
        steps = [(b - a) % count for a, b in itertools.pairwise(grid)]
        uneven = "" if all(s == 1 for s in steps) else ", not one after another"
        account.judge("half hours", bool(uneven) or len(names) not in _ACROSS,
                      f"{len(names)} across, {names[0]} … {names[-1]}{uneven}")  # fmt: skip
        at = {c: i for i, c in enumerate(frame.columns)}
        flags = self._flags_beside(frame, names, at)
        extra = [c for c in frame.columns if re.match(r"(?i)(time change|dst) ?[+\d]", c.strip())]
        if any(frame[c].str.strip().ne("").any() for c in extra):
            account.judge("long day", True, f"{', '.join(extra[:2])} hold the repeated hour of "
                          "autumn", level="note")  # fmt: skip
        keep = [c for c in frame.columns if c not in names and c not in flags and c not in extra]
        spare = r"(?i)(ut|kvarh?_?)\d+|.* \(\d\)"
        rest = [c for c in keep if not slots([c] * 44)[0] and not re.fullmatch(spare, c)]
        cells = frame[names].to_numpy().ravel()
        days = frame[rest].loc[frame.index.repeat(len(names))].reset_index(drop=True)
        long = days.assign(**{"the half hours": pd.Series(cells, dtype="str")})
        if flags:
            long["flag beside"] = pd.Series(frame[flags].to_numpy().ravel(), dtype="str")
        self.resolve(frame[rest])
        if not {"date", "time"} & set(self.picks):
            told, self.layout = self.layout, None
            picks = self.picks
            self.resolve(frame[rest])
            self.layout, self.picks = told, self.picks | picks
        picks = self.picks
        none = "load import export reactive active period clock_time max min end"
        for role in none.split():
            picks.pop(role, None)
        if "time" in picks and "date" not in picks:
            picks["date"] = picks["time"].model_copy(update={"role": "date"})
        picks.pop("time", None)
        number = np.tile(self.across, len(frame))
        if by_times:
            ends = 1440 in self.across or (0 in self.across and self.across[-1] == 0)
            clock = [
                "24:00" if ends and m == 0 else f"{m // 60:02d}:{m % 60:02d}" for m in self.across
            ]
            long["half hour"] = pd.Series(np.tile(clock, len(frame)), dtype="str")
            role = "clock_time"
        else:
            long["half hour"] = pd.Series(number.astype(str), dtype="str")
            role = "period"
        named = "names of the columns"
        picks[role] = Pick(role=role, column="half hour", by=named)
        if flags:
            picks["flag"] = Pick(role="flag", column="flag beside", by="the columns beside")
        told = layout.columns["load"].unit if layout and "load" in layout.columns else None
        unit = told or layouts.unit_in(names[0])
        unit = unit or next((u for c in rest if (u := layouts.unit_in(c)) in _TO_K), None)
        meter = [c for c in rest if any(w.startswith(("mpan", "mpxn")) for w in layouts.words(c))]
        if not unit and "unit" not in picks and meter:
            unit = "kwh"
            account.note(f"unit: kWh assumed, as {meter[0]} tells meter data; unit=… if not")
        picks["load"] = Pick(role="load", column="the half hours", unit=unit, by=named)
        account.note(f"a row a day with {len(names)} intervals across, {names[0]} … {names[-1]}")
        self.frame = long

    @staticmethod
    def _flags_beside(frame, names, at) -> list[str]:
        """Return the columns of flags that stand before or behind each half hour."""
        for shift in (1, -1):
            beside = [at[n] + shift for n in names]
            if min(beside) < 0 or max(beside) >= len(frame.columns):
                continue
            found = [frame.columns[i] for i in beside]
            if not set(found) & set(names) and len(set(found)) == len(names):
                return found
        return []

    def _keep_rows(self) -> None:
        """Set aside rows of reactive energy, and what a layout does not keep."""
        frame = self.frame
        for column, kept in self.layout.keep.items() if self.layout else ():
            if column in frame:
                frame = self._without(
                    frame, ~frame[column].str.lower().isin(kept), f"other {column}"
                )
        skip = {p.column for p in self.picks.values()} - {
            getattr(self.picks.get("unit"), "column", None)
        }
        for column in frame.columns:
            if column in skip:
                continue
            low = frame[column].str.lower().str.strip()
            hit = low.isin(_REACTIVE)
            if hit.any() and not hit.all() and low.nunique() <= 8:
                said = ", ".join(sorted(set(low[hit])))
                self.account.note(f"{column}: rows {said} are reactive or export, set aside")
                frame = self._without(frame, hit, "reactive or export row")
                break
        self.frame = frame

    def _without(self, frame, bad, reason):
        self.fates[reason] += int(bad.sum())
        return frame[~bad].reset_index(drop=True)

    # Values ---------------------------------------------------------------------------------

    def _numbers(self, role: str) -> pd.Series:
        found, style = self.numbers(role)
        unreadable = found.isna() & ~self.text[role].str.lower().isin(values.NA)
        name = self.picks[role].column
        if unreadable.any():
            first = self.text[role][unreadable].iloc[0]
            self.account.judge(
                f"numbers of {role}", unreadable.mean() > 0.05 or len(found) < 40,
                f"{name}: {first!r} and {int(unreadable.sum()) - 1} more are no numbers ({style})",
                "decimal=comma (or point)",
            )  # fmt: skip
        return found

    def _values(self):
        """Return the load, its largest and smallest, its unit, and whether it is apparent power."""
        options, account, picks = self.options, self.account, self.picks
        roles = ("load", "active", "reactive", "import", "export", "max", "min")
        number = {r: self._numbers(r) for r in roles if r in self.text}
        if {"import", "export"} <= set(number) and not {"load", "active"} & set(number):
            both = f"{picks['import'].column} and {picks['export'].column}"
            if options.net is None:
                self.ask("import and export", f"{both} stand side by side",
                         f'net=import-export or "load={picks["import"].column}"')  # fmt: skip
            account.note(f"load: {both}, the one less the other")
            number["load"] = number["import"] - number["export"]
            picks["load"] = picks["import"].model_copy(update={"role": "load"})
        elif "load" not in number and "active" not in number and "import" in number:
            number["load"], picks["load"] = number["import"], picks["import"]
        extremes = {r: number[r] for r in ("max", "min") if r in number}
        if not {"load", "active"} & set(number):
            if extremes:
                number["load"] = pd.Series(np.nan, self.frame.index)
                picks["load"] = picks[next(iter(extremes))].model_copy(update={"role": "load"})
            else:
                free = [c for c in self.frame.columns if values.kind(self.frame[c]) == "number"]
                listed = f" (columns of numbers: {', '.join(free[:8])})" if free else ""
                self.ask("load", f"no column is understood as the load{listed}", "load=COLUMN")
        main = "load" if "load" in number else "active"
        value = number[main]
        unit = (options.unit or picks[main].unit or "").lower() or None
        if unit not in (*_TO_K, "a", None):
            self.ask("unit", f"{unit!r} is no unit of load", "unit=kW, kWh, MW, kVA, A …")
        if unit is None and "unit" in self.text:
            told = self.text["unit"].str.lower().str.strip()
            told = told.where(told.isin([*_TO_K, "a"]), "")
            kinds = sorted(set(told) - {""})
            account.note(f"unit: column {picks['unit'].column} says {', '.join(kinds)}")
            unit = "mva" if len(kinds) > 1 and "mva" in kinds else next(iter(kinds), None)
            value = value.where(told == unit)
        if unit is None:
            unit = layouts.unit_in(self.sheet.stem)
            unit = unit if unit in _TO_K else None
            if unit:
                account.note(f"unit: {unit}, as the name of the file tells")
        if unit == "a" and "active" in number and number["active"].notna().mean() > 0.9:
            value, unit, main = number["active"], (picks["active"].unit or "mw"), "active"
        if unit == "a":
            if options.voltage_kv is None:
                empty = " (its active power is empty)" if "active" in number else ""
                self.ask("voltage", f"{picks[main].column} is in ampere{empty}",
                         "voltage_kv=11 (or as the case may be)")  # fmt: skip
            scale = options.voltage_kv * (np.sqrt(3) if options.phases == "3" else 1.0)
            return value * scale, {k: v * scale for k, v in extremes.items()}, "kva", True
        if "active" in number and main == "load" and unit in ("kva", "mva", "va"):
            value = value.abs() * np.sign(number["active"]).replace(0, 1).fillna(1)
            account.note(f"load: {picks['load'].column}, signed as {picks['active'].column}")
        elif "reactive" in number and unit in ("kw", "mw", "w"):
            scale = 1e3 if (picks["reactive"].unit or "") == "mvar" else 1.0
            value = np.hypot(value * _TO_K[unit], number["reactive"] * scale) * np.sign(value)
            account.note(f"load: kVA of {picks[main].column} and {picks['reactive'].column}")
            return value, {}, "kva", True
        if unit not in _TO_K:
            known = value.dropna()
            span = f"; values {known.min():.4g} to {known.max():.4g}" if len(known) else ""
            self.ask("unit", f"{picks[main].column}: no unit is told{span}",
                     "unit=kWh (or Wh, kW, MW, kVA, MVA, A)")  # fmt: skip
        scale = _TO_K[unit]
        account.note(f"unit: {unit}")
        extremes = {k: v * scale for k, v in extremes.items()}
        return value * scale, extremes, unit, unit.endswith("va")

    def _to_group(self, kva: bool) -> float:
        """Return the factor from what the table holds to what the group holds."""
        wants_kva = self.options.group == "network_kva"
        if kva == wants_kva:
            return 1.0
        factor = self.options.power_factor
        if factor is None:
            have, want = ("kVA", "kW") if kva else ("kW", "kVA")
            self.ask("power factor", f"the table holds {have}, the portfolio wants {want}",
                     "power_factor=0.95 (or as measured)")  # fmt: skip
        return factor if kva else 1 / factor

    # Time -----------------------------------------------------------------------------------

    def _stamps(self):
        """Return the stamps on their printed clock, and the number of the half hour of the day."""
        role = next(r for r in ("time", "date", "end") if r in self.picks)
        part = self.part = values.fields(self.text[role])
        second = part["second"]
        if "clock_time" in self.text and (role == "date" or second.isna().all() or self.across):
            second = values.clock_seconds(self.text["clock_time"])
        elif role == "date" or second.isna().all():
            second = pd.Series(0.0, self.frame.index)
        whole = pd.to_timedelta(second, unit="s")

        def at(style: str) -> pd.Series:
            stamps = values.days(part, style) + whole
            near = stamps.dt.round("min")
            # Spreadsheets and loggers stand a second or two beside the minute.
            return near.where((stamps - near).abs() <= pd.Timedelta("3s"), stamps)

        def weigh(style: str):
            stamps = at(style)
            day = stamps.dt.normalize()
            against, changes = values.against_order(day)
            span = int((stamps.max() - stamps.min()).days) if stamps.notna().any() else 0
            out = max(0, span + 1 - day.nunique())
            wrong = int((stamps.isna() & part["a"].notna()).sum())
            return {"dates that cannot be": wrong, "days against the order": against,
                    "days without a row": out}, span, changes  # fmt: skip

        style = self.choose_dates(role, values.possible_styles([part]), weigh)
        naive = at(style)
        unreadable = naive.isna()
        if unreadable.any():
            first = self.text[role][unreadable].iloc[0]
            self.account.judge(
                "stamps", unreadable.mean() > 0.1 or len(naive) < 20,
                f"{self.picks[role].column}: {first!r} and {int(unreadable.sum()) - 1} more are no "
                "time of 2000 to 2099", "accept=stamps (they are set aside)", level="refuse",
            )  # fmt: skip
        period = pd.Series(np.nan, self.frame.index)
        if "period" in self.text:
            period = pd.to_numeric(self.text["period"], errors="coerce")
        return naive, period

    def _series(self, naive, period) -> pd.Series:
        """Return the series of each row: told, or by what makes the stamps unique."""
        frame, options, layout, account = self.frame, self.options, self.layout, self.account
        by = {layouts.plain(c): c for c in frame.columns}
        given = options.series
        column = by.get(layouts.plain(given)) if given else None
        keys = [by[p] for c in (layout.series if layout else []) if (p := layouts.plain(c)) in by]
        if column:
            keys, said = [column], "as you named it"
        else:
            keys, said = self._keys(keys, naive, period)
        if keys:
            parts = frame[keys].apply(lambda c: c.str.strip())
            raw = parts.agg("-".join, axis=1)
        else:
            raw = pd.Series(given or "", frame.index)
        if not given and not keys:
            self.ask("series", "the table does not name its asset or site",
                     f"series={tables.as_id(self.sheet.stem)} (a name of your choice)")  # fmt: skip
        if given and not column and not tables.is_id(given):
            self.ask(
                "series", f"{given!r} must be {tables.ID_RULE}", f"series={tables.as_id(given)}"
            )
        if given and not column:
            if len(raw.unique()) > 1:
                listed = ", ".join(map(str, raw.unique()[:3]))
                self.ask("series", f"the table holds {raw.nunique()} series ({listed})",
                         f"series={keys[0]}")  # fmt: skip
            raw = pd.Series(given, frame.index)
            ids = {given: given}
        else:
            owner = by.get(layouts.plain(layout.asset)) if layout and layout.asset else None
            if owner:
                raw = frame[owner].str.strip() + "-" + raw
            ids = {text: tables.as_id(text) for text in raw.unique()}
        blank = raw.str.strip("- ") == ""
        if blank.any():
            self.fates["no id of a series"] += 0
            account.note(f"{int(blank.sum())} rows name no series")
        if len(set(ids.values())) < len(ids):
            self.ask("series", "ids that differ only in signs or capitals", "series=COLUMN")
        named = [by[p] for c in ("secondary_substation_name", "lv_feeder_name") if
                 (p := layouts.plain(c)) in by]  # fmt: skip
        if named and keys:
            text = frame[named].agg(" ".join, axis=1).str.strip()
            self.names = dict(zip(raw.map(ids), text, strict=True))
        kind = "feeder" if layout and "feeder" in layout.name else ""
        self.assets = dict.fromkeys(ids.values(), kind)
        listed = ", ".join(list(ids.values())[:4]) + (" …" if len(ids) > 4 else "")
        account.note(f"series: {listed} ({said})")
        return raw.map(ids)

    def _keys(self, keys, naive, period) -> tuple[list[str], str]:
        frame, account, layout = self.frame, self.account, self.layout
        stamp = pd.DataFrame({"": naive, "period": period, "offset": self.part["offset"]})
        taken = {p.column for p in self.picks.values()}
        few = max(1, len(frame) / 3)
        free = [
            c for c in frame.columns
            if c not in taken and c not in keys and frame[c].nunique() <= few
            and (frame[c] != "").all() and values.kind(frame[c]) in ("text", "number")
            and not layouts.personal(c)
        ]  # fmt: skip

        def repeats(columns: list[str]) -> float:
            return float(pd.concat([stamp, frame[columns]], axis=1).duplicated().mean())

        base = repeats(keys)
        if base > 0.02 and not self.options.sum:
            telling = [c for c in free if repeats([*keys, c]) <= min(0.02, base / 5)]
            if telling:
                column = min(telling, key=lambda c: frame[c].nunique())
                what = ", ".join(sorted(frame[column].unique())[:4])
                asset = bool(_ASSETS & set(layouts.words(column)))
                account.judge(
                    "several series", not asset, f"{column} tells {frame[column].nunique()} rows a "
                    f"stamp ({what})", f'"series={column}" or "sum={column}"',
                )  # fmt: skip
                return [*keys, column], f"{column} makes the stamps unique"
        if keys:
            return keys, f"layout {layout.name}: {' and '.join(keys)}"
        if self.options.series:
            return [], "as you named it"

        def rank(column: str) -> int:
            return min(
                (_METERS.index(w) for w in layouts.words(column) if w in _METERS), default=99
            )

        label = sorted([c for c in free if len(frame[c].unique()) == 1 and rank(c) < 99], key=rank)
        return (label[:1], f"{label[0]} is the same in all rows") if label else ([], "")

    def _step(self, out: pd.DataFrame) -> pd.Timedelta:
        if self.options.step:
            return pd.Timedelta(self.options.step)
        if out["period"].notna().any() or self.across:
            return self.across_step
        stamps = out[["series", "naive"]].drop_duplicates().sort_values(["series", "naive"])
        steps = stamps.groupby("series")["naive"].diff().dropna()
        if steps.empty:
            self.ask("step", "a single stamp tells no step", "step=30min")
        step = steps.mode().iloc[0]
        regular = float((steps % step == pd.Timedelta(0)).mean())
        fits = step <= pd.Timedelta("1h") and pd.Timedelta("1h") % step == pd.Timedelta(0)
        self.account.judge(
            "step", not fits or (regular < 0.8 and len(steps) > 2), f"rows stand mostly "
            f"{step / MIN:g} min apart, {regular:.0%} on that grid: no series of regular intervals",
            "step=30min (if it is one)",
        )  # fmt: skip
        if not fits:
            raise layouts.UnansweredError
        return step

    def _label(self, out: pd.DataFrame, step: pd.Timedelta) -> str:
        """Return whether stamps label the start or the end of their intervals."""
        options, layout, first = self.options, self.layout, out["naive"].min()
        day = first.normalize() if pd.notna(first) else first
        known = out["naive"].dropna()
        if options.label:
            label, why = options.label, "as you named it"
        elif out["period"].notna().any():
            label, why = "start", "numbered half hours"
        elif "time" not in self.picks and "end" in self.picks:
            label, why = "end", f"the name {self.picks['end'].column!r} says so"
        elif layout and layout.label:
            label, why = layout.label, f"layout {layout.name}"
        elif self.across:
            late = self.across[0] != 0
            label = "end" if late else "start"
            why = "columns 00:30 to 24:00" if late else "columns 00:00 to 23:30"
        elif self._prints_24():
            label, why = "end", "24:00 is printed"
        elif (
            first - day == step
            and known.max() == known.max().normalize()
            and known.max() - first >= 0.9 * DAY
        ):
            label, why = "end", f"from {first:%H:%M} to midnight makes whole days"
        elif first - day == step >= pd.Timedelta("15min"):
            self.account.judge(
                "label", True, f"the first stamp is {first:%H:%M}: it began late, or stamps "
                "are the ends of the intervals", "label=end (or label=start)",
            )  # fmt: skip
            label, why = "start", "undecided"
        else:
            label, why = "start", "assumed; label=end if not"
        self.account.note(f"step {step / MIN:g} min; stamps at the {label} of intervals ({why})")
        return label

    def _prints_24(self) -> bool:
        texts = [self.text[r] for r in (self.role, "clock_time") if r in self.text]
        return any(t.str.contains(r"(?:^|[ T])24:00", regex=True).any() for t in texts)

    def _to_utc(self, out: pd.DataFrame, step: pd.Timedelta, label: str) -> pd.Series:
        name, why = self._clock(out, step)
        self.account.note(f"clock of the stamps {name} ({why})")
        if name != "offsets":
            zone(name)
        if out["period"].notna().any():
            return self._periods(out, name)
        if name == "offsets":
            offset = pd.to_timedelta(self.part["offset"], unit="min")
            return (out["naive"] - offset).dt.tz_localize("UTC")
        if name == "UTC":
            return out["naive"].dt.tz_localize("UTC")
        plain = self._localised(out, out["naive"], name)
        if label == "start":
            return plain
        # Some print the end as the clock of the start and a step more: 02:00 twice in autumn.
        shifted = self._localised(out, out["naive"] - step, name) + step
        held = out[[c for c in ("value", "max", "min") if c in out]].notna().any(axis=1)
        poor = [
            int((held & (t.isna() | out.assign(t=t).duplicated(["series", "t"]))).sum())
            for t in (plain, shifted)
        ]
        return shifted if poor[1] < poor[0] else plain

    @staticmethod
    def _localised(out: pd.DataFrame, naive: pd.Series, name: str) -> pd.Series:
        """Return UTC of stamps on a local clock, its repeated hour in order of appearance."""
        rows = out.assign(naive=naive)
        newest_first = rows.groupby("series")["naive"].diff().median() < pd.Timedelta(0)
        again = rows[:: -1 if newest_first else 1].groupby(["series", "naive"]).cumcount().gt(0)
        first = ~again.reindex(out.index)
        utc = naive.dt.tz_localize(name, ambiguous=first.to_numpy(), nonexistent="NaT")
        return utc.dt.tz_convert("UTC")

    def _periods(self, out: pd.DataFrame, name: str) -> pd.Series:
        """Count half hours from local midnight; beyond the end of a short day all must be empty."""
        day = out["naive"].dt.normalize()
        midnight = day.dt.tz_localize(name if name != "offsets" else "UTC").dt.tz_convert("UTC")
        after = (day + DAY).dt.tz_localize(name if name != "offsets" else "UTC")
        length = (after.dt.tz_convert("UTC") - midnight) / HALF_HOUR
        beyond = out["period"] > length
        held = beyond & (out["value"].fillna(0) != 0)
        first = f"{out['naive'][held].min():%d %B %Y}" if held.any() else ""
        self.account.judge(
            "short day", bool(held.any()), f"{int(held.sum())} half hours beyond the end of the "
            f"local day hold values, first on {first}: they are not counted on the local clock",
            "timezone=UTC or accept=short_day (they are dropped)",
        )  # fmt: skip
        return (midnight + (out["period"] - 1) * HALF_HOUR).where(~beyond)

    def _clock(self, out: pd.DataFrame, step: pd.Timedelta) -> tuple[str, str]:
        options, layout, naive = self.options, self.layout, out["naive"]
        role = self.role
        if options.timezone:
            return options.timezone, "as you named it"
        if self.part["offset"].notna().mean() > 0.9:
            return "offsets", "each stamp carries its offset from UTC"
        head = layouts.words(self.picks[role].column or "")
        if "utc" in head or "gmt" in head:
            return "UTC", "the column's name says so"
        if layout and layout.clock:
            return layout.clock, f"layout {layout.name}"
        if out["period"].notna().any():
            return LONDON, "numbered half hours count from local midnight"
        days = pd.date_range(naive.min().normalize(), naive.max().normalize() + DAY, tz=LONDON)
        changes = [d.tz_localize(None) for d, n in itertools.pairwise(days) if n - d != DAY]
        held = out[[c for c in ("value", "max", "min") if c in out]].notna().any(axis=1)
        out = out.assign(held=held)
        votes: Counter = Counter()
        for day in changes:
            own = out[(naive >= day) & (naive < day + DAY)]
            hour = own[(own["naive"] >= day + 60 * MIN) & (own["naive"] < day + 120 * MIN)]
            if own.empty:
                continue
            if self._changes_at_two(own, day, step):
                self._ask_clock(
                    f"on {day.date()} the hour from 02:00 is skipped or repeated, as on the clocks "
                    "of Central Europe", "timezone=Europe/Paris",
                )  # fmt: skip
                return LONDON, "undecided"
            if day.month < 7:
                lone = out.loc[(naive == day + 60 * MIN), "value"]
                inner = hour[hour["naive"] > day + 60 * MIN]
                if not hour["held"].any():
                    votes["local"] += 1
                elif (
                    len(lone)
                    and not inner["held"].any()
                    and len(own) > 3
                    and not own.loc[own["naive"] == day + 120 * MIN, "held"].any()
                ):
                    votes["local"] += 1  # an end that lies at the change itself
                elif (
                    hour["value"].notna().any()
                    and (hour["value"].fillna(0) == 0).all()
                    and (own["value"] != 0).mean() > 0.8
                ):
                    self._ask_clock(f"on {day.date()} the hour that the local clock skips holds "
                                    "zeros: padding, or true zeros on UTC")  # fmt: skip
                    return LONDON, "undecided"
                else:
                    votes["UTC"] += 1
            elif hour.duplicated(["series", "naive"]).mean() > (
                own.duplicated(["series", "naive"]).mean() + 0.15
            ):
                votes["local"] += 1  # repeated in this hour alone
            elif len(hour) and not self.across:  # columns have no room for the hour again
                votes["UTC"] += 1
        if votes["local"] and votes["UTC"]:
            self._ask_clock(f"the clock changes on record speak both ways ({dict(votes)})")
        elif votes["UTC"]:
            return "UTC", f"{votes['UTC']} clock changes on record, no hour skipped or repeated"
        elif votes["local"]:
            return LONDON, f"{votes['local']} clock changes seen in the stamps"
        elif days.tz_convert("UTC").hour.isin([23]).any():
            self._ask_clock("no clock change on record shows it, and British Summer Time is: "
                            "stamps may be an hour out")  # fmt: skip
        else:
            return LONDON, "all in winter, when it is UTC too"
        return LONDON, "undecided"

    @staticmethod
    def _changes_at_two(own: pd.DataFrame, day: pd.Timestamp, step: pd.Timedelta) -> bool:
        """Whether the hour from 02:00 alone is missing, or printed twice, on a day of change."""
        stamps = own.loc[own["held"], "naive"]
        grid = pd.date_range(day + step, day + DAY - step, freq=step)
        odd = grid.difference(stamps)
        if day.month > 7:
            first = own.loc[own["held"] & (own["series"] == own["series"].iloc[0]), "naive"]
            odd = pd.Index(first[first.duplicated()])
        whole = len(odd) == pd.Timedelta("1h") / step
        return whole and bool(((odd >= day + 120 * MIN) & (odd <= day + 180 * MIN)).all())

    def _ask_clock(self, text: str, remedy: str = "timezone=Europe/London or timezone=UTC"):
        self.account.judge("clock", True, text, remedy)

    # Soundness ------------------------------------------------------------------------------

    def _phases_added(self, out: pd.DataFrame) -> pd.DataFrame:
        """Add up the rows of a stamp where the user says so; incomplete ones are left out."""
        if not self.options.sum:
            return out
        size = out.groupby(["series", "time"])["value"].transform("size")
        whole = out[size == size.max()]
        self.fates["part of a sum"] += len(out) - whole.groupby(["series", "time"]).ngroups
        self.account.note(f"{self.options.sum}: {int(size.max())} rows a stamp are added up")
        added = whole.groupby(["series", "time"], as_index=False)
        return added.agg(naive=("naive", "first"), value=("value", "sum"), flag=("flag", "first"),
                         period=("period", "first"))  # fmt: skip

    def _register(self, out: pd.DataFrame) -> None:
        """Ask about values that only rise; as a register, their differences are the load."""
        for name, own in out.groupby("series"):
            value = own.sort_values("time")["value"].dropna()
            steps, rises = value.diff().dropna(), plausible.only_rises(value)
            if rises and self.options.cumulative == "yes":
                out.loc[value.index[:-1], "value"] = steps.to_numpy()
                out.loc[value.index[-1], "value"] = np.nan
                self.account.note(f"{name}: a register, its differences are the load")
            elif rises:
                self.account.judge(
                    "register", self.options.cumulative != "no", f"{name}: values only rise, "
                    f"{value.iloc[0]:,.6g} to {value.iloc[-1]:,.6g}: a meter's register?",
                    "cumulative=yes (or no)",
                )  # fmt: skip

    def _signs(self, out: pd.DataFrame, columns: list[str]) -> None:
        sign = self.options.sign or (self.layout.sign if self.layout else None)
        share = float((out["value"] < 0).sum() / max(1, out["value"].notna().sum()))
        if sign == "import-negative":
            out[columns] = -out[columns]
            if {"max", "min"} <= set(columns):
                out[["max", "min"]] = out[["min", "max"]].to_numpy()
            self.account.note(f"sign turned: import is counted negative ({share:.0%} below zero)")
            return
        self.account.note(f"sign: {share:.0%} of the intervals below zero")
        odd = share > plausible.LOADS["sign"].limit and sign != "as-printed"
        self.account.judge(
            "sign", odd, f"negative in {share:.0%} of intervals",
            "sign=import-negative (or sign=as-printed)",
        )  # fmt: skip

    def _sound(self, out: pd.DataFrame, step: pd.Timedelta) -> pd.DataFrame:
        """Set aside rows without a reading, off the grid, error codes and repeats."""
        known = [c for c in ("value", "max", "min") if c in out]
        fate = pd.Series("", out.index)

        def mark(bad, reason: str) -> None:
            fate[(fate == "") & bad] = reason

        mark(out[known].isna().all(axis=1), "no reading")
        mark(out["time"].isna(), "no such time on the clock")
        offset = (out["time"] - out["time"].dt.normalize()) % step
        mark(offset != offset.mode().iloc[0], "off the regular step")
        if self.layout and self.layout.most_kw:
            most = self.layout.most_kw
            mark(out["value"].abs() > most, f"more than {most / 1000:g} MW on such an asset")
        for code in _error_codes(out["value"][fate == ""]):
            mark(out["value"] == code, f"error code {code:g}")
        flag = out["flag"].str.lower().str.strip().str[0]
        rank = flag.map({"a": 0, "e": 1, "c": 2, "u": 2, "m": 2}).fillna(0)
        ordered = out.assign(rank=rank, at=range(len(out)), fate=fate)
        ordered = ordered.sort_values(["series", "time", "rank", "at"], kind="stable")
        left = ordered[ordered["fate"] == ""]
        again = left.duplicated(["series", "time"])
        first = left.groupby(["series", "time"])["value"].transform("first")
        differs = again & ((first - left["value"]).abs() > 1e-9)
        estimate = differs & (left["rank"] > 0)
        plain = differs & ~estimate
        ordered.loc[left.index[again & ~differs], "fate"] = "repeated"
        ordered.loc[left.index[estimate], "fate"] = "estimate that an actual reading follows"
        ordered.loc[left.index[plain], "fate"] = (
            "repeated stamp with another value; the first is kept"
        )
        share = plain.sum() / max(1, len(left))
        self.account.judge(
            "repeated stamps", share > 0.01 and plain.sum() > 2, f"{share:.0%} of the stamps come "
            "again with another value", "series=COLUMN or sum=COLUMN",
        )  # fmt: skip
        estimates = int((rank[fate == ""] > 0).sum())
        if estimates:
            self.account.note(f"{estimates} readings are marked as estimated or unknown")
        self.fates.update(ordered["fate"][ordered["fate"] != ""].tolist())
        out = ordered[ordered["fate"] == ""].sort_values(["series", "time"], kind="stable")
        if out.empty:
            self.ask("rows", f"no interval holds a reading: {dict(self.fates)}", "load=COLUMN")
        return out

    def _plausible(self, out: pd.DataFrame) -> None:
        doubts = plausible.load_doubts(out["value"])
        for check, remedy in (("size", "unit=… (another one)"), ("spike", ""), ("zeros", "")):
            self.account.judge(
                check, check in doubts, doubts.get(check, ""), remedy,
                level="refuse" if remedy else "note",
            )  # fmt: skip


def _error_codes(value: pd.Series) -> list[float]:
    """Return values that stand for a fault of the meter: ceilings of integers, runs of nines."""
    known = value.dropna()
    if len(known) < 8:
        return []
    counts = known.value_counts()
    typical = max(known.abs().quantile(0.5), 1e-9)

    def odd(x: float) -> bool:
        digits = f"{abs(x):.10g}"
        raw = [abs(x) * k for k in (1, 0.5, 1000, 500)]
        ceiling = any(abs(r - c) < 1 for r in raw for c in (65_534, 65_535, 32_767, 4_294_967,
                                                           4_294_967_295))  # fmt: skip
        return ceiling or (bool(re.fullmatch(r"9{3,}(\.9+)?|1000", digits)) and counts[x] >= 2)

    return [x for x in counts.index if abs(x) > 20 * typical and odd(x)][:5]


def join(
    rows: pd.DataFrame, options: LoadOptions, account: Account
) -> tuple[dict[tuple[str, str], xr.Dataset], dict[str, int], dict[str, int]]:
    """Bring the rows of all sources to regular series.

    Where two sources tell a stamp, the one whose record reaches further counts.

    Returns
    -------
    loads : dict of (group, series) to xarray.Dataset
        As `store.write_loads` takes them.
    mended : dict of str to int
        Intervals marked as missing, by reason.
    set_aside : dict of str to int
        Rows that another source tells.
    """
    made, mended, aside = {}, Counter(), Counter()
    reach = rows.groupby(["source", "series"])["time"].transform("max")
    rows = rows.assign(reach=reach).sort_values(["reach", "source"], kind="stable")
    for (group, name), own in rows.groupby(["group", "series"], sort=True):
        steps = own["step"].unique()
        if len(steps) > 1:
            listed = " and ".join(f"{s / MIN:g} min" for s in steps)
            account.judge("step", True, f"{name}: sources of {listed} steps", "series=ANOTHER-NAME")
            continue
        step = pd.Timedelta(steps[0])
        own = own.assign(time=own["time"].dt.tz_localize(None))
        offset = (own["time"] - own["time"].dt.normalize()) % step
        grid = pd.date_range(own["time"].min(), own["time"].max(), freq=step, name="time")
        account.judge("grid", len(offset.unique()) > 1, f"{name}: sources on different grids of "
                      f"{step / MIN:g} min", "label=end (or start)")  # fmt: skip
        frame = own.groupby("time")[["value", "max", "min"]].last().reindex(grid)
        if frame["value"].isna().all():
            account.judge("mean load", True, f"{name}: no file holds the mean load, only the "
                          "largest and smallest values", "load=COLUMN")  # fmt: skip
            continue
        missing = int(frame["value"].isna().sum())
        if missing:
            account.note(
                f"{name}: {missing} of {len(frame)} intervals have no reading; left missing"
            )
        frame, counts, told = mending.mend(
            frame, step, straight=options.straight, frozen=options.frozen, clip=options.clip,
            zero_gaps=options.zero_gaps,
        )  # fmt: skip
        mended += counts
        for note in told:
            account.note(f"{name}: {note}")
        made[group, name] = mending.dataset(frame, group)
        if hint := mending.peak_hint(made[group, name][next(iter(tables.LOADS[group]))]):
            account.note(f"{name}: {hint}")
    return made, dict(mended), dict(aside)
