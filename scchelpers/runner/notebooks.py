"""Finding the notebooks of the workbook, and what each calls itself."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat

from scchelpers.faults import UserError, closest

VARIABLE = "SCC_NOTEBOOKS"


def folder(given: str | Path | None = None) -> Path:
    """Return the folder of the notebooks.

    Parameters
    ----------
    given : str or pathlib.Path, optional
        Folder asked for. By default that of the environment variable SCC_NOTEBOOKS, or else the
        `notebooks` folder beside the package, as in a checkout.

    Raises
    ------
    UserError
        If it is no folder.
    """
    beside = Path(__file__).parents[2] / "notebooks"
    place = Path(given or os.environ.get(VARIABLE) or beside)
    if not place.is_dir():
        raise UserError(
            f"{place}: no such folder of notebooks; work in a checkout of the workbook, or set "
            f"{VARIABLE} to the folder that holds them"
        )
    return place.resolve()


def find(place: Path, names: Iterable[str] | None = None) -> list[Path]:
    """Return the notebooks of a folder in reading order, or those named.

    Parameters
    ----------
    place : pathlib.Path
        Folder of notebooks.
    names : iterable of str, optional
        File names or stems; a unique beginning will do ("01" for "01_load_diversity.ipynb").

    Raises
    ------
    UserError
        If a name fits no notebook or several; the closest is suggested.
    """
    there = {path.stem: path for path in sorted(place.glob("*.ipynb"))}
    if not there:
        raise UserError(f"{place}: holds no notebook")
    if names is None:
        return list(there.values())
    found = []
    for name in names:
        stem = name.removesuffix(".ipynb")
        fits = [stem] if stem in there else [s for s in there if stem and s.startswith(stem)]
        if len(fits) != 1:
            hint = closest(stem, there) or "there are: " + ", ".join(there)
            raise UserError(f"notebook {name!r}: {'fits several' if fits else 'unknown'}; {hint}")
        found.append(there[fits[0]])
    return list(dict.fromkeys(found))


def imports(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return what the code of notebooks imports by name, sorted: modules, or things in modules.

    Examples
    --------
    >>> imports([folder() / "01_load_diversity.ipynb"])[:2]
    ('scchelpers', 'scchelpers.portfolio')
    """
    found = set()
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                found |= _imported(cell.source)
    return tuple(sorted(found))


def _imported(source: str) -> set[str]:
    """Return what a cell imports; a cell that is not plain Python names nothing."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import module` names a module of the package, or a thing in it
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def title(path: str | Path) -> str:
    """Return the title of a notebook: its first heading, or its name in words."""
    for cell in nbformat.read(path, as_version=4).cells:
        heading = re.search(r"^#\s+(.+?)\s*#*$", cell.source, re.M)
        if cell.cell_type == "markdown" and heading:
            return re.sub(r"[*_`]", "", heading[1])
    return name_in_words(Path(path).stem)


def name_in_words(stem: str) -> str:
    """Return a notebook's file name as words.

    Examples
    --------
    >>> name_in_words("01_load_diversity")
    'Load diversity'
    """
    return re.sub(r"^\d+_", "", stem).replace("_", " ").capitalize()
