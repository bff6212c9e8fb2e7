"""Trial on measured data: one LMC on a feeder, shared by several public charging sites.

Run as `python benchmarks/trials_constraints.py FOLDER` on a folder with `wpd_feeders` and
`perth_kinross_sessions`. A scenario: the feeders (south-west England, 2019 to 2021) meet the
sessions (Perth & Kinross, 2017 to 2019) moved by whole weeks, clock on clock. The busiest sites
are taken to lie on the feeder, to ask for the sum of their chargepoints' ratings (a DC unit
counted once), and to have applied in the order in which their records begin. The rating is a share
of the feeder's highest half hour, so that the winter peak is constrained.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import xarray as xr
from trials_coincidence import FEEDERS, FIRST, POWER_FACTOR, imported

from scchelpers import coincidence, network, timebase
from scchelpers.diversity import counted
from scchelpers.network import Control, Group
from scchelpers.portfolio import Portfolio

RULES = ("lifo", "pro-rata")
DNO = ["availability", "restricted_h", "full_h", "equivalent_full_h", "events"]
DNO += ["event_p50_h", "event_p90_h", "event_max_h"]
CUSTOMER = ["sessions", "wanted_kwh", "wanted_share", "loss_share", "lost_kwh", "unserved_kwh"]
CUSTOMER += ["unserved_share", "short_sessions", "delay_p90_min"]
SHIFTED = ["restricted_h", "restricted_kwh", "lost_kwh", "unserved_kwh"]


def study_of(portfolio: Portfolio, load_kva: xr.DataArray, rating_kva: float, many: int) -> Group:
    """Return the busiest sites on one feeder, whose load is moved to the years of the sessions."""
    sites = [portfolio.site(site_id) for site_id in portfolio.site_ids]
    sites = sorted(sites, key=lambda s: -(s.sessions["plug_in"] >= FIRST).sum())[:many]
    sites.sort(key=lambda s: s.sessions["plug_in"].min())
    end = max(site.sessions["plug_out"].max() for site in sites)
    moved = coincidence.transferred(
        load_kva, timebase.grid(FIRST, end.ceil("1D"), "30min"), to_zone=sites[0].timezone
    )
    known = moved.dropna("time")
    # A gap inside the record stays a gap: nobody knows what would have been sent.
    moved = moved.sel(time=slice(known["time"][0], known["time"][-1]))
    rating = pd.Series(rating_kva, index=["winter", "spring", "summer", "autumn"])
    placed = []
    for site in sites:
        rated_kw = float(counted(site.chargepoints)["rated_kw"].sum())
        requested_kva = site.requested_kva or rated_kw / POWER_FACTOR
        meta = site.meta | {
            "asset_id": "feeder", "requested_kva": requested_kva, "power_factor": POWER_FACTOR
        }  # fmt: skip
        placed.append(replace(site, meta=meta, network_kva=moved, rating_kva=rating))
    return network.locally_managed(placed)


def report(study: Group, control: Control) -> None:
    """Print both views under both rules, the sensitivity to the limit, and the feeder's loading."""
    alone = network.overload(study, 0 * study.demand_kw)
    free = network.overload(study, study.free)
    loading = pd.concat({"load of others alone": alone, "without a scheme": free}).round(3)
    print(loading.to_string())
    for rule in RULES:
        limit_kw = network.limits(study, rule, control=control)
        views = network.views(study, limit_kw)
        held = network.overload(study, network.charge(study, limit_kw))
        print(f"\n{rule}: the DNO's view\n{views[DNO].round(3).to_string()}")
        print(f"{rule}: the customer's view\n{views[CUSTOMER].round(3).to_string()}")
        print(f"{rule}: loading\n{held.round(3).to_string()}")
    *earlier, last = list(study.sites)
    for rule in RULES:
        rows = {}
        for shift in (-0.02, -0.01, 0.0, 0.01, 0.02):
            shifted = replace(study, rating_kva=study.rating_kva * (1 + shift))
            limit_kw = network.limits(shifted, rule, control=control).sel(site=[last])
            rows[shift] = network.views(shifted, limit_kw).loc[last, SHIFTED]
        print(f"\n{rule}, limit of the network shifted, {last}\n{pd.DataFrame(rows).T.round(1)}")
        after = network.views(study, network.limits(study, rule, control=control).sel(site=earlier))
        alone = study.only(earlier)
        before = network.views(alone, network.limits(alone, rule, control=control))
        change = (after[SHIFTED] - before[SHIFTED]).round(2)
        print(f"\n{rule}, what the newcomer changes\n{change.to_string()}")


def main() -> None:
    """Print the trial as tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rating", type=float, default=0.85, help="share of the highest load")
    parser.add_argument("--sites", type=int, default=5)
    parser.add_argument("--feeder", choices=list(FEEDERS), nargs="+", default=list(FEEDERS))
    asked = parser.parse_args()
    pd.set_option("display.width", 240, "display.max_columns", 60)
    control = Control()
    print(control)
    with tempfile.TemporaryDirectory() as into:
        portfolio = imported(asked.folder, Path(into))
        for feeder in asked.feeder:
            load_kva = portfolio.loads("network_kva", feeder)["network_kva"].load()
            rating_kva = asked.rating * float(load_kva.max())
            began = time.process_time()
            study = study_of(portfolio, load_kva, rating_kva, asked.sites)
            requested = study.requested_kw.round(0).to_series().to_dict()
            print(
                f"\n== {feeder}: highest {float(load_kva.max()):,.0f} kVA, rated "
                f"{rating_kva:,.0f} kVA; {study.years:.2f} years; asked for [kW] {requested}"
            )
            report(study, control)
            print(f"CPU {time.process_time() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()
