"""The executed notebooks of two sites, text and tables, that `make test` compares strictly.

`python -m tests.references` renews them: a changed number or sentence is then seen in a diff.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import papermill

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "references"
SITES = ("elm-road-lamps", "kelvin-van-depot")
LACKING = {
    ("03_clm_volatility", "elm-road-lamps"),  # no other load on record
    ("09_compliance", "kelvin-van-depot"),  # not in the register
}
GIVEN = {"portfolio": "../../data/demo"}  # as seen from the folder of the references


def pairs(names: list[str] = ()) -> list[tuple[Path, str]]:
    """Return notebooks and sites that have a reference."""
    books = sorted((ROOT / "notebooks").glob("0[1-9]*.ipynb"))
    chosen = [path for path in books if not names or path.stem.startswith(tuple(names))]
    return [(p, site) for p in chosen for site in SITES if (p.stem, site) not in LACKING]


def path_of(notebook: Path, site_id: str) -> Path:
    """Return where the reference of a notebook at a site is kept."""
    return FOLDER / f"{notebook.stem}.{site_id}.ipynb"


def executed(notebook: Path, site_id: str) -> nbformat.NotebookNode:
    """Return a notebook run at a site, as it is kept: without pictures, times and paths."""
    os.environ |= {"SCC_COMPARED": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    given = {**GIVEN, "site_id": site_id}
    source = nbformat.read(notebook, as_version=4)
    made = papermill.execute_notebook(
        source, None, given, kernel_name="python3", cwd=str(FOLDER), progress_bar=False
    )
    made.metadata.pop("papermill", None)
    made.metadata.pop("widgets", None)
    for number, cell in enumerate(made.cells):
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell["id"] = f"injected-{number}"
    return made


def main(names: list[str]) -> None:
    """Renew all references, or those whose notebooks begin with one of the names."""
    FOLDER.mkdir(exist_ok=True)
    for notebook, site_id in pairs(names):
        nbformat.write(executed(notebook, site_id), path_of(notebook, site_id))
        print(f"renewed {path_of(notebook, site_id).relative_to(ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
