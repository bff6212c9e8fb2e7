"""What is asked of a scheme: the service target, and the risk that the network may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from scchelpers.faults import UserError
from scchelpers.network import Control


@dataclass(frozen=True)
class Terms:
    """Targets and settings of a choice; all are conventions of this workbook, none a standard.

    Attributes
    ----------
    unserved_target : float
        Share of the energy wanted that may stay unserved.
    short_target : float
        Share of the sessions that may leave with more than tolerance_kwh too little.
    tolerance_kwh : float
        Unserved energy up to which a session is not short [kWh].
    tolerated_h : float
        Time in a year in which the network may be above its rating, if all that is allowed is used
        [h].
    margin_share : float
        Kept free below the rating when a limit is set.
    quantile : float
        Of the load that windows and forecasts are to cover.
    tolerated_dsc_h : float
        Time in a year in which a site may be above its supply capacity under a dynamic CLM [h].
    latency : str
        Response time of a dynamic CLM.
    control : Control
        How an LMC or CMC turns measurements into setpoints.
    """

    unserved_target: float = 0.01
    short_target: float = 0.02
    tolerance_kwh: float = 1.0
    tolerated_h: float = 10.0
    margin_share: float = 0.02
    quantile: float = 0.99
    tolerated_dsc_h: float = 1.0
    latency: str = "30s"
    control: Control = field(default_factory=Control)

    def __post_init__(self):
        for name in ("unserved_target", "short_target", "margin_share"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} = {getattr(self, name)}: a share from 0 to below 1")
        for name in ("tolerance_kwh", "tolerated_h", "tolerated_dsc_h"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} = {getattr(self, name)}: must be 0 or more")
