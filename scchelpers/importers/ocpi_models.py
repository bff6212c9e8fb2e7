"""OCPI 2.2.1 and 2.3.0 objects, as far as charging is read from them.

Fields that are not named here are passed over: tokens, contracts, authorisations and prices never
enter the program.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(value: Any) -> Any:
    """Return a number, which may come as text; no truth value; blanks are missing."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return None if value == "" else value


def _text(value: Any) -> Any:
    """Return an identifier, which may come as a whole number; blanks are missing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return (value.strip() or None) if isinstance(value, str) else value


def _instant(value: Any) -> datetime | None:
    """Return a time, which is UTC with or without a Z; 1970 stands for unknown."""
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "-" not in value:
        raise ValueError("must be a time such as 2026-11-24T16:30:00Z")
    try:
        read = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("must be a time such as 2026-11-24T16:30:00Z") from None
    read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    return None if read.year <= 1970 else read


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
MaybeNumber = Annotated[
    float | None, BeforeValidator(_number), Field(default=None, allow_inf_nan=False)
]
Text = Annotated[str, BeforeValidator(_text)]
MaybeText = Annotated[str | None, BeforeValidator(_text), Field(default=None)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]


class Part(BaseModel):
    """An OCPI object of which the fields named are read and all others passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Dimension(Part):
    """What was measured in a charging period: ENERGY [kWh], MAX_POWER [kW], TIME [h]."""

    type: Text
    volume: Number


class ChargingPeriod(Part):
    """A part of a session; it ends where the next starts."""

    start_date_time: Instant = None
    dimensions: list[Dimension] = []


class Coordinates(Part):
    """A place; OCPI writes degrees as text."""

    latitude: MaybeNumber
    longitude: MaybeNumber


class CdrLocation(Part):
    """Where a CDR's session took place."""

    id: Text
    name: MaybeText
    address: MaybeText
    city: MaybeText
    country: MaybeText
    coordinates: Coordinates | None = None
    evse_uid: MaybeText
    evse_id: MaybeText
    connector_power_type: MaybeText


class Record(Part):
    """What CDRs and sessions have in common."""

    country_code: Text
    party_id: Text
    id: Text
    start_date_time: Instant
    end_date_time: Instant = None
    charging_periods: list[ChargingPeriod] | None = None
    last_updated: Instant = None


class Cdr(Record):
    """A charge detail record: one finished session, as billed."""

    session_id: MaybeText
    cdr_location: CdrLocation
    total_energy: Number
    total_time: MaybeNumber
    total_parking_time: MaybeNumber
    credit: bool | None = None
    credit_reference_id: MaybeText


class Session(Record):
    """A charging session as the CPO sees it."""

    kwh: Number
    location_id: Text
    evse_uid: Text
    status: Text


class Connector(Part):
    """A connector of an EVSE; power in W, voltage line to neutral on three phases."""

    power_type: MaybeText
    max_voltage: MaybeNumber
    max_amperage: MaybeNumber
    max_electric_power: MaybeNumber

    @property
    def rated_kw(self) -> float | None:
        """Rated power [kW]; None where the connector does not tell."""
        if self.max_electric_power:
            return self.max_electric_power / 1000
        if self.max_voltage and self.max_amperage:
            phases = 3 if self.power_type == "AC_3_PHASE" else 1
            return self.max_voltage * self.max_amperage * phases / 1000
        return None


class Evse(Part):
    """An EVSE: it charges one car at a time, by one of its connectors."""

    uid: Text
    connectors: list[Connector] = []


class Location(Part):
    """A site as the CPO publishes it."""

    country_code: MaybeText
    party_id: MaybeText
    id: Text
    name: MaybeText
    address: MaybeText
    city: MaybeText
    country: MaybeText
    coordinates: Coordinates | None = None
    time_zone: MaybeText
    evses: list[Evse] = []
