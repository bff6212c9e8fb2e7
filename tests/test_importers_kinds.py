"""Small files of each kind that once went wrong, made here: right, or refused with a question."""

import numpy as np
import pandas as pd
import pytest

from scchelpers import importers
from scchelpers.faults import UserError

# name -> text, options -> sessions, energy [kWh] and first start; or the words of the question
SESSIONS = {
    "kWh between underscores": ("Unit,Start,End,Energy__kWh_\nA,2024-03-13 08:00,2024-03-13 10:00,"
        "6.5\nA,2024-03-14 08:00,2024-03-14 10:00,9.25", {}, (2, 15.75, "2024-03-13 08:00")),
    "decimal comma": ("Charger;Start;End;kWh\nA;13.03.2024 08:00;13.03.2024 10:00;0,125\n"
        "A;14.03.2024 08:00;14.03.2024 12:00;18,125\nA;15.03.2024 08:00;15.03.2024 10:00;6,25",
        {}, (3, 24.5, "2024-03-13 08:00")),
    "thousands of Wh": ("Charger,Start,End,Energy (Wh)\nA,2024-03-13 08:00,2024-03-13 10:00,"
        '"6,250"\nA,2024-03-14 08:00,2024-03-14 10:00,"11,125"', {},
        (2, 17.375, "2024-03-13 08:00")),
    "three stamps of one stay": ("Charger,PlugIn,ChargeStart,ChargeEnd,PlugOut,kWh\nA,2024-03-13 "
        "08:00,2024-03-13 08:05,2024-03-13 09:00,2024-03-13 17:00,6", {},
        (1, 6.0, "2024-03-13 08:00")),
    "highest power is no rating": ("Charger,Site,Start,End,kWh,Max kW\nA,Y,2024-03-13 08:00,"
        "2024-03-13 10:00,2,1.2\nA,Y,2024-03-14 08:00,2024-03-14 10:00,13,7.1", {},
        (2, 15.0, "2024-03-13 08:00")),
    "UTC in the name": ("Charger,Start (UTC),End (UTC),kWh\nA,2024-07-13 08:00,2024-07-13 10:00,5",
        {}, (1, 5.0, "2024-07-13 08:00")),
    "local clock": ("Charger,Start,End,kWh\nA,2024-07-13 08:00,2024-07-13 10:00,5", {},
        (1, 5.0, "2024-07-13 07:00")),
    "UTC beside local": ("Charger,Start,End,Start UTC,End UTC,kWh\nA,2024-07-13 08:00,2024-07-13 "
        "10:00,2024-07-13 07:00,2024-07-13 09:00,5", {}, (1, 5.0, "2024-07-13 07:00")),
    "no chargepoint": ("start,end,kWh\n2024-03-13 08:00,2024-03-13 10:00,5", {}, "chargepoint="),
    "no chargepoint, told": ("start,end,kWh\n2024-03-13 08:00,2024-03-13 10:00,5",
        {"site": "S", "chargepoint": "C"}, (1, 5.0, "2024-03-13 08:00")),
    "date and two times": ("Charger,Date,Start Time,End Time,kWh\nA,13/03/2024,22:00,01:30,12.5\n"
        "B,14/03/2024,08:00,10:00,5", {}, (2, 17.5, "2024-03-13 22:00")),
    "24:00": ("Charger,Start,End,kWh\nA,2024-03-13 20:00,2024-03-13 24:00,12", {},
        (1, 12.0, "2024-03-13 20:00")),
    "years of two digits": ("stationId,created,ended,kwhTotal\n5,0024-03-13 15:40:26,0024-03-13 "
        "17:11:04,7.5", {}, "year_add=2000"),
    "years of two digits, told": ("stationId,created,ended,kwhTotal\n5,0024-03-13 15:40:26,"
        "0024-03-13 17:11:04,7.5", {"year_add": 2000}, (1, 7.5, "2024-03-13 15:40")),
    "AM and PM": ("Charger,Start,End,kWh\nA,3/25/2024 9:05 AM,3/25/2024 1:15 PM,9", {},
        (1, 9.0, "2024-03-25 09:05")),
    "epoch": ("Charger,Start,End,kWh\nA,1710316800,1710324000,9", {},
        (1, 9.0, "2024-03-13 08:00")),
    "Excel days": ("Charger,Start,End,kWh\nA,45364.333333,45364.416667,9", {},
        (1, 9.0, "2024-03-13 08:00")),
    "meter readings": ("Charger,Start,End,Meter Start (kWh),Meter Stop (kWh)\nA,2024-03-13 08:00,"
        "2024-03-13 10:00,1000.5,1010", {}, (1, 9.5, "2024-03-13 08:00")),
    "six at once on one id": ("Charger,Start,End,kWh\n" + "\n".join(
        f"A,2024-03-13 08:0{i},2024-03-13 12:00,9" for i in range(6)), {}, "sockets="),
    "six at once, told": ("Charger,Start,End,kWh\n" + "\n".join(
        f"A,2024-03-13 08:0{i},2024-03-13 12:00,9" for i in range(6)), {"sockets": 6},
        (6, 54.0, "2024-03-13 08:00")),
}  # fmt: skip


