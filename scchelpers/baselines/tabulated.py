"""Tables and figures of merit of the report."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from scchelpers.baselines.delivery import firm_kw
from scchelpers.baselines.scores import score_interval
from scchelpers.baselines.trial import MADE_LABELS, MODEL_LABELS, signed, usable
from scchelpers.wording import percent


def league_table(league: pd.DataFrame) -> pd.DataFrame:
    """Return the league for reading: one row a rule or model, the best first."""
    if league.empty:
        return league
    shares = {"RRMSE": "rrmse", "false credit": "false_credit"}
    table = pd.DataFrame({"sees the meter until": league["knows"]})
    for name, column in shares.items():
        table[name] = [percent(share) for share in league[column]]
    table.insert(2, "bias", [signed(share) for share in league["bias"]])
    table["median error"] = [signed(share) for share in league["median_error"]]
    table["normalised sd"] = [percent(share) for share in league["normalised_sd"]]
    table["error [kW]"] = league["error_kw"]
    pools = ["–" if np.isnan(share) else percent(share) for share in league["short_pools"]]
    table["short pools"] = pools
    return table.set_axis(pd.Index(league["label"], name="rule"))


def interval_table(forecasts: Mapping, level: float) -> pd.DataFrame:
    """Return how the intervals of each model did, calibrated and before."""
    rows = {}
    for (model, made), table in forecasts.items():
        found = score_interval(table["actual_kw"], table["low_kw"], table["high_kw"], level=level)
        raw = score_interval(
            table["actual_kw"], table["raw_low_kw"], table["raw_high_kw"], level=level
        )
        if found["events"]:
            rows[f"{MODEL_LABELS[model]}, {MADE_LABELS[made]}"] = {
                "events": int(found["events"]),
                "covered": percent(found["coverage"]),
                "before calibration": "–" if model == "regression" else percent(raw["coverage"]),
                "covered, nothing drawn": _share(found["coverage_zero"]),
                "covered, something drawn": _share(found["coverage_above"]),
                "width [kW]": found["width_kw"],
                "Winkler [kW]": found["winkler_kw"],
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def summary(
    league: pd.DataFrame,
    forecasts: Mapping,
    reduction_kw: np.ndarray,
    net: pd.DataFrame,
    level: float,
) -> dict:
    """Return the figures of merit of the report; None or NaN where there are none.

    Parameters
    ----------
    league, forecasts, reduction_kw, net
        From `league`, `forecasts`, `deliverable` and `net_of_scheme`.
    level : float
        Nominal coverage of the intervals.
    """
    kw = reduction_kw[np.isfinite(reduction_kw)]
    table = forecasts["two_part", "day_ahead"]
    found = score_interval(table["actual_kw"], table["low_kw"], table["high_kw"], level=level)
    rules = usable(league) if len(league) else league
    rules = rules[(rules["kind"] == "rule") & (rules.index != "zero")] if len(rules) else rules
    best = rules.iloc[0] if len(rules) else {"label": None, "rrmse": np.nan, "bias": np.nan}
    return {
        "firm_kw": firm_kw(kw, 0.9),
        "sellable_kw": firm_kw(net["sellable_kw"].to_numpy(), 0.9),
        "zero_share": float((kw == 0).mean()) if len(kw) else np.nan,
        "best_rule": best["label"],
        "rrmse": best["rrmse"],
        "bias": best["bias"],
        "coverage": found["coverage"],
    }


def _share(share: float) -> str:
    return percent(share) if np.isfinite(share) else "–"
