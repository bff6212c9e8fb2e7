"""The measures as tables for readers: units in the headings, one row a group size."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.design import design_value
from scchelpers.diversity.measures import summary

_SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def curve_table(curve: xr.Dataset) -> pd.DataFrame:
    """Return coincidence factor, demand factor and ADMD at round group sizes.

    Parameters
    ----------
    curve : xarray.Dataset
        From `coincidence`.
    """
    marks = summary(curve)
    rows = [n for n in marks.index if n in _SHOWN or n == marks.index[-1]]
    heads = {
        "coincidence_factor": "coincidence factor",
        "demand_factor": "demand factor",
        "admd_kw": "ADMD [kW]",
    }
    table = {}
    for name, head in heads.items():
        table[head] = marks.loc[rows, (name, 0.5)].to_numpy()
        table[f"{head}, 95 of 100"] = marks.loc[rows, (name, 0.95)].to_numpy()
    return pd.DataFrame(table, index=pd.Index(rows, name="n"))


def design_table(design: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return what to assume at round numbers of chargepoints, and at n.

    Parameters
    ----------
    design : pandas.DataFrame
        From `design_admd`.
    n : int
        Number to be designed for.
    """
    if design["design_kw"].isna().all():
        return pd.DataFrame()
    evses = design.index.max()
    rows = sorted({size for size in _SHOWN if size <= evses} | {int(evses), n})
    values = pd.DataFrame([design_value(size, design) for size in rows])
    return pd.DataFrame(
        {
            "to design for [kW]": values["total_kw"].to_numpy(float),
            "each [kW]": values["admd_kw"].to_numpy(float),
            "ratings together [kW]": values["rated_kw"].to_numpy(float),
            "rests on": values["basis"].to_numpy(),
        },
        index=pd.Index(rows, name="n"),
    )


def whole_site(power_kw: xr.DataArray, rated_kw: pd.Series) -> dict[str, float]:
    """Return the measures of the site as it was in its highest half hour.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse), NaN where a chargepoint was not on record.
    rated_kw : pandas.Series
        Rating of each chargepoint [kW].

    Returns
    -------
    dict
        evses (chargepoints on record in that half hour), peak_kw [kW], admd_kw [kW], and of those
        chargepoints coincidence_factor and demand_factor; NaN and 0 evses where there is no record.
    """
    names = ("peak_kw", "coincidence_factor", "demand_factor", "admd_kw")
    if not power_kw.size:
        return {"evses": 0, **dict.fromkeys(names, np.nan)}
    site_kw = power_kw.sum("evse", min_count=1)
    there = np.isfinite(power_kw.isel(time=int(site_kw.argmax("time"))).to_numpy())
    own_kw = power_kw.max("time").to_numpy()[there]
    rating_kw = rated_kw.reindex(power_kw["evse"].to_numpy()).to_numpy(float)[there]
    peak_kw = float(site_kw.max())
    return {
        "evses": int(there.sum()),
        "peak_kw": peak_kw,
        "coincidence_factor": peak_kw / own_kw.sum(),
        "demand_factor": peak_kw / rating_kw.sum(),
        "admd_kw": peak_kw / there.sum(),
    }
