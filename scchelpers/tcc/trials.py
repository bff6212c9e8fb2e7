"""A study's windows put to the proof and under stress."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scchelpers.tcc.assessment import Study
from scchelpers.tcc.proof import (
    QUANTILES,
    bootstrap,
    breaches,
    cold_winter,
    excess,
    frontier,
    new_load,
    out_of_sample,
    protection,
    reverse_flow,
)
from scchelpers.tcc.windows import limit_kva


@dataclass(frozen=True)
class Proof:
    """Windows judged in and out of sample.

    Attributes
    ----------
    basis : str
        "held-out year" or "cross-validation".
    quantile : float
        The quantile chosen.
    within, beyond : pandas.Series
        Breaches of the half hours that the windows were derived from, and of those held out.
    interval : pandas.DataFrame
        low and high of the latter, by measure, weeks drawn with replacement.
    frontier : pandas.DataFrame
        From `frontier`.
    """

    basis: str
    quantile: float
    within: pd.Series
    beyond: pd.Series
    interval: pd.DataFrame
    frontier: pd.DataFrame


@dataclass(frozen=True)
class Stress:
    """What undoes a study's windows.

    Attributes
    ----------
    protected : dict of str to pandas.DataFrame
        Scenario to `protection`.
    cold : pandas.Series
        From `cold_winter`.
    colder : float
        Share by which the cold winter raises the load.
    """

    protected: dict[str, pd.DataFrame]
    cold: pd.Series
    colder: float


def prove(study: Study, *, block: str = "week", draws: int = 1000, seed: int = 0) -> Proof | None:
    """Judge a study's windows out of sample; None where no windows are offered.

    Parameters
    ----------
    study : Study
        From `study`.
    block, draws, seed
        Of `bootstrap`.
    """
    if not study.offered:
        return None
    load, rating, zone = study.network_kva, study.site.rating_kva, study.site.timezone
    rules = {name: value for name, value in study.rules.items() if name != "quantile"}
    quantile = study.rules["quantile"]
    given = (load, rating, study.requested_kva)
    beyond = out_of_sample(*given, quantiles=(quantile,), **study.cut, **rules)
    one = beyond.sel(quantile=quantile)
    allowed = limit_kva(study.windows, load["time"], study.requested_kva, timezone=zone)
    marks = tuple(sorted({*QUANTILES, quantile}))
    return Proof(
        basis=beyond.attrs["basis"],
        quantile=quantile,
        within=breaches(excess(load, rating, allowed, timezone=zone)),
        beyond=breaches(one),
        interval=bootstrap(one, block=block, draws=draws, seed=seed, timezone=zone),
        frontier=frontier(*given, quantiles=marks, **study.cut, **rules),
    )


def stress(
    study: Study,
    *,
    growth: float = 0.02,
    new_share: float = 0.02,
    colder: float = 0.1,
    horizon: int = 15,
) -> Stress | None:
    """Put a study's windows under load growth and a cold winter; None where none are offered.

    Parameters
    ----------
    study : Study
        From `study`.
    growth : float
        Compound growth of imported load per year.
    new_share : float
        Peak of new load of another shape added each year, as a share of today's highest load.
    colder : float
        Share by which a cold winter raises the load.
    horizon : int
        Years to look ahead.
    """
    if not study.offered:
        return None
    rating, asked_kva = study.site.rating_kva, study.requested_kva
    base = (study.cells, rating, asked_kva, study.windows)
    given = {"quantile": study.rules["quantile"], "horizon": horizon}
    yearly_kva = new_share * float(np.nanmax(study.network_kva))
    protected = {"same shape, compound": protection(*base, growth=growth, **given)}
    for shape in ("home charging", "heat pumps"):
        added = new_load(shape, yearly_kva, study.cells)
        protected[f"new {shape}"] = protection(*base, yearly_kva=added, **given)
    cold = cold_winter(
        study.network_kva, rating, asked_kva, study.windows,
        colder=colder, timezone=study.site.timezone,
    )  # fmt: skip
    return Stress(protected, cold, colder)


def reversed_flow(study: Study, *, growth: float = 0.0) -> pd.Series | None:
    """Return `reverse_flow` of a study's network; None where there is none."""
    if not study.known:
        return None
    return reverse_flow(
        study.network_kva, study.site.rating_kva, growth=growth, timezone=study.site.timezone
    )
