"""Every column and variable that carries a unit stands in docs/conventions.md."""

import ast
import re

import pytest

from scchelpers.portfolio import tables
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
# name -> unit, from the rows `| `name` | unit | meaning |`
LISTED = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+?) \|", TEXT, flags=re.M))
UNITS = {
    "_kw": "kW",
    "_kwh": "kWh",
    "_kva": "kVA",
    "_kv": "kV",
    "_min": "min",
    "_h": "h",
    "_kw_per_min": "kW/min",
}


def unit_of(name: str) -> str | None:
    """Return the unit that a name's ending promises."""
    fitting = [ending for ending in UNITS if name.endswith(ending)]
    return UNITS[max(fitting, key=len)] if fitting else None


def public_names() -> set[str]:
    """Collect parameters, attributes and string keys with a unit from public code."""
    names = set()
    for path in sorted((ROOT / "scchelpers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                names |= {argument.arg for argument in arguments}
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names |= {node.value} if re.fullmatch(r"[a-z][a-z0-9_]*", node.value) else set()
    return {name for name in names if unit_of(name) and not name.startswith("_")}


@pytest.mark.parametrize("file", tables.TABLES)
def test_every_column_is_listed_with_its_unit(file):
    for column in tables.TABLES[file]:
        assert LISTED.get(column.name) == column.unit, f"{file}: {column.name}"


def test_every_load_variable_is_listed_with_its_unit():
    for variables in tables.LOADS.values():
        for name, (unit, _) in variables.items():
            assert LISTED.get(name) == unit, name


def test_every_name_with_a_unit_is_listed():
    missing = sorted(name for name in public_names() if name not in LISTED)
    assert not missing, f"add to docs/conventions.md: {', '.join(missing)}"


def test_listed_units_agree_with_the_names():
    wrong = {n: unit for n, unit in LISTED.items() if unit_of(n) not in (None, unit)}
    assert not wrong
