"""A transformer's thermal view beside its rating in kVA, and where the two disagree.

A rating says how much load; the insulation feels a temperature, which lags by hours, rides on the
weather and forgives a short peak. Both views are kept side by side, never merged.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.tcc.cells import half_hourly
from scchelpers.tcc.ratings import rating_at
from scchelpers.tcc.thermal import CYCLIC_C, INDOOR, LIMITS_C, Transformer, ambient, hot_spot
from scchelpers.timebase import LONDON


def compare(
    network_kva: xr.DataArray,
    charging_kw: Mapping[str, xr.DataArray | None],
    rating_kva: pd.Series | float,
    *,
    power_factor: float,
    nameplate_kva: float | None = None,
    ambient_c: float | xr.DataArray | None = None,
    transformer: Transformer = INDOOR,
    timezone: str = LONDON,
) -> xr.Dataset:
    """Set the thermal view beside the kVA view, for several cases of charging.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load of the asset before the site [kVA] over time.
    charging_kw : mapping of str to DataArray or None
        Name of a case to the site's power [kW] over time, of any step; None adds nothing. The
        case is missing where the power is.
    rating_kva : pandas.Series or float
        Rating [kVA] by season, or one for the year.
    power_factor : float
        Of the charging.
    nameplate_kva : float, optional
        Rated power to which the transformer's rises belong [kVA]; by default the highest of the
        seasonal ratings.
    ambient_c : float or xarray.DataArray, optional
        Air temperature [degC]; by default the profile of `ambient`.
    transformer : Transformer
        Its parameters.
    timezone : str
        Zone of seasons and clock.

    Returns
    -------
    xarray.Dataset
        Over (case, time): load_kva, top_oil_c, hot_spot_c, ageing; over time: rating_kva,
        ambient_c. `attrs` hold nameplate_kva.
    """
    network_kva = half_hourly(network_kva)
    time = network_kva["time"]
    nameplate = float(np.max(rating_kva)) if nameplate_kva is None else nameplate_kva
    air = ambient(time, tz=timezone) if ambient_c is None else ambient_c
    cases = []
    for power_kw in charging_kw.values():
        load = network_kva
        if power_kw is not None:
            load = load + half_hourly(power_kw).reindex(time=time) / power_factor
        warm = hot_spot(load / nameplate, air, transformer)
        cases.append(warm.assign(load_kva=load.assign_attrs(units="kVA")))
    found = xr.concat(cases, pd.Index(list(charging_kw), name="case"))
    return found.assign(
        rating_kva=rating_at(rating_kva, time, timezone),
        ambient_c=("time", np.broadcast_to(air, time.shape), {"units": "degC"}),
    ).assign_attrs(nameplate_kva=nameplate)


def views(compared: xr.Dataset, *, limit_c: float = CYCLIC_C) -> pd.DataFrame:
    """Count where the two views agree and where they do not.

    Parameters
    ----------
    compared : xarray.Dataset
        From `compare`.
    limit_c : float
        Hot-spot temperature above which the thermal view objects [degC].

    Returns
    -------
    pandas.DataFrame
        By case, counts in half hours: known; over_rating; above_98, above_120, above_140; both,
        only_rating (above the rating, hot spot within the limit), only_hot_spot (the reverse). Then
        hot_spot_c, the highest [degC]; ageing, the mean rate; days_aged over the known time.
    """
    hot = compared["hot_spot_c"]
    known = np.isfinite(hot)
    over = (abs(compared["load_kva"]) > compared["rating_kva"]) & known
    warm = hot > limit_c
    counts = {
        "known": known,
        "over_rating": over,
        **{f"above_{at}": hot > at for at in LIMITS_C},
        "both": over & warm,
        "only_rating": over & ~warm,
        "only_hot_spot": warm & ~over,
    }
    frame = pd.DataFrame(
        {name: where.sum("time").to_numpy() for name, where in counts.items()},
        pd.Index(compared["case"].to_numpy(), name="case"),
    )
    frame["hot_spot_c"] = hot.max("time").to_numpy()
    frame["ageing"] = compared["ageing"].mean("time").to_numpy()
    frame["days_aged"] = frame["ageing"] * frame["known"] / 48
    return frame


def views_table(counted: pd.DataFrame) -> pd.DataFrame:
    """Return the two views as a table to show, from `views`."""
    return counted.rename(
        columns={
            "over_rating": "above the rating [half hours]",
            **{f"above_{at}": f"hot spot above {at} °C [half hours]" for at in LIMITS_C},
            "only_rating": "only the rating objects [half hours]",
            "only_hot_spot": "only the hot spot objects [half hours]",
            "hot_spot_c": "highest hot spot [°C]",
            "ageing": "ageing, normal = 1",
        }
    ).drop(columns=["known", "both", "days_aged"])
