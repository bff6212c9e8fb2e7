"""Rules of the CSV tables, built from the columns that `data.tables` defines."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import tables
from scchelpers.portfolio.frames import choice, dates, numbers
from scchelpers.timebase import zone

# Identifiers that become folder names: the rest need only be printable.
PATHS = ("site_id", "asset_id", "parent_id", "network_id")
UNIQUE = "must be unique"


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
    text = raw[column.name]
    given = text != ""
    sites = raw.get("site_id", pd.Series("", index=raw.index))
    faults = []

    def add(bad, rule, remedy):
        for row in raw.index[np.asarray(bad, dtype=bool)]:
            value = text[row]
            said = remedy(value) if callable(remedy) else remedy
            faults.append(
                Fault(file, int(row), column.name, value[:80], rule, said, "error", sites[row])
            )

    if column.required:
        add(~given, "a value is required", f"fill in: {column.meaning} [{column.unit}]")
    if column.kind in ("number", "integer"):
        read = numbers(text)
        plain = f"write a plain number [{column.unit}] such as 7.4, without unit or separators"
        add(given & read.isna(), "must be a number", plain)
        if column.kind == "integer":
            whole = read.isna() | (read % 1 == 0)
            add(given & ~whole, "must be a whole number", f"write a whole number: {column.meaning}")
            if column.choices:
                allowed = read.isin([float(c) for c in column.choices])
                rule = f"must be one of {', '.join(column.choices)}"
                add(read.notna() & whole & ~allowed, rule, f"write {column.meaning}")
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
        bad = given & ~text.map(choice).isin(column.choices)
        add(bad, rule, lambda value: closest(choice(value), column.choices) or "choose one of them")
    elif column.kind == "id" and column.name in PATHS:
        bad = given & ~text.map(tables.is_id).astype(bool)
        rule = f"must be fit for a path: {tables.ID_RULE}"
        add(bad, rule, lambda value: f"write such as {tables.as_id(value)!r}")
    elif column.kind == "id":
        bad = given & ~text.map(tables.is_label).astype(bool)
        add(bad, f"must be {tables.LABEL_RULE}", "rename it here and in the sessions")
    elif column.kind == "date":
        add(given & dates(text).isna(), "must be a day", "write YYYY-MM-DD such as 2025-03-31")
    elif column.name == "timezone":
        for name in text[given].unique():
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
        (UNIQUE, text, "rename or delete one"),
        ("must be unique regardless of case", text.str.lower(), "rename one: folders may clash"),
    ):
        if rule != UNIQUE and key not in PATHS:
            continue
        for _, same in text.groupby(values):
            if len(same) < 2 or (rule != UNIQUE and same.nunique() < 2):
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
