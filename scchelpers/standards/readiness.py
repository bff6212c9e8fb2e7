"""Readiness: which schemes a site's chargers can operate as they stand, and what they lack.

A scheme needs something of every charger, or of the site as a whole. A charger that lacks it can
stay unmanaged at the price of its rating, which the limit must then keep free for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from scchelpers.faults import UserError, closest
from scchelpers.portfolio.frames import read_csv
from scchelpers.standards.ocpp import VOLTS
from scchelpers.standards.schedule import listed

OCPP = ("ocpp-1.6", "ocpp-2.0.1", "ocpp-2.1")

_CHOICES = {
    "kind": ("ac", "dc"),
    "phases": ("1", "3", "0"),
    "protocol": (*OCPP, "other", "none"),
    "smart_charging": ("yes", "no"),
    "connectivity": ("wired", "mobile", "none"),
    "metering": ("half-hourly", "minute", "second", "none"),
}

_NUMBERS = ("rated_kw", "min_current_a")

COLUMNS = ("evse_id", *_CHOICES, *_NUMBERS)


def read_chargers(path: str | Path) -> pd.DataFrame:
    """Read a charger list, a CSV with a row an EVSE.

    Parameters
    ----------
    path : path-like
        Columns evse_id, kind (ac, dc), phases (1, 3, 0 for dc), rated_kw [kW], protocol,
        smart_charging (yes, no), min_current_a [A], metering, connectivity.

    Raises
    ------
    UserError
        If a column is missing or a value is not allowed; the row and what is allowed are named.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "chargers.csv")
    >>> row = {"evse_id": "1", "kind": "ac", "phases": 3, "rated_kw": 22, "protocol": "ocpp-1.6"}
    >>> row |= {"smart_charging": "yes", "metering": "minute", "connectivity": "wired"}
    >>> pd.DataFrame([row]).assign(min_current_a=6).to_csv(file, index=False)
    >>> read_chargers(file)["rated_kw"].tolist()
    [22]
    """
    path = Path(path)
    raw, faults = read_csv(path.read_bytes(), path.name)
    if faults:
        raise UserError(str(faults[0]))
    lacking = [name for name in COLUMNS if name not in raw]
    if lacking:
        raise UserError(f"{path.name}: no column {lacking[0]!r}; needed: {', '.join(COLUMNS)}")
    if raw.empty:
        raise UserError(f"{path.name}: no chargers; write a row an EVSE")
    table = raw[list(COLUMNS)].fillna("").astype(str)
    for name, allowed in _CHOICES.items():
        table[name] = table[name].str.lower()
        for row, value in table[name].items():
            if value not in allowed:
                hint = closest(value, allowed) or f"one of {', '.join(allowed)}"
                raise UserError(f"{path.name}, row {row}, {name} = {value!r}: {hint}")
    for name in _NUMBERS:
        number = pd.to_numeric(table[name], errors="coerce")
        for row, value in table[name].items():
            if not 0 <= number[row] < 10_000:
                raise UserError(f"{path.name}, row {row}, {name} = {value!r}: a number, 0 or more")
        table[name] = number
    for row, (kind, phases) in table[["kind", "phases"]].iterrows():
        if (kind == "dc") != (phases == "0"):
            raise UserError(f"{path.name}, row {row}, phases = {phases!r}: 0 for dc, 1 or 3 for ac")
    twice = table["evse_id"].duplicated() | (table["evse_id"] == "")
    if twice.any():
        row = table.index[twice][0]
        value = table["evse_id"][row]
        raise UserError(
            f"{path.name}, row {row}, evse_id = {value!r}: must be given, and only once"
        )
    return table.reset_index(drop=True)


# From coarse to fine: a meter serves every need up to its own.
_METERING = ("none", "half-hourly", "minute", "second")

_Metering = Literal["none", "half-hourly", "minute", "second"]

_Signal = Literal["none", "oscp-2.0", "openadr-3", "rest"]


@dataclass(frozen=True)
class _Need:
    """Something a scheme needs."""

    need: str
    remedy: str
    of_charger: Callable | None = None
    of_site: Callable | None = None


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a site has beside its chargers.

    Attributes
    ----------
    site_metering : {"none", "half-hourly", "minute", "second"}
        How often the import of the whole site is read.
    local_controller : bool
        Whether a controller on site holds limits and shares them among the chargers.
    controller_connected : bool
        Whether that controller has a standing connection to the CPMS.
    signal : {"none", "oscp-2.0", "openadr-3", "rest"}
        By what the CPMS takes limits from the DNO.
    """

    site_metering: _Metering = "none"
    local_controller: bool = False
    controller_connected: bool = False
    signal: _Signal = "none"

    def __post_init__(self):
        for name, allowed in (
            ("site_metering", _METERING),
            ("signal", ("none", "oscp-2.0", "openadr-3", "rest")),
        ):
            if getattr(self, name) not in allowed:
                raise UserError(f"{name} = {getattr(self, name)!r}: one of {', '.join(allowed)}")
        if self.controller_connected and not self.local_controller:
            raise UserError("controller_connected: there is no local_controller")


def _holds_limits(chargers, equipment):
    over_ocpp = chargers["protocol"].isin(OCPP) & (chargers["smart_charging"] == "yes")
    return over_ocpp | (chargers["protocol"].eq("other") & equipment.local_controller)