@pytest.mark.parametrize("name", SESSIONS)
def test_sessions_of_each_kind(tmp_path, name):
    text, options, right = SESSIONS[name]
    (tmp_path / "file.csv").write_text(text + "\n")
    if isinstance(right, str):
        with pytest.raises(UserError, match=right):
            importers.read("sessions", [tmp_path / "file.csv"], **options)
        return
    report = importers.read("sessions", [tmp_path / "file.csv"], **options).report
    first = f"{report.first:%Y-%m-%d %H:%M}"
    assert (report.kept, pytest.approx(report.energy_kwh, abs=1e-3), first) == right


def test_labels_reused_by_sites_and_measured_windows(tmp_path):
    text = "Charger,Site,Start,End,kWh\n" + "\n".join(
        f"Charger {c},{site},2024-02-0{d} 09:00,2024-02-0{d} 11:00,9"
        for c in (1, 2) for site in ("North Depot", "Library", "South Car Park") for d in (1, 2)
    )  # fmt: skip
    (tmp_path / "file.csv").write_text(text + "\n")
    report = importers.read("sessions", [tmp_path / "file.csv"]).report
    assert (report.sites, report.evses, report.kept) == (3, 6, 12)
    (tmp_path / "stay.csv").write_text(SESSIONS["three stamps of one stay"][0] + "\n")
    rows = importers.read("sessions", [tmp_path / "stay.csv"]).sessions
    assert f"{rows['plug_out'][0]:%H:%M} {rows['charge_end'][0]:%H:%M}" == "17:00 09:00"


STARTS = pd.date_range("2024-01-15", periods=96, freq="30min")
KW = np.round(np.random.default_rng(4).uniform(5, 20, 96), 2)
STEP = pd.Timedelta("30min")


def rows(head, form, mark="\n"):
    return head + "\n" + mark.join(form(t, v) for t, v in zip(STARTS, KW, strict=True))


