"""Options written NAME=VALUE on the command line."""

from __future__ import annotations

import inspect

from scchelpers.faults import UserError, closest


def pairs(texts: list[str] | None) -> dict[str, str]:
    """Split NAME=VALUE texts."""
    found = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"{text!r}: write NAME=VALUE")
        found[name] = value
    return found


def typed_pairs(texts: list[str] | None, *functions) -> dict:
    """Give NAME=VALUE texts the types of functions' keyword arguments."""
    from pydantic import TypeAdapter, ValidationError

    allowed = {
        name: parameter.annotation
        for function in functions
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    typed = {}
    for name, value in pairs(texts).items():
        if name not in allowed:
            hint = closest(name, allowed) or f"options: {', '.join(allowed) or 'none'}"
            raise UserError(f"option {name!r}: unknown; {hint}")
        try:
            typed[name] = TypeAdapter(allowed[name]).validate_python(value)
        except ValidationError as error:
            raise UserError(f"option {name} = {value!r}: {error.errors()[0]['msg']}") from None
    return typed