def _takes_profiles(chargers, equipment):
    return chargers["connectivity"].ne("none") | equipment.local_controller


def _always_reached(chargers, equipment):
    return chargers["connectivity"].ne("none") | equipment.controller_connected


def _wired(chargers, equipment):
    return chargers["connectivity"].eq("wired")


def _has_controller(chargers, equipment):
    return equipment.local_controller


def _takes_signals(chargers, equipment):
    return equipment.signal != "none"


def _metered(step: _Metering) -> _Need:
    fine = _METERING[_METERING.index(step) :]

    def of_site(chargers, equipment):
        of_chargers = step != "second" and chargers["metering"].isin(fine).all()
        return equipment.site_metering in fine or bool(of_chargers)

    unit = "half hour" if step == "half-hourly" else step
    which = "the site's meter" if step == "second" else "a meter of the site or of every charger"
    return _Need(f"metering by the {unit}", f"read {which} each {unit}", of_site=of_site)


_LIMITS = _Need(
    "takes a limit",
    "OCPP 1.6 or later with smart charging, or a controller of its maker",
    of_charger=_holds_limits,
)

_SENT = _Need(
    "can be sent a profile", "a connection, or a local controller", of_charger=_takes_profiles
)

_REACHED = _Need(
    "a standing connection", "a mobile or wired connection", of_charger=_always_reached
)

_LOCAL = _Need(
    "a wired link on site", "a cable to the controller: seconds count", of_charger=_wired
)

_CONTROLLER = _Need(
    "a controller on site", "a local controller: a round trip over the internet is too slow",
    of_site=_has_controller,
)  # fmt: skip

_SIGNAL = _Need(
    "takes limits from the DNO", "OSCP, OpenADR or the REST template at the CPMS",
    of_site=_takes_signals,
)  # fmt: skip

_HALF_HOURS = _metered("half-hourly")

SCHEMES: dict[str, tuple[_Need, ...]] = {
    "TCC": (_LIMITS, _SENT, _HALF_HOURS),
    "static CLM": (_LIMITS, _SENT, _HALF_HOURS),
    "dynamic CLM": (_LIMITS, _LOCAL, _CONTROLLER, _metered("second")),
    "profiled capacity": (_LIMITS, _REACHED, _SIGNAL, _HALF_HOURS),
    "LMC": (_LIMITS, _REACHED, _SIGNAL, _metered("minute")),
    "CMC": (_LIMITS, _REACHED, _SIGNAL, _metered("minute")),
}


def scheme_readiness(chargers: pd.DataFrame, equipment: Equipment | None = None) -> pd.DataFrame:
    """Return which schemes a site can operate, and what it lacks for the others.

    Parameters
    ----------
    chargers : pandas.DataFrame
        From `read_chargers`.
    equipment : Equipment, optional
        What the site has besides; nothing by default.

    Returns
    -------
    pandas.DataFrame
        By scheme: ready ("yes"; "in part", where some chargers must stay unmanaged; "no"),
        managed (chargers), unmanaged_kw (ratings that the limit must keep free for the others),
        lowest_kw (least limit at which no car has to stop), lacks and remedy (tuples, for people).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "chargers.csv")
    >>> row = {"evse_id": "1", "kind": "ac", "phases": 3, "rated_kw": 22, "protocol": "ocpp-1.6"}
    >>> row |= {"smart_charging": "yes", "metering": "minute", "connectivity": "wired"}
    >>> pd.DataFrame([row]).assign(min_current_a=6).to_csv(file, index=False)
    >>> found = scheme_readiness(read_chargers(file))
    >>> found.index[found["ready"] == "yes"].tolist()
    ['TCC', 'static CLM']
    """
    equipment = equipment or Equipment()
    rows = {}
    for scheme, needs in SCHEMES.items():
        able = pd.Series(True, index=chargers.index)
        lacks, remedies, site_lacks = [], [], False
        for need in needs:
            if need.of_charger is not None:
                has = need.of_charger(chargers, equipment)
                if not has.all():
                    which = chargers["evse_id"][~has].tolist()
                    lacks.append(f"{need.need}: {_named(which, len(chargers))}")
                    remedies.append(need.remedy)
                able &= has
            elif not need.of_site(chargers, equipment):
                lacks.append(f"{need.need}: the site")
                remedies.append(need.remedy)
                site_lacks = True
        ac = able & (chargers["kind"] == "ac")
        held_kw = chargers["min_current_a"] * chargers["phases"].astype(int) * VOLTS / 1000
        unmanaged_kw = float(chargers["rated_kw"][~able].sum())
        some = able.any() and not site_lacks
        rows[scheme] = {
            "ready": "no" if not some else "yes" if able.all() else "in part",
            "managed": int(able.sum()),
            "unmanaged_kw": round(unmanaged_kw, 3),
            "lowest_kw": round(unmanaged_kw + float(held_kw[ac].sum()), 3),
            "lacks": tuple(lacks),
            "remedy": tuple(remedies),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme")


def _named(which: list[str], of: int) -> str:
    if len(which) == of:
        return "every charger"
    if len(which) > 3:
        return f"{len(which)} chargers of {of}, such as {which[0]}"
    return listed(which)
