"""What the order of access means: places in the stack, rules, and operators of several sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import xarray as xr

from scchelpers import charging
from scchelpers.network.managed import limits
from scchelpers.network.measured import views
from scchelpers.network.setpoint import Control
from scchelpers.network.study import Study, charge

# Ways to share: name, rule, what is shared.
WAYS = (
    ("LIFO", "lifo", "contracted"),
    ("pro-rata", "pro-rata", "contracted"),
    ("LIFO, unused lent on", "lifo", "demand"),
    ("pro-rata, unused lent on", "pro-rata", "demand"),
)
EFFECTS = ["restricted_h", "equivalent_full_h", "lost_kwh", "unserved_kwh", "short_sessions"]


def places(study: Study, *, control: Control | None = None) -> pd.DataFrame:
    """Return what each site would get at each place of the LIFO stack, the others in their order.

    Parameters
    ----------
    study : Study
        Sites, in order of application.
    control : Control, optional
        How measurements become setpoints.

    Returns
    -------
    pandas.DataFrame
        By (site, place), place 1 the earliest: the measures of `EFFECTS`, over the record, and
        `own`, whether it is the site's true place.
    """
    order = list(study.sites)
    rows = {}
    for name in order:
        others = [other for other in order if other != name]
        for place in range(len(order)):
            stack = [*others[:place], name, *others[place:]]
            rank = pd.Series(range(len(stack)), index=stack)
            limit = limits(study, "lifo", control=control, rank=rank).sel(site=[name])
            row = views(study, limit).loc[name, EFFECTS].to_dict()
            rows[(name, place + 1)] = row | {"own": order.index(name) == place}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["site", "place"])


def ways(study: Study, *, control: Control | None = None) -> pd.DataFrame:
    """Return what each way of sharing gives each site.

    Returns
    -------
    pandas.DataFrame
        By (way, site): the measures of `EFFECTS`, over the record.
    """
    found = {}
    for name, rule, basis in WAYS:
        limit = limits(study, rule, control=control, basis=basis)
        found[name] = views(study, limit)[EFFECTS]
    return pd.concat(found, names=["way"])


def newcomer(study: Study, *, control: Control | None = None) -> pd.DataFrame:
    """Return what the last applicant does to those before it, under LIFO and pro-rata.

    Returns
    -------
    pandas.DataFrame
        By (rule, site) of the earlier sites: restricted_h and unserved_kwh before and after.
    """
    order = list(study.sites)
    earlier = study.only(order[:-1])
    found = {}
    for name, rule, _ in WAYS[:2]:
        after = views(study, limits(study, rule, control=control).sel(site=order[:-1]))
        before = views(earlier, limits(earlier, rule, control=control))
        pairs = {
            f"{measure}_{when}": frame[measure]
            for measure in ("restricted_h", "unserved_kwh")
            for when, frame in (("before", before), ("after", after))
        }
        found[name] = pd.DataFrame(pairs)
    return pd.concat(found, names=["rule"])


def operators(study: Study) -> dict[str, list[str]]:
    """Return the operators that run more than one of the sites, each with its sites."""
    named = pd.Series({name: site.meta.get("operator") for name, site in study.sites.items()})
    sites = {name: list(own.index) for name, own in named.dropna().groupby(named, sort=False)}
    return {name: own for name, own in sites.items() if len(own) > 1}


def pooled(
    study: Study, limit_kw: xr.DataArray, groups: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Return what operators of several sites can do with the sums of their limits.

    The chargepoint management system shares a setpoint as it likes. Sites behind the same
    constraint count as one there, so their sum may be shared anew by need.

    Parameters
    ----------
    study : Study
        Sites behind the same constraint.
    limit_kw : xarray.DataArray
        Over (time, site) [kW].
    groups : mapping of str to sequence of str
        Sites of each operator: `operators(study)`, or all under one name.

    Returns
    -------
    pandas.DataFrame
        By operator: unserved_kwh apart, each site under its own limit, and together [kWh].
    """
    apart = charge(study, limit_kw)
    unserved = pd.Series({name: r.sessions["unserved_kwh"].sum() for name, r in apart.items()})
    rows = {
        name: {"apart": unserved[list(own)].sum(), "together": _together(study, limit_kw, own)}
        for name, own in groups.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["apart", "together"])


def _together(study: Study, limit_kw: xr.DataArray, own: Sequence[str]) -> float:
    first, last = next(iter(study.free.values())).power_kw["time"].to_index()[[0, -1]]
    result = charging.simulate(
        pd.concat([study.sessions[name] for name in own], ignore_index=True),
        limit_kw.sel(site=own).sum("site", min_count=len(own)).assign_attrs(units="kW"),
        step=study.step,
        chargepoints=pd.concat([study.sites[name].chargepoints for name in own]),
        start=first.tz_localize("UTC"),
        end=last.tz_localize("UTC") + study.step,
        limit_after=float(study.requested_kw.sel(site=own).sum()),
        limit_missing="hold",
    )
    return float(result.sessions["unserved_kwh"].sum())
