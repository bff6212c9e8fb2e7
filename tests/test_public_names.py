"""What is public has a name of its own, and users beside its module."""

import ast
import json
import re
import tomllib
from functools import cache

import pytest

from tests.conftest import ROOT

MODULES = sorted((ROOT / "scchelpers").rglob("*.py"))
KINDS = (ast.FunctionDef, ast.ClassDef)


def named(path):
    """Return the module's path from the root, for a test's name."""
    return str(path.relative_to(ROOT))


@cache
def parsed(path):
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def names_used(path):
    """Return the names and attributes that a file reads; being re-exported is no use."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Name | ast.Attribute)
    }


@cache
def named_without_a_module():
    """Return the words of notebooks, of code in documents and of the package's entry points."""
    cells = (
        "".join(cell["source"])
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    )
    documents = (path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md"))
    spans = (span for text in documents for span in re.findall(r"`[^`\n]+`", text))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    entries = json.dumps([project.get("scripts"), project.get("entry-points")])
    return set(re.findall(r"\w+", " ".join([*cells, *spans, entries])))


def public(path):
    """Return the public functions and classes that a module defines, commands left out."""
    return [
        node
        for node in parsed(path).body
        if isinstance(node, KINDS)
        and not node.name.startswith("_")
        and not (path.parent.name == "cli" and node.decorator_list)
    ]


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_function_has_the_name_of_its_module(path):
    assert path.stem not in {node.name for node in parsed(path).body if isinstance(node, KINDS)}


def room(path):
    """Return the part of the package that a file belongs to; other files are rooms of their own."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "scchelpers" else parts[0]


@cache
def face(folder):
    """Return what a room offers to others by name."""
    return {
        element.value
        for node in ast.walk(parsed(folder / "__init__.py"))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
        for element in node.value.elts
    }


@pytest.mark.parametrize("path", [path for path in MODULES if public(path)], ids=named)
def test_a_public_name_is_used_beside_its_module_and_where_it_belongs(path):
    beside = [
        other
        for folder in ("tests", "examples", "benchmarks", "data")
        for other in sorted((ROOT / folder).rglob("*.py"))
    ]
    for node in public(path):
        if node.name in named_without_a_module() | {"load_ipython_extension"}:
            continue  # IPython calls the extension by its name
        users = [
            other
            for other in (*MODULES, *beside)
            if other != path and node.name in names_used(other)
        ]
        assert users, f"{node.name}: nothing else uses it; make it private"
        home = {node.name} & (names_used(path) | face(path.parent))
        fair = home or len(users) > 1 or room(users[0]) in (room(path), "data", "examples")
        assert fair, f"{node.name}: only {named(users[0])} uses it; move it"
