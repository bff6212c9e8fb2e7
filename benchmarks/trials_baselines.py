"""Trial of baselines on measured sessions, with placebo events at the times of real dispatches.

    python benchmarks/trials_baselines.py FOLDER [FOLDER …] [--dispatches CSV]

FOLDERs are imported portfolios (Perth & Kinross, ACN). Without a file of dispatches the events are
17:00 to 20:00 on working days. Everything is foretold with what was known then; no site is left
out but those with fewer than 100 events foretold, which are named.
"""

import argparse

import numpy as np
import pandas as pd

from scchelpers import baselines, diversity
from scchelpers.baselines.days import Days
from scchelpers.portfolio import Portfolio, dispatches

LEVEL = 0.9
FEWEST = 100
RULES = [
    *("bl01", "bl01_additive", "bl01_highest", "caiso", "caiso_unclipped", "nyiso"),
    *("pjm", "pjm_additive", "mid_8_of_10", "high_5_of_10", "low_5_of_10"),
    *("mbma", "meter_before", "same_day_3_2", "zero"),
]
DRAWS = 1000


def read_sites(folders: list[str]) -> tuple[dict[str, Days], list[np.ndarray]]:
    """Return the record of each site, and of each chargepoint of the first portfolio."""
    records, chargepoints = {}, []
    for number, folder in enumerate(folders):
        portfolio = Portfolio.open(folder)
        for site_id in portfolio.site_ids:
            site = portfolio.site(site_id)
            power_kw = diversity.demand(site).sum("evse", min_count=1)
            days = baselines.by_day(power_kw, timezone=site.timezone)
            records[site_id] = days
            if number == 0:
                chargepoints += [days.with_kw(kw) for kw in baselines.members(power_kw, days)]
    return records, chargepoints


def placebo(days: Days, asked: pd.DataFrame | None) -> pd.DataFrame:
    if asked is None:
        return baselines.schedule(days)
    return baselines.at_dispatches(days, asked)


def judge_site(days: Days, events: pd.DataFrame):
    """Return scores by rule and model, the forecasts and the recent share of zeros."""
    kw = baselines.actual(days, events)
    told = baselines.estimate_all(days, events, RULES)
    forecasts = {
        (model, made): baselines.walk_forward(days, events, model, made=made, level=LEVEL)
        for model in ("regression", "quantile", "two_part")
        for made in ("day_ahead", "same_day")
    }
    every = {name: found.baseline_kw for name, found in told.items()}
    for (model, made), forecast in forecasts.items():
        point = forecast["point_kw"].to_numpy()[:, None]
        every[f"{model}, {made}"] = np.where(np.isnan(kw), np.nan, point)
    known = [(np.isfinite(told) | np.isnan(kw)).all(axis=1) for told in every.values()]
    common = np.all([np.isfinite(kw).any(axis=1), *known], axis=0)
    scores = {name: baselines.score(kw[common], b[common]) for name, b in every.items()}
    recent = baselines.features(days, events, "day_ahead")["zero_share"].to_numpy()
    return pd.DataFrame(scores).T, forecasts, recent


def rules_table(by_site: dict[str, pd.DataFrame], total: pd.DataFrame) -> None:
    """Print scores over sites, and paired differences with a bootstrap over sites."""
    scores = pd.concat(by_site, names=["site", "rule"])
    rrmse, bias, credit = (
        scores.reset_index().pivot_table(column, "site", "rule", dropna=False)
        for column in ("rrmse", "bias", "false_credit")
    )
    drawn = np.random.default_rng(0).integers(len(rrmse), size=(DRAWS, len(rrmse)))
    print(
        "\n| rule or model | RRMSE, median site (p10..p90) | bias, median (p10..p90) "
        "| false credit | less BL01's RRMSE [90 %] | better at | all sites summed: RRMSE |\n"
        + "|---" * 7
        + "|"
    )
    for rule in rrmse.median().sort_values().index:
        gap = (rrmse[rule] - rrmse["bl01"]).to_numpy()
        low, high = np.quantile(np.median(gap[drawn], axis=1), [0.05, 0.95])
        r, b = (table[rule].quantile([0.5, 0.1, 0.9]).tolist() for table in (rrmse, bias))
        print(
            f"| {rule} | {r[0]:.2f} ({r[1]:.2f}..{r[2]:.2f}) "
            f"| {b[0]:+.2f} ({b[1]:+.2f}..{b[2]:+.2f}) | {credit[rule].median():.2f} "
            f"| {np.median(gap):+.3f} [{low:+.3f}, {high:+.3f}] | {(gap < 0).sum()} of {len(gap)} "
            f"| {total['rrmse'].get(rule, np.nan):.3f} |"
        )


