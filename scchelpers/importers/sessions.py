"""One file of charging sessions to rows of plain values, on the clock that the file prints."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from scchelpers.importers import layouts, values
from scchelpers.importers.account import Account
from scchelpers.importers.table import Sheet
from scchelpers.portfolio import plausible
from scchelpers.timebase import LONDON, zone

HOUR = pd.Timedelta("1h")
_LONG = pd.Timedelta("48h")
# Before this there was no public charging: 1970, 1900 and 1899 stand for "unknown".
_EPOCH = pd.Timestamp("2005-01-01")
_SIZE = {"kwh": 1.0, "wh": 1e-3, "mwh": 1e3}
_SPELT = {"kwh": "kWh", "wh": "Wh", "mwh": "MWh"}


@layouts.of_columns("sessions")
class SessionOptions(layouts.Options):
    """What the user may tell of session files; a text names a column, or is the value itself."""

    unit: Literal["kWh", "Wh", "MWh"] | None = Field(None, description="of the energy")
    duration_unit: Literal["h", "min", "s"] | None = None
    power_unit: Literal["kW", "W"] | None = Field(None, description="of max_kw")
    timezone: str | None = Field(None, description="clock of the stamps, an IANA zone or UTC")
    dates: str | None = Field(None, description=f"one of {', '.join(values.STYLES)}")
    year_add: int | None = Field(None, ge=0, le=2000)
    sockets: int | None = Field(None, ge=1, le=500, description="cars at once on one id")
    rated_kw: str | float | None = Field(
        None, description="a column, or a rating where none is told [kW]"
    )
    ratings_file: str | None = None
    max_stay_h: float = Field(48.0, gt=0, le=2000)
    min_stay_min: float = Field(0.0, ge=0, le=600)
    max_energy_kwh: float | None = Field(None, gt=0)

    @property
    def fallback_kw(self) -> float | None:
        """The rating [kW] that `rated_kw` gives, where it is no column."""
        try:
            return float(self.rated_kw)
        except (TypeError, ValueError):
            return None

    def columns(self) -> dict[str, str]:
        """Return the columns that the user names, by their meaning."""
        named = self.rated_kw is not None and self.fallback_kw is None
        return super().columns() | ({"rated_kw": self.rated_kw} if named else {})


_TYPES = {
    "str": "file unit connector site site_key model zone on_sale site_type",
    "int64": "line",
    "datetime64[ns]": "start end charge_start charge_end announced",
    "timedelta64[ns]": "start_offset end_offset stay",
    "float64": "energy_kwh max_kw rated_kw charging_h phases max_stay_h",
    "bool": "computed swapped claimed",
}
ROWS = {name: kind for kind, names in _TYPES.items() for name in names.split()}


def read(sheet: Sheet, options: SessionOptions) -> tuple[pd.DataFrame, Account]:
    """Return the sessions of a table in the columns of `ROWS`, and what was read as what.

    Stamps are on the clock of `zone`, energy in kWh, powers in kW. Where the account refuses, the
    rows are not to be used.
    """
    return _Reading(sheet, options).read()


_NEEDS = [
    ("start", {"start", "start_date"}, "start=COLUMN"),
    ("end", {"end", "end_date", "end_time", "duration"}, "end=COLUMN or duration=COLUMN"),
    ("energy", {"energy", "meter_stop"}, "energy=COLUMN"),
    ("chargepoint", {"chargepoint"}, "chargepoint=NAME-OR-COLUMN (and site=NAME)"),
]
_STAMPS = "start end start_date end_date charge_start charge_end announced"


class _Reading(layouts.Reading):
    """The steps by which a file is read: dates, then clock, energy and power."""

    what = "sessions"

    def rows(self) -> pd.DataFrame:
        """Return the rows of the file."""
        layout, account = self.layout, self.account
        if layout and layout.missing:
            self.frame = self.frame.replace(dict.fromkeys(layout.missing, ""))
        for column, kept in layout.keep.items() if layout else ():
            if column in self.frame:
                self.frame = self.frame[self.frame[column].str.lower().isin(kept)]
                account.note(f"rows of {column} = {' or '.join(kept)} only: {len(self.frame)}")
        self.resolve(self.frame)
        lacking = [(need, fix) for need, any_of, fix in _NEEDS if not any_of & set(self.picks)]
        for need, fix in lacking:
            account.judge(need, True, f"no column is understood as the {need}", fix)
        if lacking:
            raise layouts.UnansweredError
        self.print(self.frame)
        self.index, text = self.frame.index, self.text
        self.parts = {r: values.fields(text[r]) for r in _STAMPS.split() if r in text}
        clocks = ("start_time", "end_time")
        self.seconds = {r: values.clock_seconds(text[r]) for r in clocks if r in text}
        self.start_role = "start" if "start" in self.parts else "start_date"
        self.add = self.options.year_add
        if self.add is None:
            self.add = layout.year_add if layout else 0
        self.length_unit = self._length_unit()
        self.style = self._dates()
        rows = self._rows()
        first = rows[["start", "end", "energy_kwh", "max_kw"]].apply(
            lambda column: next((str(value) for value in column.dropna()), "nothing")
        )
        self.first_read = {
            self.start_role: first["start"], "end": first["end"],
            "energy": f"{first['energy_kwh']} kWh", "max_kw": f"{first['max_kw']} kW",
        }  # fmt: skip
        return rows

    def _length_unit(self) -> str | None:
        """Return the unit of the durations: told, or the only one that gives plausible stays."""
        if "duration" not in self.text:
            return None
        unit = (self.options.duration_unit or self.picks["duration"].unit or "").lower()
        if unit in values.UNITS_H:
            return unit
        column = self.text["duration"]
        if values.kind(column) == "clock" or column.str.contains(":").mean() > 0.5:
            return "h"
        if {"end", "end_date", "end_time"} & set(self.text):
            return "h"  # not needed; stays are checked against it below
        medians = {u: values.lengths(column, u).median() for u in values.UNITS_H}
        able = [u for u, median in medians.items() if 0.05 <= median <= 36]
        name = self.picks["duration"].column
        said = f"{name}: unit not told; {' or '.join(able) or 'none'} would be plausible"
        self.account.judge("duration unit", len(able) != 1, said, "duration_unit=min (or h, s)")
        self.account.note(f"{name} is in {able[0] if able else 'h'}, by the stays that it means")
        return able[0] if len(able) == 1 else "h"

    def at(self, which: str, style: str) -> pd.Series:
        """Return stamps on the printed clock, in a style."""
        part = self.parts.get(which, self.parts.get(f"{which}_date"))
        if part is None:
            return pd.Series(pd.NaT, self.index, dtype="datetime64[ns]")
        seconds = part["second"]
        clock = self.seconds.get(f"{which}_time")
        if clock is not None and (which not in self.parts or seconds.isna().all()):
            seconds = clock
        whole = pd.to_timedelta(seconds, unit="s")
        return (values.days(part, style, self.add) + whole).astype("datetime64[ns]")

    def stay(self, style: str) -> tuple[pd.Series, pd.Series]:
        """Return starts and ends in a style, the ends as printed or computed."""
        start, end = self.at("start", style), self.at("end", style)
        if not {"end", "end_date"} & set(self.parts) and "end_time" in self.seconds:
            length = pd.to_timedelta(self.seconds["end_time"], unit="s")
            end = start.dt.normalize() + length
            end = end.mask(end < start, end + values.DAY)  # past midnight
        return start, end.where(end >= _EPOCH)

    def printed_stay(self) -> pd.Series:
        """Return the printed lengths of stay."""
        if "duration" not in self.text:
            return pd.Series(pd.NaT, self.index, dtype="timedelta64[ns]")
        hours = values.lengths(self.text["duration"], self.length_unit, self.sheet.parted_by)
        hours = hours.where((hours > 0) & (hours < 1e5))
        return pd.to_timedelta(hours, unit="h").dt.round("s").astype("timedelta64[ns]")

    def _dates(self) -> str:
        """Decide the style of the dates, or ask for it."""
        stay = self.printed_stay()
        named = values.months_named(self.sheet.file.rsplit("/", 1)[-1])
        first = self.parts[self.start_role]

        def weigh(style: str):
            start, end = self.stay(style)
            against, changes = values.against_order(start.dt.normalize())
            length = end.fillna(start + stay) - start
            bad = (length < pd.Timedelta(0)) | (length > _LONG)
            impossible = (values.days(first, style, self.add).isna() & first["a"].notna()).sum()
            reasons = {
                "dates that cannot be": int(impossible),
                "ends before the start or over 48 h": int(bad.sum()),
            }
            # Rows in no order at all tell nothing; those in order speak with every change of day.
            if changes >= 3 and against <= 0.3 * changes:
                reasons["changes of day against the order"] = against
            if named:
                outside = (start < named[0]) | (start >= named[1])
                reasons["starts outside the months of the file's name"] = int(outside.sum())
            known = start.dropna()
            span = int((known.max() - known.min()).days) if len(known) else 0
            return reasons, span, changes

        styles = values.possible_styles(list(self.parts.values()))
        style = self.choose_dates(self.start_role, styles, weigh)
        if self.at("start", style).isna().mean() > 0.5:
            old = values.days(first, style, 2000).notna().mean() > 0.5
            sample = next(iter(values.known(self.text[self.start_role])), "")
            self.ask(
                "start", f"read from {self.picks[self.start_role].column}, where {sample!r} is no "
                "time of 2000 to 2099",
                "year_add=2000" if old and not self.add else "start=COLUMN",
            )  # fmt: skip
        return style

    def _rows(self) -> pd.DataFrame:
        text, index, style = self.text, self.index, self.style

        def said(role: str) -> pd.Series:
            return text[role].str.strip() if role in text else pd.Series("", index)

        start, end = self.stay(style)
        stay = self.printed_stay()
        computed = end.isna() & (stay > pd.Timedelta(0))
        if "duration" in self.picks and not computed.all():
            self._check_length(stay, end - start)
            stay = self.printed_stay()
            computed = end.isna() & (stay > pd.Timedelta(0))
        end = end.mask(computed, start + stay)
        zone_name = self._clock()
        offset = {
            w: pd.to_timedelta(self._offset(w, zone_name), unit="min").astype("timedelta64[ns]")
            for w in ("start", "end")
        }
        hours = ((end - offset["end"].fillna(offset["start"]).fillna(pd.Timedelta(0)))
                 - (start - offset["start"].fillna(pd.Timedelta(0)))) / HOUR  # fmt: skip
        energy = self._energy(hours)
        site, unit = said("site").str.split().str.join(" "), said("chargepoint")
        if "site" not in text and self.layout and self.layout.site_is_folder:
            site = pd.Series(self.sheet.file.split("/")[0], index)
        unit = unit.str.replace(r"^(\d+)\.0$", r"\1", regex=True)
        unit = unit.mask(unit.str.lower().isin(values.NA), "")
        if (site == "").all():
            self.account.note(
                "no column of sites: each chargepoint is a site of its own (site=NAME)"
            )
            site = unit
        rated, most = self._power(energy, hours, unit, site)
        plain, plain_style = values.days(self.parts[self.start_role], "iso"), "iso"
        if "swapped" in style:
            plain_style = style.split(" + ")[0].removesuffix("-swapped")
            plain = values.days(self.parts[self.start_role], plain_style, self.add)
        charge_start, charge_end = self.at("charge_start", style), self.at("charge_end", style)
        if "charge_duration" in text:
            told = self.picks["charge_duration"].unit or "h"
            length = values.lengths(
                text["charge_duration"], told if told in values.UNITS_H else "h",
                self.sheet.parted_by,
            )  # fmt: skip
            length = pd.to_timedelta(length.where((length > 0) & (length < 1000)), unit="h")
            charge_end = charge_end.fillna(charge_start.fillna(start) + length.dt.round("s"))
        rows = pd.DataFrame(
            {
                "file": self.sheet.file,
                "line": range(2, len(index) + 2) if index.empty else index,
                "unit": unit,
                "connector": said("socket").str.replace(r"\.0$", "", regex=True)
                if not (self.layout and self.layout.station_is_socket)
                else "=",
                "site": site.where(site != "", "unnamed site"),
                "site_key": "",
                "site_type": self.layout.site_type if self.layout else "",
                "model": said("model"),
                "zone": zone_name,
                "start": start,
                "end": end,
                "charge_start": charge_start,
                "charge_end": charge_end,
                "announced": self.at("announced", style),
                "claimed": self._claimed(),
                "start_offset": offset["start"],
                "end_offset": offset["end"].fillna(offset["start"]),
                "stay": stay,
                "computed": computed,
                "swapped": plain.notna() & (plain != start.dt.normalize())
                if "swapped" in style
                else False,
                "energy_kwh": energy,
                "max_kw": most,
                "rated_kw": rated,
                "phases": np.nan,
                "on_sale": " ".join(map(str, self.layout.on_sale)) if self.layout else "",
                "charging_h": (charge_end - charge_start.fillna(start)) / HOUR,
                "max_stay_h": self.options.max_stay_h,
            },
            index=index,
        )
        return rows.astype(ROWS)

    def _claimed(self) -> pd.Series:
        """Whether an announced departure is a driver's, not filled from the outcome."""
        if "claimed" in self.frame:
            return self.frame["claimed"].str.lower().isin(["true", "1"])
        return (
            self.text["announced"] != ""
            if "announced" in self.text
            else pd.Series(False, self.index)
        )

    def _check_length(self, stay: pd.Series, between: pd.Series) -> None:
        """Find the unit of the durations by the ends that stand beside them."""
        sound = (stay > pd.Timedelta(0)) & (between > pd.Timedelta("5min")) & (between < _LONG)
        if not sound.any() or self.length_unit is None:
            return
        ratio = (between[sound] / stay[sound]).median()
        column = self.picks["duration"].column
        for unit, size in values.UNITS_H.items():
            if abs(ratio * values.UNITS_H[self.length_unit] / size - 1) < 0.25:
                share = np.isclose(between[sound] / stay[sound], ratio, rtol=0.25).mean()
                self.account.note(f"{column} is in {unit}: {share:.0%} of the stays agree")
                self.length_unit = unit
                return
        self.account.note(f"{column} does not agree with the ends; it is not used")

    def _clock(self) -> str:
        """Return the zone of the stamps, "UTC" or IANA; offsets printed with them count first."""
        pick, layout = self.picks[self.start_role], self.layout
        part = self.parts[self.start_role]
        head = layouts.words(pick.column or "")
        if self.options.timezone:
            name, said = self.options.timezone, "as you named it"
        elif part["offset"].notna().mean() > 0.5:
            name = layout.clock if layout and layout.clock else LONDON
            said = "each stamp carries its offset from UTC"
        elif any(w.startswith("utc") or w == "gmt" for w in head):
            name, said = "UTC", f"the name {pick.column!r} says so"
        elif layout and layout.clock:
            name, said = layout.clock, f"layout {layout.name}"
        else:
            name, said = LONDON, "assumed: the clock on the wall; timezone=UTC if not"
        zone(name)
        self.account.note(f"clock: {name} ({said})")
        return name

    def _offset(self, which: str, zone_name: str) -> pd.Series:
        """Return the printed offsets from UTC [min]; none where the user names the clock."""
        part = self.parts.get(which)
        if part is None or (self.options.timezone and zone_name != "UTC"):
            return pd.Series(np.nan, self.index)
        return part["offset"]

    def _energy(self, hours: pd.Series) -> pd.Series:
        """Return the energy [kWh]: its unit told, and tested by the power that it means."""
        account = self.account
        pick = self.picks["energy" if "energy" in self.text else "meter_stop"]
        unit = (self.options.unit or pick.unit or "").lower()
        name = pick.column or "the energy"

        def power(raw: pd.Series, size: float) -> pd.Series:
            return (raw * size / hours)[(hours > 0) & (hours <= 48) & (raw > 0)]

        if "energy" in self.text:
            raw, decimal = self.numbers("energy")
            both = self._both_ways(unit)
            able = [d for d, r in both.items() if plausible.power_fits(power(r, _SIZE[unit]))]
            first = next(iter(values.known(self.text["energy"])), "")
            if len(able) == 1:
                raw, other = both[able[0]], "comma" if able == ["point"] else "point"
                if decimal != able[0]:
                    account.note(f"{name}: {first!r} is {raw.dropna().iloc[0]:g}; with a decimal "
                                 f"{other} it were no power that cars take")  # fmt: skip
            elif raw.isna().all():
                account.judge("decimal", first != "", f"{name}: {first!r} is {decimal}",
                              "decimal=comma (or point)")  # fmt: skip
            if decimal == "comma":
                account.note(f"decimal comma in {name}")
        else:
            raw = self.numbers("meter_stop")[0] - self.numbers("meter_start")[0]
            account.note("energy: the meter at the end less the meter at the start")
        powers = {u: power(raw, size) for u, size in _SIZE.items()}
        fits = {u: plausible.power_fits(p) for u, p in powers.items()}
        sound = len(powers["kwh"]) > 0
        if unit not in _SIZE:
            able = [u for u in ("kwh", "wh") if fits[u]]
            text = f"{name}: unit not told; {' and '.join(able) or 'none'} would be plausible"
            unit = able[0] if able else "kwh"
            account.judge("energy unit", len(able) != 1 and sound, text, "unit=kWh (or Wh)")
            if sound:
                account.note(
                    f"{name} is in {unit}, by the power that it means (median "
                    f"{powers[unit].median():.3g} kW)"
                )
        elif sound:
            other = next((u for u in _SIZE if fits[u]), "kwh")
            account.judge(
                "power", not fits[unit], f"{name} in {unit} means a median of "
                f"{powers[unit].median():.3g} kW, 95% below {powers[unit].quantile(0.95):.3g} kW",
                f"unit={_SPELT[other]}" if other != unit else "accept=power",
            )  # fmt: skip
        return raw * _SIZE[unit]

    def _both_ways(self, unit: str) -> dict[str, pd.Series]:
        """Return the energies by decimal mark where 16,036 (or 16.036) may be either."""
        known = values.known(self.text["energy"])
        told = self.options.decimal or (self.layout and self.layout.decimal)
        if told or unit not in _SIZE or not known.str.fullmatch(r"\d{1,3}([.,]\d{3})?").all():
            return {}
        return {d: values.numbers(self.text["energy"], d)[0] for d in ("point", "comma")}

    def _power(self, energy, hours, unit, site) -> tuple[pd.Series, pd.Series]:
        """Return ratings and highest powers [kW]: what varies within a chargepoint is no rating."""
        none = pd.Series(np.nan, self.index)
        rated = self.numbers("rated_kw")[0] if "rated_kw" in self.text else none
        most, column = none, "max_kw"
        if rated.notna().any():
            if self.picks["rated_kw"].unit == "w":
                rated = rated / 1000
            if rated.groupby([site, unit]).nunique().max() > 1:
                name = self.picks["rated_kw"].column
                self.account.note(
                    f"{name} varies within a chargepoint: the session's highest power"
                )
                most, rated, column = rated, none, "rated_kw"
        if "max_kw" in self.text:
            most, column = self.numbers("max_kw")[0], "max_kw"
        if most.isna().all():
            return rated, most
        mean = (energy / hours)[(hours > 0) & (energy > 0) & most.notna()]
        told = (self.options.power_unit or self.picks[column].unit or "").lower()
        if told not in ("kw", "w"):
            watts = (most[mean.index] / 1000 >= 0.8 * mean).mean() > 0.9 and most.median() > 400
            told = "w" if watts else "kw"
        most = most / 1000 if told == "w" else most
        if len(mean):
            share = float((most[mean.index] * 1.1 >= 0.9 * mean).mean())
            self.account.judge(
                "highest power", share < 0.8, f"{self.picks[column].column} in {told} reaches the "
                f"mean power in {share:.0%} of stays only", "power_unit=W (or kW)", level="note",
            )  # fmt: skip
            if share < 0.8:
                most = none
        return rated, most.where(most > 0)
