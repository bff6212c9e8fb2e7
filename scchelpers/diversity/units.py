"""What counts as a chargepoint: an AC socket, or a DC unit with all its outlets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr


def chargepoint_of(chargepoints: pd.DataFrame) -> pd.Series:
    """Return the chargepoint that each EVSE belongs to.

    The outlets of one DC unit share its power and seldom serve two cars at once: counted one by
    one they would look twice as diverse as they are. A unit goes by its first outlet.

    Parameters
    ----------
    chargepoints : pandas.DataFrame
        evse_id and, where known, unit_id and phases (0 for DC).

    Examples
    --------
    >>> chargepoint_of(pd.DataFrame({"evse_id": ["u-1", "u-2", "post"], "phases": [0, 0, 3],
    ...                              "unit_id": ["u", "u", "post"]})).to_dict()
    {'u-1': 'u-1', 'u-2': 'u-1', 'post': 'post'}
    """
    evse_id = chargepoints["evse_id"]
    absent = pd.Series(None, index=chargepoints.index, dtype=object)
    unit_id = chargepoints.get("unit_id", absent)
    shared = unit_id.notna() & (chargepoints.get("phases", absent) == 0)
    first = evse_id.where(~shared, evse_id[shared].groupby(unit_id[shared]).transform("first"))
    return pd.Series(first.to_numpy(), pd.Index(evse_id, name="evse_id"), name="chargepoint")


def counted(chargepoints: pd.DataFrame) -> pd.DataFrame:
    """Return one row a chargepoint, in the columns of the EVSEs; a DC unit has its largest rating.

    Examples
    --------
    >>> counted(pd.DataFrame({"evse_id": ["u-1", "u-2"], "phases": 0, "unit_id": "u",
    ...                       "rated_kw": [43.0, 50.0]}))[["evse_id", "rated_kw"]].values.tolist()
    [['u-1', 50.0]]
    """
    group = chargepoint_of(chargepoints).to_numpy()
    largest = chargepoints["rated_kw"].groupby(group).transform("max")
    whole = chargepoints.assign(rated_kw=largest)
    return whole[group == chargepoints["evse_id"].to_numpy()].reset_index(drop=True)


def together(power_kw: xr.DataArray, chargepoints: pd.DataFrame) -> xr.DataArray:
    """Return the demand of each chargepoint: outlets of one DC unit summed [kW].

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse).
    chargepoints : pandas.DataFrame
        One row an EVSE.
    """
    group = chargepoint_of(chargepoints).reindex(power_kw["evse"].to_numpy())
    names = group.fillna(pd.Series(group.index, group.index)).to_numpy()
    if len(set(names)) == len(names):
        return power_kw
    codes, kept = pd.factorize(names)
    values = power_kw.transpose("time", "evse").to_numpy()
    summed = np.zeros((len(values), len(kept)))
    for column, code in enumerate(codes):
        summed[:, code] += values[:, column]
    coords = {"time": power_kw["time"], "evse": kept.astype(str)}
    return xr.DataArray(summed, coords, ("time", "evse"), power_kw.name, power_kw.attrs)


def ratings(chargepoints: pd.DataFrame, power_kw: xr.DataArray) -> pd.Series:
    """Return the rating of each chargepoint [kW], at least what it was seen to draw.

    A unit that served two cars at once drew more than one outlet may: it counts with that.

    Parameters
    ----------
    chargepoints : pandas.DataFrame
        One row an EVSE.
    power_kw : xarray.DataArray
        From `demand`, over (time, evse).
    """
    rated_kw = counted(chargepoints).set_index("evse_id")["rated_kw"]
    seen_kw = power_kw.max("time").to_series() if power_kw.size else pd.Series(dtype=float)
    return rated_kw.clip(lower=seen_kw.reindex(rated_kw.index).fillna(0.0))