def interval_table(forecasts: dict[str, dict]) -> None:
    """Print the coverage of intervals, out of sample, over events and over sites."""
    print(
        f"\n| nominal {LEVEL:.0%} intervals | events | covered | uncalibrated | at zero "
        "| above zero | sites in 85..95 % | lowest, highest site | width | Winkler |\n"
        + "|---" * 10
        + "|"
    )
    for key in next(iter(forecasts.values())):
        found, raw = {}, {}
        for site, tables in forecasts.items():
            table = tables[key].dropna(subset=["low_kw", "high_kw", "actual_kw"])
            scale = table["actual_kw"].mean()  # for reporting only: sites differ in size
            kw = [table[name] / scale for name in ("actual_kw", "low_kw", "high_kw")]
            found[site] = baselines.score_interval(*kw, level=LEVEL)
            bare = [table[name] for name in ("actual_kw", "raw_low_kw", "raw_high_kw")]
            raw[site] = baselines.score_interval(*bare, level=LEVEL)
        found, raw = pd.DataFrame(found).T, pd.DataFrame(raw).T
        weights = found["events"]
        overall = np.average(found["coverage"], weights=weights)
        zero, above = (_weighted(forecasts, key, zero) for zero in (True, False))
        inside = found["coverage"].between(0.85, 0.95)
        print(
            f"| {key[0]}, {key[1]} | {int(weights.sum()):,} | **{overall:.3f}** "
            f"| {np.average(raw['coverage'], weights=weights):.3f} | {zero:.3f} | {above:.3f} "
            f"| {inside.sum()} of {len(inside)} | {found['coverage'].min():.3f}, "
            f"{found['coverage'].max():.3f} | {found['width_kw'].median():.2f} "
            f"| {found['winkler_kw'].median():.2f} |"
        )


def _weighted(forecasts: dict, key: tuple, zero: bool) -> float:
    inside = []
    for tables in forecasts.values():
        table = tables[key].dropna(subset=["low_kw", "high_kw", "actual_kw"])
        table = table[(table["actual_kw"] == 0) == zero]
        near = 1e-6 * table["actual_kw"].max()
        inside.append(
            (table["low_kw"] - near <= table["actual_kw"])
            & (table["actual_kw"] <= table["high_kw"] + near)
        )
    return float(pd.concat(inside).mean())


def zero_table(forecasts: dict[str, dict], recent: dict[str, np.ndarray]) -> None:
    """Print Brier scores of the chance of zero on the events that all have."""
    rows = {}
    for site, tables in forecasts.items():
        day, same = (tables["two_part", made] for made in ("day_ahead", "same_day"))
        zero = (day["actual_kw"] == 0).astype(float)
        past = zero.expanding().mean().shift(2)  # the day before may not be over
        frame = pd.DataFrame(
            {
                "site's own share so far": past,
                "share of the last ten days": recent[site],
                "two-part model, day ahead": day["p_zero"],
                "two-part model, same day": same["p_zero"],
                "actual_kw": day["actual_kw"],
            }
        ).dropna()
        rows[site] = frame
    frame = pd.concat(rows, names=["site", "event"])
    actual = frame.pop("actual_kw")
    share = (actual == 0).mean()
    print(
        f"\n{len(frame):,} events, {share:.1%} with nothing drawn\n"
        "| chance of zero | Brier |\n|---|---|"
    )
    print(f"| one constant, with hindsight | {share * (1 - share):.4f} |")
    for name, p_zero in frame.items():
        print(f"| {name} | {((p_zero - (actual == 0)) ** 2).mean():.4f} |")
    stated = frame["two-part model, same day"].rename("stated")
    bins = pd.concat([stated, (actual == 0).rename("observed")], axis=1)
    bins = bins.groupby((5 * stated).astype(int)).agg(["mean", "size"])
    print("reliability, same day:", bins.round(3).to_string())


def pooling_table(name: str, records: list[Days], asked: pd.DataFrame | None) -> None:
    layout, kw = baselines.shared(sorted(records, key=len, reverse=True), 700)
    rules = ["bl01", "bl01_additive", "mbma"]
    curve = baselines.pooling_curve(layout, kw, placebo(layout, asked), rules, samples=20)
    print(f"\n{name}: {len(kw)} over {len(layout)} days")
    print(
        "| n | RRMSE BL01 | + additive | MBMA | nothing drawn | A ≥ 0.5 B, additive |\n"
        + "|---" * 6
        + "|"
    )
    for n in curve.loc["bl01"].index:
        row = curve.xs(n, level="size")
        errors = " | ".join(f"{row.loc[rule, 'rrmse']:.2f}" for rule in rules)
        extra = row.loc["bl01_additive"]
        print(f"| {n} | {errors} | {extra['zero_share']:.3f} | {extra['half_there']:.2f} |")
    for rule in rules:
        print(f"for 20 % with {rule}:", *baselines.needed(curve, rule))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--dispatches")
    given = parser.parse_args()
    asked = None
    if given.dispatches:
        asked = dispatches.read(given.dispatches)
        asked = asked[asked["kind"] == "utilisation"]
    records, chargepoints = read_sites(given.folders)
    scores, forecasts, recent = {}, {}, {}
    for site, days in records.items():
        events = placebo(days, asked)
        table, told, share = judge_site(days, events)
        if table["events"].max() < FEWEST:
            print(f"left out: {site}, {int(table['events'].max())} events foretold")
            continue
        scores[site], forecasts[site], recent[site] = table, told, share
    print(f"{len(scores)} sites, {int(sum(t['events'].max() for t in scores.values())):,} events")
    total_days, kw = baselines.shared(sorted(records.values(), key=len, reverse=True), 700)
    total = total_days.with_kw(np.sum(kw, axis=0))
    summed, _, _ = judge_site(total, placebo(total, asked))
    rules_table(scores, summed)
    interval_table(forecasts)
    zero_table(forecasts, recent)
    pooling_table("sites", list(records.values()), asked)
    pooling_table("chargepoints of the first portfolio", chargepoints, asked)


if __name__ == "__main__":
    main()
