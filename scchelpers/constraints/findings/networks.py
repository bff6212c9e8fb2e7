"""What a network with several constraints and schemes shows, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.constraints.parallel import Trial
from scchelpers.constraints.study import Study
from scchelpers.wording import count, escape, listed, percent, quantity


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
    over_full, over = ((found[name] > 1.001).any("time") for name in ("loading_full", "loading"))
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
    said += (
        "none is"
        if not bool(over.any())
        else f"{count(int(over.sum()), 'branch', 'branches')} still "
        f"{'is' if int(over.sum()) == 1 else 'are'}, by load that is not these sites'"
    )
    return (
        f"{said}; the lowest voltage is {percent(lowest)} of rated. This site is restricted in "
        f"{quantity(row['restricted_h'], 'h')} and "
        f"{quantity(row['unserved_kwh'], 'kWh')} stay unserved."
    )


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
