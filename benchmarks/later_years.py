"""What is stated of later years, held against simulated ones.

Run as `python benchmarks/later_years.py [SITES]`. Each site has a feeder of its own with evenings,
seasons, weekends, spells of cold days and a size of each year that varies by 3 or 5 %, without
growth. One year is on record; windows are derived from it with a random margin, judged by
`tcc.unseen_limit_kva` and `years.added_over_h`, and counted in later years that nothing has seen.

With `--options FIRST LAST FILE` the whole table of options is made for sites FIRST to LAST, each of
its limits is led through later years as the DNO would lead it, and rows are added to FILE;
`--summary FILE` prints how often what is stated came true.
"""

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import choice, tcc, timebase, years
from scchelpers.choice import decision, schemes
from scchelpers.choice.network import Network, Surroundings, as_half_hours
from scchelpers.site import Site

TIME = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
NAIVE = timebase.naive_utc(TIME)
TOLERATED_H = 10.0
MARGINS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.10, 0.12, 0.15, 0.18, 0.21, 0.25)


@dataclass(frozen=True)
class Feeder:
    """A feeder whose mean evening in midwinter is 100 kVA."""

    evening: float
    winter: float
    weekend: float
    spell_sd: float
    noise_sd: float
    year_sd: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, year_sd: float) -> "Feeder":
        low = (15.0, 0.15, 0.85, 0.03, 0.02)
        high = (19.0, 0.45, 1.05, 0.07, 0.06)
        return cls(*rng.uniform(low, high), year_sd)

    def year(self, rng: np.random.Generator) -> xr.DataArray:
        """Return the load of one year [kVA]."""
        local = timebase.clock(NAIVE)
        hour = local.hour + local.minute / 60
        day = (local.day_of_year - 1).to_numpy()
        shape = 0.45 + 0.55 * np.exp(-0.5 * ((hour - self.evening) / 2.2) ** 2)
        season = 1 - self.winter * (1 - np.cos(2 * np.pi * (day - 15) / 365)) / 2
        week = np.where(local.day_of_week >= 5, self.weekend, 1.0)
        spell = np.zeros(366)
        for at in range(1, 366):
            spell[at] = 0.7 * spell[at - 1] + rng.normal() * self.spell_sd * (1 - 0.7**2) ** 0.5
        noise = self.noise_sd * rng.normal(size=len(day))
        size = 1 + self.year_sd * rng.normal()
        kva = 100 * size * shape.to_numpy() * season * week * (1 + spell[day] + noise)
        return xr.DataArray(kva, {"time": NAIVE}, ("time",), "network_kva", {"units": "kVA"})


def added_h(load: xr.DataArray, rating_kva: float, allowed: xr.DataArray) -> float:
    """Return the hours of a year in which a site adds to what is above the rating."""
    return float(((load + allowed > rating_kva) & (load <= rating_kva)).sum()) / 2


def trial(seed: int, year_sd: float, later: int, margins=None, **sizes) -> pd.DataFrame:
    """Return what is stated of a site and what its later years do, a row a margin and year."""
    rng = np.random.default_rng(seed)
    feeder = Feeder.drawn(rng, year_sd)
    load, rating_kva = feeder.year(rng), rng.uniform(100, 125)
    asked_kva = rating_kva * rng.uniform(0.15, 0.6)
    future = [feeder.year(rng) for _ in range(later)]
    if margins is None:
        margins = [rng.choice(MARGINS[:6])]
    rows = []
    for margin in margins:
        rules = {"margin_kva": margin * rating_kva}
        windows = tcc.derive_windows(load, rating_kva, asked_kva, **rules)
        allowed = tcc.limit_kva(windows, load["time"], asked_kva)
        unseen = tcc.unseen_limit_kva(load, rating_kva, asked_kva, **rules)
        hours, _ = years.added_over_h(load, rating_kva, unseen, seed=seed, **sizes)
        low, high = np.quantile(hours, [0.05, 0.95])
        for year in future:
            came = added_h(year, rating_kva, allowed)
            rows.append(
                {
                    "seed": seed,
                    "margin": margin,
                    "low_h": low,
                    "high_h": high,
                    "stated": (hours <= TOLERATED_H).mean(),
                    "in_sample_h": added_h(load, rating_kva, allowed),
                    "came_h": came,
                    "rank": (hours < came).mean() + rng.uniform() * (hours == came).mean(),
                }
            )
    found = pd.DataFrame(rows)
    found["held"] = found["came_h"].between(found["low_h"], found["high_h"])
    found["kept"] = found["came_h"] <= TOLERATED_H
    return found


