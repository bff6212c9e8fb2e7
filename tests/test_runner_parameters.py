"""Parameters are read from the cell as it stands, and everything wrong is said at once."""

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from scchelpers.faults import UserError
from scchelpers.runner import notebooks
from scchelpers.runner.notebooks import check, parse
from tests.trial import NOTEBOOKS

CELL = """\
from typing import Literal

site_id: str = "north"  # site
n: int = 20  # chargepoints, 1 to 500
cap_kw: float = 50.0  # [kW] cap of the window, 0 to 1_000
sharing: Literal["equal", "fcfs"] = "equal"  # how power is shared
season: str | None = None  # season; None for the whole year
label = "a=b"
# [kW] ratings compared
ratings_kw: tuple[float, ...] = (7.4, 22.0)
sizes: list[int] = [5, 10]  # fleet sizes, 1 to 500
firm: bool = False  # whether the connection is firm
"""


def test_every_form_of_declaration_is_read():
    found = {p.name: p for p in parse(CELL)}
    assert list(found) == [
        "site_id", "n", "cap_kw", "sharing", "season", "label", "ratings_kw", "sizes", "firm",
    ]  # fmt: skip
    cap = found["cap_kw"]
    assert (cap.type, cap.default, cap.unit, cap.meaning, cap.low, cap.high) == (
        "float", 50.0, "kW", "cap of the window", 0.0, 1000.0,
    )  # fmt: skip
    assert found["sharing"].choices == ("equal", "fcfs")
    assert found["season"].type == "str | None"
    assert found["label"].default == "a=b"
    assert found["ratings_kw"].unit == "kW"
    assert found["firm"].meaning == "whether the connection is firm"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "7", 7),
        ("cap_kw", "7", 7.0),
        ("sharing", "fcfs", "fcfs"),
        ("season", "none", None),
        ("season", "winter", "winter"),
        ("label", "c=d", "c=d"),
        ("ratings_kw", "7.4,50", (7.4, 50.0)),
        ("sizes", "[1, 2]", [1, 2]),
        ("firm", "yes", True),
        ("firm", False, False),
    ],
)
def test_a_text_becomes_a_value_of_the_declared_type(name, text, value):
    read = check(parse(CELL), {name: text})[name]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("n", "7.5"),
        ("n", "0"),
        ("n", True),
        ("cap_kw", "lots"),
        ("cap_kw", "1001"),
        ("cap_kw", "nan"),
        ("cap_kw", "1e999"),
        ("sharing", "lifo"),
        ("sizes", "5, x"),
        ("sizes", "5, 501"),
        ("firm", "perhaps"),
        ("label", 3),
    ],
)
def test_a_wrong_value_is_refused(name, text):
    with pytest.raises(UserError, match=f"parameter {name} = "):
        check(parse(CELL), {name: text})


def test_all_problems_are_named_at_once():
    with pytest.raises(UserError) as fault:
        check(parse(CELL), {"cap_kv": "5", "n": "many", "sharing": "lifo"})
    message = str(fault.value)
    assert "parameter cap_kv: unknown; did you mean cap_kw?" in message
    assert "parameter n = 'many': must be int from 1 to 500" in message
    assert "one of 'equal', 'fcfs'" in message


def test_a_parameter_without_default_must_be_given():
    declared = parse("dsc_kva: float  # [kVA] capacity, 1 to 5000")
    with pytest.raises(UserError, match="dsc_kva: must be given"):
        check(declared, {})
    assert check(declared, {"dsc_kva": "69"}) == {"dsc_kva": 69.0}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x: float = 3.0 * 2", "must be a literal"),
        ("x: Path = 'a'", "type Path"),
        ("x: int = 2.5", "must be int"),
        ("x: int = 9  # steps, 1 to 5", "from 1 to 5"),
        ("x: int = (", "line 1"),
    ],
)
def test_a_cell_that_cannot_be_trusted_is_refused(source, message):
    with pytest.raises(UserError, match=message):
        parse(source)


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(-10, 600))
def test_the_range_is_inclusive(number):
    if 1 <= number <= 500:
        assert check(parse(CELL), {"n": str(number)}) == {"n": number}
    else:
        with pytest.raises(UserError):
            check(parse(CELL), {"n": str(number)})


def test_the_cell_must_be_tagged_once(tmp_path):
    path = tmp_path / "x.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("a = 1")]), path)
    with pytest.raises(UserError, match="0 cells are tagged 'parameters'"):
        notebooks.schema(path)
    path.write_text("{not json")
    with pytest.raises(UserError, match="cannot be read as a notebook"):
        notebooks.schema(path)


def test_the_schema_of_a_notebook():
    names = [p.name for p in notebooks.schema(NOTEBOOKS / "01_report.ipynb")]
    assert names == ["portfolio", "site_id", "chargepoints", "cap_kw", "fault"]


def test_the_listing_says_types_units_and_defaults(monkeypatch):
    monkeypatch.setenv("SCC_NOTEBOOKS", str(NOTEBOOKS))
    text = notebooks.listing_text(notebooks.listing("01"))
    assert "cap_kw: float from 0 to 1000 [kW], default 50.0" in text
    with pytest.raises(UserError, match="did you mean 01_report"):
        notebooks.listing("1_report")
