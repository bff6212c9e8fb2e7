"""Other times and other years: faults, planned outages, errors of the limit, and load growth."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.network.managed import limits
from scchelpers.network.measured import views
from scchelpers.network.setpoint import Control, finer
from scchelpers.network.study import Study, charge

BIASES = (-0.02, -0.01, 0.0, 0.01, 0.02)


def running(
    study: Study,
    start,
    end,
    *,
    rating_share: float = 1.0,
    transferred_kva: float | xr.DataArray = 0.0,
) -> Study:
    """Return a study in which the network runs abnormally for a time.

    Parameters
    ----------
    study : Study
        Sites and constraints.
    start, end : datetime [UTC]
        Half-open span of the abnormal running.
    rating_share : float
        Share of the rating that is left: one of two transformers out leaves about a half.
    transferred_kva : float or DataArray over time
        Load that is switched over from elsewhere [kVA].

    Raises
    ------
    UserError
        If the share is not above 0, or the span is empty.
    """
    if not rating_share > 0:
        raise UserError(f"rating_share = {rating_share}: must be above 0")
    first, last = (pd.Timestamp(at).tz_convert("UTC").tz_localize(None) for at in (start, end))
    if not first < last:
        raise UserError(f"start = {start}, end = {end}: the end must come after the start")
    within = (study.time >= first.to_datetime64()) & (study.time < last.to_datetime64())
    more = transferred_kva
    if isinstance(more, xr.DataArray):
        more = finer(more, str(study.step)).reindex(time=study.time.to_numpy())
    return replace(
        study,
        load_kva=study.load_kva.where(~within, study.load_kva + more),
        rating_kva=study.rating_kva.where(~within, study.rating_kva * rating_share),
    )


def by_start(
    study: Study,
    site_id: str,
    *,
    length: str,
    rating_share: float = 1.0,
    transferred_kva: float | xr.DataArray = 0.0,
    rule: str = "lifo",
    control: Control | None = None,
    every: str = "28D",
) -> pd.DataFrame:
    """Return what an abnormal running costs a site, by the day on which it begins.

    Parameters
    ----------
    study, rating_share, transferred_kva
        As for `running`.
    site_id : str
        Site.
    length : str
        Of the abnormal running, such as "14D" or "36h".
    rule, control
        As for `limits`.
    every : str
        Between the starts that are tried.

    Returns
    -------
    pandas.DataFrame
        By start [UTC]: restricted_h and unserved_kwh more than with normal running.
    """
    first, last = study.span
    base = _two(study, site_id, rule, control)
    rows = {}
    for start in pd.date_range(first, last - pd.Timedelta(length), freq=every):
        other = running(
            study,
            start,
            start + pd.Timedelta(length),
            rating_share=rating_share,
            transferred_kva=transferred_kva,
        )
        rows[start] = _two(other, site_id, rule, control) - base
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("start")


def growth(
    study: Study,
    site_id: str,
    *,
    rate: float,
    years: int = 10,
    rule: str = "lifo",
    control: Control | None = None,
) -> pd.DataFrame:
    """Return both views of a site year by year as the load around it grows.

    Only import grows, by the same share each year: export is no load.

    Parameters
    ----------
    study : Study
        Year 0.
    site_id : str
        Site.
    rate : float
        Growth a year, 0.02 for 2 %.
    years : int
        Years to look ahead.
    rule, control
        As for `limits`.

    Returns
    -------
    pandas.DataFrame
        By year: the measures of `views`.
    """
    rows = {}
    for year in range(years + 1):
        load = study.load_kva.where(study.load_kva <= 0, study.load_kva * (1 + rate) ** year)
        grown = replace(study, load_kva=load)
        limit = limits(grown, rule, control=control).sel(site=[site_id])
        rows[year] = views(grown, limit).loc[site_id]
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("year")


def limit_errors(
    study: Study, site_id: str, *, rule: str = "lifo", control: Control | None = None
) -> pd.DataFrame:
    """Return both views with the limit of the network one and two per cent lower and higher.

    Losses, voltage and the monitor's own error come to a per cent or two of the loading. As what
    is curtailed is a small difference of large numbers, it answers many times stronger.

    Returns
    -------
    pandas.DataFrame
        By shift of the rating (`BIASES`): the measures of `views`.
    """
    rows = {}
    for bias in BIASES:
        shifted = replace(study, rating_kva=study.rating_kva * (1 + bias))
        limit = limits(shifted, rule, control=control).sel(site=[site_id])
        rows[bias] = views(shifted, limit).loc[site_id]
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("shift")


def _two(study: Study, site_id: str, rule: str, control: Control | None) -> pd.Series:
    limit = limits(study, rule, control=control).sel(site=[site_id])
    cut = study.asked_kw(site_id) - limit
    hours = study.step / pd.Timedelta("1h")
    result = charge(study, limit)[site_id]
    return pd.Series(
        {
            "restricted_h": float((cut > 1e-9).sum()) * hours,
            "unserved_kwh": result.sessions["unserved_kwh"].sum(),
        }
    )
