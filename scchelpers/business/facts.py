"""What holds for a site under every scheme: capacities, shortfalls, margins, when growth tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from scchelpers.business.energy import least_kva
from scchelpers.business.schemes import FIRM, LESS, possible
from scchelpers.business.situation import Situation
from scchelpers.diversity import counted

# Share of the half hours above the rating from which a DNO reinforces: ten hours a year.
TOLERATED_SHARE = 10 / 8760
FLEETS = ("bus_depot", "van_depot")


@dataclass(frozen=True)
class Facts:
    """What holds for a site under every scheme.

    Attributes
    ----------
    years : int
        Horizon [years].
    requested_kva, dsc_kva : float
        Capacity asked for, and what the site has [kVA].
    short : tuple of (str, float)
        Kind and shortfall [kVA] of the assets at which the request does not fit; of an unknown
        network, what is assumed.
    mix : dict of str to float
        Shares of the energy sold at "ac", "dc" and "fleet" prices.
    other_kw : float
        Mean load other than charging [kW].
    growth_years : dict of str to float
        By scheme, when the network's own load, with what the scheme adds for certain, passes the
        rating [years]; infinite if it never does.
    less_kva : float
        Reduced capacity [kVA].
    rated_kw : float
        Rated power of the chargepoints [kW].
    """

    years: int
    requested_kva: float
    dsc_kva: float = 0.0
    short: tuple[tuple[str, float], ...] = ()
    mix: Mapping[str, float] = field(default_factory=lambda: {"ac": 1.0})
    other_kw: float = 0.0
    growth_years: Mapping[str, float] = field(default_factory=dict)
    less_kva: float = 0.0
    rated_kw: float = 0.0


def margin_of(mix: Mapping[str, float], prices: Mapping[str, float]) -> float:
    """Return what a kWh served leaves to the customer [£/kWh].

    Examples
    --------
    >>> round(margin_of({"ac": 0.5, "dc": 0.5},
    ...                 {"ac_price": 0.5, "dc_price": 0.8, "energy_cost": 0.3}), 3)
    0.35
    """
    return sum(part * prices[f"{kind}_price"] for kind, part in mix.items()) - prices["energy_cost"]


def facts_of(
    case: Situation, *, horizon: int, load_growth: float, reinforced_for_growth: bool = True
) -> Facts:
    """Return what holds for a site under every scheme.

    Parameters
    ----------
    case : Situation
        The site.
    horizon : int
        Years to look ahead.
    load_growth : float
        Growth of the network's load a year.
    reinforced_for_growth : bool
        Whether the DNO reinforces once the load alone passes the rating.

    Notes
    -----
    Of an unknown network it is assumed that one new substation (at high voltage, one feeder) would
    mend it.
    """
    short, less = case.short, case.firm_kva
    if case.asset is None:
        kv = case.site.meta.get("connection_kv") or 0.4
        short = (("transformer" if kv < 1 else "feeder", 1.0),)
        less = 0.0 if case.site.sessions.empty else least_kva(case)
    years = {}
    if case.asset is not None and reinforced_for_growth and load_growth > 0:
        added = {FIRM: case.requested_kva, LESS: less}
        names = possible(case)
        years = {name: _passes(case, added.get(name, 0.0), load_growth, horizon) for name in names}
    mean_kw = 0.0 if case.load is None else float(np.nanmean(case.load))
    rated_kw = float(counted(case.site.chargepoints)["rated_kw"].sum())
    return Facts(
        horizon,
        case.requested_kva,
        case.dsc_kva,
        short,
        mix_of(case),
        mean_kw,
        years,
        less,
        rated_kw,
    )


def _passes(case: Situation, added_kva: float, growth: float, horizon: int) -> float:
    """Return the year in which the load, and what was added to it, first passes the rating."""
    alone = replace(case.asset, earlier_kva=added_kva)
    for year in range(horizon + 1):
        room_kva = alone.room_kva((1 + growth) ** year, case.site.timezone)
        if float((room_kva < 0).mean()) > TOLERATED_SHARE:
            return float(year)
    return np.inf


def mix_of(case: Situation) -> dict[str, float]:
    """Return the shares of a site's energy by the price that it is sold at."""
    if case.site.meta.get("site_type") in FLEETS:
        return {"fleet": 1.0}
    rapid = case.site.chargepoints["kind"].isin(["rapid", "ultra"])
    dc = case.site.chargepoints.loc[rapid, "evse_id"]
    energy = case.site.sessions["energy_kwh"]
    total = float(energy.sum())
    on_dc = float(energy[case.site.sessions["evse_id"].isin(dc)].sum())
    share = on_dc / total if total else 0.0
    return {"ac": 1 - share, "dc": share}
