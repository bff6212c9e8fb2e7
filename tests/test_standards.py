"""What leaves the workbook: schedules as tables and JSON, whole files or none."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from scchelpers import standards, tcc, timebase
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.standards.schedule import month_runs
from tests.conftest import ROOT

UNDATED = ("csv", "json", "offer-html", "offer-md")


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


@pytest.fixture(scope="module")
def lamps(demo):
    return standards.scheme("tcc")(demo.site("elm-road-lamps"))


def months_between(first: str, until: str) -> tuple[int, ...]:
    """Return the months from one month-day to another, exclusive."""
    begin, end = int(first[:2]), int(until[:2])
    return tuple((begin - 1 + k) % 12 + 1 for k in range((end - begin - 1) % 12 + 1))


def test_the_table_read_back_makes_the_same_limit(demo, lamps):
    rows = pd.read_csv(io.StringIO(standards.text(lamps, "csv")))
    rows["months"] = [
        months_between(*pair) for pair in zip(rows["from"], rows["until"], strict=True)
    ]
    study = tcc.study(demo.site("elm-road-lamps"), max_windows=2, min_recovery="1h")
    time = timebase.grid("2025-01-01T00:00Z", "2026-01-01T00:00Z", "30min")
    again = tcc.limit(rows, time, rows["otherwise_kw"][0], power_factor=rows["power_factor"][0])
    assert np.allclose(again, study.limit_kw(time))
    assert (rows["timezone"] == "Europe/London").all()


def test_windows_in_steps_are_written_and_read_again(demo):
    study = tcc.study(demo.site("elm-road-lamps"), max_steps=4, min_recovery="1h")
    made = standards.scheme("tcc")(demo.site("elm-road-lamps"), max_steps=4)
    assert len(made.windows) > 2 * len(standards.scheme("tcc")(demo.site("elm-road-lamps")).windows)
    time = timebase.grid("2026-01-05T00:00Z", "2026-02-02T00:00Z", "30min")
    assert np.allclose(made.limit_kw(time), study.limit_kw(time), atol=1e-3)


def test_json_holds_units_clock_dates_and_provenance(lamps):
    content = json.loads(standards.text(lamps, "json"))
    assert content["timezone"] == "Europe/London"
    assert content["units"]["limit_kw"] == "kW"
    assert content["otherwise"]["limit_kva"] == 134.0
    winter = content["windows"][0]
    assert (winter["from"], winter["until"]) == ("12-01", "03-01")
    assert winter["limit_kw"] == pytest.approx(winter["limit_kva"] * content["power_factor"])
    told = content["provenance"]
    assert told["asset_id"] == "elm-road-tx"
    assert told["quantile"] == 0.99
    assert told["record_start"] == "2025-01-01T00:00Z"
    assert told["fewest_samples"] > 0


def test_the_same_inputs_give_the_same_bytes(demo, lamps):
    again = standards.scheme("tcc")(demo.site("elm-road-lamps"))
    for form in standards.FORMATS:
        options = {} if form in UNDATED else {"start": "2026-12-01"}
        if form.startswith("ocpp"):
            options |= {"below_minimum": "first", "days": 30}
        assert standards.text(again, form, **options) == standards.text(lamps, form, **options)


def test_a_file_is_replaced_whole_or_not_at_all(demo, tmp_path):
    path = tmp_path / "lamps.json"
    path.write_text("before")
    with pytest.raises(UserError, match="not a TCC"):
        standards.export(demo.site("station-taxi-hub"), "tcc", "json", path)
    with pytest.raises(UserError, match="did you mean json"):
        standards.export(demo.site("elm-road-lamps"), "tcc", "jsn", path)
    assert path.read_text() == "before"
    standards.export(demo.site("elm-road-lamps"), "tcc", "json", path, quantile=0.9)
    assert json.loads(path.read_text())["provenance"]["quantile"] == 0.9
    assert [p.name for p in tmp_path.iterdir()] == ["lamps.json"]


@pytest.mark.parametrize(
    ("site_id", "part"),
    [("village-hall", "no network asset"), ("science-park", "firm connection fits")],
)
def test_what_cannot_be_offered_is_not_written(demo, site_id, part, tmp_path):
    with pytest.raises(UserError, match=part):
        standards.export(demo.site(site_id), "tcc", "csv", tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


def test_options_of_scheme_and_format_go_where_they_belong(demo, tmp_path):
    site, path = demo.site("elm-road-lamps"), tmp_path / "x.csv"
    standards.export(site, "tcc", "half-hourly", path, quantile=0.9, start="2026-12-01", days=2)
    assert len(path.read_text().splitlines()) == 1 + 96
    for wrong in ({"start": "2026-12-01"}, {"version": "1.6"}, {"quantil": 0.9}):
        with pytest.raises(UserError, match="neither of tcc nor of csv"):
            standards.export(site, "tcc", "csv", path, **wrong)
    with pytest.raises(UserError, match="option limit_kva: clm needs it"):
        standards.export(site, "clm", "csv", path)
    with pytest.raises(UserError, match="'version': neither"):
        standards.export(site, "tcc", "ocpp-1.6", path, version="2.1")


def test_unknown_schemes_are_refused():
    with pytest.raises(UserError, match="did you mean tcc"):
        standards.scheme("tc")


def test_runs_of_months():
    assert month_runs((10, 11, 12, 1, 2, 3)) == [(10, 3)]
    assert month_runs((1, 12)) == [(12, 1)]
    assert month_runs((3, 4, 9)) == [(3, 4), (9, 9)]
