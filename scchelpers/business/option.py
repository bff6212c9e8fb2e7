"""A way to connect as the business case sees it: times, amounts and energy, whatever the scheme."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from scchelpers.faults import UserError


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
    paid_kva : ndarray over year
        Agreed capacity that is charged for, more than today [kVA].
    excess_kva : ndarray over year
        Capacity taken above the agreed one, as billed, mean over the year [kVA].
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
    flexible_kw : ndarray over year
        Reduction that can be sold beside the scheme [kW].
    """

    name: str
    ready_years: float
    wanted_kwh: np.ndarray
    unserved_kwh: np.ndarray
    paid_kva: np.ndarray = field(default_factory=lambda: np.zeros(1))
    excess_kva: np.ndarray = field(default_factory=lambda: np.zeros(1))
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
    flexible_kw: np.ndarray = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self):
        years = np.size(self.wanted_kwh)
        for name in YEARLY:
            values = np.asarray(getattr(self, name), dtype=float)
            if values.size not in (1, years):
                raise UserError(
                    f"option {self.name!r}, {name}: {values.size} values; one for each of the "
                    f"{years} years, or one for all"
                )
            object.__setattr__(self, name, np.broadcast_to(values, (years,)))
        if not self.ready_years >= 0:
            raise UserError(f"option {self.name!r}, ready_years = {self.ready_years}: 0 or more")

    @property
    def years(self) -> int:
        """Horizon [years]."""
        return self.wanted_kwh.size

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
        wanted = float(self.connected @ self.wanted_kwh)
        return float(self.connected @ self.unserved_kwh) / wanted if wanted else np.nan


YEARLY = (
    *("wanted_kwh", "unserved_kwh", "paid_kva", "excess_kva", "running_gbp", "dno_running_gbp"),
    *("trips", "breaches", "mean_kw", "flexible_kw"),
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
    >>> both.unserved_kwh.tolist(), both.ready_years, both.reinforced_years
    ([1.0, 1.0, 1.0, 0.0], 0.5, 3.0)
    """
    change = max(float(years), firm.reinforced_years, firm.ready_years)
    before = np.clip(change - np.arange(scheme.years), 0.0, 1.0)
    mixed = {n: before * getattr(scheme, n) + (1 - before) * getattr(firm, n) for n in YEARLY}
    return replace(
        scheme,
        name=name or f"{scheme.name}, then reinforced",
        reinforcement_gbp=firm.reinforcement_gbp,
        created_kva=firm.created_kva,
        requested_kva=firm.requested_kva,
        reinforced_years=change,
        contributes=contributes,
        limited_years=change,
        later_extension_gbp=max(0.0, firm.extension_gbp - scheme.extension_gbp),
        **mixed,
    )
