"""The measures as tables for reading."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers.coincidence.chance import MEASURES
from scchelpers.wording import NARROW, count, interval, number, percent, quantity


def side_by_side(dno: xr.Dataset, customer: xr.Dataset) -> pd.DataFrame:
    """Return the DNO's view of a limit and the customer's view of it, a row for each concern.

    Parameters
    ----------
    dno, customer : Dataset
        From `measures.dno_measures` and `measures.customer_measures`.
    """
    d, c = ({name: float(x) for name, x in data.items() if not x.dims} for data in (dno, customer))
    most = d["max_cut_kw"] / dno.attrs["requested_kw"]
    rows = {
        "hours": (
            f"{quantity(d['restricted_h'], 'h')} restricted, "
            f"{percent(1 - d['availability'])} of the time",
            f"someone wanted power in {percent(c['wanted_share'])} of them, more than was left in "
            f"{percent(c['loss_share'])}",
        ),
        "size": (
            f"at most {quantity(d['max_cut_kw'], 'kW')}, {percent(most)} of the capacity",
            f"{count(c['short_sessions'], 'session')} of {c['sessions']:,.0f} left with less",
        ),
        "events": (
            f"{count(d['events'], 'event')}, {number(round(d['events_per_year']))} a year",
            f"{count(c['slowed_sessions'], 'session')} held back at some time",
        ),
        "length": (
            f"{_three(d, 'event_p50_h', 'event_p90_h', 'event_max_h')} h "
            "(median, 90 of 100 below, longest)",
            f"{_three(c, 'delay_p50_min', 'delay_p90_min', 'delay_max_min')} min later full "
            f"({count(c['late_sessions'], 'late session')})",
        ),
        "energy": (
            f"{quantity(d['restricted_kwh'], 'kWh')} of capacity, as if all of it were gone for "
            f"{quantity(d['equivalent_full_h'], 'h')}",
            f"{quantity(c['lost_kwh'], 'kWh')} ({fine_percent(c['lost_share'])}) before and "
            f"{quantity(c['unserved_kwh'], 'kWh')} ({fine_percent(c['unserved_share'])}) after "
            "shifting within the stay",
        ),
        "partly, fully": (
            f"{quantity(d['partial_h'], 'h')} with some capacity left, {quantity(d['full_h'], 'h')}"
            f" with none ({count(d['full_events'], 'event')})",
            f"{percent(c['recovered_share'])} of what was above the limit was made up",
        ),
        "agreement": (
            f"{quantity(d['above_limit_h'], 'h')} restricted, "
            f"{quantity(d['equivalent_above_limit_h'], 'h')} equivalent, above the hours limit",
            f"£{number(c['revenue_before'])} before and £{number(c['revenue_at_risk'])} after "
            "shifting at risk",
        ),
    }
    columns = ["DNO: capacity restricted", "Customer: charging curtailed"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("")


def pattern_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `pattern` by weekday or season for reading."""
    return pd.DataFrame(
        {
            "restricted [h]": found["restricted_h"],
            "of the time": found["restricted_share"].map(percent),
            "someone wanted power": found["wanted_share"].map(_known),
            "more than was left": found["loss_share"].map(_known),
            "above the limit [kWh]": found["lost_kwh"],
            "unserved after shifting [kWh]": found["unserved_kwh"],
        }
    )


def chance_table(tests: dict[str, xr.Dataset]) -> pd.DataFrame:
    """Return the permutation tests for reading, a row for each measure."""
    rows = {}
    for name, test in tests.items():
        t = {key: x.item() for key, x in test.items() if not x.dims}
        rows[MEASURES[name]] = {
            "as it was [kWh]": t["observed_kwh"],
            "under other blocks' limits [kWh]": t["expected_kwh"],
            "ratio": t["ratio"],
            "95 % interval": interval(t["low"], t["high"]) if np.isfinite(t["low"]) else "unknown",
            "p, more than chance": _p(t["p_more"]) if t["testable"] else "no test",
            "p, less than chance": _p(t["p_less"]) if t["testable"] else "no test",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("measure")


def uses_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `compare_uses` for reading."""
    return pd.DataFrame(
        {
            "use": found["use"].to_numpy(),
            "highest demand [kW]": found["peak_kw"].to_numpy(),
            "median stay [h]": found["stay_h"].to_numpy(),
            "someone wanted power": [percent(x) for x in found["wanted_share"]],
            "more than was left": [percent(x) for x in found["loss_share"]],
            "energy above the limit": [fine_percent(x) for x in found["lost_share"]],
            "unserved after shifting": [fine_percent(x) for x in found["unserved_share"]],
            "sessions short": [fine_percent(x) for x in found["short_share"]],
        },
        index=pd.Index(found["name"], name="site"),
    )


def growth_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `under_growth` for reading."""
    return pd.DataFrame(
        {
            "availability": found["availability"].map(percent),
            "restricted [h]": found["restricted_h"],
            "no capacity [h]": found["full_h"],
            "longest event [h]": found["event_max_h"],
            "above the limit [kWh]": found["lost_kwh"],
            "unserved after shifting [kWh]": found["unserved_kwh"],
            "sessions short": found["short_sessions"].astype(int),
        },
    ).set_axis(pd.Index([f"+{percent(x)}" for x in found.index], name="network load"))


def rebound_table(results: dict[str, xr.Dataset]) -> pd.DataFrame:
    """Return the power soon after a restriction for reading, a row for each way of release."""
    return (
        pd.DataFrame(
            {
                name: {
                    "highest power [kW]": float(x["rebound_peak_kw"]),
                    "without the limit [kW]": float(x["unlimited_peak_kw"]),
                    "unserved [kWh]": float(x["unserved_kwh"]),
                    "sessions short": int(x["short_sessions"]),
                }
                for name, x in results.items()
            }
        )
        .T.astype({"sessions short": int})
        .rename_axis("release")
    )


def fine_percent(share: float) -> str:
    """Return a share as a percentage, with two digits where it is small.

    Examples
    --------
    >>> [fine_percent(x).replace(NARROW, " ") for x in (0.256, 0.00213, 1e-6)]
    ['26 %', '0.21 %', 'under 0.01 %']
    """
    if 0 < share < 1e-4:
        return f"under 0.01{NARROW}%"
    return f"{100 * share:.2g}{NARROW}%" if 1e-4 <= share < 0.1 else percent(share)


def _known(share: float) -> str:
    return "–" if np.isnan(share) else percent(share)


def _three(values: dict[str, float], *names: str) -> str:
    return " / ".join(number(values[name]) for name in names)


def _p(value: float) -> str:
    return f"{value:.4f}" if value < 0.01 else f"{value:.2f}"
