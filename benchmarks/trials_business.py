"""Whether the probability of being ahead of waiting comes true in futures of planted prices.

Two hundred made-up sites with tables of options of all sizes: for each, worth and probability are
reckoned as the reports do; then prices are planted, drawn by another seed, and the ways are valued
at them. `python -m benchmarks.trials_business` prints the figures of `benchmarks/README.md`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from scchelpers import business

NAMES = ("ask for less", "TCC", "static CLM", "dynamic CLM", "LMC", "reinforcement")


def made_up(rng: np.random.Generator) -> tuple[pd.DataFrame, business.Request]:
    """Return the table of options and the request of a random site."""
    requested_kva = float(rng.choice([60, 130, 300, 900, 3000]))
    dsc_kva = float(rng.choice([0.0, 0.5, 2.0])) * requested_kva
    wanted_kwh = requested_kva * rng.uniform(100, 2500)
    lost = {"ask for less": 0.05, "TCC": 0.1, "static CLM": 0.2, "dynamic CLM": 0.05, "LMC": 0.03}
    rows = {
        name: {
            "possible": name == "reinforcement" or bool(rng.random() < 0.8),
            "asked_kva": 0.0 if name.endswith("CLM") else requested_kva,
            "wanted_kwh": wanted_kwh,
            "unserved_kwh": wanted_kwh * rng.uniform(0, lost.get(name, 0.0)),
            "protection_ends": rng.integers(2, 15) if rng.random() < 0.3 else np.nan,
        }
        for name in NAMES
    }
    options = pd.DataFrame.from_dict(rows, orient="index")
    options.loc["ask for less", "asked_kva"] *= rng.uniform(0.2, 0.8)
    options.loc["reinforcement", "protection_ends"] = np.nan
    rapid = float(rng.choice([0.0, 0.0, 0.5, 1.0]))
    kind = str(rng.choice(["transformer", "feeder", "primary"], p=[0.6, 0.3, 0.1]))
    request = business.Request(
        15,
        requested_kva,
        dsc_kva,
        ((kind, float(rng.uniform(0.1, 1)) * requested_kva),),
        {"ac": 1 - rapid, "dc": rapid} if rng.random() < 0.8 else {"fleet": 1.0},
        0.2 * dsc_kva,
        requested_kva * rng.uniform(0.8, 3),
        rapid,
        11.0 if requested_kva > 500 else 0.4,
    )
    return options, request


def calibration(*, sites: int = 200, futures: int = 100, draws: int = 2000, seed: int = 1) -> dict:
    """Return how far claims and planted futures agree.

    Parameters
    ----------
    sites, futures : int
        Made-up sites, and futures planted for each.
    draws : int
        Draws of a claim, as in the reports.
    seed : int
        Of sites and futures.

    Returns
    -------
    dict
        bias, mean claimed less true frequency of being ahead; inside, share of the planted futures
        in the claimed nine of ten; close_ahead, frequency of being ahead where "too close to call"
        was claimed; table, claimed and true by tenths of the claim.
    """
    rng, prices, rows = np.random.default_rng(seed), business.Prices(), []
    for number in range(sites):
        options, request = made_up(rng)

        def ways(own, options=options, request=request):
            return business.ways(options, request, own)

        claims = business.headline(business.worth(ways, prices, draws=draws, seed=number))
        planted = business.worth(ways, prices, draws=futures, seed=10_000_000 + number)
        claims = claims.drop("reinforcement")
        planted = planted[claims.index]
        low, high = claims["worth_low_gbp"], claims["worth_high_gbp"]
        rows.append(
            pd.DataFrame(
                {
                    "claimed": claims["ahead_probability"],
                    "true": (planted > 0).mean(),
                    "inside": planted.ge(low).mul(planted.le(high)).mean(),
                    "close": claims["close"],
                }
            )
        )
    found = pd.concat(rows)
    tenth = pd.cut(found["claimed"], np.linspace(0, 1, 11), include_lowest=True)
    table = found.groupby(tenth, observed=True).agg(
        ways=("claimed", "size"), claimed=("claimed", "mean"), true=("true", "mean")
    )
    return {
        "bias": float((found["claimed"] - found["true"]).mean()),
        "inside": float(found["inside"].mean()),
        "close_ahead": float(found.loc[found["close"], "true"].mean()),
        "table": table,
    }


if __name__ == "__main__":
    result = calibration()
    print(result.pop("table").round(3).to_string())
    print({name: round(value, 4) for name, value in result.items()})
