"""Tables for reading: schemes side by side, sites in order, conditions."""

from __future__ import annotations

import pandas as pd

from scchelpers.choice import schemes
from scchelpers.choice.decision import Choice
from scchelpers.wording import number, percent

DASH = "–"


def service(options: pd.DataFrame, scheme: str | None) -> pd.DataFrame:
    """Return what every scheme gives: the DNO's view and the customer's."""
    rows = {}
    for name, row in options.iterrows():
        possible = bool(row["possible"])
        rows[name] = {
            "verdict": verdict(name, row, scheme),
            "mean capacity [kVA]": _shown(row["mean_kva"]),
            "released [kVA]": _shown(row["released_kva"]),
            "whole request, time": percent(row["availability"]) if possible else DASH,
            "restricted [h a year]": _shown(row["restricted_h"]),
            "energy unserved": percent(row["unserved_share"]) if possible else DASH,
            "sessions short": percent(row["short_share"]) if possible else DASH,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("way to connect")


def risk(options: pd.DataFrame, worth: pd.DataFrame) -> pd.DataFrame:
    """Return what every possible scheme risks, and what it is worth and when."""
    rows = {}
    for name, row in options[options["possible"].astype(bool)].iterrows():
        value = worth.loc[name] if name in worth.index else pd.Series(dtype=float)
        rows[name] = {
            "led by": schemes.BY_NAME[name].led_by,
            "above rating if all is used [h a year]": _shown(row["over_h"]),
            "as drawn [h a year]": _shown(row["drawn_over_h"]),
            "ready in [years]": _shown(value.get("ready_years")),
            "worth to customer [£]": _pounds(value.get("customer_gbp")),
            "to DNO [£]": _pounds(value.get("dno_gbp")),
            "to both [£]": _pounds(value.get("gb_gbp")),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("way to connect")


def why_not(options: pd.DataFrame) -> pd.DataFrame:
    """Return what each scheme needs, and why it cannot be had or what its limit is."""
    rows = {
        name: {
            "needs": schemes.BY_NAME[name].needs,
            "here": row["why_not"] or row["note"] or "possible",
        }
        for name, row in options.iterrows()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("way to connect")


def sites(choices: dict[str, Choice]) -> pd.DataFrame:
    """Return the sites in order of application with what was decided."""
    rows = {
        choice.case.site.name: {
            "applied on": _day(choice.case.site.meta.get("applied_on")),
            "asked for [kVA]": number(choice.case.requested_kva),
            "firm when its turn came [kVA]": _shown(choice.case.firm_kva),
            "scheme": choice.scheme or DASH,
            "mean capacity [kVA]": _shown(choice.row.get("mean_kva")),
            "unserved": percent(choice.row.get("unserved_share")) if choice.scheme else DASH,
        }
        for choice in choices.values()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("site")


def conditions(found: pd.DataFrame) -> pd.DataFrame:
    """Return the report's conditions for showing."""
    return found.rename(columns={"figure": "judged by"}).set_index("scheme")


def verdict(name: str, row: pd.Series, scheme: str | None) -> str:
    """Return how a scheme stands to the rule, in words."""
    if name == scheme:
        return "recommended"
    if not row["possible"]:
        return "not possible"
    if row["viable"]:
        return "would do"
    return "does not serve" if not row["serves"] else "not safe"


def _shown(value) -> str:
    return DASH if value is None or pd.isna(value) else number(float(value))


def _pounds(value) -> str:
    return DASH if value is None or pd.isna(value) else f"{value:,.0f}".replace("-", "−")


def _day(value) -> str:
    return DASH if value is None else str(pd.Timestamp(value).date())
