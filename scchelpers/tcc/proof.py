"""Proof out of sample: windows judged on days that had no part in deriving them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import timebase
from scchelpers.tcc.breaches import breaches, excess
from scchelpers.tcc.cells import Cells, DayTypes, half_hourly
from scchelpers.tcc.derivation import windows_of
from scchelpers.tcc.windows import inside, limit_kva
from scchelpers.timebase import LONDON

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
FOLDS = 4
BLOCK_DAYS = 14
# A second year counts as held out from three quarters of it on: with fewer, seasons are missing.
YEAR = pd.Timedelta("365D")
SECOND_YEAR = pd.Timedelta("274D")


def folds(network_kva: xr.DataArray, *, timezone: str = LONDON) -> tuple[str, np.ndarray]:
    """Say how a record is held out, and number the parts of its half hours.

    Parameters
    ----------
    network_kva : xarray.DataArray
        Load [kVA] over time, in half hours.
    timezone : str
        Zone of the days.

    Returns
    -------
    basis : str
        "held-out year" where at least 21 months are on record, else "cross-validation".
    part : ndarray of int
        Part that judges each half hour, of windows derived from all other parts; -1: only used
        to derive. With two years the first is part -1 and the rest part 0. With less, blocks of
        two weeks are dealt in turn to four parts, so that every season is in each of them.
    """
    days = timebase.local_date(network_kva["time"], timezone)
    since = days - days[0]
    if since[-1] >= YEAR + SECOND_YEAR:
        return "held-out year", np.where(since < YEAR, -1, 0)
    return "cross-validation", (since.days // BLOCK_DAYS % FOLDS).to_numpy()


def out_of_sample(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantiles: Sequence[float] = (0.99,),
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> xr.DataArray:
    """Return the excess of windows over half hours that had no part in deriving them.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, calendar, day_types, timezone
        As in `derive_windows`.
    quantiles : sequence of float
        Quantiles to derive for.
    **rules
        Of `windows_of`, but quantile.

    Returns
    -------
    xarray.DataArray
        Excess [kVA] over (quantile, time), the judged half hours only; `attrs["basis"]` says how.
    """
    load = half_hourly(network_kva)
    basis, part = folds(load, timezone=timezone)
    judged = part >= 0
    value = np.full((len(quantiles), load.sizes["time"]), np.nan)
    for fold in np.unique(part[judged]):
        here = part == fold
        cells = Cells.of(
            load.where(xr.DataArray(~here, dims="time")),
            calendar=calendar, day_types=day_types, timezone=timezone,
        )  # fmt: skip
        test = load[here]
        for at, quantile in enumerate(quantiles):
            windows = windows_of(cells, rating_kva, requested_kva, quantile=quantile, **rules)
            allowed = limit_kva(windows, test["time"], requested_kva, timezone=timezone)
            value[at, here] = excess(test, rating_kva, allowed, timezone=timezone)
    return xr.DataArray(
        value[:, judged],
        {"quantile": list(quantiles), "time": load["time"].to_numpy()[judged]},
        ("quantile", "time"),
        "excess_kva",
        {"units": "kVA", "basis": basis},
    )


def frontier(
    network_kva: xr.DataArray,
    rating_kva: pd.Series | float,
    requested_kva: float,
    *,
    quantiles: Sequence[float] = QUANTILES,
    calendar: dict[int, str] | None = None,
    day_types: DayTypes = "weekend",
    timezone: str = LONDON,
    **rules,
) -> pd.DataFrame:
    """Return what each quantile costs the customer and leaves at risk, out of sample.

    Parameters
    ----------
    network_kva, rating_kva, requested_kva, quantiles, calendar, day_types, timezone, **rules
        As in `out_of_sample`.

    Returns
    -------
    pandas.DataFrame
        Indexed by quantile: window_hours [h a year], limit_kva (lowest cap [kVA]), withheld_share
        (of the capacity-hours of a year), samples (fewest in a cell of a window), and, out of
        sample and per year judged, half_hours, energy_kvah; worst_kva and longest_h of all.
    """
    load = half_hourly(network_kva)
    given = {"calendar": calendar, "day_types": day_types, "timezone": timezone}
    excess_kva = out_of_sample(
        load, rating_kva, requested_kva, quantiles=quantiles, **given, **rules
    )
    cells = Cells.of(load, **given)
    time = load["time"]
    years = time.size / 17520
    rows = {}
    for quantile in quantiles:
        windows = windows_of(cells, rating_kva, requested_kva, quantile=quantile, **rules)
        allowed = limit_kva(windows, time, requested_kva, timezone=timezone)
        inside_h = inside(windows, time, timezone).any(axis=0).sum() / 2
        found = breaches(excess_kva.sel(quantile=quantile))
        judged_years = found["known_half_hours"] / 17520
        rows[quantile] = {
            "window_hours": inside_h / years,
            "limit_kva": windows["limit_kva"].min() if len(windows) else float(requested_kva),
            "withheld_share": float(1 - allowed.mean() / requested_kva),
            "samples": int(windows["samples"].min()) if len(windows) else int(cells.samples.min()),
            "half_hours": found["half_hours"] / judged_years,
            "energy_kvah": found["energy_kvah"] / judged_years,
            "worst_kva": found["worst_kva"],
            "longest_h": found["longest_h"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantile")