def serial(stamp):
    return (stamp - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")


def comma(value):
    return f"{value:.2f}".replace(".", ",")


SITE = {"of": "site", "series": "x", "straight": 0}
# name -> text, options; the load is KW, or the words of the question
LOADS = {
    "AM and PM": (rows("Time,kW", lambda t, v: f"{t:%m/%d/%Y %I:%M %p},{v}"), SITE),
    "Excel days": (rows("Time,kW", lambda t, v: f"{serial(t):.6f},{v}"), SITE),
    "epoch": (rows("Time,kW", lambda t, v: f"{int(t.timestamp())},{v}"), SITE),
    "a second off": (rows("Time,kW", lambda t, v: f"{t - pd.Timedelta('1s'):%Y-%m-%d %H:%M:%S},{v}"
                          if t > STARTS[0] else f"{t},{v}"), SITE),
    "date and time": (rows("Date,Time,kWh", lambda t, v: f"{t:%d/%m/%Y},{t:%H:%M},{v / 2:.3f}"),
                      SITE),
    "titles above, decimal comma": (rows("Report of a meter;\n\nTime;Load (kW)", lambda t, v:
                                         f"{t:%d.%m.%Y %H:%M};{comma(v)}"), SITE),
    "ends at 24:00": (rows("Time,kW", lambda t, v: (
        f"{t:%Y-%m-%d} 24:00,{v}" if f"{t:%H:%M}" == "23:30" else f"{t + STEP:%Y-%m-%d %H:%M},{v}"
    )), SITE),
    "interval in a name": (rows("time,kw_5min,volts", lambda t, v: f"{t},{v},230.1"), SITE),
    "mean over half hours": (rows("time,kVA 30min avg", lambda t, v: f"{t},{v}"),
                             SITE | {"power_factor": 1.0}),
    "temperature beside": (rows("time,Demand 30 min (kW),Temperature",
                                lambda t, v: f"{t},{v},8.5"), SITE),
    "a unit in a column": (rows("site,time,unit,value", lambda t, v: f"p,{t},MW,{v / 1000:.5f}"),
                           {"of": "site", "straight": 0}),
    "period of settlement": (rows("Settlement Date,Settlement Period,kWh", lambda t, v:
        f"{t:%Y-%m-%d},{2 * t.hour + t.minute // 30 + 1},{v / 2:.3f}"), SITE),
    "three phases": (rows("time,Phase,kW", lambda t, v: "\n".join(
        f"{t},L{i},{v / 3:.4f}" for i in (1, 2, 3))), SITE | {"sum": "Phase"}),
    "MW with MVAr": (rows("time,MW,MVAr", lambda t, v: f"{t},{0.6 * v / 1000:.6f},"
                          f"{0.8 * v / 1000:.6f}"), SITE | {"power_factor": 1.0}),
    "import negative": (rows("time,kW", lambda t, v: f"{t},{-v}"),
                        SITE | {"sign": "import-negative"}),
    "import and export": (rows("time,Import kWh,Export kWh", lambda t, v:
                               f"{t},{v / 2 + 1:.3f},1"), SITE | {"net": "import-export"}),
    "an estimate before the reading": (rows("time,kWh,Flag", lambda t, v:
                                            f"{t},9.99,E\n{t},{v / 2:.3f},A"), SITE),
    "a code of the meter": (rows("time,kWh", lambda t, v: f"{t},{v / 2:.3f}"
                                 if t.hour != 3 else f"{t},4294967.295"), SITE),
}  # fmt: skip
ASKED = {"three phases": "sum=Phase", "import negative": "sign=import-negative",
         "import and export": "net=import-export", "MW with MVAr": "power_factor=",
         "mean over half hours": "power_factor="}  # fmt: skip


@pytest.mark.parametrize("name", LOADS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_loads_of_each_kind(tmp_path, name, encoding):
    text, options = LOADS[name]
    (tmp_path / "file.csv").write_text(text + "\n", encoding=encoding)
    if name in ASKED:
        option = ASKED[name].split("=")[0]
        with pytest.raises(UserError, match=ASKED[name]):
            less = {k: v for k, v in options.items() if k != option}
            importers.read("loads", [tmp_path / "file.csv"], **less)
    found = importers.read("loads", [tmp_path / "file.csv"], **options)
    (load,) = found.loads.values()
    kw = load["residual_kw"].to_series()
    assert kw.index.tolist() == STARTS.tolist()
    known = kw.notna()
    assert known.all() or name == "a code of the meter"
    np.testing.assert_allclose(kw[known], KW[known], atol=0.011)


def test_two_transformers_and_a_file_a_month(tmp_path):
    both = rows("timestamp,tx_id,current_amps", lambda t, v: f"{t},t1,{v}\n{t},t2,{v / 2}")
    (tmp_path / "both.csv").write_text(both + "\n")
    with pytest.raises(UserError, match="voltage_kv=11"):
        importers.read("loads", [tmp_path / "both.csv"])
    found = importers.read("loads", [tmp_path / "both.csv"], voltage_kv=11)
    assert sorted(series for _, series in found.loads) == ["t1", "t2"]
    text = rows("time,kW", lambda t, v: f"{t},{v}").splitlines()
    for name, part in (("a", text[:49]), ("b", [text[0], *text[49:]])):
        (tmp_path / f"{name}.csv").write_text("\n".join(part) + "\n")
    files = [tmp_path / "b.csv", tmp_path / "a.csv"]
    found = importers.read("loads", files, **SITE)
    np.testing.assert_allclose(found.loads["residual_kw", "x"]["residual_kw"], KW)
