"""What a network with several constraints and schemes shows, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.network.comparison import AT_ONCE, EVERYWHERE, RUN, SAME_PLACE, overloads
from scchelpers.network.model import Model
from scchelpers.network.parallel import Trial
from scchelpers.network.study import Study
from scchelpers.wording import NARROW, count, escape, listed, number, percent, quantity


def central(found, limited: pd.DataFrame, site_id: str) -> str:
    """Return what a centrally managed scheme found on an AC network model.

    Parameters
    ----------
    found : xarray.Dataset
        From `cmc.setpoints`.
    limited : pandas.DataFrame
        From `views`, under its limits.
    site_id : str
        Site of the report.
    """
    over_full, over = (found["loading_full"] > 1.001).any("time"), overloads(found)
    short = [escape(b) for b in found["branch"].to_numpy()[over_full.to_numpy()]]
    if not short:
        return (
            "With all that is requested drawn at once no branch of the network model is above its "
            "rating: there is nothing to manage."
        )
    row = limited.loc[site_id]
    lowest = float(found["lowest_pu"].min())
    said = (
        f"With all that is requested drawn at once, {count(len(short), 'branch', 'branches')} "
        f"would be above rating at some time: {listed(short[:6])}. Under the setpoints "
    )
    said += "none is" if over.empty else _still_over(over)
    return (
        f"{said}; the lowest voltage is {percent(lowest)} of rated. This site is restricted in "
        f"{quantity(row['restricted_h'], 'h')} and "
        f"{quantity(row['unserved_kwh'], 'kWh')} stay unserved."
    )


def loads(model: Model) -> str:
    """Return which loads of a network model follow a record of their own."""
    own = [escape(name) for name in model.base_kva.attrs["recorded"]]
    others = model.base_kva.sizes["load"] - len(own)
    if not own:
        return (
            f"All {count(others, 'load')} of the model have the shape of the whole network's "
            "record: none bears the name of an asset on record."
        )
    said = (
        f"{listed(own)} follow their own record; the other {count(others, 'load')} share what is "
        "left of the network's."
    )
    below_h = model.base_kva.attrs["below_zero_h"]
    if below_h:
        said += f" For {quantity(below_h, 'h')} nothing is left, and they stand at zero."
    return said


def apart(found: pd.DataFrame, bound: pd.DataFrame, excess: float) -> str:
    """Return why the LMC and the CMC answer differently.

    Parameters
    ----------
    found : pandas.DataFrame
        From `lmc_to_cmc`.
    bound : pandas.DataFrame
        From `binding`.
    excess : float
        From `excess`.
    """
    run, once, everywhere = (_brief(found.loc[name]) for name in (RUN, AT_ONCE, EVERYWHERE))
    said = [f"**From the LMC to the CMC:** {run} as run; {once} if setpoints followed at once"]
    if SAME_PLACE in found.index:
        same = found.loc[SAME_PLACE]
        more = same["restricted_h"] - found.loc[AT_ONCE, "restricted_h"]
        said.append(
            f"; {_brief(same)} by AC power flow at the same place alone "
            f"({'+' if more >= 0 else '−'}{quantity(abs(more), 'h')}: at high load the model puts "
            f"{number(100 * abs(excess), 2)}{NARROW}% {'more' if excess >= 0 else 'less'} on it "
            "than the record says, by losses, reactive power and the fullest phase)"
        )
    said.append(f"; {everywhere} with every branch watched and the sites behind them.")
    if len(bound):
        full = [
            f"{escape(name)} for {quantity(row['bound_h'], 'h')} "
            f"({quantity(row['lost_kwh'], 'kWh')})"
            for name, row in bound.iloc[:4].iterrows()
        ]
        said.append(
            " What is full while this site is held back, with the demand above its limit then: "
            f"{listed(full)}."
        )
    return "".join(said)


def _brief(row: pd.Series) -> str:
    hours, energy = quantity(row["restricted_h"], "h"), quantity(row["unserved_kwh"], "kWh")
    return f"{hours} restricted and {energy} unserved"


def _still_over(over: pd.DataFrame) -> str:
    each = []
    for name, row in over.iterrows():
        said = (
            f"{escape(name)} still stands above its rating for {quantity(row['over_h'], 'h')}, at "
            f"most by {number(100 * (row['peak_share'] - 1), 2)}{NARROW}%"
        )
        if row["beyond_h"] == 0:
            said += (
                ", by the load of others alone (without any charging it is at "
                f"{number(100 * row['base_share'], 4)}{NARROW}%): the setpoints of the sites that "
                "load it are zero then"
            )
        else:
            said += (
                f", in {quantity(row['beyond_h'], 'h')} with charging that hardly loads it and is "
                "not held back for it"
            )
        each.append(said)
    return listed(each)


def trial(found: Trial, study: Study) -> str:
    """Return what the schemes did side by side."""
    before, after = found.overloads["no scheme"], found.overloads["trial"]
    worst = before["over_kvah"].idxmax()
    by_scheme = [
        f"{escape(study.sites[name].name)} ({found.schemes[name]}) "
        f"{quantity(row['unserved_kwh'], 'kWh')}"
        for name, row in found.views.iterrows()
    ]
    said = f"Left unserved: {listed(by_scheme)}."
    if before["over_h"].sum() == 0:
        return f"{said} No asset would have been overloaded even without a scheme."
    return (
        f"{said} Without any scheme {escape(worst)} would stand above its rating for "
        f"{quantity(before.loc[worst, 'over_h'], 'h')}; with the schemes at work for "
        f"{quantity(after.loc[worst, 'over_h'], 'h')}."
    )