def planted(year_sd: float) -> dict:
    """Return the sizes by which a planted year is known."""
    return {"level_sd": 0.0, "peak_sd": 0.0, "local_sd": year_sd}


SIZE = 4.0  # of the feeders of the table of options: requests above those of small users
SEASONS = ("winter", "spring", "summer", "autumn")


def overnight(requested_kva: float) -> Site:
    """Return a site of five points, each used every night from 20:00 for seven hours."""
    points = pd.DataFrame({"evse_id": list("abcde"), "rated_kw": requested_kva / 5})
    points = points.assign(phases=3, kind="fast")
    nights = TIME[::48][:-1] + pd.Timedelta("20h")
    sessions = pd.DataFrame(
        {
            "session_id": [f"{evse}{k}" for evse in points["evse_id"] for k in range(len(nights))],
            "evse_id": np.repeat(points["evse_id"].to_numpy(), len(nights)),
            "plug_in": np.tile(nights, len(points)),
            "plug_out": np.tile(nights + pd.Timedelta("11h"), len(points)),
            "energy_kwh": 1.4 * requested_kva / 5,
            "max_kw": requested_kva / 5,
        }
    ).sort_values(["plug_in", "session_id"], ignore_index=True)
    meta = {"site_id": "s", "asset_id": "tx", "requested_kva": requested_kva, "power_factor": 1.0}
    return Site("s", meta, points, sessions, None, None, None, timebase.LONDON)


def led_later(
    one: schemes.Applicant, way: str, row: pd.Series, limit_kw, load: xr.DataArray
) -> xr.DataArray:
    """Return what an option allows in a later year [kVA]: windows as they are, led limits anew."""
    if way not in (schemes.PROFILED, schemes.LMC):
        return as_half_hours(limit_kw, load["time"])
    margin = float(re.search(r"([\d.]+)\s*% of the rating", row["note"]).group(1)) / 100
    rating = pd.Series(one.network.seasonal_kva["tx"])
    network = Network.of({"tx": (load, rating)}, margin_share=margin, timezone=one.network.timezone)
    later = replace(one, network=network, terms=replace(one.terms, margin_share=margin))
    with mock.patch.object(schemes, "MARGINS", ()):
        return as_half_hours(schemes.OFFERS[way](later).limit_kw, load["time"])


def options_of(seed: int, later: int) -> pd.DataFrame:
    """Return what the table of options states of a site, and what its later years do."""
    rng = np.random.default_rng([seed, 7])
    year_sd = (0.03, 0.05)[seed % 2]
    feeder = Feeder.drawn(rng, year_sd)
    load, rating_kva = SIZE * feeder.year(rng), SIZE * rng.uniform(100, 125)
    site = overnight(rating_kva * rng.uniform(0.15, 0.6))
    rating = pd.Series(rating_kva, SEASONS)
    around = Surroundings([site], {"tx": (load, rating)}, {"s": {"tx": 1.0}}, {}, {})
    terms = choice.Terms(seed=seed)
    found = choice.decide(around, terms, how_sure=False)[0]["s"]
    network = Network.of(around.assets, margin_share=terms.margin_share, timezone=timebase.LONDON)
    one = schemes.Applicant(decision._demand(site, around), network, terms)
    rows = []
    for _ in range(later):
        year = SIZE * feeder.year(rng)
        for way, limit_kw in found.limits.items():
            if way == schemes.REINFORCED:
                continue
            row = found.options.loc[way]
            came = added_h(year, rating_kva, led_later(one, way, row, limit_kw, year))
            row = row[["over_low_h", "over_high_h", "safe_probability"]].to_dict()
            chosen = way == found.scheme
            rows.append(row | {"seed": seed, "way": way, "came_h": came, "chosen": chosen})
    return pd.DataFrame(rows)


