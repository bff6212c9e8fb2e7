"""What is public has a name of its own: no function shadows its module."""

import ast

import pytest

from tests.conftest import ROOT

MODULES = sorted((ROOT / "scchelpers").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_function_has_the_name_of_its_module(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    assert path.stem not in {node.name for node in tree.body if isinstance(node, kinds)}
