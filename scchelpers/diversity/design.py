"""What a designer should assume for n chargepoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.diversity.measures import summary
from scchelpers.faults import UserError

COVERED = 0.95


def margins(held: xr.Dataset, *, covered: float = COVERED) -> pd.Series:
    """Return the factor on the p95 of seen groups that covers a share of the unseen ones.

    Parameters
    ----------
    held : xarray.Dataset
        From `hold_out`.
    covered : float
        Share of unseen groups (other chargepoints in other weeks) to be covered.

    Returns
    -------
    pandas.Series
        Factor by size, 1 or more; empty where nothing could be held out.

    Notes
    -----
    In each split the p95 of the seen groups is a design value; the factor is the quantile of
    unseen ADMD / design value over all splits (split-conformal calibration).
    """
    if not held.sizes["size"]:
        return pd.Series(dtype=float)
    unseen, design_kw = _unseen_and_design(held)
    factor = (unseen / design_kw).quantile(covered, ("split", "sample"))
    return np.fmax(factor, 1.0).drop_vars("quantile").to_series()


def covered_without_margin(held: xr.Dataset) -> pd.Series:
    """Return the share of unseen groups that stay below the bare p95 of the seen ones, by size."""
    if not held.sizes["size"]:
        return pd.Series(dtype=float)
    unseen, design_kw = _unseen_and_design(held)
    known = np.isfinite(unseen / design_kw)
    # Single precision: a group equal to the design value must not count as above it.
    below = (unseen <= design_kw * (1 + 1e-6)) & known
    return (below.sum(("split", "sample")) / known.sum(("split", "sample"))).to_series()


def design_admd(curve: xr.Dataset, held: xr.Dataset) -> pd.DataFrame:
    """Return the ADMD to assume for every measured group size.

    Parameters
    ----------
    curve : xarray.Dataset
        From `coincidence`, with ratings.
    held : xarray.Dataset
        From `hold_out`.

    Returns
    -------
    pandas.DataFrame
        Indexed by size: p50_kw, p95_kw, margin (factor), design_kw (p95 x margin, at most the
        rating), rated_kw, all [kW per chargepoint], and basis: "tested" (the margin was measured
        at this size), "margin carried" (measured at half the chargepoints at most, and carried
        on), or "untested" (nothing could be held out: the rating is assumed).
    """
    marks = summary(curve)
    sizes = marks.index
    tested = margins(held).dropna()
    frame = pd.DataFrame(index=sizes)
    frame["p50_kw"] = marks[("admd_kw", 0.5)]
    frame["p95_kw"] = marks[("admd_kw", 0.95)]
    rated_kw = (curve["admd_kw"] / curve["demand_factor"]).to_numpy()
    frame["rated_kw"] = np.nanquantile(rated_kw, COVERED, axis=1) if len(frame) else []
    if tested.empty:
        return frame.assign(margin=np.nan, design_kw=frame["rated_kw"], basis="untested")
    # Between tested sizes the larger margin of the two neighbours, beyond them the last.
    below = tested.reindex(sizes, method="ffill")
    above = tested.reindex(sizes, method="bfill")
    frame["margin"] = np.fmax(below, above)
    frame["design_kw"] = np.fmin(frame["p95_kw"] * frame["margin"], frame["rated_kw"])
    frame["basis"] = np.where(sizes <= tested.index.max(), "tested", "margin carried")
    return frame


def design_value(n: int, design: pd.DataFrame) -> pd.Series:
    """Return what to assume for n chargepoints here, and on what it rests.

    Parameters
    ----------
    n : int
        Chargepoints of the design.
    design : pandas.DataFrame
        From `design_admd`.

    Returns
    -------
    pandas.Series
        n, evses (on record), admd_kw [kW per chargepoint], total_kw [kW], rated_kw [kW, all
        together], demand_factor, basis, extrapolated (bool). Above the chargepoints on record the
        ADMD of all of them is held, although it should fall with n: on the safe side, and basis
        says "extrapolated". A size between two measured ones takes the smaller's ADMD.

    Raises
    ------
    UserError
        If n is below 1.

    Examples
    --------
    >>> design = pd.DataFrame({"design_kw": [7.0, 4.0], "rated_kw": [7.0, 7.0],
    ...                        "basis": "tested"}, index=pd.Index([1, 4], name="size"))
    >>> design_value(10, design)[["admd_kw", "total_kw", "basis"]].tolist()
    [4.0, 40.0, 'extrapolated']
    """
    if n < 1:
        raise UserError(f"design_chargepoints = {n}: must be 1 or more")
    known = design.dropna(subset=["design_kw"])
    if known.empty:
        row = {"design_kw": np.nan, "rated_kw": np.nan, "basis": "no record"}
    else:
        row = known.loc[known.index[known.index <= n].max()].to_dict()
    evses = int(design.index.max()) if len(design) else 0
    extrapolated = n > evses
    if extrapolated and row["basis"] in ("tested", "margin carried"):
        row["basis"] = "extrapolated"
    return pd.Series(
        {
            "n": n,
            "evses": evses,
            "admd_kw": row["design_kw"],
            "total_kw": n * row["design_kw"],
            "rated_kw": n * row["rated_kw"],
            "demand_factor": row["design_kw"] / row["rated_kw"],
            "basis": row["basis"],
            "extrapolated": extrapolated,
        },
        name="design",
    )


def _unseen_and_design(held: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the ADMD of unseen groups, and the bare design value that each split would give."""
    seen = held["admd_kw"].sel(points="seen", weeks="seen", drop=True)
    unseen = held["admd_kw"].sel(points="unseen", weeks="unseen", drop=True)
    return unseen, seen.quantile(COVERED, "sample").drop_vars("quantile")
