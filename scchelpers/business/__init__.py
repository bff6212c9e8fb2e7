"""The business case: what each way to connect is worth against waiting, to whom, and how sure.

Prices are a table (`Prices`). `ways` makes of the table of options and a `Request` one `Option` a
way: times, capital and energy by year. `cash_flows` says who pays and earns what, when; `npv`
values it in one view. `worth` values all ways over random prices, `headline` sums that up.
"""

from scchelpers.business.connections import (
    Request,
    access_rules,
    closed,
    mix_of,
    priced_as,
    request_of,
    unserved_as_charging_grows,
    ways,
)
from scchelpers.business.futures import (
    CLOSE,
    against_waiting,
    bearable_share,
    break_even,
    headline,
    outlay,
    worth,
    yardstick,
)
from scchelpers.business.ledger import (
    VIEWS,
    Option,
    capacity_gbp,
    cash_flows,
    compare,
    contribution,
    entries,
    margin_of,
    npv,
    stop_gap,
    value_of,
)
from scchelpers.business.prices import PRICE_YEAR, Prices

__all__ = [
    "CLOSE",
    "PRICE_YEAR",
    "VIEWS",
    "Option",
    "Prices",
    "Request",
    "access_rules",
    "against_waiting",
    "bearable_share",
    "break_even",
    "capacity_gbp",
    "cash_flows",
    "closed",
    "compare",
    "contribution",
    "entries",
    "headline",
    "margin_of",
    "mix_of",
    "npv",
    "outlay",
    "priced_as",
    "request_of",
    "stop_gap",
    "unserved_as_charging_grows",
    "value_of",
    "ways",
    "worth",
    "yardstick",
]
