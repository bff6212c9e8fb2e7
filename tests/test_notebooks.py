"""The rules of structure that every notebook keeps."""

import ast
import re
from itertools import pairwise

import nbformat
import pytest

from scchelpers.runner import notebooks
from tests import documents
from tests.conftest import ROOT

NOTEBOOKS = notebooks.find(ROOT / "notebooks")
TAGS = {
    "parameters",
    "answer",
    "index",
    "hide-input",
    "hide-output",
    "remove-cell",
    "remove-input",
    "nbval-check-output",
    "nbval-ignore-output",
    "nbval-skip",
    "skip-execution",
    "raises-exception",
}
LONGEST_CELL = 25
LARGEST_BYTES = 60_000
MAGIC = re.compile(r"^\s*[%!].*$", re.M)

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind=None):
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if kind in (None, cell.cell_type)]


def code(path) -> list[tuple[object, ast.Module]]:
    """Return the code cells with what they say as Python, magics left out."""
    plain = [cell for cell in cells(path, "code") if not cell.source.startswith("%%")]
    return [(cell, ast.parse(MAGIC.sub("", cell.source))) for cell in plain]


def test_there_are_notebooks():
    assert NOTEBOOKS


@each_notebook
def test_valid_small_and_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size <= LARGEST_BYTES
    for cell in cells(path, "code"):
        assert cell.outputs == []
        assert cell.execution_count is None


@each_notebook
def test_one_title_first_as_a_question(path):
    headings = [
        line
        for cell in cells(path, "markdown")
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    assert len(headings) == 1
    assert cells(path)[0].source.startswith(headings[0])
    assert headings[0].endswith("?")


@each_notebook
def test_headings_skip_no_level(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.M)]
    assert all(after <= before + 1 for before, after in pairwise(levels))


@each_notebook
def test_ends_with_what_it_does_not_show(path):
    assert cells(path)[-1].source.startswith("## What this does not show")


@each_notebook
def test_tags_are_known_and_parameters_stand_once(path):
    tags = [tag for cell in cells(path) for tag in cell.metadata.get("tags", [])]
    assert set(tags) <= TAGS
    assert tags.count("parameters") == 1


@each_notebook
def test_every_parameter_is_typed_and_explained(path):
    [cell] = [c for c in cells(path) if "parameters" in c.metadata.get("tags", [])]
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, (ast.AnnAssign, ast.ImportFrom)), ast.unparse(statement)
        if isinstance(statement, ast.AnnAssign):
            assert "# " in cell.source.splitlines()[statement.end_lineno - 1]
    found = notebooks.schema(path)
    assert found
    for parameter in found:
        assert parameter.meaning
    # Without a site a notebook runs once for the whole portfolio; only 10 does.
    for name in ("portfolio", "site_id")[: 1 if path.stem.startswith("10_") else 2]:
        assert name in [parameter.name for parameter in found]


@each_notebook
def test_code_cells_are_short_and_define_no_class(path):
    for cell, tree in code(path):
        assert len(cell.source.splitlines()) <= LONGEST_CELL
        assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree))


@each_notebook
def test_assertions_are_hidden_from_readers(path):
    for cell, tree in code(path):
        asserts = any(isinstance(node, ast.Assert) for node in ast.walk(tree))
        assert not asserts or "remove-cell" in cell.metadata.get("tags", [])


@each_notebook
def test_it_knows_its_own_title(path):
    title = nbformat.read(path, as_version=4).metadata.get("title")
    assert title in (None, cells(path)[0].source.splitlines()[0].removeprefix("# "))


@each_notebook
def test_the_answer_is_one_cell_under_its_heading(path):
    tagged = [n for n, c in enumerate(cells(path)) if "answer" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    before = [cell.source.strip() for cell in cells(path)[tagged[0] - 3 : tagged[0]]]
    assert "## Answer" in before


@each_notebook
def test_no_quantity_is_typed_into_a_sentence(path):
    """A `%%say` cell that states a number with a unit computes it."""
    for cell in cells(path, "code"):
        if cell.source.startswith("%%say"):
            typed = re.sub(r"{[{%].*?[%}]}", "", cell.source, flags=re.S)
            assert not re.search(r"\d (kWh?|kVA|£)\b|£\d", typed), cell.source


@each_notebook
def test_figures_of_merit_are_recorded_once(path):
    last = [c for c in cells(path, "code") if re.search(r"^record\(", c.source, re.M)]
    assert len(last) == 1  # where data lack, a cell may record that before it stops


def test_the_page_of_parameters_is_as_the_notebooks_have_it():
    assert documents.PAGE.read_text(encoding="utf-8") == documents.text(), (
        "run `python -m tests.documents`"
    )
