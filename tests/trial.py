"""A portfolio of a few lines on which the runner is tried, and the notebooks for it."""

from pathlib import Path

from scchelpers.runner import batch

NOTEBOOKS = Path(__file__).with_name("notebooks")
HOSTILE = "<script>alert(1)</script>"

HEADER = """\
name = "trial"
title = "Trial portfolio"
description = "Invented sites."

[[sources]]
title = "Invented for tests"
licence = "MIT"
provenance = "synthetic"
"""
SITES = f"""\
site_id,name,site_type,provenance
north-car-park,North car park,car_park,measured
south-depot,South depot,bus_depot,synthetic
odd,{HOSTILE},other,synthetic
../../x,Escape artist,other,synthetic
"""
FIRST = {"chargepoints": "5", "fault": "raise"}
_made: list[batch.RunSummary] = []


def write_portfolio(folder: Path, sites: str = SITES) -> Path:
    """Write the trial portfolio."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "portfolio.toml").write_text(HEADER, encoding="utf-8")
    (folder / "sites.csv").write_text(sites, encoding="utf-8")
    return folder


def first_run(tmp_path_factory) -> batch.RunSummary:
    """Run the report notebook over the trial portfolio, once for all tests; one site fails."""
    if not _made:
        place = tmp_path_factory.mktemp("trial")
        made = batch.run(
            write_portfolio(place / "data" / "trial"),
            notebooks=["01"],
            parameters=FIRST,
            notebook_folder=NOTEBOOKS,
            out=place / "reports" / "trial",
            progress="none",
        )
        _made.append(made)
    return _made[0]
