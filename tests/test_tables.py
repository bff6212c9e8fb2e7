"""Identifiers are fit for a path, whatever they are made from."""

from hypothesis import given
from hypothesis import strategies as st

from scchelpers.portfolio import tables


@given(st.text(max_size=200))
def test_as_id_makes_an_identifier_of_any_text(text):
    made = tables.as_id(text)
    assert tables.is_id(made) and tables.as_id(made) == made
