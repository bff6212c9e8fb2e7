"""Load of a network asset or of a site, from a table of regular intervals.

A case of it are the DNOs' LV-feeder exports, which hold many feeders in one file. What the table
tells is taken from it and said (unit, date style, clock, label); what it does not tell is asked
for, never guessed.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.importers.halfhourly import clocks, units
from scchelpers.importers.halfhourly import series as load_series
from scchelpers.importers.halfhourly.table import Table, read_table
from scchelpers.importers.report import Imported, ImportReport
from scchelpers.portfolio import tables
from scchelpers.timebase import LONDON, clock, hours

GROUPS = {
    "network": "network_kva",
    "site": "residual_kw",
    "import": "import_kw",
    "setpoint": "setpoint_kw",
}
# No LV feeder carries more; some exports hold values of gigawatts [kW].
FEEDER_MOST_KW = 2000.0


def read(
    files,
    *,
    load: str = "network",
    series_id: str | None = None,
    value: str | None = None,
    unit: str | None = None,
    power_factor: float | None = None,
    voltage_kv: float | None = None,
    phases: int = 3,
    timezone: str | None = None,
    label: str | None = None,
    date_style: str | None = None,
    straight: int = 8,
    frozen: int | None = None,
    clip: float | None = None,
    zero_gaps: bool = False,
) -> Imported:
    """Read load tables; several files of one series are joined.

    Parameters
    ----------
    files : iterable of path-like
        CSV (also .gz) or Parquet files.
    load : str
        "network" (load of an asset, kVA), "site" (site load other than charging, kW),
        "import" (what the meter of the registered terms read, kW) or "setpoint" (limits sent, kW).
    series_id : str
        Identifier of the asset or site; not for LV-feeder exports, which name their feeders.
    value : str
        Column of the load, where several could be.
    unit : str
        MW, kW, W, MVA, kVA, VA, A, or MWh, kWh, Wh per interval; by default as the header or
        the file name tells.
    power_factor : float
        Between active and apparent power; needed where the table holds the one and the
        portfolio the other.
    voltage_kv : float
        Voltage [kV] for currents, between lines for three phases.
    phases : int
        Phases of currents, 1 or 3.
    timezone : str
        Clock of the stamps, "UTC" or an IANA zone; by default told by the days of the clock
        changes.
    label : str
        Whether a stamp labels the "start" or the "end" of its interval.
    date_style : str
        "iso", "day-first", "month-first" or "year-day-month"; by default told by the file's own
        order.
    straight : int
        Least intervals on one straight line that count as a filled gap; 0: none do.
    frozen : int
        Least equal values that count as a frozen logger; by default 8, or 30 minutes; 0: none.
    clip : float
        Value, in the units of the file, at which the meter saturates.
    zero_gaps : bool
        Whether zeros, and the repeats just before them, are gaps.

    Returns
    -------
    Imported
        Load series with their assets or sites.

    Raises
    ------
    UserError
        If a file cannot be read, or what it does not tell was not given.
    """
    if load not in GROUPS:
        allowed = "import, setpoint, network or site"
        raise UserError(f"load = {load!r}: must be {allowed}; {closest(load, GROUPS)}")
    if label not in (None, "start", "end"):
        raise UserError(f"label = {label!r}: must be start or end")
    group = GROUPS[load]
    found = [read_table(str(path), value=value, date_style=date_style) for path in files]
    own_ids = [table.rows["series"].notna().all() for table in found]
    rows = _rows(found, own_ids, series_id)
    if "value" not in rows or not rows["has_value"].any():
        raise UserError(f"{found[0].file}: no file holds the mean load, only largest and smallest")
    notes = [note for table in found for note in table.notes]
    notes += [f"{table.file}: dates read as {table.style}" for table in found]
    step = load_series.step_of(rows)
    ended, told = clocks.labels(rows, step, label)
    notes += told
    rows["start"], rows["skipped"], zone_name, told = clocks.starts(
        rows, found, ended, step, timezone
    )
    notes += told
    unit_names = set(_units(found, unit))
    if len(unit_names) > 1:
        raise UserError(
            f"unit: the files tell {' and '.join(sorted(unit_names))}; import them one by one, "
            "or give the one unit"
        )
    unit = unit_names.pop()
    notes.append(f"unit {unit}")
    factor = units.factor(
        unit,
        "kVA" if load == "network" else "kW",
        step_h=hours(step),
        power_factor=power_factor,
        voltage_kv=voltage_kv,
        phases=phases,
    )
    set_aside = sum((Counter(table.set_aside) for table in found), Counter())
    if any(own_ids):
        absurd = rows["value"].abs() * factor > FEEDER_MOST_KW
        set_aside["more than 2 MW on an LV feeder"] = int(absurd.sum())
        rows = rows[~absurd]
        notes.append(
            "LV-feeder exports count smart meters only: scale by meters connected over meters "
            "counted before use against a rating"
        )
    kept, aside = load_series.set_aside(rows, step)
    set_aside += aside
    if kept.empty:
        raise UserError(f"{found[0].file}: no row holds a reading")
    loads, mended, missing = {}, Counter(), 0
    for own_id, own in kept.groupby("series", sort=True):
        frame = load_series.regular(own, step)
        if frame["value"].isna().all():
            raise UserError(f"{found[0].file}: series {own_id} has no mean load")
        missing += int(frame["value"].isna().sum())
        frame, counts, told = load_series.mend(
            frame, step, straight=straight, frozen=frozen, clip=clip, zero_gaps=zero_gaps
        )
        mended += counts
        notes += [f"{own_id}: {note}" for note in told]
        loads[group, own_id] = load_series.dataset(frame, group, factor)
    if missing:
        notes.append(f"{missing} intervals inside the span have no reading; left missing")
    notes.append(_peak_hint(loads, group))
    ids = [own_id for _, own_id in loads]
    report = ImportReport(
        kind="halfhourly",
        files=tuple(str(path) for path in files),
        read=sum(table.read for table in found),
        kept=len(kept),
        mended=mended,
        set_aside=set_aside,
        notes=tuple(note for note in notes if note),
        sites=len(ids) if load == "site" else 0,
        evses=len(ids),
        first=kept["start"].min().tz_localize("UTC"),
        last=(kept["start"].max() + step).tz_localize("UTC"),
    )
    names = {tables.as_id(key): name for table in found for key, name in table.names.items()}
    sources = [{"title": f"Load table {t.file}", "provenance": "measured"} for t in found]
    header = {"timezone": LONDON if zone_name == "UTC" else zone_name, "sources": sources}
    frame = pd.DataFrame({"name": [names.get(i) or i for i in ids]})
    if load == "site":
        sites = frame.assign(site_id=ids, provenance="measured")
        return Imported(report, sites=sites, loads=loads, header=header)
    kinds = "feeder" if any(own_ids) else None
    assets = frame.assign(asset_id=ids, kind=kinds)
    return Imported(report, assets=assets, loads=loads, header=header)


def _rows(found: list[Table], own_ids: list[bool], series_id: str | None) -> pd.DataFrame:
    """Return the rows of all files together, each with its series."""
    if not all(own_ids):
        if series_id is None:
            raise UserError(
                "series_id: the table does not name its asset or site; give such as "
                f"series_id = {tables.as_id(Path(found[0].file).stem)!r}"
            )
        if not tables.is_id(series_id):
            raise UserError(f"series_id = {series_id!r}: must be {tables.ID_RULE}")
    parts = []
    for number, table in enumerate(found):
        part = table.rows.assign(file=number, has_value="value" in table.rows)
        names = {raw: tables.as_id(raw) for raw in part["series"].dropna().unique()}
        if len(set(names.values())) < len(names):
            raise UserError(f"{table.file}: feeder ids that differ only in signs or capitals")
        part["series"] = part["series"].map(names) if names else series_id
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _units(found: list[Table], unit: str | None) -> list[str]:
    """Return the unit of each file, as told or given."""
    if unit is not None:
        return [units.known_unit(unit)]
    for table in found:
        if table.unit is None:
            raise UserError(
                f"{table.file}: neither the header nor the name of the file tells the unit; give "
                f"unit = one of {', '.join(units.UNITS)}"
            )
    return [table.unit for table in found]


def _peak_hint(loads: dict, group: str) -> str:
    """Say when the winter weekday load peaks: a shift of the clock or the label shows there."""
    total = next(iter(loads.values()))[group].to_series().dropna()
    local = clock(total.index.floor("30min").tz_localize("UTC"))
    winter = np.isin(local.month, (11, 12, 1, 2)) & (local.day_of_week < 5)
    if winter.sum() < 48:
        return ""
    shape = total[winter].groupby(local[winter].strftime("%H:%M")).mean()
    evening = shape[shape.index >= "12:00"]
    if evening.empty:
        return ""
    return (
        f"mean winter weekday peak at {shape.idxmax()}, in the afternoon and evening at "
        f"{evening.idxmax()} of the clock; a British evening peak lies at 17:00 to 18:30"
    )
