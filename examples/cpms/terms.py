"""What DNO and customer agreed for one connection, as the CPMS holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from scchelpers.faults import UserError
from scchelpers.network.failsafe import FailSafe

LEADERS = ("SETPOINT", "FORECAST")
SCHEMES = ("LMC", "CMC", "PROFILED")


@dataclass(frozen=True)
class Terms:
    """Terms of a connection that a DNO leads; no GB standard fixes the times.

    Attributes
    ----------
    site_id : str
        Connection point.
    agreed_kva, power_factor : float
        What the site may draw at most [kVA]; kW = kVA x power factor.
    rules : FailSafe
        Fail-safe [kW], longest validity of a setpoint (`timeout`), tolerance, warning and trip. Who
        restores the supply is the DNO, by a release; `restore_after` does not count here.
    scheme : str
        "LMC", "CMC" or "PROFILED", for the record.
    led_by : str
        Of `LEADERS`: the limit without which the fail-safe applies. The other kind can only lower.
    reaction_s : float
        From a change of the limit to the import that keeps it [s].
    heartbeat_s : float
        Between two heartbeats [s].
    link_timeout_s : float
        Farthest ahead that a heartbeat may put off the loss of the link [s].
    clock_tolerance_s : float
        Difference of the two clocks that is borne [s].
    ramp_kw_per_s : float
        Fastest rise of the limit that is applied [kW/s].
    release_delay_s : float
        Longest random wait before a rise, so that sites do not rise together [s].
    averaging_s : float
        Time over which import is averaged when it is held against a limit [s].
    """

    site_id: str
    agreed_kva: float
    power_factor: float = 1.0
    rules: FailSafe = field(default_factory=FailSafe)
    scheme: str = "LMC"
    led_by: str = "SETPOINT"
    reaction_s: float = 10.0
    heartbeat_s: float = 30.0
    link_timeout_s: float = 120.0
    clock_tolerance_s: float = 5.0
    ramp_kw_per_s: float = 1.0
    release_delay_s: float = 0.0
    averaging_s: float = 60.0

    def __post_init__(self):
        place = f"terms of {self.site_id}"
        for name, allowed in (("scheme", SCHEMES), ("led_by", LEADERS)):
            if getattr(self, name) not in allowed:
                raise UserError(
                    f"{place}, {name} = {getattr(self, name)!r}: must be {' or '.join(allowed)}"
                )
        if not 0 < self.power_factor <= 1:
            raise UserError(f"{place}, power_factor = {self.power_factor}: above 0 and at most 1")
        above = ("agreed_kva", "reaction_s", "heartbeat_s", "ramp_kw_per_s", "averaging_s")
        for name in above:
            if not getattr(self, name) > 0:
                raise UserError(f"{place}, {name} = {getattr(self, name)}: must be above 0")
        for name in ("clock_tolerance_s", "release_delay_s"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{place}, {name} = {getattr(self, name)}: must be 0 s or more")
        if not self.link_timeout_s > self.heartbeat_s:
            raise UserError(
                f"{place}, link_timeout_s = {self.link_timeout_s}: must exceed heartbeat_s, "
                f"{self.heartbeat_s}"
            )
        if not 0 <= self.rules.failsafe_kw <= self.agreed_kw:
            raise UserError(
                f"{place}, failsafe_kw = {self.rules.failsafe_kw}: must be from 0 to the agreed "
                f"{self.agreed_kw} kW"
            )

    @property
    def agreed_kw(self) -> float:
        """What the site may draw at most [kW]."""
        return self.agreed_kva * self.power_factor

    @property
    def validity_s(self) -> float:
        """Longest validity of a setpoint [s]."""
        return pd.Timedelta(self.rules.timeout).total_seconds()

    def as_dict(self) -> dict:
        """Return the terms under the names of the document, ready for JSON."""
        return {
            "siteId": self.site_id,
            "scheme": self.scheme,
            "ledBy": self.led_by,
            "agreedImportCapacityKva": self.agreed_kva,
            "powerFactor": self.power_factor,
            "failSafeLimitKw": self.rules.failsafe_kw,
            "longestValiditySeconds": self.validity_s,
            "heartbeatIntervalSeconds": self.heartbeat_s,
            "linkTimeoutSeconds": self.link_timeout_s,
            "reactionTimeSeconds": self.reaction_s,
            "clockToleranceSeconds": self.clock_tolerance_s,
            "rampKwPerSecond": self.ramp_kw_per_s,
            "releaseDelaySeconds": self.release_delay_s,
            "averagingSeconds": self.averaging_s,
            "toleranceKw": self.rules.tolerance_kw,
            "warnAfterSeconds": pd.Timedelta(self.rules.warn_after).total_seconds(),
            "tripAfterSeconds": pd.Timedelta(self.rules.trip_after).total_seconds(),
        }
