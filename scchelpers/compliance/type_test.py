"""A type-test sheet of a CLM controller, worked out from the log of its commissioning.

The rules are those of `clm.compliance` (EREC G100 as its readers give it, each number a parameter).
What the log did not try is "not tested", never passed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers.clm.compliance import Rules, judge
from scchelpers.faults import UserError

PASSED, FAILED, UNTESTED, UNSHOWN = "passed", "failed", "not tested", "cannot be shown"
ROUNDING_KW = 0.1
_STARTED = 0.02  # share of its charging by which a site must have reduced to count as begun


def _excursion_runs(log: pd.DataFrame, tolerance: float = 0.0) -> pd.DataFrame:
    """Return each run of samples above the limit in a log, with how fast it was answered."""
    time = log.index
    seconds = ((time - time[0]) / pd.Timedelta("1s")).to_numpy()
    over = (log["import_kw"] - log["limit_kw"] * (1 + tolerance)).to_numpy() - ROUNDING_KW
    on = over > 0  # a missing value is not above, and ends a run
    marks = np.flatnonzero(np.diff(np.r_[False, on, False].astype(int)))
    charging = log["charging_kw"].to_numpy(dtype=float)
    rows = []
    for first, last in zip(marks[::2], marks[1::2], strict=True):
        ended = last < len(on) and np.isfinite(over[last])
        stop = seconds[min(last, len(on) - 1)]
        fallen = np.flatnonzero(charging[first : last + 1] < charging[first] * (1 - _STARTED))
        begun = seconds[first + fallen[0]] - seconds[first] if len(fallen) else np.nan
        rows.append(
            {
                "start": time[first],
                "duration_min": (stop - seconds[first]) / 60,
                "depth_kw": float(over[first:last].max() + ROUNDING_KW),
                "begins_s": begun,
                "back_s": stop - seconds[first] if ended else np.nan,
            }
        )
    names = ["start", "duration_min", "depth_kw", "begins_s", "back_s"]
    frame = pd.DataFrame(rows, columns=names)
    return frame if len(frame) else frame.astype({"start": "datetime64[us, UTC]"})


def _signal_losses(log: pd.DataFrame, failsafe_kw: float) -> pd.DataFrame:
    """Return each loss of the signal, and how the site fell back."""
    lost = (log["signal"] == False).to_numpy()  # noqa: E712  (None is not lost)
    power = log["charging_kw"].where(log["charging_kw"].notna(), log["import_kw"]).to_numpy()
    seconds = ((log.index - log.index[0]) / pd.Timedelta("1s")).to_numpy()
    marks = np.flatnonzero(np.diff(np.r_[False, lost, False].astype(int)))
    rows = []
    for first, last in zip(marks[::2], marks[1::2], strict=True):
        low = power[first:last] <= failsafe_kw + ROUNDING_KW
        reached = np.flatnonzero(low)
        within = seconds[first + reached[0]] - seconds[first] if len(reached) else np.nan
        rows.append(
            {
                "start": log.index[first],
                "lost_s": seconds[min(last, len(seconds) - 1)] - seconds[first],
                "within_s": within,
                "held": bool(len(reached) and low[reached[0] :].all()),
            }
        )
    return pd.DataFrame(rows, columns=["start", "lost_s", "within_s", "held"])


def type_test_sheet(
    log: pd.DataFrame,
    *,
    failsafe_kw: float = np.nan,
    failsafe_within_s: float = 60.0,
    rules: Rules | None = None,
    tolerance: float = 0.0,
) -> pd.DataFrame:
    """Return the type-test sheet of a controller.

    Parameters
    ----------
    log : pandas.DataFrame
        From `portfolio.logs.read_log`.
    failsafe_kw : float
        What may be charged without a signal [kW].
    failsafe_within_s : float
        Time in which the fail-safe must be reached [s].
    rules : Rules, optional
        By default those of a non-domestic site.
    tolerance : float
        Share of the limit granted to the meter.

    Returns
    -------
    pandas.DataFrame
        Indexed by demand: tests (how many the log holds), allowed, measured (the worst), unit and
        verdict: "passed", "failed", "not tested" or "cannot be shown" (the log is too coarse, or
        lacks what the demand needs).

    Raises
    ------
    UserError
        If the log holds no sample with import and limit.

    Examples
    --------
    >>> time = pd.date_range("2026-01-01T00:00Z", periods=4, freq="10s")
    >>> kw = {"import_kw": [90.0, 90, 50, 50], "limit_kw": [100.0, 60, 60, 60]}
    >>> log = pd.DataFrame(kw, time).assign(charging_kw=np.nan, signal=np.nan)
    >>> type_test_sheet(log)["verdict"].iloc[:2].tolist()
    ['cannot be shown', 'passed']
    """
    rules = rules or Rules()
    known = log["import_kw"].notna() & log["limit_kw"].notna()
    if not known.any():
        raise UserError("log: no sample has both import_kw and limit_kw")
    step_s = float(np.median(np.diff(log.index.as_unit("ns").asi8))) / 1e9
    runs = _excursion_runs(log, tolerance)
    states = judge(runs, rules)["state"].value_counts() if len(runs) else pd.Series(dtype=int)
    lost = _signal_losses(log, failsafe_kw)
    many = len(runs)

    def row(demand, tests, allowed, measured, unit, fine=True):
        if not tests:
            verdict = UNTESTED
        elif not fine or not np.isfinite(measured):
            verdict = UNSHOWN
        else:
            verdict = PASSED if measured <= allowed + 1e-9 else FAILED
        return demand, int(tests), allowed, measured, unit, verdict

    begins, back = runs["begins_s"], runs["back_s"]
    whole = back.notna().all()  # an excursion that never ended has no time to show, and fails
    worst = back.max() if whole else np.inf
    safe = np.isfinite(failsafe_kw)
    rows = [
        row("begin to reduce", begins.notna().sum() or many, rules.act_within_s,
            begins.max() if many else np.nan, "s", step_s <= rules.act_within_s),
        row("back at the limit, typical", many, rules.typical_within_s,
            back.median() if many else np.nan, "s", step_s <= rules.typical_within_s),
        row("back at the limit, at the latest", many, rules.back_within_s,
            worst if many else np.nan, "s", step_s <= rules.back_within_s),
        row("excursions that lock the site out", many, 0, states.get("lock-out", 0), "",
            step_s <= rules.counted_from_s),
        row("fail-safe reached after loss of signal", len(lost) if safe else 0, failsafe_within_s,
            lost["within_s"].max() if len(lost) and lost["within_s"].notna().all() else 1e9, "s"),
        row("fail-safe left before the signal was back", len(lost) if safe else 0, 0,
            int((~lost["held"].astype(bool)).sum()), ""),
    ]  # fmt: skip
    names = ["demand", "tests", "allowed", "measured", "unit", "verdict"]
    table = pd.DataFrame(rows, columns=names).set_index("demand")
    if many and not whole:
        table.loc["back at the limit, at the latest", "verdict"] = FAILED
    table["measured"] = table["measured"].where(table["measured"] < 1e8, np.nan)
    table.attrs = {
        "step_s": step_s,
        "samples": int(known.sum()),
        "missing": int((~known).sum()),
        "recorded": int(states.get("recorded", 0)),
        "counted": int(states.get("counted", 0)),
        "lock_outs": int(states.get("lock-out", 0)),
    }
    return table
