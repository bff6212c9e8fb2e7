"""The register: added to, never changed; a change is found; terms in force and their limit."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import register
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, windows
from scchelpers.portfolio.check import check_portfolio as check
from scchelpers.portfolio.check import check_register
from scchelpers.timebase import grid
from tests.conftest import ROOT
from tests.planted import terms

DEMO = ROOT / "data" / "demo"
NEW = {
    "site_id": "village-hall",
    "capacity_kva": 60,
    "valid_from": "2026-01-01",
    "review_by": "2027-01-01",
    "approved_on": "2025-12-01",
    "approved_by": "design_authority",
    "reason": 'smaller supply agreed, "for now"',
}


FILES = ("portfolio.toml", "sites.csv", "assets.csv", "register.csv", "register.seal")


@pytest.fixture
def folder(tmp_path):
    """A portfolio with the tables that a register needs."""
    for name in FILES:
        shutil.copy(DEMO / name, tmp_path / name)
    return tmp_path


def book(folder=DEMO) -> register.Register:
    return register.read(Portfolio.open(folder))


def faults(folder) -> list:
    portfolio = Portfolio.open(folder)
    assets = portfolio.table("assets.csv")["asset_id"].tolist()
    return check_register(portfolio, portfolio.site_ids, assets)


def lines(folder) -> list[str]:
    return (folder / "register.csv").read_text(encoding="utf-8").splitlines()


def write(folder, rows: list[str]) -> None:
    (folder / "register.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


# --- reading


def test_the_terms_in_force_at_an_instant_are_those_of_its_day_on_the_site_s_clock():
    known = book()
    before, after = "2025-08-31T22:59Z", "2025-08-31T23:00Z"  # midnight in summer time
    assert known.in_force("elm-road-lamps", before).entry_id == "elm-road-lamps-1"
    assert known.in_force("elm-road-lamps", after).entry_id == "elm-road-lamps-2"
    assert known.in_force("elm-road-lamps", "2024-03-30T12:00Z") is None
    assert known.in_force("science-park", after) is None


def test_the_limit_of_a_timed_connection_keeps_the_clock_through_both_changes():
    known = book()
    for day, start in (("2025-10-25", "15:00"), ("2025-10-26", "16:00")):
        time = pd.Timestamp(f"{day}T{start}Z") + pd.to_timedelta([-30, 0, 240, 270], "min")
        limit = known.limit_kw("elm-road-lamps", time)
        # Both days are a weekend: 16:00 to 20:30 on the clock, 15 kVA at power factor 0.98.
        assert limit.to_numpy().tolist() == [131.32, 14.7, 14.7, 131.32]


def test_before_the_first_entry_the_limit_is_unknown():
    time = grid("2024-03-31T22:00Z", "2024-04-01T00:00Z", "30min")
    limit = book().limit_kw("elm-road-lamps", time).to_numpy()
    assert np.isnan(limit).tolist() == [True, True, False, False]


def test_every_scheme_makes_a_limit():
    time = grid("2025-12-01T16:00Z", "2025-12-01T18:00Z", "30min")
    sent = xr.DataArray([500.0, 90.0, np.nan, 40.0], {"time": time.tz_localize(None)}, ("time",))
    for scheme in ("static_clm", "dynamic_clm", "firm"):
        assert register.limit(terms("", scheme), time).to_numpy().tolist() == [129.98] * 4
    for scheme in ("profiled", "lmc", "cmc"):
        own = terms("", scheme, failsafe_kw=30.0)
        heard = register.limit(own, time, setpoint_kw=sent)
        assert heard.to_numpy().tolist() == [129.98, 90.0, 30.0, 40.0]
        assert np.isnan(register.limit(own, time)).all()  # nothing on record: unknown
    timed = register.limit(terms("dec all 17:00-18:00 50"), time)
    assert timed.to_numpy().tolist() == [129.98, 129.98, 48.5, 48.5]
    assert timed.attrs["units"] == "kW"


def test_the_history_says_what_each_entry_changed():
    history = book().history("elm-road-lamps")
    assert history.index.tolist() == ["elm-road-lamps-1", "elm-road-lamps-2"]
    assert history["changed"].iloc[0] == ""
    assert "failsafe_kw: 26 → 14" in history["changed"].iloc[1]
    assert "capacity_kva" not in history["changed"].iloc[1]


def test_ahead_are_the_earlier_connections_of_the_same_asset():
    known = book()
    assert [one.site_id for one in known.ahead("elm-road-posts")] == ["elm-road-lamps"]
    assert known.ahead("elm-road-lamps") == []
    assert known.ahead("village-hall") == []


def test_a_portfolio_may_have_no_register(folder):
    (folder / "register.csv").unlink()
    assert [f.file for f in faults(folder)] == ["register.seal"]
    (folder / "register.seal").unlink()
    assert faults(folder) == []
    assert book(folder).site_ids == []
    assert book(folder).head == ""


# --- adding


def test_adding_leaves_every_byte_as_it_was(folder):
    before = (folder / "register.csv").read_bytes()
    assert register.append(folder, NEW) == "village-hall-2"
    after = (folder / "register.csv").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == before.count(b"\n") + 1
    assert faults(folder) == []
    known = book(folder)
    assert known.in_force("village-hall", "2025-12-31T23:59Z").capacity_kva == 69
    now = known.in_force("village-hall", "2026-01-01T00:00Z")
    assert (now.capacity_kva, now.scheme, now.power_factor) == (60, "static_clm", 0.98)
    assert known.rows["reason"].iloc[-1] == NEW["reason"]


def test_of_many_who_add_at_once_nobody_s_entry_is_lost(folder):
    pytest.importorskip("fcntl", reason="no lock to hold here")
    before = book(folder)
    sites = before.site_ids[:6]
    told = {name: NEW[name] for name in ("valid_from", "approved_on", "approved_by", "reason")}
    told["review_by"] = "2029-01-31"
    with ThreadPoolExecutor(len(sites)) as pool:
        list(pool.map(lambda site_id: register.append(folder, told | {"site_id": site_id}), sites))
    assert faults(folder) == []
    after = book(folder)
    assert len(after.rows) == len(before.rows) + len(sites)
    assert set(after.rows["site_id"].iloc[-len(sites) :]) == set(sites)


def test_the_first_entry_of_a_portfolio(folder):
    for name in ("register.csv", "register.seal"):
        (folder / name).unlink()
    first = NEW | {"scheme": "static_clm", "metered": "charging", "power_factor": 0.98}
    assert register.append(folder, first | {"averaging_s": 1800}) == "village-hall-1"
    assert faults(folder) == []
    assert register.append(folder, NEW | {"capacity_kva": 50}) == "village-hall-2"
    assert book(folder).terms("village-hall")[-1].capacity_kva == 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"site_id": "vilage-hall", "scheme": "firm"}, "a value is required"),
        ({"capacity_kva": "sixty"}, "capacity_kva = 'sixty'"),
        ({"approved_by": "A. Person"}, "approved_by = 'A. Person'"),
        ({"valid_from": "2023-01-01"}, "must not lie before that of the entry replaced"),
        ({"approved_on": "2025-01-01"}, "must not lie before that of the row above"),
        ({"review_by": "2025-12-31"}, "must lie after valid_from"),
        ({"scheme": "lmc"}, "failsafe_kw: is required for lmc"),
        ({"scheme": "tcc"}, "must name the windows"),
        ({"windows": "winter all 16:00-18:00 20"}, "must be blank"),
        ({"scheme": "tcc", "windows": "winter all 16:10-18:00 20"}, "multiple of averaging_s"),
        ({"scheme": "tcc", "windows": "winter all 16:00-18:00 80"}, "a cap must be below"),
        ({"scheme": "tcc", "windows": "wintr all 16:00-18:00 20"}, "did you mean winter?"),
        ({"scheme": "dynamic_clm"}, "must be site"),
        ({"averaging_s": 7}, "must divide a day"),
        ({"failsafe_kw": 60}, "must not be above the capacity"),
        ({"asset_id": "nowhere"}, "must be in assets.csv"),
        ({"chain": "x"}, "not a field of an entry"),
        ({"capacty_kva": 60}, "did you mean capacity_kva?"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused_and_nothing_is_written(folder, change, words):
    before = lines(folder)
    with pytest.raises(UserError) as refused:
        register.append(folder, NEW | change)
    assert words in str(refused.value)
    assert lines(folder) == before


# --- what was altered is found


def test_a_value_changed_is_found_where_it_was_changed(folder):
    rows = lines(folder)
    rows[2] = rows[2].replace("static_clm,charging,69,", "static_clm,charging,96,")
    write(folder, rows)
    [fault] = faults(folder)
    assert (fault.row, fault.field, fault.site_id) == (3, "chain", "village-hall")
    assert fault in check(folder).faults
    with pytest.raises(UserError, match="one was changed"):
        book(folder)
    with pytest.raises(UserError, match="one was changed"):
        register.append(folder, NEW)


@pytest.mark.parametrize("row", range(1, 7))
def test_any_row_deleted_is_found(folder, row):
    rows = lines(folder)
    write(folder, rows[:row] + rows[row + 1 :])
    assert [f.severity for f in faults(folder)][:1] == ["error"]


def test_rows_deleted_at_the_end_are_found_by_the_seal(folder):
    write(folder, lines(folder)[:-2])
    [fault] = faults(folder)
    assert fault.file == "register.seal"
    (folder / "register.seal").unlink()
    [fault] = faults(folder)
    assert "must be there" in fault.rule


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_cell_altered_in_what_it_says_is_found(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("register")
    for name in FILES:
        shutil.copy(DEMO / name, place / name)
    raw = pd.read_csv(place / "register.csv", dtype=str, keep_default_na=False)
    row = data.draw(st.integers(0, len(raw) - 1))
    column = data.draw(st.sampled_from(list(raw.columns)))
    text = data.draw(st.text("abc012.-", min_size=1, max_size=6))
    if text == raw.loc[row, column]:
        return
    raw.loc[row, column] = text
    raw.to_csv(place / "register.csv", index=False)
    with pytest.raises(UserError):
        book(place)


def test_a_spreadsheet_that_writes_the_same_otherwise_breaks_nothing(folder):
    raw = pd.read_csv(folder / "register.csv", dtype=str, keep_default_na=False)
    for name in ("valid_from", "review_by", "approved_on"):
        day = pd.to_datetime(raw[name])
        raw[name] = day.dt.strftime("%d/%m/%Y")
    raw["capacity_kva"] = raw["capacity_kva"].map(lambda text: f"{float(text):.2f}")
    raw["scheme"] = raw["scheme"].str.upper().str.replace("_", " ")
    raw.to_csv(folder / "register.csv", index=False, sep=";", encoding="cp1252")
    assert faults(folder) == []
    assert book(folder).head == book().head
    # It can be read, but not added to: what is there would have to be written anew.
    with pytest.raises(UserError, match="UTF-8 with commas"):
        register.append(folder, NEW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("winter all 16:30", "write months, days"),
        ("winter some 16:30-18:30 4", "not a day type"),
        ("winter all 16:30-25:30 4", "clock time"),
        ("hello all 16:30-18:30 4", "not months"),
    ],
)
def test_windows_that_cannot_be_read_are_refused(text, words):
    with pytest.raises(UserError, match=words):
        windows.parse(text)


def test_windows_over_the_turn_of_the_year():
    [first, second] = windows.parse("nov-feb weekday 22:00-02:00 40; all-year sunday 09:00-10:00 5")
    assert first["months"] == (11, 12, 1, 2)
    assert len(second["months"]) == 12
