"""Trials on measured sessions: coincidence by charger class, and a 16:30-18:30 limit by rule.

Run as `python benchmarks/trials.py FOLDER [FOLDER …]` on imported portfolios. The limit is a share
of the ratings of each site inside the window; what the record itself cannot place within the stay
(stamps cut to the minute) is taken off, so that the figures are those of the limit alone.
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import charging, diversity, timebase
from scchelpers.portfolio import Portfolio, Site

RULES = ("equal", "fcfs", "edf", "llf", "proportional")
SHORT_KWH = 0.01


def window_limit(site: Site, share: float) -> xr.DataArray:
    """Return a limit of `share` of the site's ratings from 16:30 to 18:30 on its clock [kW]."""
    rated_kw = site.chargepoints["rated_kw"].sum()
    end = site.sessions["plug_out"].max() + pd.Timedelta("1D")
    time = timebase.grid(site.sessions["plug_in"].min(), end, "30min")
    inside = timebase.in_window(time, "16:30", "18:30", site.timezone)
    limit_kw = np.where(inside, share * rated_kw, rated_kw)
    return xr.DataArray(limit_kw, {"time": timebase.naive_utc(time)}, ("time",))


def by_rule(sites: list[Site], share: float) -> pd.DataFrame:
    """Return unserved energy, sessions short and sessions slowed under each rule."""
    rows = {}
    for rule in RULES:
        short = slowed = unserved_kwh = 0
        for site in sites:
            given = {"chargepoints": site.chargepoints, "sharing": rule}
            free = charging.simulate(site.sessions, None, **given).sessions
            held = charging.simulate(site.sessions, window_limit(site, share), **given).sessions
            lost_kwh = held["unserved_kwh"] - free["unserved_kwh"]
            unserved_kwh += lost_kwh.sum()
            short += int((lost_kwh > SHORT_KWH).sum())
            slowed += int((held["held_min"] > 0).sum())
        rows[rule] = {"unserved_kwh": round(unserved_kwh, 1), "short": short, "slowed": slowed}
    return pd.DataFrame.from_dict(rows, orient="index")


def by_class(sites: list[Site], placement: str) -> pd.DataFrame:
    """Return the coincidence factor of n chargepoints of one rating, drawn over all sites."""
    sessions = pd.concat([site.sessions for site in sites], ignore_index=True)
    chargepoints = pd.concat([site.chargepoints for site in sites])
    rows = []
    for rated_kw, cps in chargepoints.groupby("rated_kw"):
        own = sessions[sessions["evse_id"].isin(cps["evse_id"])]
        whole = replace(Site.of(own), chargepoints=cps.reset_index(drop=True))
        power_kw = diversity.demand(whole, placement)
        sizes = [n for n in (5, 10, 20) if n <= power_kw.sizes["evse"]]
        if not sizes:
            continue
        curve = diversity.coincidence(power_kw, sizes=[1, *sizes], samples=500, seed=0)
        for n in sizes:
            group = curve.sel(size=n)
            g = np.nanquantile(group["coincidence_factor"], [0.5, 0.95])
            admd_kw = np.nanquantile(group["admd_kw"], [0.5, 0.95])
            row = (rated_kw, power_kw.sizes["evse"], n, *g.round(3), *admd_kw.round(2))
            rows.append(row)
    names = ["rated_kw", "on record", "n", "g p50", "g p95", "admd_kw p50", "admd_kw p95"]
    return pd.DataFrame(rows, columns=names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="imported portfolios")
    parser.add_argument("--share", type=float, default=0.2, help="of the ratings, in the window")
    given = parser.parse_args()
    for folder in given.folders:
        portfolio = Portfolio.open(folder)
        sites = [portfolio.site(site_id) for site_id in portfolio.site_ids]
        count = sum(len(site.sessions) for site in sites)
        print(f"\n{folder}: {len(sites)} sites, {count:,} sessions")
        print(f"\n16:30-18:30 at {given.share:.0%} of the ratings\n{by_rule(sites, given.share)}")
        for placement in ("front", "spread"):
            print(
                f"\ncoincidence, {placement}\n{by_class(sites, placement).to_string(index=False)}"
            )


if __name__ == "__main__":
    main()