def summary(found: pd.DataFrame) -> None:
    """Print how often options kept to what is tolerated, by what was stated of them."""
    found = found.assign(kept=found["came_h"] <= TOLERATED_H)
    found["held"] = found["came_h"].between(found["over_low_h"], found["over_high_h"])
    bins = pd.cut(found["safe_probability"], [-0.01, 0.1, 0.3, 0.5, 0.7, 0.9 - 1e-9, 0.95, 1.0])
    named = {"safe_probability": "stated"}
    for by in ([bins], ["way", bins]):
        parts = found.rename(columns=named).groupby(by, observed=True)
        print(parts.agg({"stated": "mean", "kept": ["mean", "size"], "held": "mean"}).round(3))
    safe = found["safe_probability"] >= 0.9
    for name, rows in {"stated safe": found[safe], "recommended": found[found["chosen"]]}.items():
        by_site = rows.groupby("seed")["kept"].mean()
        print(
            f"{name}: {rows['kept'].mean():.1%} of {len(rows)} years kept, "
            f"{rows['safe_probability'].mean():.1%} stated, at {len(by_site)} sites "
            f"(standard error {by_site.sem():.1%})"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sites", type=int, nargs="?", default=200)
    parser.add_argument("--later", type=int, default=5, help="later years of each site")
    parser.add_argument("--options", nargs=3, metavar=("FIRST", "LAST", "FILE"))
    parser.add_argument("--summary", type=Path, metavar="FILE")
    given = parser.parse_args()
    if given.options:
        first, last, into = int(given.options[0]), int(given.options[1]), Path(given.options[2])
        for seed in range(first, last):
            options_of(seed, given.later).to_csv(into, mode="a", header=not into.exists())
        return
    if given.summary:
        summary(pd.read_csv(given.summary))
        return
    for year_sd in (0.0, 0.03, 0.05):
        for name, sizes in {"its own": planted(year_sd), "the default": {}}.items():
            found = pd.concat(
                [trial(seed, year_sd, given.later, **sizes) for seed in range(given.sites)]
            )
            at_stake = found[found["high_h"] > 0]
            print(
                f"\nyears vary by {year_sd:.0%}, size {name}: 90 % intervals hold "
                f"{found['held'].mean():.0%} of {len(found)} later years, "
                f"{at_stake['held'].mean():.0%} where hours are at stake; ranks from 0.05 to 0.95: "
                f"{at_stake['rank'].between(0.05, 0.95).mean():.0%}"
            )
            bins = pd.cut(found["stated"], [-0.01, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 1.0])
            print(
                found.groupby(bins, observed=True)[["stated", "kept"]]
                .agg(["mean", "size"])
                .round(2)
            )
    for year_sd in (0.03, 0.05):
        picked = []
        for seed in range(1000, 1000 + given.sites // 3):
            tried = trial(seed, year_sd, given.later, MARGINS, **planted(year_sd))
            safe = tried[tried["stated"] >= 0.9]
            picked.append(safe[safe["margin"] == safe["margin"].min()])
        picked = pd.concat(picked)
        means = picked[["stated", "kept", "in_sample_h", "came_h"]].mean().round(2).to_dict()
        print(f"\nyears vary by {year_sd:.0%}, least margin with 0.9 stated: {means}")


if __name__ == "__main__":
    main()
