"""How often what 04 and 05 print holds, on simulated sites whose truth is known.

Run as `python benchmarks/trials_intervals.py [04] [05] [--sites N]`.
"""

import argparse

import numpy as np
import pandas as pd

from scchelpers import coincidence
from tests import planted_weather

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


if __name__ == "__main__":
    main()
