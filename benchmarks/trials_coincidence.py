"""Trial on measured data: the headroom of a feeder as the limit of public charging sites.

Run as `python benchmarks/trials_coincidence.py FOLDER` on a folder with `wpd_feeders` and
`perth_kinross_sessions`. The sessions (Perth & Kinross, 2017 to 2019) meet the feeders (south-west
England, 2019 to 2021) moved by whole weeks, clock on clock: a scenario. The rating is set, as a
share of the highest load on record. False alarms and power are in `trials_intervals.py`.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from scchelpers import coincidence, importers, measures, timebase
from scchelpers.diversity import counted
from scchelpers.portfolio import Portfolio, Site

FEEDERS = {
    "staplegrove": (["half_hourly_power_staplegrove.csv"], {"unit": "MW"}),
    "mousehole": (["MW_Mousehole*observation*.csv", "MW_Mousehole*target*.csv"], {}),
}
POWER_FACTOR = 0.98
FIRST = pd.Timestamp("2017-09-01", tz="UTC")


def imported(folder: Path, into: Path) -> Portfolio:
    """Import the sessions and the feeders into one portfolio."""
    importers.run("sessions", sorted((folder / "perth_kinross_sessions").glob("*.csv")), into)
    for name, (patterns, options) in FEEDERS.items():
        files = [file for p in patterns for file in sorted((folder / "wpd_feeders").glob(p))]
        given = {"series": name, "power_factor": POWER_FACTOR} | options
        importers.run("loads", files, into, **given)
    return Portfolio.open(into)


def above(wanted: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return what lies above the limit [kW]."""
    return np.maximum(wanted - left, 0)


def row_of(site: Site, load_kva: xr.DataArray, rating: float, many: int) -> dict:
    """Return both views and the tests of a site under a feeder rated at a share of its peak."""
    requested_kw = site.requested_kw or float(counted(site.chargepoints)["rated_kw"].sum())
    room = (rating * load_kva.max() - load_kva) * POWER_FACTOR
    limit_kw = room.clip(0.0, requested_kw).assign_attrs(units="kW")
    sessions = site.sessions[site.sessions["plug_in"] >= FIRST]
    end = sessions["plug_out"].max() + pd.Timedelta("1D")
    time = timebase.grid(FIRST, end, "30min")
    moved = coincidence.transferred(limit_kw, time, to_zone=site.timezone)
    # The months before the feeder's record begins are no part of the case.
    moved = moved.isel(time=slice(*np.flatnonzero(~np.isnan(moved.to_numpy()))[[0, -1]]))
    free, held = coincidence.charge(sessions, site.chargepoints, moved, requested_kw)
    dno = measures.dno_measures(moved, requested_kw)
    customer = measures.customer_measures(free, held, requested_kw=requested_kw)
    names = ("restricted_h", "full_h", "equivalent_full_h", "events")
    names += ("event_p50_h", "event_p90_h", "event_max_h")
    row = {"requested_kw": requested_kw, "years": float(dno["observed_h"]) / timebase.YEAR_H}
    row |= {"availability": float(dno["availability"])} | {n: float(dno[n]) for n in names}
    names = ("sessions", "wanted_share", "loss_share", "wanted_kwh", "lost_kwh", "unserved_kwh")
    row |= {name: float(customer[name]) for name in (*names, "short_sessions", "delay_p90_min")}
    wanted, left = coincidence.by_day(
        free.power_kw, coincidence.limit_on(moved, free.power_kw), timezone=site.timezone
    )
    calendar = coincidence.weeks(wanted.index, timezone=site.timezone)
    full_kw = requested_kw - 1e-9
    losses = {
        "lost_kwh": above,
        "restricted_kwh": lambda w, kw: w * np.where(np.isnan(kw), np.nan, kw < full_kw),
    }
    for measure, loss in losses.items():
        made = coincidence.swapped(wanted, left, calendar, loss, permutations=many)
        test = coincidence.effect(*made)
        for name in ("own_kwh", "expected_kwh", "ratio", "low", "high", "p"):
            row[f"{measure} {name}"] = test[name]
    whole = (wanted.notna() & left.notna()).all(axis=1)
    wanted, left = wanted[whole], left[whole]
    slots = left.shape[1]
    turned = [
        above(wanted.to_numpy(), np.roll(left.to_numpy(), k * slots // 48, axis=1)).sum()
        for k in range(48)
    ]
    row["clock ratio"] = turned[0] / np.mean(turned) if max(turned) else np.nan
    return row


def main() -> None:
    """Print the trial as tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rating", type=float, default=0.85, help="share of the highest load")
    parser.add_argument("--permutations", type=int, default=9999)
    asked = parser.parse_args()
    pd.set_option("display.width", 240, "display.max_columns", 60, "display.max_rows", 80)
    with tempfile.TemporaryDirectory() as into:
        portfolio = imported(asked.folder, Path(into))
        for feeder in FEEDERS:
            load_kva = portfolio.loads("network_kva", feeder)["network_kva"].load()
            sites = {site_id: portfolio.site(site_id) for site_id in portfolio.site_ids}
            rows = {
                name: row_of(site, load_kva, asked.rating, asked.permutations)
                for name, site in sites.items()
                if (site.sessions["plug_in"] >= FIRST).sum() > 0
            }
            print(f"\n{feeder}, rated at {asked.rating:.0%} of its highest half hour")
            table = pd.DataFrame(rows)
            for measure in ("lost_kwh", "restricted_kwh"):
                table.loc[f"{measure} adjusted p"] = coincidence.adjusted(table.loc[f"{measure} p"])
            print(table.round(4).to_string())


if __name__ == "__main__":
    main()
