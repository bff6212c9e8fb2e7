"""One site from its register entry to a verdict: kept, not kept, or not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.compliance.causes import Cause, causes
from scchelpers.compliance.encroachment import Encroachment, encroachment
from scchelpers.compliance.judged import Judged, averaged, coverage, excursions, judge
from scchelpers.compliance.meters import Meter, expected_kwh, inspect
from scchelpers.compliance.months import monthly, trend
from scchelpers.register.terms import Terms
from scchelpers.site import Site

KEPT, BROKEN, UNSHOWN = "kept", "not kept", "not shown"
# Least share of the limited time that must be judged before terms count as kept.
SHOWN = 0.95


@dataclass(frozen=True, eq=False)
class Study:
    """What the check of one site found.

    Attributes
    ----------
    site : Site
        The site.
    entries : list of Terms
        Its entries; empty for a site that is not registered.
    lacking : tuple of str
        Why nothing could be judged; empty where something was.
    meter, judged, runs, causes, covered, months, trend
        From `inspect`, `judge`, `excursions`, `causes`, `coverage`, `monthly`, `trend`.
    encroachment : Encroachment or None
        None for a site that is not registered.
    """

    site: Site
    entries: list[Terms]
    lacking: tuple[str, ...] = ()
    meter: Meter | None = None
    judged: Judged | None = None
    runs: pd.DataFrame | None = None
    causes: list[Cause] = field(default_factory=list)
    covered: pd.Series | None = None
    months: pd.DataFrame | None = None
    trend: pd.Series | None = None
    encroachment: Encroachment | None = None

    @property
    def registered(self) -> bool:
        """Whether the site has an entry."""
        return bool(self.entries)

    @property
    def terms(self) -> Terms:
        """Terms of the last entry."""
        return self.entries[-1]

    @property
    def known(self) -> bool:
        """Whether the import could be judged."""
        return self.judged is not None

    @property
    def verdict(self) -> str:
        """Return "kept", "not kept" or "not shown"; what is missing never counts as kept."""
        if not self.known:
            return UNSHOWN
        if len(self.runs):
            return BROKEN
        shares = self.covered[["known_share", "limited_share"]].dropna()
        enough = (shares >= SHOWN).all() and not self.judged.coarse
        return KEPT if enough else UNSHOWN


def study(
    site: Site,
    entries: list[Terms],
    import_kw: xr.DataArray | None,
    *,
    setpoint_kw: xr.DataArray | None = None,
    ahead: Sequence[Terms] = (),
    tolerance: float = 0.01,
    assumed: tuple[float, float, float] = (0.0, 0.01, 0.03),
    quantile: float = 0.99,
    horizon: int = 10,
) -> Study:
    """Judge the metered import of a site against its registered terms.

    Parameters
    ----------
    site : Site
        The site.
    entries : list of Terms
        From `Register.terms`.
    import_kw : xarray.DataArray or None
        Metered import [kW], from `Portfolio.import_kw`.
    setpoint_kw : xarray.DataArray, optional
        Limits sent [kW], from `Portfolio.setpoint_kw`.
    ahead : sequence of Terms
        From `Register.ahead`.
    tolerance : float
        Share of the limit granted to the meter.
    assumed, quantile, horizon
        Of `encroachment`.
    """
    if not entries:
        return Study(site, [], ("the site has no entry in the register (scc register --add)",))
    own = site.meta.get("asset_id") == entries[-1].asset_id
    rating_kva = site.rating_kva if own else None
    protected = encroachment(
        entries[-1], site.network_kva if own else None, rating_kva,
        ahead=ahead, assumed=assumed, quantile=quantile, horizon=horizon,
    )  # fmt: skip
    lacking = []
    if import_kw is None:
        lacking.append("no metered import is on record (scc import halfhourly -o load=import)")
    if entries[-1].signalled and setpoint_kw is None:
        lacking.append("the limits that were sent are not on record (-o load=setpoint)")
    if lacking:
        return Study(site, entries, tuple(lacking), encroachment=protected)
    whole = entries[-1].metered == "site"
    other = whole and site.residual_kw is None
    expected = expected_kwh(site.sessions, import_kw, site.residual_kw if whole else None)
    meter = inspect(
        import_kw,
        entries[-1].capacity_kw,
        expected=np.nan if other else expected,
        sessions=None if whole else site.sessions,
    )
    if not meter.usable:
        fault = f"the meter is in doubt: {next(iter(meter.faults))}"
        return Study(site, entries, (fault,), meter=meter, encroachment=protected)
    judged = judge(meter.import_kw, entries, setpoint_kw=setpoint_kw, tolerance=tolerance)
    if not judged.known.any():
        reason = "no interval has both a metered import and terms in force"
        return Study(site, entries, (reason,), meter=meter, encroachment=protected)
    months = monthly(judged)
    return Study(
        site=site,
        entries=entries,
        meter=meter,
        judged=judged,
        runs=excursions(judged),
        causes=causes(judged, heard=_heard(judged, setpoint_kw)),
        covered=coverage(judged),
        months=months,
        trend=trend(months),
        encroachment=protected,
    )


def _heard(judged: Judged, setpoint_kw: xr.DataArray | None) -> np.ndarray | None:
    """Return in which intervals a signal came; None for a scheme without signals."""
    if setpoint_kw is None or not judged.entries[-1].signalled:
        return None
    sent, _ = averaged(setpoint_kw, judged.step)
    return np.isfinite(sent.reindex(time=judged.flow["time"]).to_numpy())
