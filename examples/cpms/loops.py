"""An LMC on a site of a portfolio through the interface: in open and in closed loop.

In open loop the DNO sends the setpoints of `network.limits`, worked out from the load before
the site. In closed loop it has but what a real monitor sees, the asset's load with the site's
charging in it, and takes off what the site says it draws: as the answer to a heartbeat, late or
lost.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr

from cpms.faults import Faults
from cpms.terms import Terms
from cpms.trial import Decision, Log, Plan, run
from scchelpers import charging, timebase
from scchelpers.faults import UserError
from scchelpers.network.control import Control, setpoints
from scchelpers.network.failsafe import FailSafe
from scchelpers.network.group import Group, limits

LOOPS = ("open", "closed")
BELIEVED_S = 300.0  # a state older than this says nothing of the import


def looped(
    study: Group,
    faults: Faults,
    *,
    loop: str,
    start: str,
    hours: float,
    failsafe: float = 0.2,
    control: Control | None = None,
    valid: str = "10min",
    period_s: float = 10.0,
    seed: int = 0,
) -> tuple[Log, pd.Series]:
    """Run an LMC over the interface for some hours of a record.

    Parameters
    ----------
    study : Group
        One site behind one constraint.
    faults : Faults
        Of link and CPMS.
    loop : str
        Of `LOOPS`.
    start : str
        First instant [UTC].
    hours : float
        Length [h].
    failsafe : float
        Fail-safe limit as a share of the request.
    control : Control, optional
        How measurements become setpoints.
    valid : str
        How long each setpoint holds.
    period_s : float
        Between two steps of the control loop [s].
    seed : int
        Of the faults.

    Returns
    -------
    Log
        What happened.
    pandas.Series
        failsafe_h, time at the fail-safe or without CPMS [h]; overload_h [h] and overload_kva
        [kVA], time and most of the asset's load above its rating while the site adds to it;
        overload_alone_h [h], of the load without the site; unserved_kwh [kWh], if the sessions are
        charged under the limit that was applied; lost_kwh [kWh], of it more than under the
        setpoints of the study.

    Raises
    ------
    UserError
        If there is no such loop, the study is not of one site and one constraint, or its record
        does not cover the hours.
    """
    if loop not in LOOPS:
        raise UserError(f"loop = {loop!r}: must be {' or '.join(LOOPS)}")
    if study.sensitivity.shape != (1, 1):
        raise UserError("a trial of the interface needs one site behind one constraint")
    control = control or Control(step=str(study.step))
    (site_id,) = study.sites
    first = pd.Timestamp(start)
    record = study.load_kva.sel(time=slice(first, first + pd.Timedelta(hours=hours)))
    many = int(pd.Timedelta(hours=hours) / study.step)
    if record.sizes["time"] < many:
        raise UserError(f"start = {start!r}, hours = {hours}: the record does not cover them")
    asset = Asset(study, first)
    asked_kw, agreed = study.asked_kw(site_id), study.sites[site_id].meta
    terms = Terms(
        site_id,
        float(agreed["requested_kva"]),
        float(agreed["power_factor"]),
        rules=FailSafe(failsafe_kw=failsafe * asked_kw, timeout=valid),
        reaction_s=2 * period_s,
        ramp_kw_per_s=asked_kw / 60,
        averaging_s=60.0,
    )
    ideal = limits(study, control=control).sel(site=site_id)
    decide = asset.as_sent(ideal) if loop == "open" else asset.as_seen(asked_kw, control)
    plan = Plan(
        terms,
        faults,
        decide,
        asset.lookup(study.demand_kw.sel(site=site_id)),
        seconds=hours * 3600,
        decision_s=pd.Timedelta(control.step).total_seconds(),
        valid_s=pd.Timedelta(valid).total_seconds(),
        period_s=period_s,
    )
    log = run(plan, start=asset.start, seed=seed)
    return log, _measures(study, log, asset, ideal)


class Asset:
    """The monitored asset and the record around it, by seconds since 1970.

    Parameters
    ----------
    study : Group
        One site behind one constraint.
    first : pandas.Timestamp
        First instant, without zone [UTC].
    """

    def __init__(self, study: Group, first: pd.Timestamp):
        self.study = study
        self.start = first.tz_localize("UTC").timestamp()
        self.load = self.lookup(study.load_kva.isel(constraint=0))
        self.rating = self.lookup(study.rating_kva.isel(constraint=0))
        self.kva_per_kw = float(study.sensitivity.item())

    def lookup(self, series: xr.DataArray) -> Callable[[float], float]:
        """Return a series as a function of time [s]."""
        values = series.to_numpy()
        origin = timebase.utc_index(series["time"])[0].timestamp()
        step = self.study.step.total_seconds()
        return lambda now: float(values[int((now - origin) // step)])

    def as_sent(self, ideal: xr.DataArray) -> Decision:
        """Return the decision of a DNO that sends a limit worked out before [kW]."""
        known = self.lookup(ideal)
        return lambda now, *_: known(now)

    def as_seen(self, asked_kw: float, control: Control) -> Decision:
        """Return the decision of a DNO that sees the asset's whole load and hears of the import."""
        requested = xr.DataArray([asked_kw], {"site": ["site"]})
        targets_kw: list[float] = []

        def decide(now: float, import_kw: float, report: dict | None) -> float:
            heard_kw = 0.0  # unknown import counts as the network's own load: the safe side
            if report and now - pd.Timestamp(report["at"]).timestamp() <= BELIEVED_S:
                heard_kw = report["importKw"]
            load_kva = self.load(now) + self.kva_per_kw * (import_kw - heard_kw)
            room_kw = (self.rating(now) - load_kva) / self.kva_per_kw
            targets_kw.append(min(max(room_kw, 0.0), asked_kw))
            time = pd.date_range("2000", periods=len(targets_kw), freq=pd.Timedelta(control.step))
            coords = {"time": time, "site": ["site"]}
            target = xr.DataArray(np.array(targets_kw)[:, None], coords, ("time", "site"))
            return float(setpoints(target, requested, control)[-1, 0])

        return decide


