"""How the cost of notebook 10 grows with the assets of a portfolio.

    python benchmarks/where_to_connect.py --assets 6 12
    python benchmarks/where_to_connect.py --published 20 100 500

The first judges constructed assets by hour, a year each, in this process: the largest number of
22 kW chargepoints in every way, the firm request today and in five years, and a priced option. A
third of them have room, a third at night only, a third none. The second makes the tables of a
network operator into a portfolio without sites and reads what is published. CPU seconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import scchelpers
from scchelpers import business, choice, importers, places
from scchelpers.choice.network import Network
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.tables import RATING_SEASONS

DEMO = Path(scchelpers.__file__).parents[1] / "data" / "demo"
SHARES = (2.0, 1.02, 0.9)  # rating as a share of the highest load


def judged(many: int) -> float:
    """Return the CPU time of as many places [s]."""
    folder, terms = Portfolio.open(DEMO), choice.Terms()
    use = places.Use.of(folder, 22.0, site_type="on_street")
    load = folder.loads("network_kva", "market-tx")["network_kva"].load()
    rng, prices = np.random.default_rng(0), business.Prices()
    start = time.process_time()
    for k in range(many):
        kva = load * rng.uniform(0.5, 1.5)
        rating = pd.Series(float(kva.max()) * SHARES[k % 3], RATING_SEASONS)
        network = Network.of({"a": (kva, rating)}, margin_share=0.02, timezone=folder.timezone)
        one = places.Place("a", network, {"a": "a"}, {"a": "transformer"}, use, terms, 32)
        found = {way: one.largest(way) for way in places.WAYS}
        one.firm_kva(terms.planned_years)
        way = max(found, key=found.get)
        if found[way]:
            one.options(found[way], (way,), prices)
    return time.process_time() - start


def published(many: int) -> float:
    """Return the CPU time to import as many rows and to read what is published [s]."""
    rng = np.random.default_rng(0)
    firm_mva = rng.uniform(5, 40, many)
    rows = pd.DataFrame(
        {
            "mrid": [f"p{k}" for k in range(many)],
            "name": [f"Place {k} Primary" for k in range(many)],
            "type": "Primary",
            "gsp": "",
            "bsp": "",
            "latlon": [f"{54 + k / many:.4f}, -1.5" for k in range(many)],
            "demandfirmcapacity": firm_mva,
            "demandmaximum": firm_mva * rng.uniform(0.3, 1.1, many),
            "demandcontractedcapacity": rng.uniform(0, 2, many),
        }
    )
    with tempfile.TemporaryDirectory() as place:
        rows.to_csv(Path(place, "table.csv"), sep=";", index=False)
        start = time.process_time()
        importers.run("assets", [Path(place, "table.csv")], Path(place, "p"), unit="MVA")
        assert len(places.published(Portfolio.open(Path(place, "p")))) == many
        return time.process_time() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, nargs="*", default=[])
    parser.add_argument("--published", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    for many in asked.assets:
        print(f"{many} assets judged by hour: {judged(many):.1f} CPU s", flush=True)
    for many in asked.published:
        print(f"{many} assets as published: {published(many):.1f} CPU s", flush=True)
