"""The demo portfolio: twelve synthetic GB sites and one measured garage.

What each figure is calibrated to stands in `calibration` and, beside what the demo shows, in
`data/README.md`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from make_demo import calibration as cal
from make_demo import loads, measured, metered
from make_demo.assets import ASSETS, DemoAsset
from make_demo.ground import on_ground
from make_demo.networks import NETWORKS, PLACES
from make_demo.sessions import Fleet, fleet, place, visits
from make_demo.sites import SITES, DemoSite
from scchelpers.portfolio import store
from scchelpers.site import charger_kind
from scchelpers.timebase import naive_utc

HEADER = {
    "name": "demo",
    "title": "Demo portfolio: thirteen charging sites",
    "description": (
        f"Twelve made-up GB sites over {cal.YEAR}, calibrated to published figures, and one "
        "measured garage in California (2019). data/README.md names every source."
    ),
    "sources": (
        {
            "title": "Synthetic sites and networks of this project",
            "licence": "MIT",
            "attribution": (
                "Arrival hours of public chargepoints: Perth & Kinross Council, OGL v3; feeder "
                "shapes: Western Power Distribution (now NGED) Open Data Licence; the rest in "
                "data/README.md"
            ),
            "provenance": "synthetic",
        },
        measured.SOURCE,
    ),
}
# Numbers that seed the weather and the assets must not meet those of the sites.
WEATHER = 0


def build(folder: str | os.PathLike, seed: int = 2025) -> None:
    """Write the demo portfolio; the same seed gives the same bytes.

    Parameters
    ----------
    folder : path-like
        Portfolio folder, made if it is not there.
    seed : int
        Seed. Each site and asset has a generator of its own, `[seed, number]`.
    """
    folder = Path(folder)
    warmth = loads.temperature(np.random.default_rng([seed, WEATHER]))
    garage = measured.read()
    points, drawn, residuals = [chargepoints(site) for site in SITES], [], {}
    for site, evses in zip(SITES, points, strict=True):
        rng = np.random.default_rng([seed, site.number])
        drawn.append(sessions(site, evses, warmth, rng))
        if site.residual is not None:
            load = residual(site, warmth, rng)
            store.write_loads(folder, "residual_kw", site.row["site_id"], load)
            residuals[site.row["site_id"]] = load["residual_kw"].to_numpy()
    for asset in ASSETS:
        load = network(asset, warmth, np.random.default_rng([seed, asset.number]))
        store.write_loads(folder, "network_kva", asset.row["asset_id"], load)
    for network_id, draw in NETWORKS.items():
        store.write_network(folder, network_id, draw().text())
    charged = zip(SITES, points, drawn, strict=True)
    for site_id, evses, stays in ((s.row["site_id"], e, d) for s, e, d in charged):
        if site_id in metered.METERS:
            load = metered.METERS[site_id](stays, evses, residuals.get(site_id))
            store.write_loads(folder, "import_kw", site_id, load)
    store.write_register(folder, pd.DataFrame(metered.ENTRIES))
    sockets = pd.DataFrame({"evse_id": sorted(garage["evse_id"].unique())}).assign(
        site_id=measured.SITE_ID, rated_kw=measured.SOCKET_KW, phases=1, kind="slow"
    )
    rows = [
        site.row | PLACES.get(site.row["site_id"], {}) | {"provenance": "synthetic"}
        for site in SITES
    ]
    rows.append(measured.ROW)
    rows = [on_ground(row, "site_id") for row in rows]
    store.write_table(folder, "sites.csv", pd.DataFrame(rows))
    store.write_table(
        folder, "chargepoints.csv", pd.concat([*points, sockets]).drop(columns="group")
    )
    store.write_table(
        folder, "assets.csv", pd.DataFrame([on_ground(asset.row, "asset_id") for asset in ASSETS])
    )
    store.write_sessions(folder, pd.concat([*drawn, garage], ignore_index=True))
    store.write_header(folder, **HEADER)


def chargepoints(site: DemoSite) -> pd.DataFrame:
    """Return the rows of `chargepoints.csv` of a site; its sockets share units where told."""
    rows = []
    for name, group in site.groups.items():
        for n in range(group.count):
            unit = f"{site.row['site_id']}-{name}-{n // group.sockets + 1:02d}"
            socket = "abcd"[n % group.sockets] if group.sockets > 1 else ""
            rows.append(
                {
                    "evse_id": unit + socket,
                    "site_id": site.row["site_id"],
                    "rated_kw": group.rated_kw,
                    "phases": group.phases,
                    "kind": charger_kind(group.rated_kw),
                    "unit_id": unit if group.sockets > 1 else None,
                    "group": name,
                }
            )
    return pd.DataFrame(rows)


def sessions(
    site: DemoSite, evses: pd.DataFrame, warmth: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Return a year of sessions of a site, numbered in order of plugging in."""
    parts = []
    for name, group in evses.groupby("group", sort=False):
        ids = group["evse_id"].tolist()
        rated_kw = group.set_index("evse_id")["rated_kw"]
        kinds = [kind for kind in site.use if kind.group == name]
        callers = [visits(k, rated_kw, warmth, rng) for k in kinds if not isinstance(k, Fleet)]
        if callers:
            parts.append(place(pd.concat(callers), ids, rng))
        parts += [fleet(kind, ids, warmth, rng) for kind in kinds if isinstance(kind, Fleet)]
    rows = pd.concat(parts).sort_values(["plug_in", "evse_id"], ignore_index=True)
    site_id = site.row["site_id"]
    numbers = [f"{site_id}-{n:05d}" for n in range(1, len(rows) + 1)]
    return rows.assign(session_id=numbers, site_id=site_id)


def residual(site: DemoSite, warmth: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    """Return a site's load other than charging [kW]; at 1 minute with its large machines."""
    times = loads.year_grid(site.step)
    if site.step != "1min":
        power = loads.shaped(site.residual, times, warmth, rng)
        return loads.dataset("residual_kw", times, np.maximum(power, 0), 1)
    # The yard's base load moves by the half hour; its hoist and compressor by the minute.
    half_hours = loads.year_grid("30min")
    base = np.repeat(loads.shaped(site.residual, half_hours, warmth, rng), 30)
    hoist = loads.runs(times, 60.0, 5.0, (3, 9), (8, 17), 6, rng)
    compressor = loads.cycling(times, 11.0, 12, 35, rng)
    return loads.dataset("residual_kw", times, base + hoist + compressor, 1)


def network(asset: DemoAsset, warmth: np.ndarray, rng: np.random.Generator) -> xr.Dataset:
    """Return an asset's load before the new sites [kVA], with its extremes in the half hour."""
    times = loads.year_grid("30min")
    mean = loads.shaped(asset.shape, times, warmth, rng)
    for power in asset.machine_kva:
        mean = mean + loads.runs(times, power, 0.9, (60, 300), (0, 24), 7, rng)
    spread = cal.PEAK_WITHIN_HALF_HOUR
    up, down = np.exp(
        np.log(spread.median) + spread.sigma * rng.standard_normal((2, len(times)))
    ) * np.abs(mean)
    if asset.pv_kva:
        sun = loads.photovoltaics(times, asset.pv_kva, rng)
        mean, swing = mean - sun, 0.35 * sun * rng.random(len(times))
        up, down = up + swing, down + swing
    names = ("network_kva", "network_max_kva", "network_min_kva")
    values = (mean, mean + up, mean - down)
    stored = {n: ("time", np.round(v, 0)) for n, v in zip(names, values, strict=True)}
    return xr.Dataset(stored, {"time": naive_utc(times)})
