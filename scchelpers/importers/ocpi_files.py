"""Reading OCPI files: an envelope, a list, one object, or one JSON value a line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from pydantic import ValidationError

from scchelpers.faults import UserError
from scchelpers.importers.ocpi_models import Cdr, Location, Session


def read_records(path: str) -> list[tuple[str, int, Cdr | Session | Location]]:
    """Read the CDRs, sessions and locations of a file.

    Parameters
    ----------
    path : str
        JSON or JSON-lines file, also .gz.

    Returns
    -------
    list of (file, record number from 1, object)

    Raises
    ------
    UserError
        If the file cannot be read, is cut short, or an object misses or misuses a field.
    """
    file = Path(path).name
    records = [record for value in _values(path, file) for record in _opened(value, file)]
    if not records:
        raise UserError(f"{file}: no records; give OCPI CDRs or sessions as JSON")
    return [(file, number, _typed(raw, file, number)) for number, raw in enumerate(records, 1)]


def _values(path: str, file: str) -> list:
    """Return the JSON values of a file: one, or one a line."""
    opened = gzip.open if path.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as stream:
            text = stream.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read, cut short or not text ({error})") from None
    if not text.strip():
        raise UserError(f"{file}: empty; give OCPI CDRs or sessions as JSON")
    try:
        return [_loads(text)]
    except ValueError as error:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
        try:
            _loads(lines[0][1])
        except ValueError:
            raise UserError(f"{file}: not readable JSON, or cut short ({error})") from None
    values = []
    for number, line in lines:
        try:
            values.append(_loads(line))
        except ValueError as error:
            raise UserError(
                f"{file}, line {number}: not readable JSON, or cut short ({error})"
            ) from None
    return values


def _loads(text: str):
    def refuse(name: str):
        raise ValueError(f"{name} is no JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _opened(value, file: str) -> list:
    """Return the objects in a JSON value: a list, an envelope with `data`, or one object."""
    if isinstance(value, dict) and "data" in value and "start_date_time" not in value:
        code = value.get("status_code", 1000)
        if not isinstance(code, int) or not 1000 <= code < 2000:
            raise UserError(
                f"{file}, status_code = {code!r}: the answer reports a fault "
                f"({value.get('status_message', 'no message')}); fetch it again"
            )
        value = value["data"]
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _typed(raw, file: str, number: int) -> Cdr | Session | Location:
    """Return a record as the object its fields make it."""
    where = f"{file}, record {number}"
    if not isinstance(raw, dict):
        raise UserError(f"{where}: {type(raw).__name__} where an OCPI object belongs")
    if "cdr_location" in raw or "total_energy" in raw:
        model = Cdr
    elif "kwh" in raw or ("start_date_time" in raw and "status" in raw):
        model = Session
    elif "evses" in raw or ("coordinates" in raw and "start_date_time" not in raw):
        model = Location
    else:
        raise UserError(
            f"{where}: neither a CDR (total_energy, cdr_location) nor a session (kwh, status) nor "
            "a location (evses)"
        )
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise UserError(
                f"{where}, {name}: missing; OCPI requires it of a {model.__name__}"
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{where}, {name} = {str(first['input'])[:60]!r}: {message}") from None
