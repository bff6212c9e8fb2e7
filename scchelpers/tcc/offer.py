"""The table of a connection offer, and what the report calls its parts."""

from __future__ import annotations

import pandas as pd

from scchelpers.tcc.derivation import season_text
from scchelpers.tcc.windows import length_min


def offer_table(
    windows: pd.DataFrame, requested_kva: float, power_factor: float, by_window: pd.DataFrame
) -> pd.DataFrame:
    """Return windows as they could stand in a connection offer, for people.

    Parameters
    ----------
    windows : pandas.DataFrame
        Derived windows.
    requested_kva : float
        Requested capacity [kVA].
    power_factor : float
        Of the site.
    by_window : pandas.DataFrame
        From `suitability.by_window`, row by row.

    Returns
    -------
    pandas.DataFrame
        Indexed by season; columns for reading, with units.
    """
    return pd.DataFrame(
        {
            "days": windows["day_type"].to_numpy(),
            "start": windows["start"].to_numpy(),
            "end": windows["end"].to_numpy(),
            "length [h]": [length_min(r.start, r.end) / 60 for r in windows.itertuples()],
            "cap [kVA]": windows["limit_kva"].to_numpy(),
            "cap [kW]": (windows["limit_kva"] * power_factor).to_numpy(),
            "cap, of the request [%]": (100 * windows["limit_kva"] / requested_kva).to_numpy(),
            "needed, of window hours [%]": (100 * by_window["needed_share"]).to_numpy(),
            "samples": windows["samples"].to_numpy(),
        },
        index=pd.Index(
            [season_text(r.season, tuple(r.months)) for r in windows.itertuples()], name="season"
        ),
    )


def spread_table(windows: pd.DataFrame, by_window: pd.DataFrame) -> pd.DataFrame:
    """Return how steady the constraint is in each window, for people."""
    return pd.DataFrame(
        {
            "days": windows["day_type"].to_numpy(),
            "window": [f"{r.start}–{r.end}" for r in windows.itertuples()],
            "days on record": by_window["days"].to_numpy(),
            "constrained days [%]": (100 * by_window["constrained_days"]).to_numpy(),
            "begins": [f"{r.begins_early}–{r.begins_late}" for r in by_window.itertuples()],
            "ends": [f"{r.ends_early}–{r.ends_late}" for r in by_window.itertuples()],
        },
        index=pd.Index(
            [season_text(r.season, tuple(r.months)) for r in windows.itertuples()], name="season"
        ),
    )
