"""The notebooks of a batch, and the typed parameters of each, from its cell tagged `parameters`.

A line of that cell declares one parameter::

    horizon_days: int = 7  # [d] days looked ahead, 1 to 28
    sharing: Literal["equal", "fcfs"] = "equal"  # how power is shared
    season: str | None = None  # season analysed; None for the whole year

The cell is parsed, never run, so that a wrong name, type or range is refused before any kernel
starts, whatever the parameters are worth.
"""

from __future__ import annotations

import ast
import io
import os
import re
import shutil
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, Optional, get_args, get_origin

import nbformat
from pydantic import ConfigDict, TypeAdapter, ValidationError

from scchelpers.faults import UserError, closest
from scchelpers.portfolio.folder import WORKBOOK

VARIABLE = "SCC_NOTEBOOKS"
_TAG = "parameters"
_UNNAMED = re.compile(r"^untitled|-copy\d*$", re.I)
_MAGIC = re.compile(r"^\s*[%!].*$", re.M)
_NUMBER = r"[-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"(?:^|[,;:(]|\s)\s*({_NUMBER})\s+to\s+({_NUMBER})\s*\)?\s*$")
_UNIT = re.compile(r"\s*\[([^\]]*)\]\s*")
# What the type of a parameter may be made of.
_NAMES = {
    **{kind.__name__: kind for kind in (int, float, str, bool, list, tuple, NoneType)},
    "Literal": Literal,
    "Optional": Optional,
}
_PLAIN = (ast.Expression, ast.Name, ast.Load, ast.Subscript, ast.Tuple, ast.Constant, ast.BinOp)


def folder(given: str | Path | None = None) -> Path:
    """Return the folder of the notebooks: the one given, or else that of SCC_NOTEBOOKS.

    By default it is `notebooks` in the current folder if a batch could run one of it, or else the
    workbook's own.
    """
    here = Path("notebooks")
    if not any(map(_declares, sorted(here.glob("*.ipynb")))):
        here = WORKBOOK / "notebooks"
    place = Path(given or os.environ.get(VARIABLE) or here)
    if not place.is_dir():
        raise UserError(
            f"{place}: no such folder of notebooks; `scc init FOLDER` lays them out in a new one, "
            f"or set {VARIABLE} to the folder that holds them"
        )
    return place.resolve()


README = """# Smart Charging Connections workbook

- First hour: `jupyter lab --notebook-dir=. notebooks/00_start_here.ipynb`.
- Own notebooks go to `scratch/`.
- Reports of the demo portfolio: `scc run data/demo`; the index is `reports/demo/index.html`.
- Own data: `scc import --help`, then `scc check FOLDER` and `scc run FOLDER`.
"""


