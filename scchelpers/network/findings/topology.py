"""What an open branch leaves the sites, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scchelpers.network.study import Study
from scchelpers.network.topology import NORMAL, Outages
from scchelpers.wording import count, date, escape, percent, quantity

# A change of the mean capacity by less than this share of the request is none.
NOTABLE = 0.01


def outages(cases: Mapping[str, Outages], study: Study, site_id: str) -> str:
    """Return what outages of branches leave a site, case by case, and what no setpoint mends.

    Parameters
    ----------
    cases : mapping of str to Outages
        By a name of the case, such as "14 days at the highest load".
    study : Study
        Sites.
    site_id : str
        Site of the report.
    """
    said = [_case(name, found, study, site_id) for name, found in cases.items()]
    worst = max(cases.values(), key=lambda found: found.network["over_h"].drop(NORMAL).sum())
    return "\n\n".join([*said, _dark(worst), _beyond(worst)]).strip()


def _case(name: str, found: Outages, study: Study, site_id: str) -> str:
    mine = found.sites.xs(site_id, level="site")
    normal, out = mine.loc[NORMAL], mine.drop(NORMAL)
    zone = study.sites[site_id].timezone
    said = (
        f"**{escape(name)}** (from {date(found.start.tz_convert(zone))}): normal running leaves "
        f"this site {percent(normal['left_share'])} of its request on average and "
        f"{quantity(normal['unserved_kwh'], 'kWh')} unserved."
    )
    cut_off = list(out.index[~out["supplied"].astype(bool)])
    fed = out[out["supplied"].astype(bool)]
    change = fed["left_share"] - normal["left_share"]
    less, more = change[change < -NOTABLE], change[change > NOTABLE]
    if len(fed) == len(out) == 1:
        only = out.iloc[0]
        return (
            f"{said} With {escape(out.index[0])} out it keeps {percent(only['left_share'])}, and "
            f"{quantity(only['unserved_kwh'], 'kWh')} stay unserved."
        )
    other = "other " if cut_off else ""
    if cut_off:
        said += f" {_out(cut_off)} it has no supply at all."
    if len(less):
        least = fed.loc[less.index, "left_share"].idxmin()
        said += (
            f" Of the {other}{count(len(fed), 'outage')} {_leaves(less)} it less, at worst "
            f"{percent(fed.loc[least, 'left_share'])} with {escape(least)} out "
            f"({quantity(fed.loc[least, 'unserved_kwh'], 'kWh')} unserved)"
        )
        said += f"; {_leaves(more)} it more." if len(more) else "."
    elif len(more):
        said += f" No {other}outage takes anything from it; {_leaves(more)} it more."
    elif len(fed):
        said += f" None of the {other}{count(len(fed), 'outage')} changes that notably."
    if len(more):
        said += " (It has more where the load of others is cut off, or flows another way.)"
    return said


def _leaves(outages) -> str:
    return f"{len(outages)} {'leaves' if len(outages) == 1 else 'leave'}"


def _out(branches: list[str]) -> str:
    *some, last = [escape(name) for name in branches]
    return f"With {', '.join(some)} or {last} out" if some else f"With {last} out"


def _dark(found: Outages) -> str:
    dark = found.network[found.network["dark"].map(len) > 0]
    if dark.empty:
        return "No outage tried leaves a node without supply."
    by_size = dark.assign(nodes=dark["dark"].map(len)).sort_values(["dark_kva", "nodes"])
    worst = by_size.index[-1]
    return (
        f"{count(len(dark), 'branch', 'branches').capitalize()} of {len(found.network) - 1} "
        f"{'leaves' if len(dark) == 1 else 'leave'} nodes without supply while out: most of all "
        f"{escape(worst)}, {count(len(dark.loc[worst, 'dark']), 'node')} and up to "
        f"{quantity(dark.loc[worst, 'dark_kva'], 'kVA')} of other load. A site there gets nothing "
        "until it is switched over; the model does not switch by itself."
    )


def _beyond(found: Outages) -> str:
    over = found.network.drop(NORMAL)
    over = over[over["over_h"] > 0].sort_values("over_share", ascending=False)
    if over.empty:
        return (
            "In every outage the setpoints keep what is left of the network inside its ratings "
            "(AC power flow)."
        )
    first: pd.Series = over.iloc[0]
    said = (
        f"In {count(len(over), 'outage')} setpoints cannot keep what is left inside its ratings: "
        f"at worst {escape(first['over_branch'])} stands at {percent(first['over_share'])} with "
        f"{escape(over.index[0])} out, above its rating for {quantity(first['over_h'], 'h')}."
    )
    if over["beyond_h"].sum() > 0:
        return f"{said} In most of that time the load of others alone is too much."
    return (
        f"{said} The load of others alone is too much then, and the sites that add to it are at "
        "zero: load has to be switched elsewhere."
    )
