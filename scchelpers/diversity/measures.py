"""Coincidence factor, demand factor and ADMD against the number of chargepoints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.weekly import overall_peak, peak_candidates, weekly_peaks
from scchelpers.faults import UserError
from scchelpers.timebase import LONDON

MEASURES = {
    "coincidence_factor": "peak of the sum / sum of the peaks",
    "demand_factor": "peak of the sum / sum of the ratings",
    "admd_kw": "peak of the sum / number of chargepoints",
    "diversity_factor": "sum of the peaks / peak of the sum",
}
_LADDER = (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 50, 70, 100, 140, 200, 280, 400, 500, 700, 1000)


def sizes_up_to(count: int, *also: int) -> list[int]:
    """Return group sizes from 1 to `count` on a ladder, about seven to a decade.

    Parameters
    ----------
    count : int
        Chargepoints on record.
    also : int
        Further sizes; those above `count` are left out.

    Examples
    --------
    >>> sizes_up_to(12)
    [1, 2, 3, 4, 5, 7, 10, 12]
    >>> sizes_up_to(4, 6), sizes_up_to(0)
    ([1, 2, 3, 4], [])
    """
    return sorted({n for n in (*_LADDER, count, *also) if 1 <= n <= count})


def coincidence(
    power_kw: xr.DataArray,
    *,
    rated_kw: pd.Series | None = None,
    sizes: list[int] | None = None,
    samples: int = 500,
    seed: int = 0,
    timezone: str = LONDON,
) -> xr.Dataset:
    """Measure how groups of n chargepoints peak together, for random groups of every size.

    Each sample is one random order of the chargepoints; its group of size n is the first n, drawn
    without replacement. The sum counts where every member is on record; groups whose members share
    fewer than four weeks (or the whole record, if shorter) are missing, and a size is left out if
    all its groups are.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse); NaN where an EVSE was not on record.
    rated_kw : pandas.Series, optional
        Rating [kW] by evse_id; without it the demand factor is missing.
    sizes : list of int, optional
        Group sizes; by default `sizes_up_to` the number of EVSEs.
    samples : int
        Random groups of each size.
    seed : int
        Seed of the draws.
    timezone : str
        Zone of the weeks.

    Returns
    -------
    xarray.Dataset
        Over (size, sample): peak_kw [kW] and the measures of `MEASURES`. `attrs` hold samples,
        seed and evses.

    Raises
    ------
    UserError
        If a size exceeds the EVSEs on record, or samples is below 1.

    Notes
    -----
    The peak of the sum is that of the interval mean; sum of the peaks takes each EVSE's own peak
    over its whole record. Report section 7.3; definitions after Rusck 1956.
    """
    evses = power_kw.sizes["evse"]
    sizes = sizes_up_to(evses) if sizes is None else list(sizes)
    if sizes and not 1 <= min(sizes) <= max(sizes) <= evses:
        raise UserError(f"sizes = {sizes}: must lie between 1 and the {evses} EVSEs on record")
    if samples < 1:
        raise UserError(f"samples = {samples}: must be 1 or more")
    orders = random_orders(evses, samples, np.random.default_rng(seed))
    members = membership(orders, sizes, evses)
    weekly_kw = peak_candidates(power_kw, timezone)
    peak_kw = overall_peak(weekly_peaks(weekly_kw, members))
    own_kw = overall_peak(weekly_peaks(weekly_kw, np.eye(evses, dtype=bool)))
    ratings = np.full(evses, np.nan)
    if rated_kw is not None:
        ratings = rated_kw.reindex(power_kw["evse"].to_numpy()).to_numpy(float)
    shape = (len(sizes), samples)
    peak_kw = peak_kw.reshape(shape)
    sum_kw = _sums(own_kw, members).reshape(shape)
    n = np.array(sizes, float).reshape(-1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "peak_kw": peak_kw,
            "coincidence_factor": peak_kw / sum_kw,
            "demand_factor": peak_kw / _sums(ratings, members).reshape(shape),
            "admd_kw": peak_kw / n,
            "diversity_factor": sum_kw / peak_kw,
        }
    measured = xr.Dataset(
        {
            name: (("size", "sample"), values, {"units": "kW" if name.endswith("_kw") else "1"})
            for name, values in found.items()
        },
        {"size": np.array(sizes, int)},
        {"samples": samples, "seed": seed, "evses": evses},
    )
    return measured.sel(size=np.isfinite(measured["peak_kw"]).any("sample"))


def by_group(
    power_kw: xr.DataArray, groups: Mapping[str, list[str]], **options
) -> dict[str, xr.Dataset]:
    """Measure the coincidence of each group of EVSEs on its own.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse).
    groups : mapping of str to list of str
        Name to EVSEs; those not on record are passed over, and so are groups without any.
    **options
        Of `coincidence`.
    """
    known = set(power_kw["evse"].to_numpy().tolist())
    found = {}
    for name, evse_ids in groups.items():
        here = [evse for evse in evse_ids if evse in known]
        if here:
            found[name] = coincidence(power_kw.sel(evse=here), **options)
    return found


def summary(curve: xr.Dataset, *, low: float = 0.05, high: float = 0.95) -> pd.DataFrame:
    """Return the quantiles of each measure by group size.

    Parameters
    ----------
    curve : xarray.Dataset
        From `coincidence`.
    low, high : float
        Quantiles beside the median.

    Returns
    -------
    pandas.DataFrame
        Indexed by size; columns (measure, quantile).
    """
    measures = ("peak_kw", *MEASURES)
    marks = (low, 0.5, high)
    shape = (len(marks), curve.sizes["size"])
    columns = {}
    for name in measures:
        known = np.isfinite(curve[name]).any()
        values = curve[name].quantile(marks, "sample") if known else np.full(shape, np.nan)
        columns |= {(name, mark): row for mark, row in zip(marks, np.asarray(values), strict=True)}
    return pd.DataFrame(columns, pd.Index(curve["size"].to_numpy(), name="size"))


def random_orders(evses: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return random orders of EVSEs, one a row (samples, evses)."""
    return rng.permuted(np.tile(np.arange(evses), (samples, 1)), axis=1)


def membership(orders: np.ndarray, sizes: list[int], evses: int) -> np.ndarray:
    """Return who is in which group: bool over (evse, size x sample)."""
    rank = np.full((len(orders), evses), evses)
    np.put_along_axis(rank, orders, np.arange(orders.shape[1])[None, :], axis=1)
    inside = rank[None, :, :] < np.array(sizes, int).reshape(-1, 1, 1)
    return inside.reshape(len(sizes) * len(orders), evses).T


def _sums(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    return values @ members
