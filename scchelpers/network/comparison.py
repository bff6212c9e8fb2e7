"""Why an LMC and a CMC on the same record answer differently: one difference at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.network.cmc import TOLERANCE
from scchelpers.network.managed import limits
from scchelpers.network.measured import views
from scchelpers.network.model import Model
from scchelpers.network.setpoint import PERFECT, Control
from scchelpers.network.study import Study

RUN, AT_ONCE = "LMC", "LMC without delay, hold and ramp"
SAME_PLACE, EVERYWHERE = "CMC that watches the same asset alone", "CMC"
LMC_TO_CMC = ["restricted_h", "restricted_kwh", "lost_kwh", "unserved_kwh"]


def lmc_to_cmc(
    local: Study,
    wide: Study,
    model: Model,
    central: xr.Dataset,
    site_id: str,
    branch: str,
    *,
    rule: str = "lifo",
    control: Control | None = None,
) -> pd.DataFrame:
    """Return what a site gets on the way from the LMC to the CMC, a step a row.

    Parameters
    ----------
    local, wide : Study
        Sites on the site's own asset, and on the whole network.
    model : Model
        Network of the CMC.
    central : xarray.Dataset
        Its setpoints.
    site_id : str
        Site.
    branch : str
        Branch of the model that is the site's own asset; where there is none, that step is left
        out.
    rule, control
        As for `limits`.

    Returns
    -------
    pandas.DataFrame
        The measures of `LMC_TO_CMC`, over the record. Between the first two rows lies the control,
        between the next losses and phases, between the last the other branches and the sites
        behind them.
    """
    steps = {
        RUN: (local, limits(local, rule, control=control)),
        AT_ONCE: (local, limits(local, rule, control=PERFECT)),
    }
    if branch in central["branch"]:
        beside = [name for name in local.sites if name in model.sites.index]
        alone = model.only(beside).watching(branch).setpoints(rule)
        steps[SAME_PLACE] = (wide, alone["limit_kw"])
    steps[EVERYWHERE] = (wide, central["limit_kw"])
    rows = {
        name: views(study, limit_kw.sel(site=[site_id])).loc[site_id, LMC_TO_CMC]
        for name, (study, limit_kw) in steps.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scheme").astype(float)


def excess(central: xr.Dataset, local: Study, branch: str) -> float:
    """Return by how much a branch of the model is loaded above its asset's record, as a share.

    The median over the tenth of the time with the highest load, without charging: losses, reactive
    power and, of three phases, the fullest. NaN where the model has no such branch.
    """
    if branch not in central["branch"]:
        return np.nan
    record = local.load_kva.isel(constraint=0).reindex(time=central["time"])
    rating = local.rating_kva.isel(constraint=0).reindex(time=central["time"])
    carried = central["loading_without"].sel(branch=branch) * rating
    high = record >= record.quantile(0.9)
    return float((carried / record).where(high).median() - 1)


def binding(central: xr.Dataset, study: Study, site_id: str) -> pd.DataFrame:
    """Return how long a site is held back with each branch full, and what it would draw then.

    Parameters
    ----------
    central : xarray.Dataset
        From `cmc.setpoints`.
    study : Study
        Sites.
    site_id : str
        Site.

    Returns
    -------
    pandas.DataFrame
        By branch, longest first: bound_h [h]; lost_kwh, demand above the limit in that time.
        Where several branches are full at once, each counts.
    """
    limit_kw = central["limit_kw"].sel(site=site_id, drop=True)
    held = limit_kw < study.asked_kw(site_id) - 1e-6
    full = (central["loading"] > 1 - TOLERANCE) & held
    full = full.isel(branch=np.flatnonzero(full.any("time")))
    demand_kw = study.demand_kw.sel(site=site_id, drop=True)
    lost_kw = (demand_kw - limit_kw.reindex(time=study.time, method="ffill")).clip(min=0)
    then = full.reindex(time=study.time, method="ffill")
    hours = study.step / pd.Timedelta("1h")
    found = pd.DataFrame(
        {
            "bound_h": then.sum("time") * hours,
            "lost_kwh": lost_kw.where(then).sum("time") * hours,
        },
        index=full.get_index("branch"),
    )
    return found.sort_values("bound_h", ascending=False)


def overloads(central: xr.Dataset) -> pd.DataFrame:
    """Return the branches that stay above their rating under the setpoints.

    Returns
    -------
    pandas.DataFrame
        By branch: over_h [h]; peak_share, highest loading over rating; base_share, highest loading
        without charging in those hours; beyond_h, those of the hours in which the base load alone
        is not above the rating.
    """
    first, second = central["time"].to_index()[:2]
    hours = (second - first) / pd.Timedelta("1h")
    above = central["loading"] > 1 + TOLERANCE
    base = central["loading_without"]
    found = pd.DataFrame(
        {
            "over_h": above.sum("time") * hours,
            "peak_share": central["loading"].max("time"),
            "base_share": base.where(above).max("time"),
            "beyond_h": (above & (base <= 1)).sum("time") * hours,
        },
        index=central.get_index("branch"),
    )
    return found[found["over_h"] > 0].sort_values("over_h", ascending=False)
