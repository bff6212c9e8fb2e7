"""Tables for reading: measures with names and units, sites by name."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scchelpers.network.failsafe import EVENTS, TRANSITIONS
from scchelpers.network.setpoint import Control
from scchelpers.network.study import Study
from scchelpers.network.topology import Outages
from scchelpers.wording import NARROW, percent, quantity

NAMES = {
    "max_cut_kw": "largest restriction [kW]",
    "availability": "share of time with the whole capacity",
    "events": "events",
    "event_p50_h": "half last up to [h]",
    "event_p90_h": "nine of ten up to [h]",
    "event_max_h": "longest [h]",
    "restricted_h": "restricted [h]",
    "full_h": "nothing allowed [h]",
    "equivalent_full_h": "equivalent full hours [h]",
    "above_limit_h": "above the hours limit [h]",
    "restricted_kwh": "restricted [kWh]",
    "wanted_kwh": "wanted [kWh]",
    "lost_kwh": "above the limit [kWh]",
    "unserved_kwh": "unserved [kWh]",
    "unserved_share": "unserved share",
    "sessions": "sessions",
    "short_sessions": "sessions left short",
    "affected_share": "sessions held back or short, share",
    "delay_p90_min": "delay, nine of ten late cars up to [min]",
    "wanted_share": "restricted time in which anyone wanted power, share",
    "loss_share": "restricted time with a loss, share",
    "lost_h": "link lost [h]",
    "exposed_kwh": "above the setpoint sent [kWh]",
    "low_kwh": "least [kWh]",
    "high_kwh": "most [kWh]",
    "trips": "trips",
    "dark_h": "without supply [h]",
    "other_kwh": "other load lost [kWh]",
    "excursion_kwh": "above the limit [kWh]",
    "excursion_kw": "highest above [kW]",
    "peak_share": "highest loading ÷ rating",
    "over_h": "above rating [h]",
    "over_kvah": "above rating [kVA h]",
    "given_kwh": "given [kWh]",
}


def side_by_side(found: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return both views with a column a site and a row a measure that any site has."""
    names = {site_id: site.name for site_id, site in study.sites.items()}
    counts = [name for name in ("events", "sessions", "short_sessions") if name in found]
    turned = found.dropna(axis="columns", how="all").astype(object).T
    turned.loc[counts] = turned.loc[counts].map(int)
    return turned.rename(index=NAMES, columns=names).rename_axis("measure")


def named(found: pd.DataFrame, measures: list[str], rows: Mapping | None = None) -> pd.DataFrame:
    """Return some measures of a frame under their names, its rows renamed."""
    return found[measures].rename(columns=NAMES, index=rows)


def transitions() -> pd.DataFrame:
    """Return the state machine of the fail-safe as a table: state by event, and what comes next."""
    rows = {
        (state, EVENTS[event]): {"next state": after}
        for state, answers in TRANSITIONS.items()
        for event, after in answers.items()
    }
    frame = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["state", "event"])
    return frame.reset_index("event")


def outages(found: Outages, study: Study) -> pd.DataFrame:
    """Return what each site keeps on average with each branch out, and what is left dark."""
    rows = found.sites
    kept = rows["left_share"].map(percent).where(rows["supplied"], "no supply").unstack("site")  # noqa: PD010
    kept = kept.loc[found.network.index, list(rows.index.unique("site"))]
    kept.columns = [f"{study.sites[name].name} keeps" for name in kept.columns]
    dark = found.network["dark"].map(len)
    over = found.network["over_h"].where(found.network["over_h"] > 0)
    return kept.assign(
        **{
            "nodes without supply": dark,
            "fullest branch above rating": [
                "" if pd.isna(hours) else f"{quantity(hours, 'h')}, up to {percent(share)}"
                for hours, share in zip(over, found.network["over_share"], strict=True)
            ],
        }
    ).rename_axis("out of service")


def errors(found: pd.DataFrame) -> pd.DataFrame:
    """Return both views by the error of the rating."""
    shown = named(found, ["restricted_h", "restricted_kwh", "lost_kwh", "unserved_kwh"])
    shifts = [f"{100 * shift:+g}{NARROW}%".replace("-", "−") for shift in found.index]
    return shown.set_axis(["0" if text[1] == "0" else text for text in shifts]).rename_axis(
        "rating"
    )


def settings(control: Control) -> pd.Series:
    """Return how the scheme is run, in words."""
    said = {
        "new setpoint every": control.step,
        "monitoring delay": control.delay,
        "room must stand before a rise": control.hold,
        "deadband": f"{100 * control.deadband:g}{NARROW}% of the request",
        "fastest rise": f"{100 * control.ramp:g}{NARROW}% of the request a minute",
    }
    return pd.Series(said, name="setting")
