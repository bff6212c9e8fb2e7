"""The capacity that a scheme keeps within, and on what paper it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from scchelpers.faults import UserError

# The largest three-phase whole-current supply: 3 x 230 V x 100 A. Above it the meter works by
# current transformers, is read every half hour, and the capacity itself is paid for.
WHOLE_CURRENT_KVA = 3 * 230 * 100 / 1000


@dataclass(frozen=True)
class Capacity:
    """Agreed or asked-for capacity of a site.

    Attributes
    ----------
    kva : float
        Capacity [kVA].
    power_factor : float
        Power factor of the import, to turn it into kW.
    basis : "dsc", "requested" or "rated"
        Declared supply capacity; or what was asked for, where the site has none; or, where
        neither is known, what all chargepoints draw together.
    assumed_power_factor : bool
        Whether the power factor is an assumption, not the site's.
    """

    kva: float
    power_factor: float
    basis: Literal["dsc", "requested", "rated"]
    assumed_power_factor: bool = False

    @property
    def kw(self) -> float:
        """Active power at that capacity and power factor [kW]."""
        return self.kva * self.power_factor


def checked_power_factor(power_factor: float) -> float:
    """Return a power factor that can be one.

    Raises
    ------
    UserError
        If it is not above 0 and at most 1.
    """
    if not 0 < power_factor <= 1:
        raise UserError(f"power_factor = {power_factor}: must be above 0 and at most 1")
    return float(power_factor)


def capacity_of(
    meta: Mapping[str, object], chargepoints: pd.DataFrame, *, power_factor: float
) -> Capacity:
    """Return the capacity that a site has, or else asks for.

    Parameters
    ----------
    meta : mapping
        The site's row of `sites.csv` (`Site.meta`).
    chargepoints : pandas.DataFrame
        Its EVSEs, for a site that gives neither capacity.
    power_factor : float
        What to assume where the site gives no power factor.

    Examples
    --------
    >>> meta = {"dsc_kva": None, "requested_kva": 150.0, "power_factor": 0.98}
    >>> found = capacity_of(meta, pd.DataFrame({"rated_kw": [7.4]}), power_factor=0.95)
    >>> found.basis, found.kw
    ('requested', 147.0)
    """
    own = meta.get("power_factor")
    factor = checked_power_factor(power_factor if own is None else own)
    for basis in ("dsc", "requested"):
        if meta.get(f"{basis}_kva"):
            return Capacity(float(meta[f"{basis}_kva"]), factor, basis, own is None)
    rated_kva = float(chargepoints["rated_kw"].sum()) / factor
    return Capacity(rated_kva, factor, "rated", own is None)
