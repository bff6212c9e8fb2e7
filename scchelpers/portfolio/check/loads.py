"""The check of `loads.zarr`."""

from __future__ import annotations

import pandas as pd

from scchelpers.faults import Fault, UserError, closest
from scchelpers.portfolio import frames, tables
from scchelpers.portfolio.check.report import unreadable
from scchelpers.portfolio.rules.loads import load_faults


def check_loads(portfolio, group: str, known: list[str], assets: pd.DataFrame) -> list[Fault]:
    """Return the faults of the load series of a group; `known` are the sites or assets there."""
    typed = frames.as_typed(assets, tables.ASSETS).drop_duplicates("asset_id")
    seasons = [f"rating_{season}_kva" for season in tables.RATING_SEASONS]
    ratings = typed.set_index("asset_id")[seasons].max(axis=1)
    target = "assets.csv" if group == "network_kva" else "sites.csv"
    faults = []
    for series_id in portfolio.series(group):
        place = f"loads.zarr/{group}/{series_id}"
        if series_id not in known:
            remedy = closest(series_id, known) or f"add it to {target}, or delete the series"
            rule = f"must be in {target}"
            faults.append(Fault(place, None, "", series_id, rule, remedy, "set aside"))
            continue
        try:
            load = portfolio.loads(group, series_id)
            if load is None:
                faults.append(unreadable(place, UserError("no zarr.json there")))
                continue
            load = load.load()
        except UserError as error:
            faults.append(unreadable(place, error))
            continue
        except Exception as error:  # a damaged chunk: Zarr's codecs raise errors of every kind
            faults.append(unreadable(place, error))
            continue
        rating = ratings.get(series_id) if group == "network_kva" else None
        faults += load_faults(load, group, series_id, rating)
    return faults
