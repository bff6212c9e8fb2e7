"""Options of schemes and formats, as a caller gives them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import get_args

from scchelpers.faults import UserError, closest


def one_of(name: str, value: object, allowed) -> None:
    """Refuse a value that is not one of a Literal's.

    Raises
    ------
    UserError
        If it is none of them; what is allowed is named.
    """
    choices = get_args(allowed)
    if value not in choices:
        hint = closest(str(value), choices) or f"one of {', '.join(choices)}"
        raise UserError(f"{name} = {value!r}: {hint}")


def divided(options: dict, **takers: Callable) -> list[dict]:
    """Give each function the options that it takes by keyword.

    Parameters
    ----------
    options : dict
        By name.
    **takers
        Functions by what they are called.

    Returns
    -------
    list of dict
        The options of each function.

    Raises
    ------
    UserError
        If none of them takes an option, or one needs another that is not given.
    """
    left, found = dict(options), []
    for called, function in takers.items():
        known = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        found.append({name: left.pop(name) for name in known if name in left})
        for name, default in known.items():
            if default is inspect.Parameter.empty and name not in found[-1]:
                raise UserError(f"option {name}: {called} needs it; give {name}=VALUE")
    if left:
        raise UserError(f"option {min(left)!r}: neither of {' nor of '.join(takers)}")
    return found
