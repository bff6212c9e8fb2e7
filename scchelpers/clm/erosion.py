"""Diversity erosion: what a feeder carries when many of its customers charge up to their DSC.

Each customer keeps its DSC, so no agreement changes and the DNO sees no application: growth under
a CLM is masked. But the DSC of a feeder's customers together is far above what the feeder was
built for, as they have never all drawn it at once; a CLM makes each of them able to.

A feeder is composed of copies of one site, each with its weeks in another order. Copies keep the
time of day and the day of the week, and with them what makes neighbours alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging, diversity
from scchelpers.clm.control import step_of
from scchelpers.clm.response import coarsened
from scchelpers.faults import UserError
from scchelpers.timebase import HALF_HOUR, LONDON

_WEEK = pd.Timedelta("7D")


def grown(
    sessions: pd.DataFrame, chargepoints: pd.DataFrame, factor: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a site with `factor` times the sessions, on as many times the chargepoints.

    Each further set of chargepoints has the same sessions, moved by whole weeks around the record;
    a stay over the record's end is left out of them, as it would meet the first week's.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Sessions and EVSEs of the site.
    factor : int
        0 or more.

    Returns
    -------
    (sessions, chargepoints)
    """
    if factor < 0 or factor != int(factor):
        raise UserError(f"factor = {factor}: must be a whole number of 0 or more")
    if not len(sessions) or not factor:
        return sessions.iloc[:0], chargepoints.iloc[:0]
    first = sessions["plug_in"].min()
    week = (sessions["plug_in"] - first) // _WEEK
    weeks = int(week.max()) + 1
    over = sessions["plug_out"] > first + weeks * _WEEK
    moved, places = [], []
    for copy in range(int(factor)):
        shift = (copy * weeks) // int(factor)
        mark = f"+{copy}" if copy else ""
        by = ((week + shift) % weeks - week) * _WEEK
        columns = {name: sessions[name] + by for name in ("plug_in", "plug_out")}
        ids = {name: sessions[name] + mark for name in ("session_id", "evse_id")}
        visits = sessions.assign(**columns, **ids)
        moved.append(visits[~over] if shift else visits)
        places.append(chargepoints.assign(evse_id=chargepoints["evse_id"] + mark))
    return pd.concat(moved, ignore_index=True), pd.concat(places, ignore_index=True)


def _composed(power_kw: xr.DataArray, sites: int, *, seed: int = 0) -> xr.DataArray:
    """Return `sites` copies of a load, each with its weeks in a random order of its own."""
    per_week = int(_WEEK / step_of(power_kw))
    weeks = power_kw.sizes["time"] // per_week
    if sites < 1 or weeks < 1:
        raise UserError(f"sites = {sites}, weeks on record = {weeks}: one of each is needed")
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(weeks) for _ in range(sites)], axis=1)
    table = power_kw.to_numpy()[: weeks * per_week].reshape(weeks, per_week)
    values = table[orders].transpose(0, 2, 1).reshape(weeks * per_week, sites)
    names = [f"site {k + 1}" for k in range(sites)]
    time = power_kw["time"].to_numpy()[: weeks * per_week]
    return xr.DataArray(
        values, {"time": time, "evse": names}, ("time", "evse"), "power_kw", {"units": "kW"}
    )