def lay_out(place: str | Path) -> tuple[list[str], list[str]]:
    """Lay the notebooks and the demo portfolio out in a folder, and overwrite nothing.

    Parameters
    ----------
    place : str or pathlib.Path
        The folder, made if absent.

    Returns
    -------
    (list of str, list of str)
        What was laid there, and what was there and is as it was.
    """
    from scchelpers.portfolio.store import write_aside  # it takes long to load

    place = Path(place)
    if place.exists() and not place.is_dir():
        raise UserError(f"{place}: is a file; name a folder, new or empty")
    laid, kept = [], []
    books = [f"notebooks/{path.name}" for path in sorted((WORKBOOK / "notebooks").glob("*.ipynb"))]
    for name in [*books, "data/README.md", "data/demo", "README.md"]:
        target = place / name
        if target.exists() or _UNNAMED.search(target.stem):
            kept += [name] * target.exists()
            continue
        laid.append(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = WORKBOOK / name
        if name == "README.md":
            write_aside(target, lambda path: path.write_text(README, encoding="utf-8"))
        else:
            copy = shutil.copytree if source.is_dir() else shutil.copy
            write_aside(target, lambda path, copy=copy, source=source: copy(source, path))
    (place / "scratch").mkdir(exist_ok=True)
    return laid, kept


def find(place: Path, names: Iterable[str] | None = None) -> list[Path]:
    """Return the notebooks of a folder that a batch runs, in reading order, or those named.

    A file name, its stem or a unique beginning will do ("01" for "01_load_diversity.ipynb").
    Without names it is all but those that `passed_over` gives.
    """
    there = {path.stem: path for path in sorted(place.glob("*.ipynb"))}
    if not there:
        raise UserError(f"{place}: holds no notebook")
    if names is None:
        idle = passed_over(place)
        return [path for stem, path in there.items() if stem not in idle]
    found = []
    for name in names:
        stem = name.removesuffix(".ipynb")
        fits = [stem] if stem in there else [s for s in there if stem and s.startswith(stem)]
        if len(fits) != 1:
            hint = closest(stem, there) or "there are: " + ", ".join(there)
            if Path(name).parent != Path():
                hint = f"a batch runs what lies in {place}: copy it there under a name of its own"
            raise UserError(f"notebook {name!r}: {'fits several' if fits else 'unknown'}; {hint}")
        found.append(there[fits[0]])
    return list(dict.fromkeys(found))


def passed_over(place: Path) -> list[str]:
    """Return the names of notebooks that no batch runs: copies, untitled ones, others' own work.

    A batch runs what declares its parameters in a tagged cell and was given a name.
    """
    return [
        path.stem
        for path in sorted(place.glob("*.ipynb"))
        if _UNNAMED.search(path.stem) or not _declares(path)
    ]


def _declares(path: Path) -> bool:
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return False
    return any(_TAG in cell.metadata.get("tags", []) for cell in cells)


def imports(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return what the code of notebooks imports by name, sorted: modules, or things in modules.

    Examples
    --------
    >>> "pandas" in imports([folder() / "01_load_diversity.ipynb"])
    True
    """
    found = set()
    for path in paths:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                found |= _imported(cell.source)
    return tuple(sorted(found))


def _imported(source: str) -> set[str]:
    """Return what a cell imports, magics passed over; what is not Python names nothing."""
    try:
        tree = ast.parse(_MAGIC.sub("", source))
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
    first, _, rest = re.sub(r"^\d+_", "", stem).replace("_", " ").partition(" ")
    return f"{first.upper() if len(first) < 4 else first.capitalize()} {rest}".strip()


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook."""

    name: str
    type: str  # as declared ("float", "str | None", "Literal['a', 'b']"), or that of the default
    default: Any = None
    required: bool = False  # it must be given, there being no default
    unit: str = ""  # unit and meaning are from the comment
    meaning: str = ""
    low: float | None = None  # range from the end of the comment ("0 to 100"), inclusive
    high: float | None = None
    choices: tuple = ()  # values allowed, empty for any

    @property
    def allowed(self) -> str:
        """What the value may be, in words."""
        if self.choices:
            return "one of " + ", ".join(map(repr, self.choices))
        words = self.type
        if self.low is not None:
            words += f" from {self.low:g} to {self.high:g}"
        return f"{words} [{self.unit}]" if self.unit else words


def schema(notebook_path: str | Path) -> list[Parameter]:
    """Read the parameters that a notebook declares, in order.

    Raises
    ------
    UserError
        If the file is no notebook, its one cell tagged `parameters` is missing or doubled, or a
        line of it cannot be read.
    """
    path = Path(notebook_path)
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as fault:
        raise UserError(f"{path.name}: cannot be read as a notebook: {fault}") from None
    cells = [c for c in notebook.cells if _TAG in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise UserError(
            f"{path.name}: {len(cells)} cells are tagged '{_TAG}', one is needed; tag the cell "
            "that declares the parameters (in JupyterLab: property inspector, cell tags)"
        )
    try:
        return parse(cells[0].source)
    except UserError as fault:
        raise UserError(f"{path.name}, cell '{_TAG}': {fault}") from None


def parse(source: str) -> list[Parameter]:
    """Read the parameters declared in the source of a cell.

    Examples
    --------
    >>> parse("cap_kw: float = 50.0  # [kW] cap of the window, 0 to 1_000")[0].allowed
    'float from 0 to 1000 [kW]'
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError as fault:
        raise UserError(f"line {fault.lineno}: {fault.msg}") from None
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    found = []
    for statement in statements:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                annotation = None
            case _:  # an import for the annotations, a docstring
                continue
        # At the end of the statement, or else on the line above it.
        lines = (statement.end_lineno, statement.lineno, statement.lineno - 1)
        comment = next((comments[line] for line in lines if line in comments), "")
        found.append(_parameter(name, annotation, value, comment))
    return found


def _parameter(name: str, annotation, value, comment: str) -> Parameter:
    required = value is None
    if required and annotation is None:
        raise UserError(f"{name}: has neither a type nor a default")
    try:
        default = None if required else ast.literal_eval(value)
    except ValueError:
        raise UserError(
            f"{name}: the default must be a literal, not {ast.unparse(value)}"
        ) from None
    unit = _UNIT.match(comment)
    meaning = comment[unit.end() :] if unit else comment.strip()
    limits = _RANGE.search(meaning)
    kind = ast.unparse(annotation) if annotation else type(default).__name__
    typed = _type(kind)
    parameter = Parameter(
        name,
        kind,
        default,
        required,
        unit[1] if unit else "",
        meaning[: limits.start()].rstrip(" ,;:(") if limits else meaning.strip(),
        float(limits[1]) if limits else None,
        float(limits[2]) if limits else None,
        get_args(typed) if get_origin(typed) is Literal else (),
    )
    if not required:
        try:
            _typed(parameter, default)
        except ValueError:
            raise UserError(f"{name} = {default!r}: must be {parameter.allowed}") from None
    return parameter


def _type(annotation: str) -> Any:
    tree = ast.parse(annotation, mode="eval")
    nodes = [node for node in ast.walk(tree) if not isinstance(node, ast.BitOr)]
    try:
        if not all(isinstance(node, _PLAIN) for node in nodes):
            raise TypeError
        return eval(compile(tree, "<type>", "eval"), {"__builtins__": {}}, _NAMES)
    except (NameError, TypeError):
        raise UserError(
            f"type {annotation}: not one that a parameter may have; use int, float, str, bool, "
            "Literal[…], list[…], tuple[…] or one of them with | None"
        ) from None


def check(parameters: list[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values given, typed, after checking every one.

    Parameters
    ----------
    parameters : list of Parameter
        What the notebook declares.
    given : mapping of str to object
        Name to value; a text, as from a command line, is read by the parameter's type.

    Raises
    ------
    UserError
        Naming all that is wrong: unknown names, wrong types, values out of range, missing ones.

    Examples
    --------
    >>> check(parse("n: int = 3  # chargepoints, 1 to 500"), {"n": "20"})
    {'n': 20}
    >>> check(parse("n: int = 3  # chargepoints, 1 to 500"), {"n": "0"})
    Traceback (most recent call last):
        ...
    scchelpers.faults.UserError: parameter n = '0': must be int from 1 to 500
    """
    known = {p.name: p for p in parameters}
    values, problems = {}, []
    for name, value in given.items():
        if name not in known:
            hint = closest(name, known) or "there are: " + ", ".join(known)
            problems.append(f"parameter {name}: unknown; {hint}")
            continue
        try:
            values[name] = _typed(known[name], value)
        except ValueError:
            problems.append(f"parameter {name} = {value!r}: must be {known[name].allowed}")
    problems += [
        f"parameter {p.name}: must be given ({p.allowed})"
        for p in parameters
        if p.required and p.name not in given
    ]
    if problems:
        raise UserError("\n".join(problems))
    return values


def _typed(parameter: Parameter, value: Any) -> Any:
    """Return a value as its parameter's type; ValueError where it is not of the type or range."""
    adapter = TypeAdapter(_type(parameter.type), config=ConfigDict(allow_inf_nan=False))
    for reading in _readings(value):
        try:
            # A text of a command line means a number; a value must be of the type already.
            typed = adapter.validate_python(reading, strict=not isinstance(value, str))
        except ValidationError:
            continue
        numbers = typed if isinstance(typed, list | tuple) else [typed]
        if parameter.low is not None and any(
            not parameter.low <= n <= parameter.high for n in numbers if n is not None
        ):
            break
        return typed
    raise ValueError(value)


def _readings(value: Any) -> Iterator:
    """Return what a value may stand for, the likeliest first."""
    if not isinstance(value, str):
        yield value
        if isinstance(value, list | tuple):
            yield from (tuple(value), list(value))
        return
    if value.strip().lower() in ("", "none"):
        yield None
    yield value
    # "7, 22, 50" as well as "[7, 22, 50]"; words need no quotes
    yield [part.strip(" '\"") for part in value.strip(" []()").split(",") if part.strip()]


def listing(notebook: str | None = None) -> list[dict[str, Any]]:
    """Return the notebooks, or one, with their titles and parameters, ready for JSON."""
    paths = find(folder(), None if notebook is None else [notebook])
    return [
        {
            "notebook": path.stem,
            "title": title(path),
            "parameters": [{**asdict(p), "allowed": p.allowed} for p in schema(path)],
        }
        for path in paths
    ]


def listing_text(found: list[dict[str, Any]]) -> str:
    """Return a listing for people: a line a parameter, with what is allowed and its default."""
    blocks = []
    for entry in found:
        lines = [entry["notebook"], f"  {entry['title']}"]
        for p in entry["parameters"]:
            default = "to be given" if p["required"] else f"default {p['default']!r}"
            lines += [f"  {p['name']}: {p['allowed']}, {default}"]
            lines += [f"      {p['meaning']}"] if p["meaning"] else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
