"""Identifiers are fit for a path, whatever they are made from; what looks alike is one."""

import json
import shutil
import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scchelpers import importers, register
from scchelpers.portfolio import Portfolio, tables
from tests.conftest import ROOT
from tests.test_safety import ENTRY


@given(st.text(max_size=200))
def test_as_id_makes_an_identifier_of_any_text(text):
    made = tables.as_id(text)
    assert tables.is_id(made) and tables.as_id(made) == made


MARKS = "\u202e\u200b\ufeff\u00ad\u2066\u200d"


@given(st.text(max_size=40) | st.text(f"e\u0301\u0327K\u212bﬁé{MARKS}"))
def test_a_text_is_kept_composed_and_without_what_no_one_sees(text):
    kept = tables.as_kept(text)
    assert tables.as_kept(kept) == kept == unicodedata.normalize("NFC", kept)
    assert not set(kept) & set(MARKS)
    kept.encode()
    assert tables.as_kept(unicodedata.normalize("NFD", text)) == tables.as_kept(
        unicodedata.normalize("NFC", text)
    )


@pytest.mark.parametrize("mark", ["\u202e", "\u200b", "\ufeff", "e\u0301"])
def test_a_label_with_a_mark_is_none(mark):
    assert tables.is_label("post é 1") and not tables.is_label(f"post {mark} 1")
    assert not tables.is_id(f"post{mark}")


HEAD = ["Charger", "Site", "Start", "End", "Energy (kWh)", "Rated kW"]
ODD, EVEN = "Po\u200bst e\u0301\u202e1", "Post é1"


def rows(name):
    return [[name, name, f"2025-03-0{n} 10:00", f"2025-03-0{n} 12:00", 5, 7] for n in range(1, 6)]


def as_csv(path, name):
    pd.DataFrame(rows(name), columns=HEAD).to_csv(path, index=False)


def as_json(path, name):
    path.write_text(json.dumps([dict(zip(HEAD, row, strict=True)) for row in rows(name)]))


def as_parquet(path, name):
    pd.DataFrame(rows(name), columns=HEAD).to_parquet(path)


@pytest.mark.parametrize("write", [as_csv, as_json, as_parquet])
def test_names_that_look_alike_are_one_at_the_door_of_imports(tmp_path, write):
    ends = {as_csv: "csv", as_json: "json", as_parquet: "parquet"}[write]
    found = []
    for n, name in enumerate((ODD, EVEN)):
        write(path := tmp_path / f"{n}.{ends}", name)
        made = importers.read("sessions", [path], timezone="Europe/London")
        found.append((made.sites["name"].tolist(), made.sessions["evse_id"].tolist()))
    assert found[0] == found[1]


def test_names_that_look_alike_are_one_in_a_portfolio_and_its_register(tmp_path):
    demo = shutil.copytree(ROOT / "data/demo", tmp_path / "demo")
    header = (
        (demo / "portfolio.toml").read_text().replace("title = ", 'title = "\\u202e\\u200bIsle" # ')
    )
    (demo / "portfolio.toml").write_text(header)
    sites = (demo / "sites.csv").read_text().replace("Elm Road", "Ee\u0301l\u200bm\u202e Road")
    (demo / "sites.csv").write_text(sites)
    folder = Portfolio.open(demo)
    assert folder.header["title"] == "Isle"
    assert folder.sites.loc["elm-road-lamps", "name"].startswith("Eélm Road")
    register.append(demo, ENTRY | {"reason": "e\u0301te\u202e"})
    assert register.read(Portfolio.open(demo)).rows["reason"].iloc[-1] == "éte"


def test_an_entry_that_was_sealed_with_a_mark_is_still_sound(tmp_path, monkeypatch):
    demo = shutil.copytree(ROOT / "data/demo", tmp_path / "demo")
    with monkeypatch.context() as before:  # as an older version wrote it
        before.setattr(tables, "as_kept", lambda value: value)
        register.append(demo, ENTRY | {"reason": "e\u0301te\u202e"})
    assert len(register.read(Portfolio.open(demo)).history("village-hall"))
