"""Who pays and who earns what, when: the cash flows of an option and their present value.

A transfer stands twice, with opposite signs. So each party's account is complete on its own, and in
the sum of both, the view of Great Britain, transfers vanish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from scchelpers import timebase
from scchelpers.clm import WHOLE_CURRENT_KVA
from scchelpers.faults import UserError

# Steps of the social time preference rate: after so many years it lies so much lower (HM Treasury,
# The Green Book, 2022, table 7: 3.5 % to year 30, 3.0 % to year 75, 2.5 % to year 125).
_GREEN_BOOK = 0.035

STEPS = ((30.0, 0.005), (75.0, 0.010))


def factor(years, rate: float) -> np.ndarray:
    """Return the discount factor after some years at one rate.

    Parameters
    ----------
    years : array-like
        Time from now [years], 0 or more; parts of a year count.
    rate : float
        Real rate a year; 0.06 is 6 %.

    Raises
    ------
    UserError
        If the rate is not above -1 or a time is before now.

    Examples
    --------
    >>> factor([0, 1, 2], 0.25).tolist()
    [1.0, 0.8, 0.64]
    """
    return (1 + _rate(rate)) ** -_times(years)


def social_factor(years, rate: float = _GREEN_BOOK) -> np.ndarray:
    """Return the discount factor of the Green Book, whose rate falls with time.

    Parameters
    ----------
    years : array-like
        Time from now [years].
    rate : float
        Rate of the first 30 years; then half a point less, after 75 years one point.

    Examples
    --------
    >>> social_factor([1, 30, 45]).round(6).tolist()
    [0.966184, 0.356278, 0.228682]
    """
    times = _times(years)
    starts = [0.0, *(after for after, _ in STEPS)]
    rates = [rate, *(rate - less for _, less in STEPS)]
    ends = [*starts[1:], np.inf]
    found = np.ones_like(times)
    for start, end, own in zip(starts, ends, rates, strict=True):
        found = found * (1 + _rate(own)) ** -(np.clip(times, start, end) - start)
    return found


def _rate(rate) -> np.ndarray:
    rates = np.asarray(rate, dtype=float)
    if not ((rates > -1) & (rates < np.inf)).all():
        raise UserError(f"rate = {rate}: must be above -1 (0.06 is 6 %)")
    return rates


def _times(years) -> np.ndarray:
    times = np.asarray(years, dtype=float)
    if (times < 0).any():
        raise UserError(f"years = {times.min():g}: must be 0 or more")
    return times


Regime = Literal["since-2023", "before-2023"]

REGIMES = ("since-2023", "before-2023")


def contribution(
    cost_gbp: float,
    requested_kva: float,
    created_kva: float,
    *,
    regime: Regime = "since-2023",
    high_cost_threshold: float,
) -> float:
    """Return what a demand customer pays of a reinforcement [£]; the DNO pays the rest.

    Parameters
    ----------
    cost_gbp : float
        Cost of the work [£].
    requested_kva : float
        Capacity asked for [kVA].
    created_kva : float
        Capacity that the work creates [kVA].
    regime : {"since-2023", "before-2023"}
        Since 1 April 2023 (Access Significant Code Review) only the part above the threshold;
        before, the customer's share of the capacity created.
    high_cost_threshold : float
        Cost for each kVA asked for from which the customer pays in full [£/kVA].

    Raises
    ------
    UserError
        If the regime is not known or a value is below 0.

    Examples
    --------
    >>> rules = {"high_cost_threshold": 1720}
    >>> float(contribution(60_000, 100, 500, regime="before-2023", **rules))
    12000.0
    >>> [float(contribution(gbp, 100, 500, **rules)) for gbp in (60_000, 200_000)]
    [0.0, 28000.0]
    """
    if any(
        np.min(part) < 0 for part in (cost_gbp, requested_kva, created_kva, high_cost_threshold)
    ):
        raise UserError("contribution: cost, capacities and threshold must be 0 or more")
    if regime == "since-2023":
        return np.maximum(0.0, cost_gbp - high_cost_threshold * requested_kva)
    if regime != "before-2023":
        raise UserError(f"regime = {regime!r}: one of {', '.join(REGIMES)}")
    # Whoever asks for more than the work creates pays all of it.
    built = np.maximum(created_kva, 1e-9)
    return np.where(
        np.asarray(created_kva) > 0, cost_gbp * np.minimum(1.0, requested_kva / built), 0
    )[()]


@dataclass(frozen=True, eq=False)
class Option:
    """A way to connect a site.

    What differs from year to year is an array over the years 1 to the horizon, as if connected all
    that year; `ready_years` says from when it is.

    Attributes
    ----------
    name : str
        What it is called.
    ready_years : float
        Time until chargepoints work [years].
    wanted_kwh, unserved_kwh : ndarray over year
        Energy wanted, and of it not delivered by plug-out [kWh a year].
    charges_gbp : ndarray over year
        Network charges for agreed capacity, more than today [£ a year], see `capacity_gbp`.
    extension_gbp, later_extension_gbp : float
        Sole-use assets, paid by the customer when connected, and when reinforced [£].
    reinforcement_gbp, created_kva, reinforced_years : float
        Cost of a reinforcement [£], the capacity it creates [kVA] and when it is there [years];
        who pays is a matter of the charging regime.
    requested_kva : float
        Capacity for which the network is reinforced [kVA].
    contributes : bool
        Whether the customer may have to pay a part of it; not where the network's own load asks
        for it.
    limited_years : float
        Until when a scheme limits charging [years].
    equipment_gbp, running_gbp : float, ndarray over year
        Customer's control and communications: once [£], and a year [£ a year].
    dno_equipment_gbp, dno_running_gbp : float, ndarray over year
        The same of the DNO.
    trips, breaches : ndarray over year
        Trips of the supply, and broken limits that are claimed for, expected [a year].
    mean_kw, other_kw : ndarray over year, float
        Mean charging and mean other load that a trip takes [kW].
    rated_kw : float
        Rated power of the chargepoints, which are owned from when they work [kW].
    rapid_share : float
        Share of it that is rapid or ultra.
    mix : mapping of str to float
        Shares of the energy that are sold at "ac", "dc" and "fleet" prices.
    """

    name: str
    ready_years: float
    wanted_kwh: np.ndarray
    unserved_kwh: np.ndarray
    charges_gbp: np.ndarray = field(default_factory=lambda: np.zeros(1))
    extension_gbp: float = 0.0
    later_extension_gbp: float = 0.0
    reinforcement_gbp: float = 0.0
    created_kva: float = 0.0
    reinforced_years: float = 0.0
    requested_kva: float = 0.0
    contributes: bool = True
    limited_years: float = np.inf
    equipment_gbp: float = 0.0
    running_gbp: np.ndarray = field(default_factory=lambda: np.zeros(1))
    dno_equipment_gbp: float = 0.0
    dno_running_gbp: np.ndarray = field(default_factory=lambda: np.zeros(1))
    trips: np.ndarray = field(default_factory=lambda: np.zeros(1))
    breaches: np.ndarray = field(default_factory=lambda: np.zeros(1))
    mean_kw: np.ndarray = field(default_factory=lambda: np.zeros(1))
    other_kw: float = 0.0
    rated_kw: float = 0.0
    rapid_share: float = 0.0
    mix: Mapping[str, float] = field(default_factory=lambda: {"ac": 1.0})

    def __post_init__(self):
        years = self.years
        for name in _YEARLY:
            values = np.atleast_1d(np.asarray(getattr(self, name), dtype=float))
            if values.shape[-1] not in (1, years):
                raise UserError(
                    f"option {self.name!r}, {name}: {values.size} values; one for each of the "
                    f"{years} years, or one for all"
                )
            object.__setattr__(self, name, np.broadcast_to(values, (*values.shape[:-1], years)))
        if not np.min(self.ready_years) >= 0:
            raise UserError(f"option {self.name!r}, ready_years = {self.ready_years}: 0 or more")

    @property
    def years(self) -> int:
        """Horizon [years]."""
        return np.shape(self.wanted_kwh)[-1]

    @property
    def connected(self) -> np.ndarray:
        """Share of each year from 1 on in which the site is connected."""
        return np.clip(np.arange(1, self.years + 1) - self.ready_years, 0.0, 1.0)

    @property
    def limited(self) -> np.ndarray:
        """Share of each year in which the site is connected and a scheme limits charging."""
        return self.connected * np.clip(self.limited_years - np.arange(self.years), 0.0, 1.0)

    @property
    def unserved_share(self) -> float:
        """Share of the energy wanted once connected that is not served, over the horizon."""
        wanted = float((self.connected * self.wanted_kwh).sum())
        return float((self.connected * self.unserved_kwh).sum()) / wanted if wanted else np.nan


_YEARLY = (
    *("wanted_kwh", "unserved_kwh", "charges_gbp", "running_gbp", "dno_running_gbp"),
    *("trips", "breaches", "mean_kw"),
)


def stop_gap(
    scheme: Option, firm: Option, years: float, *, name: str | None = None, contributes: bool = True
) -> Option:
    """Return a scheme for some years, and then the reinforced connection.

    Parameters
    ----------
    scheme, firm : Option
        The scheme, and the connection with reinforcement.
    years : float
        When the reinforced connection takes over; not before it could be ready [years from now].
    name : str, optional
        Name; by default made of the scheme's.
    contributes : bool
        Whether the customer may have to pay a part of the reinforcement.

    Examples
    --------
    >>> tcc = Option("TCC", 0.5, np.full(4, 10.0), np.full(4, 1.0))
    >>> full = Option("full", 2.0, np.full(4, 10.0), np.zeros(4), reinforcement_gbp=100)
    >>> both = stop_gap(tcc, full, 3)
    >>> both.unserved_kwh.tolist(), both.ready_years, float(both.reinforced_years)
    ([1.0, 1.0, 1.0, 0.0], 0.5, 3.0)
    """
    change = np.maximum(np.maximum(years, firm.reinforced_years), firm.ready_years)
    before = np.clip(change - np.arange(scheme.years), 0.0, 1.0)
    mixed = {n: before * getattr(scheme, n) + (1 - before) * getattr(firm, n) for n in _YEARLY}
    return replace(
        scheme,
        name=name or f"{scheme.name}, then reinforced",
        reinforcement_gbp=firm.reinforcement_gbp,
        created_kva=firm.created_kva,
        requested_kva=firm.requested_kva,
        reinforced_years=change,
        contributes=contributes,
        limited_years=change,
        later_extension_gbp=np.maximum(0.0, firm.extension_gbp - scheme.extension_gbp),
        **mixed,
    )


View = Literal["customer", "dno", "gb"]

VIEWS = ("customer", "dno", "gb")


# Items in the order of the tables.
_ITEMS = (
    *("connection", "reinforcement", "contribution", "asset value left", "control", "upkeep"),
    *("chargepoints", "energy margin", "value added tax", "unserved energy", "capacity charge"),
    *("trips", "breaches"),
)

Entries = dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]


def margin_of(mix: Mapping[str, float], prices: Mapping[str, float]) -> float:
    """Return what a kWh served leaves to the customer, tax paid [£/kWh].

    Drivers pay value added tax, which the operator hands on; a fleet at its depot sells nothing.

    Examples
    --------
    >>> prices = {"ac_price": 0.48, "dc_price": 0.84, "energy_cost": 0.3, "vat_rate": 0.2}
    >>> round(margin_of({"ac": 0.5, "dc": 0.5}, prices), 3)
    0.25
    """
    paid = sum(part * prices[f"{kind}_price"] for kind, part in mix.items())
    return paid - _tax_of(mix, prices) - prices["energy_cost"]


def _tax_of(mix: Mapping[str, float], prices: Mapping[str, float]):
    """Return the value added tax in the price of a kWh [£/kWh]."""
    sold = sum(part * prices[f"{kind}_price"] for kind, part in mix.items() if kind in _TAXED)
    return sold * prices["vat_rate"] / (1 + prices["vat_rate"])


_TAXED = ("ac", "dc")


def capacity_gbp(kva: float, prices: Mapping[str, float], *, high_voltage: bool = False):
    """Return what a supply pays for its agreed capacity [£ a year].

    Parameters
    ----------
    kva : float
        Agreed capacity [kVA].
    prices : Prices
        Price table, or draws of it.
    high_voltage : bool
        Whether the supply is at high voltage.

    Notes
    -----
    A charge for each kVA, and at low voltage a fixed one by band of capacity, of which the lower
    takes its limit. A whole-current supply pays neither. The fixed charge at high voltage was not
    found, so that what is returned is too low there.

    Examples
    --------
    >>> prices = {"capacity_charge": 10, "fixed_charge_1": 50, "fixed_charge_2": 80,
    ...           "fixed_charge_level": 1, "band_1_kva": 80, "band_2_kva": 150, "band_3_kva": 231}
    >>> [round(capacity_gbp(kva, prices), 2) for kva in (60, 80, 100)]
    [0.0, 3104.62, 3944.7]
    """
    if not kva > WHOLE_CURRENT_KVA:
        return 0.0
    if high_voltage:
        return kva * prices["hv_capacity_charge"] * timebase.YEAR_DAYS / 100
    band = 1 + sum(kva > np.median(prices[f"band_{place}_kva"]) for place in (1, 2, 3))
    fixed = prices[f"fixed_charge_{band}"] * prices["fixed_charge_level"]
    return (kva * prices["capacity_charge"] + fixed) * timebase.YEAR_DAYS / 100


def entries(
    option: Option, prices: Mapping[str, float], *, regime: Regime = "since-2023"
) -> Entries:
    """Return the flows of an option, {(party, item): (times [years], amounts [£])}.

    Parameters
    ----------
    option : Option
        The option.
    prices : Prices
        Price table.
    regime : {"since-2023", "before-2023"}
        Charging regime.

    Notes
    -----
    Capital is spent when it is needed; what recurs falls at the end of each year. All in real
    terms. The margin is taken to be a gain of GB, too, and so is the tax in the price, which is the
    Treasury's; strictly they are only as far as drivers would not charge elsewhere.
    """
    margin = margin_of(option.mix, prices)
    ends = np.arange(1, option.years + 1)
    on = option.connected
    at = option.ready_years
    within = option.reinforced_years <= np.float64(option.years)  # else beyond the horizon
    found: Entries = {}

    def once(party: str, item: str, time, gbp) -> None:
        found[party, item] = (np.atleast_1d(time), np.atleast_1d(gbp))

    def yearly(party: str, item: str, gbp: np.ndarray) -> None:
        found[party, item] = (ends, on * gbp)

    later_gbp = within * option.later_extension_gbp
    found["customer", "connection"] = (
        _beside(at, option.reinforced_years),
        -_beside(option.extension_gbp, later_gbp),
    )
    if np.any(option.reinforcement_gbp):
        own = 0.0
        if option.contributes:
            own = within * contribution(
                option.reinforcement_gbp, option.requested_kva, option.created_kva, regime=regime,
                high_cost_threshold=prices["high_cost_threshold"],
            )  # fmt: skip
        when = np.minimum(option.reinforced_years, option.years)
        used = np.minimum(1.0, (option.years - when) / prices["asset_life"])
        gbp = within * option.reinforcement_gbp
        once("dno", "reinforcement", when, -gbp)
        once("customer", "contribution", when, -own)
        once("dno", "contribution", when, own)
        once("dno", "asset value left", option.years, gbp * (1 - used))
    for party, equipment_gbp, running_gbp in (
        ("customer", option.equipment_gbp, option.running_gbp),
        ("dno", option.dno_equipment_gbp, option.dno_running_gbp),
    ):
        once(party, "control", at, -equipment_gbp)
        yearly(party, "upkeep", -running_gbp)

    wanted_kwh = option.wanted_kwh * prices["demand_level"]
    lost_kwh = option.unserved_kwh * prices["demand_level"] * prices["curtailment_level"]
    lost_kwh = np.minimum(lost_kwh, wanted_kwh)
    yearly("customer", "energy margin", wanted_kwh * margin)
    yearly("customer", "unserved energy", -lost_kwh * (margin + prices["goodwill"]))
    yearly("treasury", "value added tax", (wanted_kwh - lost_kwh) * _tax_of(option.mix, prices))
    rapid = option.rapid_share
    hire = (1 - rapid) * prices["ac_hire"] + rapid * prices["dc_hire"]
    yearly("customer", "chargepoints", -option.rated_kw * hire)
    yearly("customer", "capacity charge", -option.charges_gbp)
    yearly("dno", "capacity charge", option.charges_gbp)
    trip_gbp = prices["trip_callout"] + prices["trip_hours"] * (
        option.mean_kw * prices["demand_level"] * (margin + prices["goodwill"])
        + option.other_kw * prices["other_load_value"]
    )
    yearly("customer", "trips", -option.trips * trip_gbp)
    yearly("customer", "breaches", -option.breaches * prices["breach_cost"])
    return found


def _beside(*values) -> np.ndarray:
    """Return values as columns; each may be a number, or a column of draws."""
    return np.concatenate(np.broadcast_arrays(*map(np.atleast_1d, values)), axis=-1)


def cash_flows(
    option: Option, prices: Mapping[str, float], *, regime: Regime = "since-2023"
) -> pd.DataFrame:
    """Return the flows of an option as a table: party, item, year [years from now], gbp [£].

    Parameters and notes as for `entries`.

    Examples
    --------
    >>> from scchelpers.business import Prices
    >>> flows = cash_flows(Option("firm", 0.5, np.full(3, 10.0), np.zeros(3)), Prices())
    >>> list(flows.columns)
    ['party', 'item', 'year', 'gbp']
    """
    rows = [
        (party, item, float(time), float(gbp))
        for (party, item), flow in entries(option, prices, regime=regime).items()
        for time, gbp in zip(*np.broadcast_arrays(*flow), strict=True)
        if gbp
    ]
    return pd.DataFrame(rows, columns=["party", "item", "year", "gbp"])


def npv(
    flows: pd.DataFrame, prices: Mapping[str, float], view: View = "customer", *, by_item=False
):
    """Return the net present value of flows in one view [£].

    Parameters
    ----------
    flows : pandas.DataFrame
        From `cash_flows`.
    prices : Prices
        customer_rate discounts the customer's view, social_rate those of the DNO and of GB.
    view : {"customer", "dno", "gb"}
        "gb" is all parties together, the Treasury too, in which transfers vanish.
    by_item : bool
        Whether to return a Series by item instead of the sum.

    Examples
    --------
    >>> flows = {"party": "customer", "item": "work", "year": [0, 1], "gbp": [-9.0, 11.0]}
    >>> float(npv(pd.DataFrame(flows), {"customer_rate": 0.1, "social_rate": 0.035}))
    1.0
    """
    weights = _discount(view, prices)
    own = flows if view == "gb" else flows[flows["party"] == view]
    value = own["gbp"] * weights(own["year"].to_numpy())
    if not by_item:
        return float(value.sum())
    return value.groupby(own["item"]).sum().reindex(_ITEMS, fill_value=0.0)


def value_of(found: Entries, prices: Mapping[str, float], view: View = "customer"):
    """Return the same from `entries` [£]: a number, or one for each draw of the prices."""
    weights = _discount(view, prices)
    return sum(
        (weights(times) * gbp).sum(axis=-1)
        for (party, _), (times, gbp) in found.items()
        if view in ("gb", party)
    )


def _discount(view: View, prices: Mapping[str, float]):
    """Return the discount factor of a view, as a function of time [years]."""
    if view == "customer":
        return lambda years: factor(years, prices["customer_rate"])
    if view in ("dno", "gb"):
        return lambda years: social_factor(years, prices["social_rate"])
    raise UserError(f"view = {view!r}: one of {', '.join(VIEWS)}")


def compare(
    options: Sequence[Option],
    prices: Mapping[str, float],
    *,
    regime: Regime = "since-2023",
) -> pd.DataFrame:
    """Return what each option is worth in each view; the order given is kept and changes nothing.

    Parameters
    ----------
    options : sequence of Option
        Options with names of their own.
    prices, regime
        As for `cash_flows`.

    Returns
    -------
    pandas.DataFrame
        Indexed by option: ready_years, unserved_share; customer_capital_gbp and dno_capital_gbp,
        not discounted [£]; customer_gbp, dno_gbp and gb_gbp, net present values [£].

    Examples
    --------
    >>> from scchelpers.business import Prices
    >>> firm = Option("firm", 0.5, np.full(3, 10.0), np.zeros(3))
    >>> tcc = Option("TCC", 0.5, np.full(3, 10.0), np.full(3, 2.0))
    >>> worth = compare([firm, tcc], Prices())["customer_gbp"]
    >>> bool(worth["firm"] > worth["TCC"])
    True
    """
    names = [option.name for option in options]
    if len(set(names)) < len(names):
        raise UserError(f"options: each needs a name of its own; there are {', '.join(names)}")
    rows = {}
    for option in options:
        flows = cash_flows(option, prices, regime=regime)
        spent = flows[
            flows["item"].isin(["connection", "reinforcement", "contribution", "control"])
        ]
        capital = -spent.groupby("party")["gbp"].sum()
        rows[option.name] = {
            "ready_years": option.ready_years,
            "unserved_share": option.unserved_share,
            "customer_capital_gbp": float(capital.get("customer", 0.0)),
            "dno_capital_gbp": float(capital.get("dno", 0.0)),
            **{f"{view}_gbp": npv(flows, prices, view) for view in VIEWS},
        }
    columns = ["ready_years", "unserved_share", "customer_capital_gbp", "dno_capital_gbp"]
    columns += [f"{view}_gbp" for view in VIEWS]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("option")
