"""Exports that no layout knows, written from their documentation alone: one truth in each form."""

import json

import numpy as np
import pandas as pd
import pytest

from scchelpers import importers
from scchelpers.faults import UserError

LONDON = "Europe/London"
CHANCE = np.random.default_rng(7)


def stays():
    first, found = pd.Timestamp("2025-05-02 07:00", tz=LONDON), []
    for i in range(18):
        start = first + pd.Timedelta(minutes=1500 * i + int(CHANCE.integers(60, 700)))
        minutes = int(CHANCE.integers(25, 300))
        energy = round(float(CHANCE.uniform(2, 6.5)) * minutes / 60, 2)
        found.append((f"B0{i % 3}", start, start + pd.Timedelta(minutes=minutes), energy))
    return found


STAYS = stays()
HOURS = pd.date_range("2025-03-28", "2025-04-03", freq="30min", tz=LONDON, inclusive="left")
LOAD = pd.Series(CHANCE.uniform(5, 20, len(HOURS)).round(2), HOURS)  # [kWh in half an hour]


def length(start, end):
    return str(end - start).split()[-1]


def comma(value):
    return str(value).replace(".", ",")


# name, header, a row of (chargepoint, start, end, energy), options
SESSIONS = [
    ("home app", "Session ID,Car ID,Session Start Time,Session Finish Time,"
     "Estimated Energy Delivered (kWh),Cost,Location",
     lambda c, s, e, k: f"{c}{s:%d%H},{c},{s:%d %b %Y %H:%M},{e:%d %b %Y %H:%M},{k},1,Home",
     {"chargepoint": "Car ID"}),
    ("roaming", "CDR_ID;Start_datetime;End_datetime;Duration;Volume;Charge_Point_City;"
     "Charge_Point_Type;Contract_ID;Charge_Point_ID;Calculated_Cost",
     lambda c, s, e, k: f"{c}{s:%d};{s:%Y-%m-%dT%H:%M:%S};{e:%Y-%m-%dT%H:%M:%S};{length(s, e)};"
     f"{comma(k)};Weirton;AC;C1;GB*WEI*E{c};{comma(k)}", {}),
    ("plug and charge", "PSL,Site,Door,Started,Ended,Unplugged,Charge Duration,"
     "Energy Consumed (kWh)",
     lambda c, s, e, k: f"PSL-{c},Weir Yard,A,{s:%d/%m/%Y %H:%M:%S},"
     f"{s + 0.8 * (e - s):%d/%m/%Y %H:%M:%S},{e:%d/%m/%Y %H:%M:%S},0:30:00,{k}", {}),
    ("map service", "Chargepoint,Model_Variant,Location,Energy__kWh_,Plug_In_Time,Duration",
     lambda c, s, e, k: f"CP{c},Dual 22kW,Weir Street,{k},{int(s.timestamp() * 1000)},"
     f"{length(s, e)}", {}),
    ("month of seconds", "site_name,CP_ID,Connecto ID,Amt,CONSUMED,DURATION,start_time",
     lambda c, s, e, k: f"Weir Hub,5{c[1:]}01,1,0.00,{k},{int((e - s).total_seconds())},"
     f"{s:%d/%m/%Y %H:%M}", {}),
    ("report", "Charging sessions\nExported 01/06/2025\n\nStation ID,Station name,EVSE,"
     "Start time (Europe/London),End time (Europe/London),Charged energy (Wh),Status",
     lambda c, s, e, k: f"{c},Weir {c},1,{s:%Y-%m-%d %H:%M:%S},{e:%Y-%m-%d %H:%M:%S},"
     f"{k * 1000:.0f},Completed", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("head", "row", "options"), [c[1:] for c in SESSIONS], ids=[c[0] for c in SESSIONS]
)
def test_sessions_of_an_unknown_export_are_read_at_once(tmp_path, head, row, options):
    (tmp_path / "May 2025.csv").write_text("\n".join([head, *(row(*s) for s in STAYS)]) + "\n")
    if options:
        with pytest.raises(UserError, match=f"{next(iter(options))}="):
            importers.read("sessions", [tmp_path / "May 2025.csv"])
    rows = importers.read("sessions", [tmp_path / "May 2025.csv"], **options).sessions
    rows = rows.sort_values("plug_in")
    starts, ends = ([s[i].tz_convert("UTC") for s in STAYS] for i in (1, 2))
    assert rows["plug_in"].tolist() == starts
    assert rows["plug_out"].tolist() == ends
    assert rows["energy_kwh"].tolist() == pytest.approx([s[3] for s in STAYS])


STARTS = [f"{m // 60:02d}:{m % 60:02d}" for m in range(0, 1440, 30)]


def across(head, row):
    """Return a row a day with its half hours; the hour that spring skips is blank."""
    lines = [head]
    for day, own in LOAD.groupby(LOAD.index.date):
        cells = {f"{t:%H:%M}": str(v) for t, v in own.items()}
        lines.append(",".join([row(pd.Timestamp(day)), *(cells.get(s, "") for s in STARTS)]))
    return lines


def names(last, form="{}"):
    return ",".join(form.format(x) for x in [*STARTS[1:], last])


LOADS = {
    "titles, type, estimate": lambda: ["Report", "", "Company: Weir Ltd", *across(
        f"Company Name,Site Name,MPAN,Meter ID,Type,Est,Date,{names('00:00')}",
        lambda d: f"Weir Ltd,Yard,9900000000001,M1,kWh,,{d:%d/%m/%Y}")],
    "to 24:00": lambda: across(f"Site,MPAN,Units,Date,{names('24:00')}",
                               lambda d: f"Yard,9900000000001,kWh,{d:%Y-%m-%d}"),
    "bare numbers": lambda: across(
        "MPAN,DATE," + ",".join(str(int(x.replace(":", ""))) for x in [*STARTS[1:], "24:00"]),
        lambda d: f"9900000000001,{d:%d/%m/%Y}"),
    "circuits": lambda: ["timestamp,line_name,active_power_mw,current_amps", *(
        f"{t.tz_convert('UTC'):%Y-%m-%dT%H:%M:%S+00:00},Weir to Mill,{2 * v / 1000:.5f},{v:.1f}"
        for t, v in LOAD.items())],
    "register": lambda: ["Meter Serial,Reading Date,Cumulative Import (kWh)", *(
        f"V1,{t.tz_convert('UTC'):%d/%m/%Y %H:%M},{v:.2f}"
        for t, v in (5000 + LOAD.cumsum().shift(fill_value=0)).items())],
}  # fmt: skip


@pytest.mark.parametrize("name", LOADS)
def test_loads_of_an_unknown_export_are_read_at_once(tmp_path, name):
    (tmp_path / "load.csv").write_text("\n".join(LOADS[name]()) + "\n")
    told = {"of": "site"} | ({"cumulative": "yes", "timezone": "UTC"} if name == "register" else {})
    found = importers.read("loads", [tmp_path / "load.csv"], **told)
    kw = next(iter(found.loads.values()))["residual_kw"].to_series().dropna()
    right = (2 * LOAD).tz_convert("UTC").tz_localize(None)
    right = right[:-1] if name == "register" else right
    assert kw.index.tolist() == right.index.tolist()
    np.testing.assert_allclose(kw, right, atol=0.011)


def utc(stamp):
    return f"{stamp.tz_convert('UTC'):%Y-%m-%dT%H:%M:%SZ}"


def chargefox(c, s, e, k):
    place = {"name": "Weir Yard", "evse": {"evse_id": c, "connector": {"id": 1, "name": "A"}}}
    return {"uuid": f"{c}{s:%d%H}", "vehicle": {"vin": "1"}, "location": place,
            "start_date_time": s.isoformat(), "stop_date_time": e.isoformat(), "consumption": k,
            "total_time": (e - s).seconds}  # fmt: skip


def eaton(c, s, e, k):
    return {"id": f"{c}{s:%d%H}", "deviceId": c, "startedAt": utc(s), "endedAt": utc(e),
            "energyDelivered": round(k * 1000), "peakPower": 7300, "status": "done"}  # fmt: skip


def go_e(c, s, e, k):
    return {"session_number": int(f"{s:%d%H}"), "start": f"{s:%d.%m.%Y %H:%M:%S}",
            "end": f"{e:%d.%m.%Y %H:%M:%S}", "seconds_total": length(s, e), "max_power": 7.3,
            "energy": k, "eto_start": 100, "eto_end": 100 + k, "id_chip_uid": "a"}  # fmt: skip


# Of other services: name -> ending, text, options that it needs.
EXPORTS = {
    "Chargefox": ("json", lambda: json.dumps(
        {"data": {"sessions": [chargefox(*s) for s in STAYS]}}), {}),
    "Eaton": ("json", lambda: json.dumps([eaton(*s) for s in STAYS]), {}),
    "go-e": ("json", lambda: json.dumps(
        {"columns": [{"key": "energy"}], "data": [go_e(*s) for s in STAYS]}),
        {"chargepoint": "B0", "site": "Weir"}),
    "go-e in German": ("csv", lambda: "Session Nummer;Wallbox;Start;Ende;Dauer gesamt;"
        "max. Leistung [kW];Energie [kWh]\n" + "".join(
        f"{s:%d%H};{c};{s:%d.%m.%Y %H:%M:%S};{e:%d.%m.%Y %H:%M:%S};{length(s, e)};7,3;{comma(k)}\n"
        for c, s, e, k in STAYS), {}),
    "minutes from a stamp": ("csv", lambda: "session_id,charger_id,location_type,timestamp,"
        "energy_delivered_kwh,peak_power_kw,duration_minutes,grid_load_factor\n" + "".join(
        f"EV{s:%d%H},{c},Retail,{utc(s)},{k},7.3,{(e - s).seconds / 60:.0f},0.7\n"
        for c, s, e, k in STAYS), {"start": "timestamp"}),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPORTS)
def test_sessions_of_another_service_are_read_with_few_options(tmp_path, name):
    ending, text, options = EXPORTS[name]
    (tmp_path / f"May 2025.{ending}").write_text(text())
    if options:
        with pytest.raises(UserError, match=f"{next(iter(options))}="):
            importers.read("sessions", [tmp_path / f"May 2025.{ending}"])
    rows = importers.read("sessions", [tmp_path / f"May 2025.{ending}"], **options).sessions
    rows = rows.sort_values("plug_in")
    assert rows["plug_in"].tolist() == [s[1].tz_convert("UTC") for s in STAYS]
    assert rows["plug_out"].tolist() == [s[2].tz_convert("UTC") for s in STAYS]
    assert rows["energy_kwh"].tolist() == pytest.approx([s[3] for s in STAYS])


HALF = pd.Timedelta("30min")
PARIS = pd.Series(
    LOAD.to_numpy(),
    pd.date_range("2025-03-28", periods=len(LOAD), freq="30min", tz="Europe/Paris"),
)
EU = {"timezone": "Europe/Paris"}
METERS = {
    "Enedis API": ("json", lambda: json.dumps({"meter_reading": {
        "usage_point_id": "0001", "start": "2025-03-28", "reading_type": {"unit": "W"},
        "interval_reading": [{"value": str(round(2000 * v)), "date": f"{t:%Y-%m-%d %H:%M:%S}"}
                             for t, v in PARIS.items()]}}), EU),
    "Enedis portal": ("csv", lambda: "PRM;Type;Unite;Pas\n1;Courbe;W;30\nHorodate;Valeur\n"
        + "".join(f"{(t + HALF).isoformat()};{round(2000 * v)}\n" for t, v in PARIS.items()),
        {"unit": "W", "series": "x"}),
    "Fluvius": ("csv", lambda: "Van (datum);Van (tijdstip);Tot (datum);Tot (tijdstip);EAN-code;"
        "Meter;Register;Volume;Eenheid\n" + "".join(
        f"{t:%d-%m-%Y};{t:%H:%M:%S};{t + HALF:%d-%m-%Y};{t + HALF:%H:%M:%S};5414;1SAG;Afname;"
        f"{comma(v)};kWh\n" for t, v in PARIS.items()), EU),
    "PG&E": ("csv", lambda: "Name,X\nAccount,1\n\nTYPE,DATE,START TIME,END TIME,USAGE (kWh),COST\n"
        + "".join(f"Electric usage,{t:%Y-%m-%d},{t:%H:%M},{t:%H}:{t.minute + 29},{v},$0.10\n"
                  for t, v in LOAD.items()), {"series": "x"}),
    "Datadis": ("csv", lambda: "cups;fecha;hora;consumo_kWh;metodo;energiaVertida_kWh\n" + "".join(
        f"ES1;{t:%Y/%m/%d};{t.hour + 1:02d}:00;{comma(round(v, 3))};Real;0\n"
        for t, v in PARIS.resample("h").sum().items()), {"series": "x"} | EU),
}  # fmt: skip


@pytest.mark.parametrize("name", METERS)
def test_loads_of_another_service_are_read_with_few_options(tmp_path, name):
    ending, text, options = METERS[name]
    (tmp_path / f"load.{ending}").write_text(text())
    with pytest.raises(UserError, match=f"{next(iter(options))}="):
        importers.read("loads", [tmp_path / f"load.{ending}"], of="site")
    found = importers.read("loads", [tmp_path / f"load.{ending}"], of="site", **options)
    kw = next(iter(found.loads.values()))["residual_kw"].to_series().dropna()
    right = (2 * (LOAD if name == "PG&E" else PARIS)).tz_convert("UTC").tz_localize(None)
    right = right.resample("h").mean() if name == "Datadis" else right
    assert kw.index.tolist() == right.index.tolist()
    np.testing.assert_allclose(kw, right, atol=0.011)