def _measures(study: Group, log: Log, asset: Asset, ideal: xr.DataArray) -> pd.Series:
    at = np.array([tick.at for tick in log.ticks])
    import_kw = np.array([tick.import_kw for tick in log.ticks])
    hours = (at[1] - at[0]) / 3600
    alone_kva = np.array([asset.load(t) - asset.rating(t) for t in at])
    over_kva = np.clip(alone_kva + asset.kva_per_kw * import_kw, 0, None)
    caused = (over_kva > 0) & (import_kw > 0)
    lost = np.array([tick.state in ("COMMS_LOST", "DOWN") for tick in log.ticks])
    stamps = pd.to_datetime(at, unit="s")
    bound = pd.Series([tick.bound_kw for tick in log.ticks], stamps).resample(study.step).mean()
    applied = xr.DataArray(bound.to_numpy(), {"time": bound.index.to_numpy()}, ("time",))
    unserved = [_unserved(study, limit, bound.index) for limit in (applied, ideal)]
    return pd.Series(
        {
            "failsafe_h": lost.sum() * hours,
            "overload_h": caused.sum() * hours,
            "overload_kva": over_kva[caused].max(initial=0.0),
            "overload_alone_h": (alone_kva > 0).sum() * hours,
            "unserved_kwh": unserved[0],
            "lost_kwh": unserved[0] - unserved[1],
        }
    )


def _unserved(study: Group, limit_kw: xr.DataArray, span: pd.DatetimeIndex) -> float:
    """Return what the sessions of some hours lack under a limit [kWh]."""
    (site_id,) = study.sites
    sessions = study.sessions[site_id]
    edges = span[0].tz_localize("UTC"), span[-1].tz_localize("UTC") + study.step
    within = sessions[(sessions["plug_in"] >= edges[0]) & (sessions["plug_out"] <= edges[1])]
    held = limit_kw.sel(time=slice(span[0], span[-1])).drop_vars("site", errors="ignore")
    result = charging.simulate(
        within,
        held.assign_attrs(units="kW"),
        step=study.step,
        chargepoints=study.sites[site_id].chargepoints,
        limit_after=study.asked_kw(site_id),
    )
    return float(result.sessions["unserved_kwh"].sum())
