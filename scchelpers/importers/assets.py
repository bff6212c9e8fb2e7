"""Tables of substations, feeders and transformers as network operators publish them.

Capacity, highest demand, queue and place of each asset, one row an asset; what a table does not
tell stays missing. Where two tables differ about an asset, the cautious value counts.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from scchelpers.importers import layouts, values
from scchelpers.importers.account import Account
from scchelpers.importers.table import Sheet
from scchelpers.portfolio import tables

_TO_KVA = {"kva": 1.0, "kw": 1.0, "mva": 1e3, "mw": 1e3, "va": 1e-3, "w": 1e-3}
_KINDS = (
    ("primary", r"prim|primary|pry|33 ?kv|33 ?/ ?11|33 ?/ ?6\.6"),
    ("transformer", r"transformer|secondary|distribution sub|\btx\b|pole mounted|ground mounted"),
    ("feeder", r"feeder|circuit|\bline\b"),
)
_POWERS = {
    "firm": "firm_capacity_kva",
    "demand": "maximum_demand_kva",
    "queue": "queue_kva",
    "headroom": "published_headroom_kva",
    "rating": "rating_kva",
    **{f"rating_{season}": f"rating_{season}_kva" for season in tables.RATING_SEASONS},
}
_RATINGS = [f"rating_{season}_kva" for season in tables.RATING_SEASONS]
# Which of two statements about one asset is the cautious one.
_CAUTIOUS = {
    "maximum_demand_kva": "max",
    "queue_kva": "max",
    **dict.fromkeys(["firm_capacity_kva", "published_headroom_kva", *_RATINGS], "min"),
}
_COLUMNS = [
    *("asset_id", "text", "name", "kind", "parent", "upper", "latitude", "longitude"),
    *(_CAUTIOUS), "rating_from", "published_from",
]  # fmt: skip


@layouts.of_columns("assets")
class AssetOptions(layouts.Options):
    """What the user may tell of tables of assets; `asset=` and the like name a column."""

    unit: Literal["MW", "MVA", "kW", "kVA"] | None = None
    power_factor: float | None = Field(None, ge=0.5, le=1)
    published: str = Field("", description="date or edition of the table, as its publisher says")
    rows: str = Field("", description="rows that count, COLUMN=VALUE joined by +")


def read(sheet: Sheet, options: AssetOptions) -> tuple[pd.DataFrame, Account]:
    """Return a row an asset: its id and text, name, kind, parents as printed, place, powers [kVA].

    Where the account refuses, the rows are not to be used.
    """
    return _Reading(sheet, options).read()


class _Reading(layouts.Reading):
    what = "assets"

    def rows(self) -> pd.DataFrame:
        """Return a row an asset."""
        layout, options, account = self.layout, self.options, self.account
        frame, fates = self.frame, Counter()
        keep = dict(layout.keep) if layout else {}
        for part in filter(None, options.rows.split("+")):
            column, _, value = part.partition("=")
            keep[column] = [value.lower()]
        by_plain = {layouts.plain(c): c for c in frame.columns}
        for column, kept in keep.items():
            if layouts.plain(column) in by_plain:
                own = frame[by_plain[layouts.plain(column)]].str.lower().isin(kept)
                fates[f"other {column}"] += int((~own).sum())
                frame = frame[own]
            else:
                account.judge("rows", True, f"no column {column}", 'rows="COLUMN=VALUE"')
        self.resolve(frame)
        picks, text = self.picks, self.text
        if "asset" not in picks and "name" in picks:
            picks["asset"] = picks["name"].model_copy(update={"role": "asset"})
        if "asset" not in picks:
            listed = ", ".join(frame.columns[:10])
            self.ask("asset", f"no column is understood as the asset; columns: {listed}",
                     "asset=COLUMN")  # fmt: skip
        self.print(frame)
        out = pd.DataFrame({"text": text["asset"].str.strip()}, index=frame.index)
        blank = out["text"].str.lower().isin(values.NA)
        for role in ("name", "parent", "upper"):
            own = text.get(role, pd.Series("", out.index)).str.strip()
            out[role] = own.mask(own.str.lower().isin(values.NA), "")
        out["kind"] = _kinds(text.get("kind"), out["name"], options.kind, layout)
        places, outside = _places(text, options.decimal)
        out[["latitude", "longitude"]] = places
        account.judge(
            "places", outside > max(2, 0.1 * len(out)),
            f"{outside} places lie outside Great Britain",
            "latitude=COLUMN or accept=places (they are left out)",
        )  # fmt: skip
        told = self._powers(out)
        season = text.get("season", pd.Series("", out.index)).str.strip().str.lower()
        fates["no id of an asset"] += int(blank.sum())
        rows = _one_each(out[~blank], season[~blank], account)
        by = options.publisher or (layout and layout.source.get("publisher")) or self.sheet.file
        rows["published_from"] = f"{by}, {options.published or 'of no stated date'}"
        _plausible(rows, account)
        first = out[~blank].iloc[0] if len(rows) else out.iloc[0]
        self.first_read = {role: f"{first[column]:.6g} kVA" for role, column in _POWERS.items()
                           if role in told and pd.notna(first[column])}  # fmt: skip
        place = f"{first['latitude']:.4f}, {first['longitude']:.4f}"
        self.first_read |= dict.fromkeys(("latitude", "place", "easting"), place)
        self.first_read["asset"] = str(rows["asset_id"].iloc[0]) if len(rows) else ""
        account.about = {
            "read": len(self.frame), "set_aside": {k: v for k, v in fates.items() if v},
            "mended": {"place outside Great Britain left out": outside} if outside else {},
        }  # fmt: skip
        return rows

    def _powers(self, out: pd.DataFrame) -> set[str]:
        """Add the powers [kVA] to the rows; return the roles that are told."""
        text, options, account = self.text, self.options, self.account
        factor = values.numbers(text["power_factor"])[0] if "power_factor" in text else None
        told = {role for role in _POWERS if role in text}
        lacking = []
        for role, column in _POWERS.items():
            out[column] = np.nan
            if role not in told:
                continue
            number, said = self.numbers(role)
            unread = number.isna() & ~text[role].str.lower().isin(values.NA)
            name = self.picks[role].column
            if unread.any():
                account.judge(
                    f"numbers of {role}", unread.mean() > 0.2,
                    f"{name}: {text[role][unread].iloc[0]!r} and {int(unread.sum()) - 1} more are "
                    f"no numbers ({said})", f"{role}=COLUMN or decimal=comma",
                )  # fmt: skip
            unit = (options.unit or self.picks[role].unit or "").lower()
            if unit not in _TO_KVA:
                span = (
                    f"{number.min():.4g} to {number.max():.4g}" if number.notna().any() else "none"
                )
                account.judge("unit", True, f"{name}: no unit is told; values {span}",
                              "unit=MVA (or MW, kVA, kW)")  # fmt: skip
                continue
            number = number * _TO_KVA[unit]
            if unit.endswith("w"):
                own = pd.Series(options.power_factor, out.index, dtype=float)
                if factor is not None:
                    own = factor.where(factor.between(0.5, 1)).fillna(own)
                if (number.notna() & own.isna()).any():
                    lacking.append(name)
                number = number / own
            out[column] = number
        if lacking:
            account.judge(
                "power factor", True, f"{', '.join(lacking)} in MW, the portfolio wants kVA",
                "power_factor=0.95 (or as the operator says), or unit=MVA",
            )  # fmt: skip
        account.note(f"powers told: {', '.join(sorted(told)) or 'none'}")
        return told


def _kinds(text, names, given: str | None, layout) -> pd.Series:
    """Return the kind of each asset: as told, else as its type or name says."""
    kinds = tables.ASSET_KINDS
    if given in kinds:
        return pd.Series(given, names.index)
    told = (text if text is not None else names).str.lower()
    found = pd.Series(None, names.index, dtype=object)
    for kind, pattern in _KINDS:
        found = found.mask(
            found.isna() & told.str.contains(rf"\b(?:{pattern})\b", regex=True), kind
        )
    usual = layout.asset if layout and layout.asset in kinds else None
    other = told.str.contains(r"\b(?:gsp|bsp|grid|bulk)\b", regex=True)
    return found.mask(other, "other").where(lambda x: x.notna(), usual)


def _places(text: dict[str, pd.Series], decimal: str | None) -> tuple[pd.DataFrame, int]:
    """Return latitude and longitude [degrees], and how many lie outside Great Britain."""
    index = text["asset"].index
    found = pd.DataFrame(np.nan, index, ["latitude", "longitude"])
    if {"latitude", "longitude"} <= set(text):
        for name in found:
            found[name] = values.numbers(text[name], decimal or "point")[0]
    elif "place" in text:
        both = text["place"].str.extract(r"(-?\d+\.?\d*)[^\d-]+(-?\d*\.?\d+)").astype(float)
        found[["latitude", "longitude"]] = both.to_numpy()
    turned = found["latitude"].between(-9, 3) & found["longitude"].between(49, 61)
    found[turned] = found.loc[turned, ["longitude", "latitude"]].to_numpy()
    if {"easting", "northing"} <= set(text):
        from pyproj import Transformer

        east, north = (values.numbers(text[n], decimal)[0] for n in ("easting", "northing"))
        lacking = found["latitude"].isna() & east.between(0, 700_000) & north.between(0, 1_300_000)
        place = Transformer.from_crs(27700, 4326, always_xy=True).transform(
            east[lacking].to_numpy(), north[lacking].to_numpy()
        )
        found.loc[lacking, "longitude"], found.loc[lacking, "latitude"] = place
    inside = pd.Series(True, index)
    for column in tables.PLACE:
        inside &= found[column.name].between(column.low, column.high)
    outside = int((found.notna().any(axis=1) & ~inside).sum())
    return found.where(inside), outside


def _one_each(out: pd.DataFrame, season: pd.Series, account: Account) -> pd.DataFrame:
    """Bring the rows of each asset (its seasons, its voltages) to one."""
    ids = {
        text: text if tables.is_id(text) else tables.as_id(text) for text in out["text"].unique()
    }
    clash = [i for i, n in Counter(v.lower() for v in ids.values()).items() if n > 1]
    if clash:
        account.judge("asset", True, f"ids that differ only in signs or capitals ({clash[0]})",
                      "asset=COLUMN")  # fmt: skip
    out = out.assign(asset_id=out["text"].map(ids))
    known = season.isin(tables.RATING_SEASONS)
    source = pd.Series("", out.index)
    for column in _RATINGS:
        out[column] = out[column].fillna(out["rating_kva"])
        mine = ~known | (column == "rating_" + season + "_kva")
        lent = out[column].isna() & mine & out["firm_capacity_kva"].notna()
        source = source.mask(lent, "firm capacity")
        out[column] = out[column].where(mine).fillna(out["firm_capacity_kva"].where(mine))
    grouped = out.assign(rating_from=source).groupby("asset_id", sort=False)
    told = grouped.agg(_CAUTIOUS)
    words = grouped[["text", "name", "kind", "parent", "upper", "rating_from"]].agg(
        lambda column: next((v for v in column if v), None)
    )
    rows = words.join(grouped[["latitude", "longitude"]].first()).join(told)
    for name in _CAUTIOUS:
        if name in _RATINGS:
            continue
        kinds = grouped[name].nunique()
        if known.any() or not (kinds > 1).any():
            continue
        account.judge(
            f"rows of {name}", True, f"{int((kinds > 1).sum())} assets have several values, such "
            f"as {kinds.idxmax()}", '"rows=COLUMN=VALUE" (a scenario, a year), or asset=COLUMN',
        )  # fmt: skip
    part = rows[_RATINGS].notna().any(axis=1) & rows[_RATINGS].isna().any(axis=1)
    if part.any():
        low = rows[_RATINGS].min(axis=1)
        rows[_RATINGS] = rows[_RATINGS].apply(lambda c: c.fillna(low))
        account.note("ratings of seasons not printed: the lowest of those that are")
        rows.loc[part, "rating_from"] += ", seasons not printed as the lowest"
    if (rows["rating_from"].fillna("") != "").any():
        account.note("ratings: the firm capacity, as no other rating is printed")
    return rows.reset_index().reindex(columns=_COLUMNS)


def _plausible(rows: pd.DataFrame, account: Account) -> None:
    """Judge the size and the signs of what was read."""
    for name in ("firm_capacity_kva", "maximum_demand_kva", "queue_kva", *_RATINGS[:1]):
        known = rows[name].dropna()
        if known.empty:
            continue
        low, high = float(known.min()), float(known.quantile(0.9))
        account.judge(f"sign of {name}", low < 0, f"{name} down to {low:,.6g} kVA",
                      "unit=… or another column")  # fmt: skip
        account.judge("size", high > 3e6 or 0 < high < 5, f"{name} up to {high:,.6g} kVA on nine "
                      "in ten assets", "unit=… (another one)")  # fmt: skip
    both = rows[["firm_capacity_kva", "maximum_demand_kva"]].dropna()
    over = both["maximum_demand_kva"] > 2 * both["firm_capacity_kva"]
    account.judge("demand", len(both) > 3 and over.mean() > 0.5, "demand is above twice the firm "
                  f"capacity on {over.mean():.0%} of assets", "firm=COLUMN or unit=…")  # fmt: skip


def join(rows: pd.DataFrame, account: Account) -> pd.DataFrame:
    """Bring the assets of all sources to rows of `assets.csv`, with the parents that they name.

    A parent that has no row of its own gets one, with its name alone.
    """
    rows = rows.reindex(columns=_COLUMNS)
    grouped = rows.groupby("asset_id", sort=True)
    for name in _CAUTIOUS:
        if n := int((grouped[name].max() > grouped[name].min()).sum()):
            account.note(f"{name}: sources differ on {n} assets; the cautious value is taken")
    made = grouped[["text", "name", "kind", "parent", "upper", "latitude", "longitude",
                    "rating_from"]].first().join(grouped.agg(_CAUTIOUS))  # fmt: skip
    made["published_from"] = grouped["published_from"].agg(
        lambda told: "; ".join(sorted(set(told.dropna()))) or None
    )
    made[["parent", "upper"]] = made[["parent", "upper"]].fillna("")
    index = {text.lower(): asset for asset, text in made["text"].items()}
    names = made["name"].dropna().str.lower()
    names = names[(names != "") & ~names.duplicated(keep=False)]
    by_name = {name: asset for asset, name in names.items()}
    bare: dict[str, dict] = {}

    def found(text: str, own: str, fed_by: str | None) -> str | None:
        """Return the id of a parent, with a bare row for one that has none."""
        if not text:
            return fed_by
        asset = index.get(text.lower()) or by_name.get(text.lower())
        if asset is None:
            asset = text if tables.is_id(text) else tables.as_id(text)
            if asset.lower() in {a.lower() for a in made.index}:
                return fed_by
            row = bare.setdefault(asset, {"name": text, "kind": "other", "parent_id": None})
            row["parent_id"] = row["parent_id"] or (fed_by if fed_by != asset else None)
        return fed_by if asset == own else asset

    parents = {}
    for asset, row in made.iterrows():
        upper = found(row["upper"], asset, None)
        parents[asset] = found(row["parent"], asset, upper)
    for asset in parents:  # a ring through the names of others is cut where it closes
        seen, at = [asset], parents[asset]
        while at in parents and at not in seen:
            seen.append(at)
            at = parents[at]
        if at in seen:
            parents[seen[-1]] = None
            account.note(f"{seen[-1]}: fed by itself through {at}; its parent is left out")
    made["parent_id"] = pd.Series(parents)
    if bare:
        account.note(f"parents without a row of their own: {len(bare)} ({', '.join([*bare][:4])})")
    made = pd.concat([made, pd.DataFrame.from_dict(bare, orient="index")])
    made.index.name = "asset_id"
    made["rating_from"] = made["rating_from"].replace("", None)
    return made.reset_index().reindex(columns=[c.name for c in tables.ASSETS])
