"""The tables of parameters in `docs/`, made from the notebooks: `python -m tests.documents`."""

from __future__ import annotations

from pathlib import Path

from scchelpers.runner import notebooks

ROOT = Path(__file__).parents[1]
HEAD = ["| parameter | may be | default | meaning |", "|---|---|---|---|"]


def page_of(notebook: Path) -> Path:
    """Return the page of a notebook's method."""
    return ROOT / "docs" / f"{notebook.stem.partition('_')[2].replace('_', '-')}.md"


def pages() -> dict[Path, Path]:
    """Return the pages that hold a table of parameters, and their notebooks."""
    found = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    return {page_of(path): path for path in found if page_of(path).exists()}


def rows(notebook: Path) -> list[str]:
    """Return the table of a notebook's parameters as lines of Markdown."""
    made = []
    for parameter in notebooks.schema(notebook):
        shown = "" if parameter.default is None else f"`{parameter.default}`"
        allowed = parameter.allowed.replace("|", "or")
        made.append(f"| `{parameter.name}` | {allowed} | {shown} | {parameter.meaning} |")
    return [*HEAD, *made]


def with_table(text: str, table: list[str]) -> str:
    """Return a page with its table of parameters, the one that names `portfolio`, made anew."""
    lines = text.split("\n")
    inside = next(n for n, line in enumerate(lines) if line.startswith("| `portfolio`"))
    start = end = inside
    while lines[start - 1].startswith("|"):
        start -= 1
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return "\n".join([*lines[:start], *table, *lines[end:]])


if __name__ == "__main__":
    for page, notebook in pages().items():
        page.write_text(
            with_table(page.read_text(encoding="utf-8"), rows(notebook)), encoding="utf-8"
        )
