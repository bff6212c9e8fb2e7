"""Session files: columns by meaning, dates by evidence, every row accounted for."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scchelpers import importers
from scchelpers.faults import UserError
from scchelpers.importers import layouts, values
from scchelpers.importers.account import Account

HEAD = "CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model"
FORMS = {
    "iso": "%Y-%m-%d",
    "day-first": "%d/%m/%Y",
    "month-first": "%m/%d/%Y",
    "two-digit": "%d-%m-%y",
    "named": "%d %b %Y",
}


def printed(stamp, style):
    """Print a date in a style; the swapped ones exchange day and month where the day is <= 12."""
    form = FORMS[style.removesuffix("-swapped")]
    if style.endswith("-swapped") and stamp.day <= 12:
        stamp = stamp.replace(day=stamp.month, month=stamp.day)
    return stamp.strftime(form)


def write(path, rows, head=HEAD, end="\n"):
    path.write_text(end.join([head, *rows]) + end, encoding="utf-8", newline="")
    return path


def row(
    start, end, kwh, cp="50245", connector="1", site="Mill Street", model="APT 22kW Dual Outlet"
):
    start, end = pd.Timestamp(start), pd.Timestamp(end)
    return (
        f"{cp},{connector},{start:%Y-%m-%d},{start:%H:%M},{end:%Y-%m-%d},{end:%H:%M},{kwh},"
        f'"{site}",{model}'
    )


# A day above 12 each month and a few in between: an ISO file that tells its own style.
ANCHORS = [row(f"2018-{m:02d}-{d} 03:00", f"2018-{m:02d}-{d} 03:30", 3, cp="anchor")
           for m in range(1, 13) for d in (14, 28)]  # fmt: skip


def read(tmp_path, *rows, **options):
    """Read rows between the anchors; return the report and the sessions that are not anchors."""
    path = write(tmp_path / "file.csv", [*rows, *ANCHORS])
    found = importers.read("sessions", [path], **options)
    own = found.sessions[~found.sessions["evse_id"].str.startswith("anchor")]
    return found.report, own.reset_index(drop=True), found


@st.composite
def histories(draw):
    """Sessions of one socket, one after the other, over at least three months."""
    gaps = draw(st.lists(st.integers(16 * 60, 72 * 60), min_size=90, max_size=110))
    stay = draw(st.integers(10, 55))
    begin = pd.Timestamp("2018-01-01") + pd.Timedelta(days=draw(st.integers(0, 300)))
    starts = begin + pd.to_timedelta(pd.Series(gaps).cumsum(), unit="min")
    # Stamps in the hours of the clock changes are another test's matter.
    starts = starts[~starts.dt.hour.isin([0, 1, 2])]
    energy = [draw(st.sampled_from([1.0, 2.5, 3.125])) for _ in starts]
    return [(s, s + pd.Timedelta(minutes=stay), e) for s, e in zip(starts, energy, strict=True)]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("style", [*FORMS, "iso-swapped", "day-first-swapped"])
@settings(
    max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
def test_sessions_come_back_from_every_date_style(tmp_path, style, order, history):
    rows = [
        f"7,1,{printed(a, style)},{a:%H:%M},{printed(b, style)},{b:%H:%M},{e},Mill St,22kW"
        for a, b, e in history
    ]
    found = importers.read("sessions", [write(tmp_path / "s.csv", rows[::order])])
    sessions = found.sessions.sort_values("plug_in")
    clock = sessions["plug_in"].dt.tz_convert("Europe/London").dt.tz_localize(None)
    assert clock.tolist() == [a for a, _, _ in history]
    assert sessions["energy_kwh"].tolist() == [e for _, _, e in history]
    assert found.report.read == found.report.kept == len(history)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(["7", "", "CP/1", "CP 1"]),
            st.integers(-3000, 3000),
            st.sampled_from(["5", "0", "-1", "", "1,234.5", "NA", "lots", "9999", "nan", "inf"]),
            st.sampled_from(["Mill St", "***TEST SITE***", " Mill  St", ""]),
        ),
        max_size=25,
    )
)
def test_every_row_is_kept_or_set_aside(tmp_path, cells):
    start = pd.Timestamp("2018-07-20 12:00")
    rows = [
        row(start, start + pd.Timedelta(minutes=minutes), f'"{kwh}"', cp=cp, site=site)
        for cp, minutes, kwh, site in cells
    ]
    accept = "overlaps+end before start+energy beyond rating × time+power+energy"
    accept += "+set aside+least power+most power+top power"
    report, own, _ = read(tmp_path, *rows, accept=accept)
    assert report.read == len(cells) + len(ANCHORS)
    assert report.kept + sum(report.set_aside.values()) == report.read
    assert (own["energy_kwh"] > 0).all()
    assert (own["plug_out"] > own["plug_in"]).all()


@pytest.mark.parametrize(
    ("kwh", "end", "reason"),
    [
        ("5", "1970-01-01 01:00", "end unknown (missing, unreadable or 1970)"),
        ("5", "2018-07-20 11:00", "end before start"),
        ("5", "2018-07-20 12:00", "stay of no length (stamps to the minute)"),
        ("5", "2018-07-22 12:01", "stay longer than 48 h"),
        ("0", "2018-07-20 13:00", "energy zero"),
        ("-0.001", "2018-07-20 13:00", "energy negative"),
        ("NA", "2018-07-20 13:00", "energy missing or not a number"),
        ("138.25", "2018-07-20 12:02", "energy beyond rating × time"),
    ],
)
def test_faults_are_set_aside_under_their_reason(tmp_path, kwh, end, reason):
    report, own, _ = read(tmp_path, row("2018-07-20 12:00", end, kwh))
    assert report.set_aside == {reason: 1}
    assert own.empty


def test_a_file_of_faults_alone_is_told_not_broken(tmp_path):
    rows = [row(f"2018-07-{d} 12:00", f"2018-07-{d} 13:00", 0) for d in (20, 21)]
    with pytest.raises(UserError, match=r"no row could be kept(.|\n)*energy zero +2"):
        importers.run("sessions", [write(tmp_path / "zero.csv", rows)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_large_energy_is_kept_where_the_rating_allows_it(tmp_path):
    lorry = row("2018-07-20 12:00", "2018-07-20 14:00", 310, model="350 kW HPC")
    report, own, _ = read(tmp_path, lorry)
    assert own["energy_kwh"].tolist() == [310]
    report, own, _ = read(tmp_path, lorry, max_energy_kwh=100)
    assert report.set_aside == {"energy above 100 kWh": 1}


def test_minute_stamps_leave_a_minute_of_doubt(tmp_path):
    # 22 kW x 1.1 x (1 + 1) min = 0.81 kWh.
    _, own, _ = read(
        tmp_path,
        row("2018-07-20 12:00", "2018-07-20 12:01", 0.8),
        row("2018-07-20 13:00", "2018-07-20 13:01", 0.82),
    )
    assert own["energy_kwh"].tolist() == [0.8]


def test_repeats_and_overlaps(tmp_path):
    one = row("2018-07-20 12:00", "2018-07-20 13:00", 5)
    report, own, _ = read(
        tmp_path,
        one,
        one,
        row("2018-07-20 12:30", "2018-07-20 13:30", 5),
        row("2018-07-20 13:00", "2018-07-20 13:30", 5),
        row("2018-07-20 12:30", "2018-07-20 13:30", 5, connector="2"),
    )
    assert report.set_aside == {"exact repeat": 1, "overlaps another session on its EVSE": 1}
    assert sorted(own["evse_id"]) == ["50245-1", "50245-1", "50245-2"]


def test_people_never_reach_the_portfolio(tmp_path):
    head = "User ID,RFID Card,Driver email,Customer Name," + HEAD
    rows = [f"U-SECRET,U-SECRET,U-SECRET,U-SECRET,{line}" for line in ANCHORS]
    report = importers.run("sessions", [write(tmp_path / "p.csv", rows, head)], tmp_path / "out")
    held = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert report.kept == len(rows)
    assert b"SECRET" not in held
    assert "SECRET" not in report.text()
    assert "columns of people, not read: User ID, RFID Card, Driver email, Customer Name" in (
        report.text()
    )


@pytest.mark.parametrize(
    ("first", "second", "stays_h"),
    [
        # 28 October 2018: 01:00-02:00 comes twice. The end before the start is its second pass;
        ("01:40", "01:20", 2 / 3),
        # 20 kWh at 22 kW is impossible in 20 minutes, not in 80;
        ("00:50", "01:10", 4 / 3),
    ],
)
def test_the_repeated_hour_is_settled_by_order_and_energy(tmp_path, first, second, stays_h):
    report, own, _ = read(tmp_path, row(f"2018-10-28 {first}", f"2018-10-28 {second}", 14))
    stay = own["plug_out"] - own["plug_in"]
    assert (stay / pd.Timedelta("1h")).tolist() == [pytest.approx(stays_h)]
    assert report.mended["stamp in the repeated autumn hour settled"] == 1


def test_the_skipped_hour_is_moved_on_and_counted(tmp_path):
    report, own, _ = read(tmp_path, row("2018-03-25 00:30", "2018-03-25 01:30", 5))
    assert own["plug_out"].tolist() == [pd.Timestamp("2018-03-25T01:30Z")]
    assert report.mended == {"stamp in the skipped spring hour moved on 1 h": 1}


def test_names_that_change_by_year_are_one_site(tmp_path):
    _, _, found = read(
        tmp_path,
        row("2018-01-20 12:00", "2018-01-20 13:00", 5, site=" Canal Street Car Park"),
        row("2018-03-20 12:00", "2018-03-20 13:00", 5, site="Canal Street  Car Park, Perth"),
        row("2018-04-20 12:00", "2018-04-20 13:00", 5, site="Canal Street Car Park, Perth"),
    )
    own = found.sites[found.sites["site_id"] != "mill-street"]
    assert own[["site_id", "name", "site_type"]].to_numpy().tolist() == [
        ["canal-street-car-park-perth", "Canal Street Car Park, Perth", "car_park"]
    ]


def test_a_chargepoint_that_moved_is_two(tmp_path):
    stays = [
        ("2018-01-20", "Mill Street"),
        ("2018-06-20", "North Inch"),
        ("2018-12-20", "Mill Street"),
    ]
    rows = [row(f"{day} 12:00", f"{day} 13:00", 5, site=site) for day, site in stays]
    _, _, found = read(tmp_path, *rows)
    assert found.sites["name"].tolist() == ["Mill Street", "North Inch"]
    assert found.chargepoints.groupby("evse_id")["site_id"].nunique().max() == 1


@pytest.mark.parametrize(
    ("model", "rated_kw"),
    [
        ("APT 7kW Dual Outlet", 7),
        ("22kW", 22),
        ("APT 22kW Raption", 22),
        ("Siemens Triple Rapid Charger", 50),
        ("Siemens Semi-Rapid", 22),
        ("Ultra 150 kW", 150),
    ],
)
def test_the_model_tells_the_rating(tmp_path, model, rated_kw):
    report, _, found = read(tmp_path, row("2018-07-20 12:00", "2018-07-20 13:00", 5, model=model))
    rated = found.chargepoints.set_index("evse_id")["rated_kw"]
    assert rated["50245-1"] == rated_kw
    assert "INFERRED" not in report.text()


def test_a_rating_not_told_is_inferred_and_said_so_or_given(tmp_path):
    rows = [
        row(f"2018-07-{d} 12:00", f"2018-07-{d} 12:30", 9.8, model="XJ-9") for d in (20, 21, 22)
    ]
    report, _, found = read(tmp_path, *rows)
    assert found.chargepoints.set_index("evse_id")["rated_kw"]["50245-1"] == 22
    assert "rating of 1 chargepoints INFERRED (1 of 22 kW)" in report.text()
    table = tmp_path / "ratings.csv"
    table.write_text("model,rated_kw\nXJ-9,25\n")
    report, _, found = read(tmp_path, *rows, ratings_file=table)
    assert found.chargepoints.set_index("evse_id")["rated_kw"]["50245-1"] == 25
    table.write_text("model,rated_kw\nXJ-9,-25\n")
    with pytest.raises(UserError, match="row 2, rated_kw = '-25'"):
        read(tmp_path, *rows, ratings_file=table)


@pytest.mark.parametrize(("unit", "factor"), [("minutes", 1), ("hours", 1 / 60)])
def test_dft_files_tell_the_unit_of_their_durations(tmp_path, unit, factor):
    head = (
        "ChargingEvent,CPID,Connector,StartDate,StartTime,EndDate,EndTime,EnergySupplied,Name,"
        "Price,PluginDuration"
    )
    rows = [
        f"{n},AN{n % 3:05d},1,2017-03-{d},10:00:00,2017-03-{d},10:45:00,12,Leeds,NA,{45 * factor}"
        for n, d in enumerate(range(13, 29))
    ]
    rows.append(f"99,AN00009,1,2017-03-29,10:00:00,NA,NA,12,Leeds,NA,{30 * factor}")
    rows.append("100,NA,1,2017-03-29,10:00:00,2017-03-29,11:00:00,12,Leeds,NA,1")
    found = importers.read("sessions", [write(tmp_path / "dft.csv", rows, head)])
    short = {"minutes": "min", "hours": "h"}[unit]
    assert f"PluginDuration is in {short}: " in found.report.text()
    assert found.report.set_aside == {"chargepoint missing": 1}
    assert found.report.mended == {"end computed from start and duration": 1}
    last = found.sessions.set_index("evse_id").loc["AN00009-1"]
    assert last["plug_out"] - last["plug_in"] == pd.Timedelta("30min")


def test_a_duration_without_unit_or_ends_is_asked_for(tmp_path):
    rows = [f"7,2018-05-{d} 10:00,12,10" for d in (14, 16, 28)]
    path = write(tmp_path / "d.csv", rows, "CP ID,Start,Duration,kWh")
    with pytest.raises(UserError, match="duration unit: Duration: unit not told; h or min"):
        importers.read("sessions", [path])
    sessions = importers.read("sessions", [path], duration_unit="h").sessions
    assert (sessions["plug_out"] - sessions["plug_in"] == pd.Timedelta("12h")).all()


def test_dates_that_cannot_be_told_are_refused_until_named(tmp_path):
    head = "CP ID,Start,End,kWh"
    rows = [f"7,0{d}/0{m}/2018 10:00,0{d}/0{m}/2018 11:00,5" for d, m in ((3, 4), (5, 4), (4, 6))]
    path = write(tmp_path / "unsure.csv", rows, head)
    with pytest.raises(
        UserError, match=r"unsure\.csv: dates: Start: '03/04/2018.*day-first or mon"
    ):
        importers.read("sessions", [path])
    days = (
        importers.read("sessions", [path], dates="day-first")
        .sessions["plug_in"]
        .dt.strftime("%m-%d")
    )
    assert days.tolist() == ["04-03", "04-05", "06-04"]
    days = (
        importers.read("sessions", [path], dates="month-first")
        .sessions["plug_in"]
        .dt.strftime("%m-%d")
    )
    assert sorted(days) == ["03-04", "04-06", "05-04"]
    with pytest.raises(UserError, match="none of iso"):
        importers.read("sessions", [path], dates="dayfirst")
    with pytest.raises(UserError, match="no time of 2000 to 2099"):
        importers.read("sessions", [path], dates="iso")


def test_iso_is_doubted_where_its_days_scatter(tmp_path):
    head = "CP ID,Start,End,kWh"
    rows = [f"7,2018-0{n}-05 10:00,2018-0{n}-05 11:00,5" for n in (1, 2, 3)]
    with pytest.raises(UserError, match="iso or iso-swapped"):
        importers.read("sessions", [write(tmp_path / "few.csv", rows, head)])
    rows = [f"7,2018-05-0{n} 10:00,2018-05-0{n} 11:00,5" for n in (1, 2, 3)]
    report = importers.read("sessions", [write(tmp_path / "few.csv", rows, head)]).report
    assert "dates: iso (" in report.text()


def test_two_layouts_in_one_column_are_read_together(tmp_path):
    # A spreadsheet turned what it could into dates, day and month exchanged, and left the rest.
    days = pd.date_range("2018-09-01", "2018-12-31")
    rows = []
    for day in days:
        text = f"{day:%Y-%d-%m}" if day.day <= 12 else f"{day:%d/%m/%Y}"
        rows.append(f"7,1,{text},10:00,{text},11:00,5,Mill St,7kW")
    found = importers.read("sessions", [write(tmp_path / "mixed.csv", rows)])
    local = found.sessions["plug_in"].dt.tz_convert("Europe/London").dt.tz_localize(None)
    assert sorted(local.dt.normalize()) == days.tolist()


@pytest.mark.parametrize(
    "header",
    [
        "_id,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model",
        "SDR ID,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,"
        "Consum(kWh),Site,Group,Model",
        "Charging event,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,"
        "Cost,Site,Model",
        "CHARGINGEVENT,CPID,CONNECTOR,STARTDATE,STARTTIME,ENDDATE,ENDTIME,ENERGY,NAME,PLUGINDURATION",
        "Charger ID,Socket,Plug-in Date,Plug-in Time,Plug-out Date,Plug-out Time,"
        "Energy (kWh),Location,Type",
    ],
)
def test_columns_are_matched_by_their_names(header):
    cells = {"Connector": "1", "Socket": "1", "Site": "Mill St", "Location": "Mill St", "NAME": "x"}
    day, clock, energy = "2018-05-14", "10:05", "7.2"

    def cell(name):
        low = name.lower()
        if "date" in low:
            return day
        if "time" in low:
            return clock
        return energy if "kwh" in low or "energy" in low else cells.get(name, "7")

    frame = pd.DataFrame([[cell(name) for name in header.split(",")]], columns=header.split(","))
    account = Account("a.csv")
    picks = layouts.resolve(frame.astype("str"), "a.csv", "sessions", None, {}, account)
    stamps = {f"{side}_{part}" for side in ("start", "end") for part in ("date", "time")}
    assert {"chargepoint", "socket", "energy", "site", *stamps} <= {*picks}
    assert not any(layouts.personal(pick.column) for pick in picks.values())


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("a,b\n1,2\n", "no column is understood as the start"),
        (HEAD + "\n", "no rows below"),
        ("PK\x03\x04rest", "not a readable spreadsheet"),
        (HEAD + "\n" + "\n".join(ANCHORS)[:-40], "ends inside a row|not readable"),
        (HEAD + "\n" + "\n".join(ANCHORS)[:-5], "ends inside a row"),
    ],
)
def test_files_that_are_cut_or_no_session_files_are_refused(tmp_path, text, hint):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=hint) as error:
        importers.run("sessions", [path], tmp_path / "out")
    assert "bad.csv" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_bom_crlf_titles_and_blank_lines_do_no_harm(tmp_path):
    path = tmp_path / "odd.csv"
    text = "\r\n".join(
        ["Charging sessions 2018", "", HEAD, ANCHORS[0], "", ",,,,,,,,", *ANCHORS[1:]]
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n\r\n")
    report = importers.read("sessions", [path]).report
    assert report.read == report.kept == len(ANCHORS)


def test_hostile_names_become_harmless_ids(tmp_path):
    _, _, found = read(
        tmp_path,
        row(
            "2018-07-20 12:00",
            "2018-07-20 13:00",
            5,
            cp="../../x",
            site="<script>alert(1)</script>",
        ),
    )
    assert "script-alert-1-script" in found.sites["site_id"].tolist()
    assert "x-1" in found.chargepoints["evse_id"].tolist()


def test_without_connectors_sessions_at_once_take_other_sockets(tmp_path):
    rows = [f"7,2018-07-{d} 1{h}:00,2018-07-{d} 13:00,5" for d in range(13, 28) for h in (0, 1)]
    found = importers.read("sessions", [write(tmp_path / "n.csv", rows, "CP ID,Start,End,kWh")])
    assert found.report.kept == len(rows)
    assert sorted(found.sessions["evse_id"].unique()) == ["7-1", "7-2"]


def test_stamps_with_an_offset_are_instants(tmp_path):
    rows = ["A1,2023-06-20T10:00:00Z,2023-06-20T13:00:00+01:00,5"]
    path = write(tmp_path / "z.csv", rows, "CP ID,Session Start,Session End,Energy kWh")
    sessions = importers.read("sessions", [path]).sessions
    assert sessions["plug_in"].tolist() == [pd.Timestamp("2023-06-20T10:00Z")]
    assert sessions["plug_out"].tolist() == [pd.Timestamp("2023-06-20T12:00Z")]


def test_order_alone_tells_exchanged_days_from_plain_ones():
    days = pd.date_range("2018-01-01", "2018-12-31")
    part = values.fields(pd.Series([printed(day, "iso-swapped") for day in days]))

    def weigh(style):
        found = values.days(part, style)
        against, changes = values.against_order(found)
        return {"against": against}, int((found.max() - found.min()).days), changes

    style, why = values.decide(values.possible_styles([part]), weigh, None)
    assert style == "iso-swapped"
    assert "iso-swapped: 0 against" in why
    assert values.days(part, style).tolist() == days.tolist()


def test_perth_and_kinross_regression(shared_data):
    files = sorted(shared_data("perth_kinross_sessions").glob("*.csv"))
    found = importers.read("sessions", files)
    report, sessions = found.report, found.sessions
    assert report.read == 66_664
    # 64,456 usable rows of the reference, less those whose energy is beyond rating × time.
    assert report.kept + report.set_aside["energy beyond rating × time"] == 64_456
    assert report.set_aside["energy beyond rating × time"] == 10
    assert report.set_aside["test site"] == 21
    assert report.set_aside["end unknown (missing, unreadable or 1970)"] == 190
    assert report.set_aside["stay longer than 48 h"] == 103
    assert not {"exact repeat", "overlaps another session on its EVSE"} & {*report.set_aside}
    assert report.sites == 13
    assert found.chargepoints["unit_id"].nunique() == 36
    assert report.text().count("dates: iso-swapped") == 3
    assert report.text().count("iso-swapped: 0 dates that cannot be") == 3
    local = sessions["plug_in"].dt.tz_convert("Europe/London")
    assert local.dt.date.nunique() == 1_095
    year = (local.dt.year * 12 + local.dt.month - 9 - 2016 * 12) // 12
    assert year.value_counts().sort_index().tolist() == [13_039, 19_738, 31_669]
    assert sessions["energy_kwh"].sum() == pytest.approx(713_944.5, abs=0.1)
    broxden = sessions[sessions["site_id"].str.startswith("broxden") & (year == 2)]
    assert len(broxden) == 6_723
    assert broxden["energy_kwh"].sum() == pytest.approx(73_212, abs=1)
    assert sessions["session_id"].is_unique
