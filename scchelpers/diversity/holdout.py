"""How sure one can be: weeks and chargepoints held out and met again as unseen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.measures import membership, random_orders, sizes_up_to
from scchelpers.diversity.weekly import overall_peak, peak_candidates, weekly_peaks
from scchelpers.timebase import LONDON

FEWEST_EVSES = 4
FEWEST_WEEKS = 8


def hold_out(
    power_kw: xr.DataArray,
    *,
    rated_kw: pd.Series | None = None,
    sizes: list[int] | None = None,
    splits: int = 40,
    samples: int = 25,
    seed: int = 0,
    timezone: str = LONDON,
) -> xr.Dataset:
    """Halve the record at random, again and again, and measure both halves.

    Every split halves the chargepoints and, on its own, the local weeks (blocks, for days next to
    each other are alike). Groups drawn in one half were "seen" by a designer, those in the other
    not.

    Parameters
    ----------
    power_kw : xarray.DataArray
        Mean power [kW] over (time, evse).
    rated_kw : pandas.Series, optional
        Rating [kW] by evse_id, for the demand factor.
    sizes : list of int, optional
        Group sizes; those above half the EVSEs are left out.
    splits, samples : int
        Random splits, and groups of each size in each half.
    seed : int
        Seed of the splits.
    timezone : str
        Zone of the weeks.

    Returns
    -------
    xarray.Dataset
        admd_kw [kW], coincidence_factor and demand_factor over (points, weeks, split, size,
        sample), with points and weeks each "seen" or "unseen". No sizes where there are fewer
        than four EVSEs or eight weeks: nothing can be held out then.
    """
    evses = power_kw.sizes["evse"]
    weekly_kw = peak_candidates(power_kw, timezone)
    count = len(weekly_kw)
    half = evses // 2
    enough = evses >= FEWEST_EVSES and count >= FEWEST_WEEKS
    sizes = sizes_up_to(half, *(sizes or [])) if enough else []
    rng = np.random.default_rng(seed)
    shape = (2, 2, splits, len(sizes), samples)
    peak_kw, sum_kw, sum_rated_kw = (np.full(shape, np.nan) for _ in range(3))
    ratings = np.full(evses, np.nan)
    if rated_kw is not None:
        ratings = rated_kw.reindex(power_kw["evse"].to_numpy()).to_numpy(float)
    own = weekly_peaks(weekly_kw, np.eye(evses, dtype=bool))
    for split in range(splits if sizes else 0):
        points = rng.permutation(evses)
        seen = np.isin(np.arange(count), rng.permutation(count)[: count // 2])
        for p, mine in enumerate((points[:half], points[half : 2 * half])):
            orders = random_orders(half, samples, rng)
            members = membership(orders, sizes, half)
            peaks = weekly_peaks([here[:, mine] for here in weekly_kw], members)
            for w, chosen in enumerate((seen, ~seen)):
                cut = (p, w, split)
                peak_kw[cut] = overall_peak(peaks[:, chosen]).reshape(len(sizes), samples)
                own_kw = np.nan_to_num(overall_peak(own[mine][:, chosen]))
                sum_kw[cut] = (own_kw @ members).reshape(len(sizes), samples)
                sum_rated_kw[cut] = (ratings[mine] @ members).reshape(len(sizes), samples)
    n = np.array(sizes, float).reshape(-1, 1)
    dims = ("points", "weeks", "split", "size", "sample")
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = {"coincidence_factor": peak_kw / sum_kw, "demand_factor": peak_kw / sum_rated_kw}
    found = xr.Dataset(
        {
            "admd_kw": (dims, peak_kw / n, {"units": "kW"}),
            **{name: (dims, values, {"units": "1"}) for name, values in factors.items()},
        },
        {
            "points": ["seen", "unseen"],
            "weeks": ["seen", "unseen"],
            "size": np.array(sizes, int),
        },
        {"evses": evses, "weeks": count, "splits": splits, "samples": samples, "seed": seed},
    )
    # A size stays if every half of every split has a group whose members were on record at once.
    known = np.isfinite(found["admd_kw"]).any("sample").all(("points", "weeks", "split"))
    return found.sel(size=known)


def unseen_ratio(held: xr.Dataset, *, low: float = 0.05, high: float = 0.95) -> pd.DataFrame:
    """Return by how much the ADMD of unseen groups misses what was estimated from seen ones.

    The estimate is the median ADMD of the seen groups of a split.

    Parameters
    ----------
    held : xarray.Dataset
        From `hold_out`.
    low, high : float
        Quantiles.

    Returns
    -------
    pandas.DataFrame
        Indexed by (held_out, size), held_out being "weeks", "chargepoints" or "both": columns
        low, median and high, as ratios of unseen ADMD to the estimate.
    """
    estimate = held["admd_kw"].sel(points="seen", weeks="seen").median("sample")
    cases = {
        "weeks": {"points": "seen", "weeks": "unseen"},
        "chargepoints": {"points": "unseen", "weeks": "seen"},
        "both": {"points": "unseen", "weeks": "unseen"},
    }
    rows = []
    for name, case in cases.items():
        ratio = held["admd_kw"].sel(case) / estimate
        for size in held["size"].to_numpy():
            drawn = ratio.sel(size=size).to_numpy()
            drawn = drawn[np.isfinite(drawn)]
            marks = np.quantile(drawn, [low, 0.5, high]) if len(drawn) else [np.nan] * 3
            rows.append((name, int(size), *marks))
    frame = pd.DataFrame(rows, columns=["held_out", "size", "low", "median", "high"])
    return frame.set_index(["held_out", "size"])
