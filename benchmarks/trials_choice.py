"""Trial on measured data: which scheme public sites would take beside measured feeders.

Run as `python benchmarks/trials_choice.py FOLDER INTO` on a folder with `wpd_feeders` and
`perth_kinross_sessions`; then `scc run INTO --notebook 08_scheme_choice`. A scenario: sessions of
Perth & Kinross (September 2018 to August 2019) meet feeders in south-west England two years later,
moved back by 104 weeks. Ratings, requests and order of application are set here.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers import importers
from scchelpers.portfolio import Portfolio, store
from scchelpers.portfolio.tables import RATING_SEASONS

FEEDERS = {
    "staplegrove": (["half_hourly_power_staplegrove.csv"], {"unit": "MW"}),
    "mousehole": (["MW_Mousehole*observation*.csv", "MW_Mousehole*target*.csv"], {}),
}
POWER_FACTOR = 0.98
RATING = 1.05  # over the highest load in the year
BACK = np.timedelta64(7 * 104, "D")
APPLIED = pd.Timestamp("2018-01-08")
FIRST, LAST = pd.Timestamp("2018-09-01"), pd.Timestamp("2019-08-30")
AWAY = ("friarton-depot-perth", "market-square-alyth")  # sites without a network on record


def moved(folder: Path, name: str):
    """Return a feeder's load [kVA] in the year of the sessions."""
    patterns, options = FEEDERS[name]
    files = [file for p in patterns for file in sorted((folder / "wpd_feeders").glob(p))]
    found = importers.read("loads", files, series=name, power_factor=POWER_FACTOR, **options)
    load = found.loads["network_kva", name]
    load = load.assign_coords(time=load["time"].to_numpy() - BACK)
    return load.sel(time=slice(FIRST, LAST - pd.Timedelta("30min")))


def scenario(folder: Path, into: Path) -> None:
    """Write the portfolio of the scenario."""
    importers.run("sessions", sorted((folder / "perth_kinross_sessions").glob("*.csv")), into)
    portfolio = Portfolio.open(into)
    sites = portfolio.sites.copy()
    for place, site_id in enumerate(sites.index):
        rated_kw = portfolio.site(site_id).chargepoints["rated_kw"].sum()
        sites.loc[site_id, "requested_kva"] = np.ceil(rated_kw / POWER_FACTOR / 10) * 10
        if site_id not in AWAY:
            sites.loc[site_id, "asset_id"] = list(FEEDERS)[place % 2]
            sites.loc[site_id, "applied_on"] = APPLIED + place * pd.Timedelta("28D")
    sites["power_factor"], sites["connection_kv"] = POWER_FACTOR, 0.4
    assets = []
    for name in FEEDERS:
        load = moved(folder, name)
        rating_kva = float(np.ceil(RATING * load["network_kva"].max() / 10) * 10)
        rating = {f"rating_{season}_kva": rating_kva for season in RATING_SEASONS}
        named = {"asset_id": name, "name": f"{name.title()} feeder", "kind": "feeder"}
        assets.append(named | rating)
        store.write_loads(into, "network_kva", name, load)
    store.write_table(into, "assets.csv", pd.DataFrame(assets))
    store.write_table(into, "sites.csv", sites.reset_index(drop=True))
    store.write_header(
        into,
        name="perth-kinross",
        title="Scenario: Perth & Kinross chargepoints on measured feeders",
        description=(
            "Measured sessions and measured feeders that never met: ratings, requests and order of "
            "application are assumed."
        ),
        sources=[
            {
                "title": "Perth & Kinross Council, charging station usage, 2018 to 2019",
                "licence": "Open Government Licence v3.0",
                "provenance": "measured",
            },
            {
                "title": "Western Power Distribution (now NGED), primary feeders, 2020 to 2021",
                "licence": "WPD Open Data Licence",
                "provenance": "measured, moved back by 104 weeks",
            },
        ],
    )


def main() -> None:
    """Write the scenario."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("into", type=Path)
    given = parser.parse_args()
    scenario(given.folder, given.into)


if __name__ == "__main__":
    main()
