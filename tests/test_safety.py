"""What is not ours stays as it is, and what a crash or a hostile text leaves does no harm."""

import csv
import io
import shutil

import pandas as pd
import pytest

from scchelpers import register, standards
from scchelpers.faults import UserError, printable
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.check import check_portfolio
from scchelpers.runner import batch, files, journal
from scchelpers.runner.job import Outcome
from tests.conftest import ROOT

DEMO = ROOT / "data/demo"
ENTRY = {
    "site_id": "village-hall",
    "valid_from": "2026-01-01",
    "approved_on": "2025-12-30",
    "approved_by": "network_planner",
    "review_by": "2029-01-01",
    "reason": "test",
}


@pytest.fixture
def demo(tmp_path):
    return shutil.copytree(DEMO, tmp_path / "demo")


def test_an_addition_cut_short_is_read_and_the_next_one_mends_it(demo):
    before = (demo / "register.seal").read_text()
    added = register.append(demo, ENTRY)
    (demo / "register.seal").write_text(before)  # killed between the two files
    assert register.read(Portfolio.open(demo)).rows["entry_id"].iloc[-1] == added
    register.append(demo, ENTRY | {"valid_from": "2026-02-01", "approved_on": "2026-01-30"})
    assert not [f for f in check_portfolio(demo).faults if "register" in f.file]


def test_two_entries_without_a_seal_are_still_found(demo):
    before = (demo / "register.seal").read_text()
    register.append(demo, ENTRY)
    register.append(demo, ENTRY | {"valid_from": "2026-02-01", "approved_on": "2026-01-30"})
    (demo / "register.seal").write_text(before)
    with pytest.raises(UserError, match="some were deleted"):
        register.read(Portfolio.open(demo))


@pytest.mark.parametrize("name", ["index.html", "holiday.jpg", "status.jsonl"])
def test_a_folder_that_no_run_wrote_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match="which no run wrote"), journal.alone(tmp_path):
        pass
    assert (tmp_path / name).read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_in_place_of_a_file_of_a_run_is_not_followed(tmp_path):
    treasure = tmp_path / "treasure"
    treasure.write_text("mine")
    for name in (".lock", "status.jsonl"):
        reports = tmp_path / f"to{name}"
        reports.mkdir()
        with journal.alone(reports):
            pass
        (reports / name).unlink(missing_ok=True)
        (reports / name).symlink_to(treasure)
        with pytest.raises((UserError, OSError)), journal.alone(reports):
            pass
    assert treasure.read_text() == "mine"


def test_reports_of_an_older_run_are_taken_over(tmp_path):
    with journal.alone(tmp_path):
        log = journal.Journal(str(tmp_path), 1, 0)
        with log:
            log.ended(Outcome("a", "01_x", True))
    (tmp_path / journal.MARKER).unlink()
    with journal.alone(tmp_path):
        assert (tmp_path / journal.MARKER).exists()


def test_decisions_made_by_hand_before_a_run_do_not_keep_it_out(tmp_path):
    (tmp_path / journal.DECISIONS).mkdir()
    with journal.alone(tmp_path):
        assert (tmp_path / journal.MARKER).exists()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1"])
def test_no_text_of_a_table_is_a_formula(text):
    back = next(
        csv.DictReader(io.StringIO(files.as_csv([{"name": text, "kva": -3.5}], ["name", "kva"])))
    )
    assert back == {"name": f"'{text}", "kva": "-3.5"}


def test_a_terminal_shows_control_characters_and_does_not_obey_them():
    assert printable("one\ntwo\t\x1b[2Jthree\u202e\x07") == "one\ntwo\t\\x1b[2Jthree\\u202e\\x07"


def test_an_export_never_replaces_a_file_of_a_portfolio(demo):
    site = Portfolio.open(demo).site("elm-road-lamps")
    before = (demo / "sites.csv").read_bytes()
    with pytest.raises(UserError, match="a file of a portfolio"):
        standards.export(site, "tcc", "csv", demo / "sites.csv")
    assert (demo / "sites.csv").read_bytes() == before


def test_a_site_may_not_be_called_like_a_file_of_a_run(demo):
    sites = (demo / "sites.csv").read_text().replace("village-hall,", "results.csv,", 1)
    (demo / "sites.csv").write_text(sites)
    faults = [f for f in check_portfolio(demo).faults if f.value == "results.csv"]
    assert any(".csv" in fault.rule for fault in faults)


def test_one_stamp_far_in_the_future_costs_one_row(demo):
    rows = pd.read_parquet(demo / "sessions.parquet")
    for name in ("plug_in", "plug_out"):
        rows[name] = rows[name].astype("datetime64[us, UTC]")
    rows.loc[3, "plug_out"] = pd.Timestamp("9999-12-31T23:59:59Z").as_unit("us")
    rows.to_parquet(demo / "sessions.parquet", row_group_size=20_000)
    faults = [fault for fault in check_portfolio(demo).faults if fault.file == "sessions.parquet"]
    assert [(fault.row, fault.field, fault.severity) for fault in faults] == [
        (4, "plug_out", "set aside")
    ]
    site_id = rows.loc[3, "site_id"]
    own = Portfolio.open(demo).site(site_id)
    assert len(own.sessions) == (rows["site_id"] == site_id).sum() - 1


def test_a_network_nested_without_end_is_refused_by_name(demo):
    (demo / "networks/elm-road-tx.json").write_text('{"type": "input", "data": ' + "[" * 100_000)
    faults = [fault for fault in check_portfolio(demo).faults if fault.severity == "error"]
    assert [fault.file for fault in faults] == ["networks/elm-road-tx.json"]


def test_what_check_refuses_in_the_header_no_run_begins(demo, tmp_path):
    header = (demo / "portfolio.toml").read_text().split("[[sources]]")[0] + 'sources = "x"\n'
    (demo / "portfolio.toml").write_text(header)
    with pytest.raises(UserError, match="must be tables"):
        batch.run(demo, notebooks=["09"], out=tmp_path / "out", progress="none")
    assert not (tmp_path / "out").exists()
