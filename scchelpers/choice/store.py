"""What was decided for a network group, kept beside the reports for every notebook to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from scchelpers.business import Prices
from scchelpers.choice import schemes
from scchelpers.choice.decision import Choice, decide
from scchelpers.choice.network import members, surroundings
from scchelpers.choice.schemes import Terms
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.shared import kept


@dataclass(frozen=True, eq=False)
class Group:
    """What was decided for sites that share assets.

    Attributes
    ----------
    choices : dict of str to Choice
        By site_id, in order of application; the limits are those of the site asked for only.
    need : pandas.DataFrame
        What is left for the DNO to buy as flexibility: columns asset, connected, over_h [h a year],
        peak_kva [kVA], over_kvah [kVA h a year].
    """

    choices: dict[str, Choice]
    need: pd.DataFrame


def decided(folder: Portfolio, site_id: str, terms: Terms | None = None) -> Choice:
    """Return what was decided for a site, with all ways to connect it.

    Parameters
    ----------
    folder : Portfolio
        Open portfolio.
    site_id : str
        Site.
    terms : Terms, optional
        Targets; by default those of `Terms`.

    Examples
    --------
    >>> found = decided(Portfolio.open("data/demo"), "science-park")
    >>> found.scheme in found.options.index
    True
    """
    return group(folder, site_id, terms).choices[site_id]


def group(folder: Portfolio, site_id: str, terms: Terms | None = None) -> Group:
    """Return what was decided for a site and all that share its network.

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> sorted(group(Portfolio.open("data/demo"), "science-park").choices)
    ['science-park']
    """
    terms = terms or Terms()
    sites = members(folder, site_id)
    return kept(
        folder,
        ["options", sites, asdict(terms)],
        lambda: _made(folder, site_id, terms),
        _write,
        lambda place: _read(place, site_id),
    )


def _made(folder: Portfolio, site_id: str, terms: Terms) -> tuple:
    prices = Prices()
    if folder.exists("prices.csv"):
        prices = prices.given(*folder.raw_table("prices.csv"))
    return decide(surroundings(folder, site_id), terms, prices)


def _write(place: Path, made: tuple[Mapping[str, Choice], pd.DataFrame]) -> None:
    choices, need = made
    about = {}
    for number, (site_id, one) in enumerate(choices.items()):
        fixed = {}
        for way, limit_kw in one.limits.items():
            if isinstance(limit_kw, xr.DataArray):
                series = limit_kw.to_series().rename("limit_kw")
                series.to_frame().to_parquet(place / _limits_of(number, way))
            else:
                fixed[way] = float(limit_kw)
        about[site_id] = {"scheme": one.scheme, "facts": one.facts, "fixed_kw": fixed}
    options = pd.concat({name: one.options for name, one in choices.items()}, names=["site_id"])
    sure = pd.concat({name: one.sure for name, one in choices.items()}, names=["site_id"])
    options.to_parquet(place / "options.parquet")
    sure.astype(object).to_parquet(place / "sure.parquet")
    need.to_parquet(place / "need.parquet")
    text = json.dumps({"sites": about}, indent=1)
    (place / "choice.json").write_text(text + "\n", encoding="utf-8")


def _read(place: Path, site_id: str) -> Group:
    about = json.loads((place / "choice.json").read_text(encoding="utf-8"))["sites"]
    options = pd.read_parquet(place / "options.parquet")
    sure = pd.read_parquet(place / "sure.parquet")
    there = set(sure.index.get_level_values("site_id"))
    choices = {}
    for number, (name, known) in enumerate(about.items()):
        limits = {}
        for way in schemes.RANK if name == site_id else ():
            series = place / _limits_of(number, way)
            if series.exists():
                limits[way] = pd.read_parquet(series)["limit_kw"].to_xarray()
                limits[way].attrs["units"] = "kW"
            elif way in known["fixed_kw"]:
                limits[way] = known["fixed_kw"][way]
        own = sure.loc[name].reset_index(drop=True) if name in there else sure.iloc[:0]
        choices[name] = Choice(
            name, known["scheme"], options.loc[name], known["facts"], own, limits
        )
    return Group(choices, pd.read_parquet(place / "need.parquet"))


def _limits_of(number: int, way: str) -> str:
    return f"{number}-{schemes.RANK[way]}.parquet"
