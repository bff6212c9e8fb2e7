"""Reading a value by the type that an annotation names, from a text or as it is."""

from __future__ import annotations

import ast

from scchelpers.faults import UserError

_SIMPLE = {"int": int, "float": float, "str": str, "bool": bool}
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class MismatchError(Exception):
    """A value that its type does not allow."""


def read(annotation: str, value):
    """Read a value as the type that an annotation names.

    Parameters
    ----------
    annotation : str
        `int`, `float`, `str`, `bool`, `Literal[…]`, `list[…]`, `tuple[…]`, or one with `| None`.
    value : object
        A text, as from a command line, or a value of the type already.

    Raises
    ------
    MismatchError
        If the value is not of the type.
    UserError
        If the type is not one that a parameter may have.

    Examples
    --------
    >>> read("list[float]", "7, 22,50"), read("str | None", "none"), read("bool", "no")
    ([7.0, 22.0, 50.0], None, False)
    """
    return _read(ast.parse(annotation, mode="eval").body, value)


def choices(annotation: str) -> tuple:
    """Return the values that a `Literal` allows, none for any other type.

    Examples
    --------
    >>> choices("Literal['equal', 'fcfs']")
    ('equal', 'fcfs')
    """
    return _choices(ast.parse(annotation, mode="eval").body)


def _read(kind: ast.expr, value):
    """Read a value as the type that an annotation names."""
    match kind:
        case ast.BinOp(op=ast.BitOr()):
            return _read_any(_alternatives(kind), value)
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _read_any([ast.Constant(None), inner], value)
        case ast.Subscript(value=ast.Name(id="Literal")):
            choices = _choices(kind)
            for choice in choices:
                if value == choice or (isinstance(value, str) and value == str(choice)):
                    return choice
            raise MismatchError
        case ast.Constant(value=None) | ast.Name(id="NoneType"):
            if value is None or (isinstance(value, str) and value.lower() in ("", "none")):
                return None
            raise MismatchError
        case ast.Name(id=name) if name in _SIMPLE:
            return _simple(_SIMPLE[name], value)
        case ast.Name(id="list" | "tuple" as name):
            return _sequence(name, None, value)
        case ast.Subscript(value=ast.Name(id="list" | "tuple" as name), slice=inner):
            items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            uniform = len(items) == 1 or isinstance(items[-1], ast.Constant)
            return _sequence(name, items[:1] if uniform else items, value)
    raise UserError(
        f"type {ast.unparse(kind)}: not one that a parameter may have; use int, float, str, bool, "
        "Literal[…], list[…], tuple[…] or one of them with | None"
    )


def _read_any(kinds: list[ast.expr], value):
    # None first, or the text "none" would be taken for itself by `str | None`.
    for kind in sorted(kinds, key=lambda kind: not isinstance(kind, ast.Constant)):
        try:
            return _read(kind, value)
        except MismatchError:
            continue
    raise MismatchError


def _simple(kind: type, value):
    if kind is str:
        if isinstance(value, str):
            return value
        raise MismatchError
    if isinstance(value, str):
        text = value.strip()
        value = _WORDS.get(text.lower()) if kind is bool else _literal(text)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise MismatchError
    return value


def _sequence(name: str, items: list[ast.expr] | None, value):
    if isinstance(value, str):
        text = value.strip()
        # "7,22,50" as well as "[7, 22, 50]"; words need no quotes
        value = _literal(text if text[:1] in ("[", "(") else f"[{text}]")
        if value is None:
            value = [part.strip() for part in text.strip("[]()").split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise MismatchError
    if items and len(items) > 1 and len(items) != len(value):
        raise MismatchError
    kinds = (items * len(value) if len(items) == 1 else items) if items else None
    read = [_read(kind, item) for kind, item in zip(kinds, value, strict=True)] if kinds else value
    return tuple(read) if name == "tuple" else list(read)


def _literal(text: str):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None


def _alternatives(kind: ast.expr) -> list[ast.expr]:
    if isinstance(kind, ast.BinOp):
        return _alternatives(kind.left) + _alternatives(kind.right)
    return [kind]


def _choices(kind: ast.expr) -> tuple:
    match kind:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            return tuple(
                map(ast.literal_eval, inner.elts if isinstance(inner, ast.Tuple) else [inner])
            )
    return ()
