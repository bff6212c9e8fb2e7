"""Measures of a limit: what the DNO sees in it, and what the customer loses by it.

- *Restriction* is the DNO's view: the limit stands below the requested capacity, whether or not
  anyone charges (`dno_measures`, `events`).
- *Curtailment* is the customer's view: demand not met when it was wanted (`loss_measures`,
  `customer_measures`).

The measures know no scheme. The quantities of the DNO's view are those of section 8.2 of the
Public Chargepoint Flexibility Insight Report (2021); the definitions are our own.
"""

from scchelpers.curtailment.customer import customer_measures
from scchelpers.curtailment.dno import FEW_YEARS, dno_measures
from scchelpers.curtailment.losses import loss_measures, lost_kw
from scchelpers.curtailment.restriction import Restriction, events, restriction

__all__ = [
    "FEW_YEARS",
    "Restriction",
    "customer_measures",
    "dno_measures",
    "events",
    "loss_measures",
    "lost_kw",
    "restriction",
]
