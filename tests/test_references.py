"""The references belong to the notebooks as they stand, and any cell can be run again."""

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tests import references
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("0[1-9]*.ipynb"))


@pytest.mark.parametrize(("path", "site_id"), references.pairs(), ids=str)
def test_a_reference_holds_the_notebook_as_it_stands(path, site_id):
    kept = nbformat.read(references.path_of(path, site_id), as_version=4)
    own = [c for c in kept.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    now = nbformat.read(path, as_version=4).cells
    assert [c.source for c in own] == [c.source for c in now], "run `make references`"


@pytest.mark.parametrize(("path", "site_id"), references.pairs(), ids=str)
def test_a_reference_is_the_same_on_every_machine(path, site_id):
    """A warning would print where the library lies on the machine that ran it."""
    kept = nbformat.read(references.path_of(path, site_id), as_version=4)
    said = [o for c in kept.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert said == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_can_be_run_twice(path):
    """What a cell says the second time is what it said the first time."""
    book = nbformat.read(path, as_version=4)
    book.cells = [cell for cell in book.cells for _ in range(1 + (cell.cell_type == "code"))]
    site_id = next(site_id for known, site_id in reversed(references.pairs()) if known == path)
    site = new_code_cell(f"site_id = {site_id!r}")
    place = next(n for n, c in enumerate(book.cells) if "parameters" in c.metadata.get("tags", []))
    book.cells.insert(place + 2, site)
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(book, kernel_name="python3", timeout=600, resources=place)
    done = client.execute().cells
    texts = [
        [o.get("data", {}).get("text/markdown") for o in c.outputs]
        for c in done
        if c.cell_type == "code" and c.source.startswith("%%say")
    ]
    assert texts[::2] == texts[1::2]
