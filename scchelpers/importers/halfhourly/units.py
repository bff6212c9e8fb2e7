"""Units of a load table: told by its header or its file name, and brought to kW or kVA."""

from __future__ import annotations

import re
from math import sqrt

from scchelpers.faults import UserError, closest

# unit -> (quantity, factor to kW, kWh, kVA or A)
UNITS = {
    "W": ("power", 1e-3),
    "kW": ("power", 1.0),
    "MW": ("power", 1e3),
    "Wh": ("energy", 1e-3),
    "kWh": ("energy", 1.0),
    "MWh": ("energy", 1e3),
    "VA": ("apparent", 1e-3),
    "kVA": ("apparent", 1.0),
    "MVA": ("apparent", 1e3),
    "A": ("current", 1.0),
}
_BY_NAME = {unit.lower(): unit for unit in UNITS} | {"amps": "A", "amp": "A"}


def unit_of(name: str, *, short: bool = True) -> str | None:
    """Return the unit that a column or file name carries as a word, or None.

    Parameters
    ----------
    name : str
        Such as "Demand (kW)", "power_mw", "w".
    short : bool
        Whether a single letter counts: "a" in the name of a file is rarely the ampere.

    Examples
    --------
    >>> unit_of("Demand (kW)"), unit_of("power_mw"), unit_of("w"), unit_of("value_max")
    ('kW', 'MW', 'W', None)
    >>> unit_of("site a.csv", short=False) is None
    True
    """
    words = re.split(r"[^A-Za-z]+", name)
    found = {_BY_NAME[w.lower()] for w in words if w.lower() in _BY_NAME}
    if not short:
        found -= {"A", "W"}
    return found.pop() if len(found) == 1 else None


def known_unit(unit: str) -> str:
    """Return a unit as it is written here, whatever its capitals.

    Raises
    ------
    UserError
        If the unit is not known.

    Examples
    --------
    >>> known_unit("mw")
    'MW'
    """
    if unit.lower() not in _BY_NAME:
        hint = closest(unit, _BY_NAME)
        raise UserError(f"unit = {unit!r}: must be one of {', '.join(UNITS)}; {hint}".rstrip("; "))
    return _BY_NAME[unit.lower()]


def factor(
    unit: str,
    target: str,
    *,
    step_h: float,
    power_factor: float | None,
    voltage_kv: float | None,
    phases: int,
) -> float:
    """Return what a value of the table is multiplied by to give the mean over the interval.

    Parameters
    ----------
    unit : str
        One of `UNITS`; an energy is that of one interval.
    target : str
        "kW" or "kVA".
    step_h : float
        Length of an interval [h].
    power_factor : float or None
        Power factor, needed between active and apparent power.
    voltage_kv : float or None
        Voltage [kV], between lines for three phases; needed for currents.
    phases : int
        1 or 3, for currents.

    Raises
    ------
    UserError
        If the power factor or the voltage is needed and not given, or impossible.

    Examples
    --------
    >>> factor("Wh", "kW", step_h=0.5, power_factor=None, voltage_kv=None, phases=3)
    0.002
    >>> round(factor("A", "kVA", step_h=0.5, power_factor=None, voltage_kv=11, phases=3), 3)
    19.053
    """
    quantity, scale = UNITS[unit]
    if quantity == "energy":
        scale /= step_h
    if quantity == "current":
        if voltage_kv is None or not 0.1 <= voltage_kv <= 400:
            raise UserError(
                f"voltage_kv = {voltage_kv}: currents need the voltage, 0.1 to 400 kV (between "
                "lines for three phases); give such as voltage_kv = 11"
            )
        if phases not in (1, 3):
            raise UserError(f"phases = {phases}: must be 1 or 3")
        scale *= voltage_kv * (sqrt(3) if phases == 3 else 1.0)
    apparent = quantity in ("apparent", "current")
    if apparent == (target == "kVA"):
        return scale
    if power_factor is None or not 0.5 <= power_factor <= 1:
        raise UserError(
            f"power_factor = {power_factor}: {unit} to {target} needs a power factor, 0.5 to 1; "
            "give the measured or the declared one, such as power_factor = 0.95"
        )
    return scale * power_factor if apparent else scale / power_factor
