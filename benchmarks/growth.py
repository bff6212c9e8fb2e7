"""How the cost of notebook 06 grows with the sites of a feeder.

    python benchmarks/growth.py --sites 1 5 20 --apart

makes portfolios of n sites with 60 days of a demo site's sessions, all on one asset or (`--apart`)
each on its own, and runs the notebook in this process: for the first site, which works out what is
the same for all, and for one more. The table of options (08) is left out: it is made before 06.
Also runs from an older checkout (PYTHONPATH), where every site did all of it again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import xarray as xr
from IPython.core.interactiveshell import InteractiveShell

import scchelpers
from scchelpers import choice

ROOT = Path(scchelpers.__file__).parents[1]
DEMO, DONOR, ASSET = ROOT / "data" / "demo", "elm-road-lamps", "elm-road-tx"
DAYS, ASKED_KVA = 60, 60.0


def made(folder: Path, many: int, *, apart: bool) -> list[str]:
    """Write a portfolio of `many` sites and return their names."""
    folder.mkdir()
    shutil.copy(DEMO / "portfolio.toml", folder)
    names = [f"site-{k:03d}" for k in range(many)]
    on = {name: f"asset-{k if apart else 0:03d}" for k, name in enumerate(names)}
    sites = pd.read_csv(DEMO / "sites.csv", dtype=str).set_index("site_id").loc[[DONOR] * many]
    days = pd.date_range("2020-01-01", periods=many).strftime("%Y-%m-%d")
    sites = sites.reset_index(drop=True).assign(
        site_id=names, name=names, requested_kva=ASKED_KVA, asset_id=list(on.values()),
        network_id="", network_node="", applied_on=days,
    )  # fmt: skip
    sites.to_csv(folder / "sites.csv", index=False)
    points = pd.read_csv(DEMO / "chargepoints.csv", dtype=str)
    points = points[points["site_id"] == DONOR]
    sessions = pd.read_parquet(DEMO / "sessions.parquet")
    sessions = sessions[sessions["site_id"] == DONOR]
    first = sessions["plug_in"].min().ceil("1D") + pd.Timedelta("30D")
    sessions = sessions[sessions["plug_in"].between(first, first + pd.Timedelta(days=DAYS))]

    def copied(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
        parts = [
            frame.assign(site_id=name, **{c: name + "-" + frame[c].astype(str) for c in columns})
            for name in names
        ]
        return pd.concat(parts, ignore_index=True)

    copied(points, "evse_id").to_csv(folder / "chargepoints.csv", index=False)
    copied(sessions, "evse_id", "session_id").to_parquet(folder / "sessions.parquet")
    place = {"group": f"network_kva/{ASSET}", "chunks": None, "consolidated": False}
    load = xr.open_zarr(DEMO / "loads.zarr", **place).load()
    start = first.tz_localize(None).to_datetime64()
    load = load.sel(time=slice(start, start + pd.Timedelta(days=DAYS)))
    rating = float(load["network_kva"].max()) + (1 if apart else many) * ASKED_KVA / 2
    asset = pd.read_csv(DEMO / "assets.csv", dtype=str).set_index("asset_id").loc[ASSET]
    ratings = {name: rating for name in asset.index if name.startswith("rating_")}
    rows = [
        {"asset_id": name, **asset, **ratings, "name": name, "parent_id": ""}
        for name in dict.fromkeys(on.values())
    ]
    pd.DataFrame(rows).to_csv(folder / "assets.csv", index=False)
    for row in rows:
        place = {"group": f"network_kva/{row['asset_id']}", "mode": "a"}
        for name in load.variables:
            load[name].encoding = {}
        load.to_zarr(folder / "loads.zarr", **place, zarr_format=3, consolidated=False)
    return names


def run(folder: Path, site_id: str) -> float:
    """Return the CPU seconds of notebook 06 at a site [s]."""
    cells = json.loads((ROOT / "notebooks" / "06_constraint_schemes.ipynb").read_text())["cells"]
    shell, begun = InteractiveShell.instance(), time.process_time()
    shell.reset(new_session=False)
    for cell in cells:
        text = "".join(cell["source"])
        if "parameters" in cell["metadata"].get("tags", []):
            text += f"\nportfolio, site_id = {str(folder)!r}, {site_id!r}\n"
        if cell["cell_type"] == "code":
            with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
                shell.run_cell(text).raise_error()
    return time.process_time() - begun


def main() -> None:
    """Print CPU seconds by number of sites."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sites", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--apart", action="store_true", help="each site on an asset of its own")
    given = parser.parse_args()
    row = {"possible": True, "why_not": "", "availability": 1.0, "restricted_h": 0.0,
           "unserved_kwh": 0.0, "unserved_share": 0.0}  # fmt: skip
    options = pd.DataFrame({"LMC": row, "CMC": row}).T
    choice.decided = lambda folder, site_id: SimpleNamespace(options=options)
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        os.environ["SCC_DECISIONS"] = f"{work}/kept"
        run(Path(work, "warm"), made(Path(work, "warm"), 1, apart=False)[0])
        for many in given.sites:
            folder = Path(work, f"of-{many}")
            names = made(folder, many, apart=given.apart)
            first, last = run(folder, names[0]), run(folder, names[-1])
            later = last if many > 1 and not given.apart else first
            rows[many] = {"first": first, "one more": last, "all": first + (many - 1) * later}
            rows[many]["a site"] = rows[many]["all"] / many
            print(f"{many} sites:", {name: round(cpu, 1) for name, cpu in rows[many].items()})
    print(pd.DataFrame(rows).T.rename_axis("sites").round(1).to_string())


if __name__ == "__main__":
    main()
