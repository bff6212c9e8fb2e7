"""How often what 04 and 05 print holds, on simulated sites whose truth is known.

Run as `python benchmarks/trials_intervals.py [04] [05] [--sites N]`.
"""

import argparse

import numpy as np
import pandas as pd
from arch.bootstrap import IIDBootstrap

from scchelpers import baselines, coincidence
from scchelpers.baselines.forecast import RATE, RECENT, calibrated, over_by
from tests import planted_demand, planted_weather

LOSSES = {
    "above the limit": lambda wanted, left: np.maximum(wanted - left, 0),
    "while restricted": lambda wanted, left: (
        wanted * np.where(np.isnan(left), np.nan, left < planted_weather.CAPACITY_KW)
    ),
}
CASES = {
    "apart": {},
    "apart, no Christmas dip": {"dip": 1.0},
    "apart, rare loss": {"room_kw": 14.0},
    "apart, very rare loss": {"room_kw": 40.0},
    "apart, long spells": {"stay": 0.9},
    "weather link 5 %": {"link": 0.05},
    "weather link 10 %": {"link": 0.1},
    "weather link 10 %, rare loss": {"link": 0.1, "room_kw": 14.0},
}


def by_season(days: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the strata of before: all weeks of three months, holidays among them."""
    found = coincidence.weeks(days, width=99)
    return found.assign(stratum=days.month % 12 // 3, holiday=False)


def swaps(sites: int, strata=coincidence.weeks) -> pd.DataFrame:
    """Return false alarms or power of the test, and coverage of the effect's interval, by case."""
    rows = {}
    for case, given in CASES.items():
        rng = np.random.default_rng(2)
        found = {name: [] for name in LOSSES}
        for _ in range(sites):
            want, left = planted_weather.year(rng, **given)
            for name, loss in LOSSES.items():
                made = coincidence.swapped(
                    want, left, strata(want.index), loss, permutations=399,
                    seed=int(rng.integers(1e9)),
                )  # fmt: skip
                found[name].append(coincidence.effect(*made))
        for name, effects in found.items():
            one = pd.DataFrame(effects)
            truth = one["own_kwh"].sum() / one["expected_kwh"].sum()  # in the long run
            told = one.dropna(subset="low")
            rows[case, name] = {
                "p at most 0.03": (one["p"] <= 0.03).mean(),
                "and interval excludes 1": (
                    (one["p"] <= 0.03) & ~one["low"].le(1).mul(one["high"].ge(1))
                ).mean(),
                "ratio in the long run": truth,
                "interval given": len(told) / sites,
                "covers it": told["low"].le(truth).mul(told["high"].ge(truth)).mean(),
                "median width": (told["high"] - told["low"]).median(),
                "lost [kWh]": one["own_kwh"].mean(),
            }
    return pd.DataFrame(rows).T


KINDS = {"busy": 0.0, "often empty": 0.2}  # share of days on which nothing is drawn
DOUBLES = 365  # day after which twice as much is drawn
HIGHEST_KW = 300.0


def firm_amounts(sites: int) -> pd.DataFrame:
    """Return how often the interval of the firm reduction holds the true one, by kind of site."""
    rows = {}
    for stay in (0.0, 0.4, 0.8):
        for empty in (0.0, 0.05, 0.2):
            rng = np.random.default_rng(3)
            given = {"empty": empty, "stay": stay}
            long = planted_demand.site(rng, days=60_000, **given)
            truth = baselines.firm_kw(in_events(long), 0.9)
            found = np.array(
                [
                    baselines.firm_range(in_events(planted_demand.site(rng, days=365, **given)))
                    for _ in range(sites)
                ]
            )
            held = (found[:, 0] <= truth) & (truth <= found[:, 1])
            width = np.median(found[:, 1] - found[:, 0])
            rows[stay, empty] = {"firm [kW]": truth, "held": held.mean(), "median width": width}
    return pd.DataFrame(rows).T.rename_axis(["day with the next", "days empty"])


def in_events(days: baselines.Days) -> pd.Series:
    """Return the mean demand [kW] of each working day from 17:00 to 20:00."""
    working = days.dates.day_of_week < 5
    return pd.Series(days.kw[:, 34:40].mean(axis=1), days.dates)[working]


def gains(sites: int) -> pd.DataFrame:
    """Return how often the interval of a rule's gain on BL01 holds the one in the long run."""
    rules = ["bl01", "bl01_additive", "caiso", "high_5_of_10", "mid_8_of_10"]
    rng = np.random.default_rng(4)
    sums, ends = [], []
    for _ in range(sites):
        days = planted_demand.site(rng, days=365, empty=0.05)
        events = baselines.schedule(days).iloc[20:]
        drawn = baselines.actual(days, events)
        told = baselines.estimate_all(days, events, rules)
        square = np.stack([((x.baseline_kw - drawn) ** 2).mean(1) for x in told.values()], axis=1)
        week = ((events["day"] - days.first).dt.days // 7).to_numpy()
        by_week = pd.DataFrame(np.column_stack([square, drawn.mean(1), np.ones(len(week))]))
        by_week = by_week.groupby(week).sum().to_numpy()
        again = IIDBootstrap(by_week, seed=0)
        ends.append(again.conf_int(gain, reps=500, method="percentile", size=0.9))
        sums.append(by_week.sum(axis=0))
    truth = gain(np.array(sums))
    held = np.mean([(low <= truth) & (truth <= high) for low, high in ends], axis=0)
    return pd.DataFrame({"gain in the long run": truth, "held": held}, rules)[1:]


def gain(by_week: np.ndarray) -> np.ndarray:
    """Return by how much each error is below that of the first rule, as shares of demand."""
    *square, kw, many = by_week.sum(axis=0)
    error = np.sqrt(np.array(square) / many) / (kw / many)
    return error[0] - error


def forecasts(kind: str, numbers) -> pd.DataFrame:
    """Return the two-part forecasts, a day ahead, of sites whose demand doubles."""
    found = []
    for number in numbers:
        rng = np.random.default_rng([5, number, int(10 * KINDS[kind])])
        days = planted_demand.site(rng, empty=KINDS[kind], doubles_after=DOUBLES)
        events = baselines.schedule(days)
        made = baselines.walk_forward(
            days, events, "two_part", made="day_ahead", highest_kw=HIGHEST_KW
        )
        since = (events["day"] - days.dates[DOUBLES]).dt.days
        over = over_by(days, events, "day_ahead")
        found.append(made.assign(site=f"{kind} {number}", since=since, over=over))
    return pd.concat(found)


def adaptation(made: pd.DataFrame) -> pd.DataFrame:
    """Return what split and adaptive intervals cover before and after demand has doubled."""
    settings = [(200, 0.0), *((m, r) for m in (60, RECENT, 200) for r in (0.01, 0.02, RATE, 0.1))]
    rows = {}
    for memory, rate in settings:
        parts = []
        for _, own in made.groupby("site", sort=False):
            raw = own["actual_kw"], own["raw_low_kw"], own["raw_high_kw"], own["over"].to_numpy()
            low, high = calibrated(*raw, memory=memory, rate=rate, highest_kw=HIGHEST_KW)
            parts.append(own.assign(low=low, high=high))
        told = pd.concat(parts).dropna(subset=["low", "actual_kw"])
        told["inside"] = told["actual_kw"].between(told["low"] - 1e-6, told["high"] + 1e-6)
        row = {}
        spans = {"before": (-999, -1), "60 days after": (0, 59), "later": (60, 999)}
        for name, span in spans.items():
            part = told[told["since"].between(*span)]
            score = baselines.score_interval(part["actual_kw"], part["low"], part["high"])
            row |= {name: score["coverage"], f"{name}, Winkler": score["winkler_kw"]}
        before = told[told["since"] < 0].groupby("site")["inside"]
        row["sites 85 to 95 % before"] = before.mean().between(0.85, 0.95).mean()
        worst = told.groupby("site")["inside"].apply(lambda x: x.rolling(40).mean().min())
        steady = before.apply(lambda x: x.rolling(40).mean().min())
        row |= {"worst 40 below 60 %": (worst < 0.6).mean(), "none changed": (steady < 0.6).mean()}
        rows[memory, rate] = row
    return pd.DataFrame(rows).T.rename_axis(["looks back on", "rate"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("of", nargs="*", default=["04", "05"], help="notebooks")
    parser.add_argument("--sites", type=int, default=300)
    asked = parser.parse_args()
    pd.set_option("display.width", 200, "display.max_columns", 20)
    if "04" in asked.of:
        print(swaps(asked.sites).round(3).to_string())
        print("\nstrata of a season, holidays among them, as before:")
        print(swaps(asked.sites // 3, by_season).round(3).to_string())

    if "05" in asked.of:
        print("\nfirm reduction, 90 % interval, one year:")
        print(firm_amounts(asked.sites).round(3).to_string())
        print("\ngain on BL01, 90 % interval, one year:")
        print(gains(asked.sites).round(3).to_string())
        made = pd.concat([forecasts(kind, range(asked.sites // 2)) for kind in KINDS])
        print("\n90 % intervals of the day before, demand doubles after a year:")
        print(adaptation(made).round(3).to_string())


if __name__ == "__main__":
    main()
