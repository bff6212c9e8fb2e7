"""How often what `01_load_diversity` designs for holds, at simulated sites.

Run as `python benchmarks/trials_diversity.py [SITES]`. Sites have 3 to 40 chargepoints of one class
or several, busy hours, seasons, weekends, days that are busier than others, and years whose use
varies by a share. One year is on record, ten follow that nothing has seen.
"""

import argparse

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import diversity

YEARS = 11
DAYS = 365 * YEARS
BUSY_SD = 0.15  # from day to day, shared by all chargepoints


def planted(rng: np.random.Generator, year_sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ratings of a site's chargepoints [kW] and its demand by half hour [kW]."""
    n = round(np.exp(rng.uniform(np.log(3), np.log(41))))
    classes = {"slow": [7.4], "fast": [22.0], "rapid": [50.0], "mix": [7.4, 7.4, 22.0, 50.0]}
    rated_kw = rng.choice(classes[rng.choice(list(classes))], n)
    hour = np.arange(48) / 2
    shape = rng.uniform(0.1, 0.5) + np.exp(
        -0.5 * ((hour - rng.uniform(8, 20)) / rng.uniform(1.5, 5)) ** 2
    )
    day = np.arange(DAYS)
    use = 1 + rng.uniform(0, 0.3) * np.cos(2 * np.pi * (day - rng.uniform(0, 365)) / 365)
    use *= np.where(day % 7 >= 5, rng.uniform(0.5, 1.3), 1.0)
    use *= rng.gamma(BUSY_SD**-2, BUSY_SD**2, DAYS)
    use *= np.repeat(1 + year_sd * rng.normal(size=YEARS), 365)
    a_day = np.exp(rng.uniform(np.log(0.3), np.log(5))) * rng.gamma(4, 1 / 4, n)
    mean_kwh = np.where(rated_kw < 10, rng.uniform(8, 15), rng.uniform(12, 28))
    spread = np.sqrt(np.log(1 + rng.uniform(0.4, 0.8) ** 2))
    kw = np.zeros((DAYS * 48, n))
    for one in range(n):
        change = np.zeros(DAYS * 1440 + 6000)
        days = np.repeat(day, rng.poisson(a_day[one] * use))
        slot = rng.choice(48, len(days), p=shape / shape.sum())
        begin = np.sort(1440 * days + 30 * slot + rng.integers(0, 30, len(days)))
        kwh = mean_kwh[one] * np.exp(spread * rng.normal(size=len(days)) - spread**2 / 2)
        charge = np.clip(60 * kwh / rated_kw[one], 1, 2800).astype(int)
        stay = charge + rng.exponential(60, len(days)).astype(int)
        free, kept = 0, np.zeros(len(days), bool)
        for at, (start, long) in enumerate(zip(begin.tolist(), stay.tolist(), strict=True)):
            if start >= free:  # who finds the socket taken drives on
                kept[at], free = True, start + long
        np.add.at(change, begin[kept], rated_kw[one])
        np.add.at(change, (begin + charge)[kept], -rated_kw[one])
        kw[:, one] = np.cumsum(change)[: DAYS * 1440].reshape(-1, 30).mean(axis=1)
    return rated_kw, kw


def trial(seed: int, year_sd: float, horizon: int = 10) -> dict:
    """Return what is designed for at a site, and what its later years bring [kW]."""
    rng = np.random.default_rng([seed, 12])
    rated_kw, kw = planted(rng, year_sd)
    names = [f"e{one}" for one in range(len(rated_kw))]
    record = 365 * 48
    time = pd.date_range("2024-01-01", periods=record, freq="30min")
    power_kw = xr.DataArray(kw[:record], {"time": time, "evse": names}, ("time", "evse"))
    curve = diversity.coincidence(
        power_kw,
        rated_kw=pd.Series(rated_kw, names),
        sizes=[len(names)],
        samples=100,
        later_years=horizon,
        seed=seed,
    )
    value = diversity.design_value(len(names), diversity.design_admd(curve))
    total = kw.sum(axis=1)
    return {
        "chargepoints": len(names),
        "on_record_kw": total[:record].max(),
        "design_kw": value["total_kw"],
        "came_kw": total[record : record * (horizon + 1)].max(),
        "rated_kw": rated_kw.sum(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sites", type=int, nargs="?", default=240)
    parser.add_argument("--year-sd", type=float, default=0.05)
    given = parser.parse_args()
    found = pd.DataFrame([trial(seed, given.year_sd) for seed in range(given.sites)])
    for name in ("on_record_kw", "design_kw"):
        held = found["came_kw"] <= found[name] + 0.01
        by = held.groupby(pd.cut(found["chargepoints"], [2, 5, 10, 20, 50])).mean().round(2)
        print(f"{name}: covers {held.mean():.1%} of ten later years; by size {by.tolist()}")
    more = (found["design_kw"] / found["on_record_kw"]).quantile([0.05, 0.5, 0.95]).round(2)
    print(f"design value over the highest on record: {more.tolist()}; ", end="")
    print(f"at the ratings: {(found['design_kw'] >= found['rated_kw'] - 0.01).mean():.0%}")


if __name__ == "__main__":
    main()
