"""One site's TCC from end to end: what is asked, the windows, and the verdict on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.tcc.cells import Cells, DayTypes, half_hourly
from scchelpers.tcc.constraint import by_window, consistency, constrained
from scchelpers.tcc.derivation import headroom, windows_of
from scchelpers.tcc.request import Basis, requested_capacity
from scchelpers.tcc.seasons import group_months
from scchelpers.tcc.suitability import Verdict, firm_capacity, verdict
from scchelpers.tcc.windows import COLUMNS, limit

Seasons = Literal["rating", "data"]


@dataclass(frozen=True)
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
        Load [kVA] in half hours.
    calendar : dict or None
        Month to season, None for the rating seasons.
    rules : dict
        Of `windows_of`.
    cells, windows, on, measured, by_window, verdict
        From `Cells.of`, `windows_of`, `constrained`, `consistency`, `by_window`, `verdict`.
    """

    site: Site
    lacking: tuple[str, ...] = ()
    request: pd.Series | None = None
    margin_kva: float = 0.0
    firm_kva: float = 0.0
    network_kva: xr.DataArray | None = None
    calendar: dict[int, str] | None = None
    day_types: DayTypes = "weekend"
    rules: dict = field(default_factory=dict)
    cells: Cells | None = None
    windows: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))
    on: xr.DataArray | None = None
    measured: pd.Series | None = None
    by_window: pd.DataFrame | None = None
    verdict: Verdict | None = None

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
        return float(self.site.meta["power_factor"])

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
    seed : int
        Of the after-diversity figure.
    **rules
        Of `windows_of`, but margin_kva: quantile, min_gap, min_length, max_windows,
        min_recovery, cap_step_kva.

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
    request = requested_capacity(site, basis, seed=seed)
    asked_kva = request["requested_kva"]
    rules = {"quantile": 0.99, **rules, "margin_kva": margin_share * float(rating.min())}
    calendar = None
    if seasons == "data":
        calendar = group_months(
            load, rating, asked_kva, quantile=rules["quantile"], margin_kva=rules["margin_kva"],
            day_types=day_types, timezone=zone,
        )  # fmt: skip
    cells = Cells.of(load, calendar=calendar, day_types=day_types, timezone=zone)
    windows = windows_of(cells, rating, asked_kva, **rules)
    on = constrained(load, rating, asked_kva, rules["margin_kva"], zone)
    measured = consistency(on, windows, asked_kva, timezone=zone)
    free_kva = headroom(cells, rating, cells.quantile(rules["quantile"]), rules["margin_kva"])
    firm_kva = firm_capacity(free_kva, rules.get("cap_step_kva", 1.0))
    return Study(
        site=site,
        request=request,
        margin_kva=rules["margin_kva"],
        firm_kva=firm_kva,
        network_kva=load,
        calendar=calendar,
        day_types=day_types,
        rules=rules,
        cells=cells,
        windows=windows,
        on=on,
        measured=measured,
        by_window=by_window(on, windows, timezone=zone),
        verdict=verdict(windows, measured, asked_kva, firm_kva),
    )


def _lacking(site: Site) -> tuple[str, ...]:
    """Return what a site lacks for an analysis, each with the remedy."""
    if site.meta.get("asset_id") is None:
        return ("no network asset is named (sites.csv, asset_id)",)
    asset = site.meta["asset_id"]
    checks = (
        (site.network_kva is None, f"no load of {asset} is on record (`scc import halfhourly`)"),
        (
            site.rating_kva is None or site.rating_kva.isna().any(),
            f"{asset} lacks a rating (assets.csv, rating_…_kva for every season)",
        ),
        (site.meta.get("requested_kva") is None, "no capacity is asked for (requested_kva)"),
        (site.meta.get("power_factor") is None, "no power factor is given (power_factor)"),
    )
    return tuple(text for wrong, text in checks if wrong)
