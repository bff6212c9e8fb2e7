"""What is public has a name of its own, users beside its module, and, in a notebook, an example."""

import ast
import importlib
import inspect
import json
import re
import tomllib
from functools import cache

import nbformat
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


MAGIC = re.compile(r"^\s*[%!].*$", re.M)


def called():
    """Return the functions of the package that the notebooks name, by their full names."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        plain = [MAGIC.sub("", source) for source in cells if not source.startswith("%%")]
        nodes = [node for source in plain for node in ast.walk(ast.parse(source))]
        names = {}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scchelpers"):
                for name in (alias.name for alias in node.names):
                    room = importlib.import_module(node.module)
                    if not hasattr(room, name):
                        importlib.import_module(f"{node.module}.{name}")
                    names[name] = getattr(room, name)
        for node in nodes:
            parts = (
                ast.unparse(node).split(".") if isinstance(node, ast.Attribute | ast.Name) else []
            )
            thing = names.get(parts[0]) if parts else None
            for part in parts[1:]:
                thing = getattr(thing, part, None)
            if inspect.isroutine(thing) and (thing.__module__ or "").startswith("scchelpers"):
                found[f"{thing.__module__}.{thing.__qualname__}"] = thing
    return found


def test_every_function_that_a_notebook_calls_has_an_example():
    functions = called()
    assert len(functions) > 100
    assert not [name for name, one in functions.items() if ">>>" not in inspect.getdoc(one)]