def masked_growth(
    sessions: pd.DataFrame,
    chargepoints: pd.DataFrame,
    residual_kw: xr.DataArray,
    agreed_kw: float,
    *,
    sites: int = 30,
    factors: Sequence[int] = (0, 1, 2, 4),
    samples: int = 50,
    seed: int = 0,
    timezone: str = LONDON,
) -> pd.DataFrame:
    """Return the peak of a feeder of such sites as charging grows behind unchanged agreements.

    Parameters
    ----------
    sessions, chargepoints : pandas.DataFrame
        Sessions and EVSEs of the site.
    residual_kw : xarray.DataArray
        Its residual load [kW]; taken by the half hour, over which a feeder's rating is judged.
    agreed_kw : float
        Active power at the DSC of each site [kW].
    sites : int
        Sites on the feeder.
    factors : sequence of int
        Times today's charging; 0 is none.
    samples : int
        Random groups of sites for the coincidence.
    seed : int
        Seed of the composition.
    timezone : str
        Zone of the weeks.

    Returns
    -------
    pandas.DataFrame
        Indexed by (factor, case), case being "unmanaged" (no limit) or "managed" (a CLM with
        perfect knowledge, up to the DSC): peak_kw, of the feeder [kW]; share_of_dsc, that peak over
        the sum of the DSCs; growth, that peak over the peak without charging; coincidence_factor;
        site_peak_kw, of one site [kW]; at_dsc_share, the share of half hours a site spends at 99 %
        of its DSC or more; unserved_share, of the energy wanted. `attrs`: sites, saturated_kw (all
        sites at their DSC at once) and masked_kw (the growth of the managed peak at the largest
        factor, which no agreement shows).

    Notes
    -----
    Report section 7.3 ("masked load growth and the erosion of load diversity").

    Examples
    --------
    >>> from scchelpers.portfolio import Portfolio
    >>> site = Portfolio.open("data/demo").site("riverside-leisure")
    >>> given = (site.sessions, site.chargepoints, site.residual_kw, 200.0)
    >>> found = masked_growth(*given, sites=3, factors=(0, 1), samples=2)
    >>> bool((found["share_of_dsc"].xs("managed", level="case") <= 1 + 1e-9).all())
    True
    """
    load_kw = coarsened(residual_kw, HALF_HOUR)
    room_kw = (agreed_kw - load_kw).clip(min=0.0).assign_attrs(units="kW")
    rows, peak_before_kw = {}, _feeder(load_kw, sites, samples, seed, timezone)["peak_kw"]
    for factor in factors:
        visits, places = grown(sessions, chargepoints, factor)
        for case, limit_kw in (("unmanaged", None), ("managed", room_kw)):
            import_kw, unserved_share = load_kw, 0.0
            if len(visits):
                import_kw, unserved_share = _charged(visits, places, load_kw, limit_kw)
            found = _feeder(import_kw, sites, samples, seed, timezone)
            rows[(factor, case)] = {
                "peak_kw": found["peak_kw"],
                "share_of_dsc": found["peak_kw"] / (sites * agreed_kw),
                "growth": found["peak_kw"] / peak_before_kw,
                "coincidence_factor": found["coincidence_factor"],
                "site_peak_kw": float(import_kw.max()),
                "at_dsc_share": float((import_kw >= 0.99 * agreed_kw).mean()),
                "unserved_share": unserved_share,
            }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index = pd.MultiIndex.from_tuples(frame.index, names=["factor", "case"])
    frame.attrs = {
        "sites": sites,
        "saturated_kw": sites * agreed_kw,
        "masked_kw": float(frame.loc[(max(factors), "managed"), "peak_kw"] - peak_before_kw),
    }
    return frame


def _charged(visits, places, load_kw, limit_kw) -> tuple[xr.DataArray, float]:
    """Return the site's import [kW] and the share of the energy that was not delivered."""
    kept = "hold" if limit_kw is not None else None
    inside = visits["plug_in"] >= pd.Timestamp(load_kw["time"].to_numpy()[0], tz="UTC")
    done = charging.simulate(
        visits[inside], limit_kw, step=HALF_HOUR, chargepoints=places,
        limit_after=kept, limit_missing=kept,
    )  # fmt: skip
    power_kw = done.power_kw.reindex(time=load_kw["time"], fill_value=0.0)
    wanted_kwh = visits.loc[inside, "energy_kwh"].sum()
    return load_kw + power_kw, float(done.sessions["unserved_kwh"].sum() / wanted_kwh)


def _feeder(import_kw, sites: int, samples: int, seed: int, timezone: str) -> dict[str, float]:
    """Return the feeder's peak and coincidence factor, medians of random compositions."""
    pool = _composed(import_kw, 2 * sites, seed=seed)
    curve = diversity.coincidence(
        pool, sizes=[sites], samples=samples, seed=seed, timezone=timezone
    )
    return {name: float(curve[name].median()) for name in ("peak_kw", "coincidence_factor")}
