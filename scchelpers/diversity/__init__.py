"""Load diversity: what n chargepoints draw together, and what a designer should assume for them.

Definitions, with p_i(t) the mean power of chargepoint i in an interval:

- coincidence factor: peak of the sum / sum of the peaks (its inverse is the diversity factor);
- demand factor: peak of the sum / sum of the ratings;
- ADMD: peak of the sum / number of chargepoints [kW].

They differ; every figure and column says which one it shows. A chargepoint is an AC socket, or a DC
unit with all its outlets (`units`).
"""

from scchelpers.diversity import findings
from scchelpers.diversity.comparison import charger_classes, compare, sites_beside
from scchelpers.diversity.design import design_admd, design_value
from scchelpers.diversity.fitting import Fit, fit_binomial, fit_rusck, residuals
from scchelpers.diversity.holdout import hold_out, unseen_ratio
from scchelpers.diversity.measures import by_group, coincidence, sizes_up_to, summary
from scchelpers.diversity.models import (
    binomial_peak,
    normal_form,
    rusck,
    velander,
)
from scchelpers.diversity.peaks import clock_window, peak_weeks, profile, site_demand
from scchelpers.diversity.record import Coverage, coverage, demand, recorded
from scchelpers.diversity.tabulated import curve_table, design_table, whole_site
from scchelpers.diversity.units import chargepoint_of, counted, ratings

__all__ = [
    "Coverage",
    "Fit",
    "binomial_peak",
    "by_group",
    "chargepoint_of",
    "charger_classes",
    "clock_window",
    "coincidence",
    "compare",
    "counted",
    "coverage",
    "curve_table",
    "demand",
    "design_admd",
    "design_table",
    "design_value",
    "findings",
    "fit_binomial",
    "fit_rusck",
    "hold_out",
    "normal_form",
    "peak_weeks",
    "profile",
    "ratings",
    "recorded",
    "residuals",
    "rusck",
    "site_demand",
    "sites_beside",
    "sizes_up_to",
    "summary",
    "unseen_ratio",
    "velander",
    "whole_site",
]
