"""What is public is used: by two modules, or by a notebook; and no function shadows its module."""

import ast
import re
from collections import defaultdict

import nbformat
import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "scchelpers"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Where a name counts as used once more: what the project ships beside the package.
BESIDE = ("data/make_demo", "examples", "benchmarks")


def trees() -> dict:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def public_names(tree) -> set[str]:
    """Return functions and classes that a module defines for others."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")}


def commands(tree) -> set[str]:
    """Return functions that a decorator hands to somebody else, such as the commands of `scc`."""
    return {n.name for n in tree.body if getattr(n, "decorator_list", None)} - {
        n.name for n in tree.body if isinstance(n, ast.ClassDef)
    }


def identifiers(tree) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {
        alias.name.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.fixture(scope="module")
def users() -> dict[str, set]:
    """Return, for each identifier, the files that name it; a package's face does not count."""
    found = defaultdict(set)
    for path, tree in trees().items():
        if path.name != "__init__.py":
            for name in identifiers(tree):
                found[name].add(path)
    for folder in BESIDE:
        for path in (ROOT / folder).rglob("*.py"):
            for name in identifiers(ast.parse(path.read_text(encoding="utf-8"))):
                found[name].add(path)
    return found


@pytest.fixture(scope="module")
def said() -> set[str]:
    """Return the words of all notebooks, and of the project's own files that name functions."""
    books = [nbformat.read(path, 4) for path in (ROOT / "notebooks").glob("*.ipynb")]
    text = "\n".join(cell.source for book in books for cell in book.cells)
    text += (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text += (ROOT / "README.md").read_text(encoding="utf-8")
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_public_name_has_two_users_or_a_notebook(path, users, said):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lonely = {
        name: len(users[name] - {path})
        for name in public_names(tree) - commands(tree) - said
        if len(users[name] - {path}) + (path in users[name] and path.name != "__init__.py") < 2
    }
    assert not lonely, f"make private, or part of its one user: {lonely}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_function_has_the_name_of_its_module(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert path.stem not in public_names(tree)
