"""The page `docs/parameters.md`, made from the notebooks: `python -m tests.documents`."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat

from scchelpers.runner import notebooks

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "parameters.md"
MAGIC = re.compile(r"^\s*[%!].*$", re.M)
INTRODUCTION = """# Parameters and recorded figures

`python -m tests.documents` makes this page from the notebooks. Set a parameter with
`scc run … -p NAME=VALUE`, or in the cell tagged *parameters*. What a notebook records goes to
`results.parquet`, `results.csv` and the index."""


def _parameters(notebook: Path) -> list[str]:
    made = ["| parameter | may be | default | meaning |", "|---|---|---|---|"]
    for parameter in notebooks.schema(notebook):
        shown = "" if parameter.default is None else f"`{parameter.default}`"
        allowed = parameter.allowed.replace("|", "or")
        made.append(f"| `{parameter.name}` | {allowed} | {shown} | {parameter.meaning} |")
    return made


def _said(node: ast.expr) -> str:
    """Return a label as written, with … for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "…" for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) else "…"


def _recorded(notebook: Path) -> list[str]:
    """Return the table of what a notebook records, `record(name=(value, unit, label, …))`."""
    cells = nbformat.read(notebook, as_version=4).cells
    plain = [c for c in cells if c.cell_type == "code" and not c.source.startswith("%%")]
    rows = {}
    for node in (n for c in plain for n in ast.walk(ast.parse(MAGIC.sub("", c.source)))):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "record":
            continue
        for given in node.keywords:
            value = given.value
            if given.arg and isinstance(value, ast.Tuple):
                unit, label = (_said(part) for part in value.elts[1:3])
                rows[given.arg] = f"| `{given.arg}` | {unit or '–'} | {label} |"
    return ["| recorded | unit | meaning |", "|---|---|---|", *rows.values()] if rows else []


def text() -> str:
    """Return the page as the notebooks and their references have it."""
    parts = [INTRODUCTION]
    for notebook in notebooks.find(ROOT / "notebooks"):
        parts.append(f"## {notebook.stem}\n\n{notebooks.title(notebook)}")
        parts += ["\n".join(rows) for rows in (_parameters(notebook), _recorded(notebook))]
    return "\n\n".join(part for part in parts if part) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
