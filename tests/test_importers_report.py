"""The account of an import, and the way from files into a portfolio."""

import json

import pytest

from scchelpers import importers
from scchelpers.faults import UserError
from scchelpers.importers.report import ImportReport
from scchelpers.portfolio import Portfolio

HEAD = "CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n"


def test_a_lost_row_is_refused():
    with pytest.raises(ValueError, match="5 rows read, but 3 kept and 1 set aside"):
        ImportReport("council", ("a.csv",), read=5, kept=3, set_aside={"energy zero": 1})


def test_reasons_without_rows_are_not_told_and_json_holds_the_counts():
    report = ImportReport("acn", ("a",), read=2, kept=2, set_aside={"x": 0}, notes=["n"])
    plain = json.loads(json.dumps(report.as_dict()))
    assert plain["set_aside"] == {}
    assert (plain["read"], plain["kept"], plain["notes"]) == (2, 2, ["n"])
    assert "note: n" in report.text()


def test_unknown_kinds_and_options_name_the_closest(tmp_path):
    with pytest.raises(UserError, match="did you mean council"):
        importers.run("counsil", ["a.csv"], tmp_path)
    with pytest.raises(UserError, match="did you mean date_style"):
        importers.run("council", ["a.csv"], tmp_path, date_stile="iso")
    with pytest.raises(UserError, match="at least one file"):
        importers.run("council", [], tmp_path)


def test_every_kind_has_its_reader_and_options():
    for kind, importer in importers.KINDS.items():
        assert callable(importer.read), kind
        assert importer.options, kind


def test_a_bad_second_file_writes_nothing(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(HEAD + "7,1,2019-05-30,10:00,2019-05-30,11:00,5,Mill St,7kW\n")
    bad.write_text(HEAD + '7,1,2019-05-31,10:00,2019-05-31,11:00,5,"Mill')
    with pytest.raises(UserError, match=r"bad\.csv"):
        importers.run("council", [good, bad], tmp_path / "portfolio")
    assert not (tmp_path / "portfolio").exists()


def test_years_imported_one_by_one_stay_one_site(tmp_path):
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text(HEAD + "7,1,2018-05-30,10:00,2018-05-30,11:00,5,Broxden,7kW\n")
    second.write_text(
        HEAD
        + "7,1,2019-05-30,10:00,2019-05-30,11:00,5,Perth North,7kW\n"
        + "8,1,2019-05-30,10:00,2019-05-30,11:00,5,Perth North,22kW\n"
    )
    importers.run("council", [first], tmp_path / "p")
    report = importers.run("council", [second], tmp_path / "p")
    again = importers.run("council", [second], tmp_path / "p")
    portfolio = Portfolio.open(tmp_path / "p")
    assert portfolio.site_ids == ["broxden"]
    assert len(portfolio.site("broxden").sessions) == 3
    assert len(portfolio.site("broxden").chargepoints) == 2
    assert any("same chargepoints" in note for note in report.notes)
    assert again.kept == report.kept == 2
