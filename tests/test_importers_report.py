"""The account of an import, and the way from files into a portfolio."""

import json

import pytest

from scchelpers import importers
from scchelpers.faults import UserError
from scchelpers.importers.account import ImportReport
from scchelpers.portfolio import Portfolio

HEAD = "CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n"


def test_a_lost_row_is_refused():
    with pytest.raises(ValueError, match="5 rows read, but 3 kept and 1 set aside"):
        ImportReport("sessions", ("a.csv",), read=5, kept=3, set_aside={"energy zero": 1})


def test_reasons_without_rows_are_not_told_and_json_holds_the_counts():
    report = ImportReport("acn", ("a",), read=2, kept=2, set_aside={"x": 0}, notes=["n"])
    plain = json.loads(json.dumps(report.as_dict()))
    assert plain["set_aside"] == {}
    assert (plain["read"], plain["kept"], plain["notes"]) == (2, 2, ["n"])
    assert "note: n" in report.text()


def test_unknown_kinds_and_options_name_the_closest(tmp_path):
    with pytest.raises(UserError, match="did you mean sessions"):
        importers.run("sesions", ["a.csv"], tmp_path)
    with pytest.raises(UserError, match="did you mean timezone"):
        importers.run("sessions", ["a.csv"], tmp_path, timezon="iso")
    with pytest.raises(UserError, match="at least one file"):
        importers.run("sessions", [], tmp_path)


def test_every_option_is_checked_like_a_parameter():
    for kind in importers.OPTIONS:
        with pytest.raises(UserError, match="unknown"):
            importers.checked(kind, {"nonsense": "1"})
    with pytest.raises(UserError, match="max_stay_h"):
        importers.checked("sessions", {"max_stay_h": "long"})


def test_a_bad_second_file_writes_nothing(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(HEAD + "7,1,2019-05-30,10:00,2019-05-30,11:00,5,Mill St,7kW\n")
    bad.write_text(HEAD + '7,1,2019-05-31,10:00,2019-05-31,11:00,5,"Mill')
    with pytest.raises(UserError, match=r"bad\.csv"):
        importers.run("sessions", [good, bad], tmp_path / "portfolio")
    assert not (tmp_path / "portfolio").exists()


def test_years_imported_one_by_one_stay_one_site(tmp_path):
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text(HEAD + "7,1,2018-05-30,10:00,2018-05-30,11:00,5,Broxden,7kW\n")
    second.write_text(
        HEAD
        + '7,1,2019-05-30,10:00,2019-05-30,11:00,5,"Broxden, Perth",7kW\n'
        + '8,1,2019-05-30,10:00,2019-05-30,11:00,5,"Broxden, Perth",22kW\n'
    )
    importers.run("sessions", [first], tmp_path / "p")
    report = importers.run("sessions", [second], tmp_path / "p")
    again = importers.run("sessions", [second], tmp_path / "p")
    portfolio = Portfolio.open(tmp_path / "p")
    assert portfolio.site_ids == ["broxden-perth"]
    assert len(portfolio.site("broxden-perth").sessions) == 3
    assert len(portfolio.site("broxden-perth").chargepoints) == 2
    assert any("one site under several names" in note for note in report.notes)
    assert again.kept == report.kept == 3


def test_a_label_such_as_charger_1_joins_no_sites(tmp_path):
    rows = [
        f"1,1,{year}-{m:02d}-14,10:00,{year}-{m:02d}-14,11:00,5,{site},7kW\n"
        for year, site in ((2018, "Broxden"), (2019, "North Inch"))
        for m in range(1, 13)
    ]
    (tmp_path / "a.csv").write_text(HEAD + "".join(rows))
    assert importers.read("sessions", [tmp_path / "a.csv"]).report.sites == 2
