"""The first hour runs as it stands; what an analyst leaves beside the notebooks harms no batch."""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.runner import job, notebooks
from tests.conftest import ROOT

FIRST = ROOT / "notebooks/00_start_here.ipynb"


@pytest.fixture
def desk(tmp_path):
    """Return a folder of notebooks in which somebody has worked."""
    own = ROOT / "notebooks/01_load_diversity.ipynb"
    shutil.copy(own, tmp_path / "01_load_diversity.ipynb")
    shutil.copy(own, tmp_path / "01_load_diversity-Copy1.ipynb")
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "Untitled.ipynb")
    (tmp_path / "broken.ipynb").write_text("half of a note")
    shutil.copy(FIRST, tmp_path)
    return tmp_path


def test_the_first_hour_runs_and_leaves_nothing_behind(tmp_path):
    before = sorted(path.name for path in FIRST.parent.iterdir())
    book = nbformat.read(FIRST, as_version=4)
    place = {"metadata": {"path": str(FIRST.parent)}}
    done = NotebookClient(book, kernel_name="python3", timeout=300, resources=place).execute()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    pictures = [output for output in outputs if "image/svg+xml" in output.get("data", {})]
    assert len(pictures) == 2
    said = [
        output["data"]["text/markdown"]
        for output in outputs
        if "text/markdown" in output.get("data", {})
    ]
    assert "go without 17.2" in said[0].replace("\u202f", " ")
    assert sorted(path.name for path in FIRST.parent.iterdir()) == before


def test_a_batch_passes_over_what_is_no_question(desk):
    assert [path.stem for path in notebooks.find(desk)] == ["01_load_diversity"]
    idle = ["00_start_here", "01_load_diversity-Copy1", "Untitled", "broken"]
    assert notebooks.passed_over(desk) == idle
    assert [path.stem for path in notebooks.find(desk, ["01_load_diversity-Copy1"])] == idle[1:2]


def test_a_session_in_the_lab_is_no_change_of_a_notebook(desk):
    path = desk / "01_load_diversity.ipynb"
    before = job.provenance(path)["notebook_sha256"]
    book = nbformat.read(path, as_version=4)
    code = next(cell for cell in book.cells if cell.cell_type == "code")
    code.outputs, code.execution_count = [nbformat.v4.new_output("stream", text="seen")], 7
    nbformat.write(book, path)
    assert job.provenance(path)["notebook_sha256"] == before
    code.source += "\nmore = 1"
    nbformat.write(book, path)
    assert job.provenance(path)["notebook_sha256"] != before


def test_a_notebook_finds_its_portfolio_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Portfolio.open("../data/demo").name == "demo"
    with pytest.raises(UserError, match=str(tmp_path / "data")):
        Portfolio.open("data")


def jupyter(place, *words):
    """Run a command of the ecosystem in a folder, with what an installation lays out for it."""
    laid = ROOT / "scchelpers/report/jupyter"
    paths = {"JUPYTER_PATH": laid, "JUPYTER_CONFIG_PATH": laid, "PYTHONPATH": ROOT}
    env = os.environ | {name: str(path) for name, path in paths.items()}
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=300)


def test_papermill_and_nbconvert_work_from_another_folder(tmp_path):
    path = ROOT / "notebooks/01_load_diversity.ipynb"
    run = ("papermill", "--no-progress-bar", path, "out.ipynb", "-p")
    done = jupyter(tmp_path, *run, "site_id", "village-hall")
    assert not done.returncode, done.stderr
    done = jupyter(tmp_path, "nbconvert", "--to", "html", "out.ipynb")
    assert not done.returncode, done.stderr
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<title>How much do n chargepoints really draw together?</title>" in page
    told = re.findall(r'<img alt="([^"]*)', page)
    assert len(told) > 3 and all(len(alt) > 20 and "No description" not in alt for alt in told)
    done = jupyter(tmp_path, *run, "portfolio", "nowhere")
    assert done.returncode and f"no portfolio.toml in {tmp_path / 'nowhere'}" in done.stderr


def test_a_notebook_of_another_folder_is_tested_by_nbval(tmp_path):
    book = nbformat.read(ROOT / "notebooks/01_load_diversity.ipynb", as_version=4)
    last = next(n for n, c in enumerate(book.cells) if "site = " in c.source)
    book.cells = book.cells[: last + 1]
    nbformat.write(book, tmp_path / "mine.ipynb")
    options = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", tmp_path)
    done = jupyter(tmp_path.parent, "pytest", *options, "--nbval-lax", tmp_path / "mine.ipynb")
    assert not done.returncode and re.search(r"[1-9]\d* passed", done.stdout), done.stdout
