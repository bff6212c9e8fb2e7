"""What the thermal view says beside the rating, in sentences."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from scchelpers.tcc.thermal import CYCLIC_C
from scchelpers.wording import count, number, percent, quantity


def two_views(counted: pd.DataFrame, compared: xr.Dataset, *, limit_c: float = CYCLIC_C) -> str:
    """Return where the rating and the hot spot agree, case by case, and where they do not.

    Parameters
    ----------
    counted : pandas.DataFrame
        From `two_views.views`, with the same limit_c.
    compared : xarray.Dataset
        From `two_views.compare`.
    limit_c : float
        Hot-spot temperature above which the thermal view objects [degC].
    """
    nameplate = quantity(compared.attrs["nameplate_kva"], "kVA")
    low, high = float(compared["ambient_c"].min()), float(compared["ambient_c"].max())
    said = [_case(name, row, limit_c) for name, row in counted.iterrows()]
    return (
        "\n".join(f"- {text}" for text in said)
        + f"\n\nThe thermal view takes the asset as an oil-immersed transformer of {nameplate} in "
        f"air of {number(low)} to {quantity(high, '°C')}; for a cable or an overhead line it is no "
        "more than a hint."
    )


def _case(name: str, row: pd.Series, limit_c: float) -> str:
    if not row["known"]:
        return f"**{name}:** not known at any time."
    hot = quantity(limit_c, "°C")
    ages = (
        f"it ages at {percent(row['ageing'])} of the normal rate"
        if row["ageing"] < 1
        else f"it ages {number(row['ageing'])} times as fast as normal"
    )
    said = (
        f"**{name}:** above the rating in {count(row['over_rating'], 'half hour')}, hot spot above "
        f"{hot} in {count(row[f'above_{limit_c:g}'], 'half hour')}; the hottest moment reaches "
        f"{quantity(row['hot_spot_c'], '°C')} and {ages}."
    )
    only_rating, only_hot_spot = int(row["only_rating"]), int(row["only_hot_spot"])
    if only_rating:
        said += (
            f" In {count(only_rating, 'half hour')} only the rating objects: the overload was too "
            "small or too short, or the air too cold, for the hot spot to come so far."
        )
    if only_hot_spot:
        said += (
            f" In {count(only_hot_spot, 'half hour')} **only the hot spot objects**: heat from "
            "earlier load was still there, or the rating is above what the nameplate bears."
        )
    if not only_rating and not only_hot_spot:
        said += " The two views agree at all times."
    return said
