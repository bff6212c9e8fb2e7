"""A figure made the usual way is on the page, and a site that lacks data gets a short page."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from scchelpers.runner import batch
from tests.trial import write_portfolio

PARAMETERS = 'portfolio: str = "."  # folder\nsite_id: str = "odd"  # site of the report'
PLOT = "import pandas as pd\npd.Series([1.0, 2.0]).plot()"
BOOKS = {
    "01_plain": [PLOT],
    "02_shown": ["import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"],
    "03_inline": ["%matplotlib inline", PLOT],
    "04_styled": ["%load_ext scchelpers.report", PLOT],
    "05_lacks": [
        "from scchelpers.report import needs, record\nrecord(verdict='no load')",
        "needs(site_id == 'odd', 'Import a load for this site.')",
        "record(verdict='fits')",
    ],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("figures")
    for name, cells in BOOKS.items():
        parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
        code = [new_code_cell(source) for source in cells]
        book = new_notebook(cells=[new_markdown_cell(f"# {name}"), parameters, *code])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        (place / "books").mkdir(exist_ok=True)
        nbformat.write(book, place / "books" / f"{name}.ipynb")
    return batch.run(
        write_portfolio(place / "trial"),
        sites=["odd", "north-car-park"],
        notebook_folder=place / "books",
        out=place / "reports",
        progress="none",
        workers=1,
    )


@pytest.mark.parametrize("name", [name for name in BOOKS if name != "05_lacks"])
def test_a_figure_left_in_a_cell_is_published(made, name):
    assert not made.failed
    page = Path(made.folder, "odd", f"{name}.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 1
    assert 'alt=""' not in page


def test_a_site_that_lacks_data_is_told_what_to_supply_and_does_not_fail(made):
    page = Path(made.folder, "north-car-park", "05_lacks.html").read_text(encoding="utf-8")
    assert "Import a load for this site." in page
    table = Path(made.folder, "results.csv").read_text(encoding="utf-8").splitlines()
    found = {line.split(",")[0]: line.split(",")[-1] for line in table if "05_lacks" in line}
    assert found == {"odd": "fits", "north-car-park": "no load"}
