"""Load tables: what the table tells is found, what it does not tell is refused."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scchelpers.faults import UserError
from scchelpers.importers import mending, run
from scchelpers.importers import read as read_files
from scchelpers.portfolio import Portfolio

STYLES = {
    "iso": "%Y-%m-%d %H:%M",
    "day-first": "%d/%m/%Y %H:%M",
    "month-first": "%m/%d/%Y %H:%M",
    "year-day-month": "%Y-%d-%m %H:%M",
}
# unit -> kVA for a value of 1 in half an hour, at power factor 0.9 and 11 kV on three phases.
TO_KVA = {
    "W": 1 / 900,
    "kW": 1 / 0.9,
    "MW": 1000 / 0.9,
    "Wh": 2 / 900,
    "kWh": 2 / 0.9,
    "MWh": 2000 / 0.9,
    "kVA": 1.0,
    "MVA": 1000.0,
    "A": 11 * np.sqrt(3),
}


def series(first="2026-10-01", last="2026-11-05", seed=0, step="30min"):
    time = pd.date_range(first, last, freq=step, inclusive="left", tz="UTC")
    values = np.random.default_rng(seed).uniform(1, 2, len(time)).round(6)
    return pd.Series(values, index=time)


def write(path, load, style="iso", zone="UTC", label="start", header="time,value"):
    stamps = load.index + (pd.Timedelta("30min") if label == "end" else pd.Timedelta(0))
    text = stamps.tz_convert(zone).strftime(STYLES[style])
    lines = [f"{t},{v!r}" for t, v in zip(text, load.tolist(), strict=True)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def only(found, name="network_kva"):
    return next(iter(found.loads.values()))[name].to_series()


def read(path, **options):
    defaults = {"series": "f1", "unit": "kVA"}
    return read_files("loads", [path], **{**defaults, **options})


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    style=st.sampled_from(list(STYLES)),
    unit=st.sampled_from(list(TO_KVA)),
    zone=st.sampled_from(["UTC", "Europe/London"]),
    label=st.sampled_from(["start", "end"]),
    spring=st.booleans(),
    offset=st.integers(0, 47),
)
def test_a_series_written_in_any_style_comes_back_equal(
    tmp_path, style, unit, zone, label, spring, offset
):
    first, last = ("2027-03-20", "2027-04-15") if spring else ("2026-10-15", "2026-11-05")
    load = series(first, last, seed=offset).iloc[offset:]
    path = write(tmp_path / "load.csv", load, style, zone, label)
    found = read(path, unit=unit, power_factor=0.9, voltage_kv=11, label=label)
    back = only(found)
    assert (back.index == load.index.tz_localize(None)).all()
    np.testing.assert_allclose(back, load * TO_KVA[unit], rtol=1e-12)
    report = found.report
    assert (report.read, report.kept, report.set_aside) == (len(load), len(load), {})
    assert f"clock of the stamps {zone}" in report.text()
    # Where every month is above 9 or every day above 12 two names may stand for one reading.
    names = {style, "iso-swapped"} if style == "year-day-month" else {style}
    assert any(f"dates: {name}" in report.text() for name in names)


def test_the_repeated_autumn_hour_is_read_in_order_of_appearance(tmp_path):
    load = series("2026-10-24T23:00", "2026-10-26")
    path = write(tmp_path / "load.csv", load, zone="Europe/London")
    lines = path.read_text().splitlines()
    assert sum(line.startswith("2026-10-25") for line in lines) == 50
    assert lines[3].startswith("2026-10-25 01:00") and lines[5].startswith("2026-10-25 01:00")
    back = only(read(path))
    assert back["2026-10-25 00:00"] == load.iloc[2] and back["2026-10-25 01:00"] == load.iloc[4]


def test_ends_written_as_start_plus_step_are_read_beside_the_clock_changes(tmp_path):
    # Period ends by adding half an hour to the clock: 02:00 stands twice in autumn.
    load = series("2026-10-24", "2026-10-28")
    local = load.index.tz_convert("Europe/London").tz_localize(None) + pd.Timedelta("30min")
    rows = [f"{t},{v!r}" for t, v in zip(local, load.tolist(), strict=True)]
    path = tmp_path / "load.csv"
    path.write_text("\n".join(["time,value", *rows]) + "\n")
    back = only(read(path, label="end"))
    assert (back.index == load.index.tz_localize(None)).all() and (back == load.to_numpy()).all()


@pytest.mark.parametrize("label", ["start", "end"])
def test_hours_on_utc_are_not_taken_for_the_local_clock_in_spring(tmp_path, label):
    load = series("2027-03-20", "2027-04-15", step="60min")
    stamps = load.index + pd.Timedelta("1h" if label == "end" else 0)
    lines = [f"{t:%Y-%m-%d %H:%M},{v!r}" for t, v in zip(stamps, load.tolist(), strict=True)]
    (tmp_path / "hourly.csv").write_text("\n".join(["time,value", *lines]) + "\n")
    found = read(tmp_path / "hourly.csv", label=label)
    assert found.report.kept == len(load)
    assert "clock of the stamps UTC" in found.report.text()


def test_newest_first_is_turned_round(tmp_path):
    load = series("2026-10-24", "2026-10-28")
    path = write(tmp_path / "load.csv", load, zone="Europe/London")
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *rows[::-1]]) + "\n")
    assert (only(read(path)) == load.to_numpy()).all()


@pytest.mark.parametrize(
    ("name", "header", "unit"),
    [
        ("x.csv", "time,Demand (kVA)", "kVA"),
        ("x.csv", "Timestamp,load_mva", "MVA"),
        ("feeder_kVA_2026.csv", "time,value", "kVA"),
    ],
)
def test_the_unit_is_told_by_the_header_or_the_file_name(tmp_path, name, header, unit):
    found = read(write(tmp_path / name, series(), header=header), unit=None)
    assert f"unit: {unit.lower()}" in found.report.text()
    np.testing.assert_allclose(only(found), series() * TO_KVA[unit])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": None}, "unit: value: no unit is told"),
        ({"unit": "kW"}, "power_factor=0.95"),
        ({"unit": "kW", "power_factor": 1.2}, "less than or equal to 1"),
        ({"unit": "A"}, "voltage_kv=11"),
        ({"unit": "horse"}, "'horse' is no unit of load"),
        ({"series": None}, "series=load"),
        ({"series": "../x"}, "1 to 64 letters"),
        ({"of": "sites"}, "'network', 'site'"),
        ({"label": "middle"}, "'start' or 'end'"),
        ({"timezone": "Mars/Base"}, "IANA"),
        ({"load": "valeu"}, "did you mean value?"),
        ({"dates": "day-first"}, "no time of 2000 to 2099"),
    ],
)
def test_what_is_not_told_is_asked_for(tmp_path, options, words):
    path = write(tmp_path / "load.csv", series())
    with pytest.raises(UserError, match=words.replace("?", r"\?").replace(".", r"\.")):
        read(path, **options)


def test_a_clock_that_nothing_tells_is_refused_but_not_in_winter(tmp_path):
    summer = write(tmp_path / "s.csv", series("2026-06-01", "2026-06-20"))
    with pytest.raises(UserError, match="timezone=Europe/London or timezone=UTC"):
        read(summer)
    back = only(read(summer, timezone="Europe/London"))
    assert back.index[0] == pd.Timestamp("2026-05-31 23:00")
    winter = write(tmp_path / "w.csv", series("2026-12-01", "2026-12-20"))
    assert only(read(winter)).index[0] == pd.Timestamp("2026-12-01")


def test_a_single_day_that_may_be_of_two_months_is_refused(tmp_path):
    path = write(tmp_path / "x.csv", series("2026-12-01", "2026-12-02"), style="day-first")
    with pytest.raises(UserError, match="dates=day-first"):
        read(path)
    assert only(read(path, dates="day-first")).index[0] == pd.Timestamp("2026-12-01")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("time,value\n", "no rows"),
        ("time,value\n2026-12-01 00:00,1\n2026-12-01 00:30", "row 3: .* it was cut"),
        (
            "time,value\n2026-12-01 00:00,1\n2026-12-01 00:30,abc\n",
            "no column is understood as the load",
        ),
        (
            "time,value\n2026-12-01 00:00,1\n2026-12-01 00:30,inf\n",
            "no column is understood as the load",
        ),
        ("time,value\n2026-12-01 00:00,1\nnoon,2\n", "no column is understood as the time"),
        (
            "time,value\n2026-12-01 00:00,1\n,2\n",
            "no column is understood as the time|no time of 2000",
        ),
        ("time,value\n2026-12-01 00:00,1\n2026-02-30 00:30,2\n", "no known date|no time of 2000"),
        ("when,value\n2026-12-01 00:00,1\n", "no column is understood as the time"),
        ("time,north,south\n2026-12-01 00:00,1,2\n", "no column is understood as the"),
        ("time,value\n2026-12-01 00:00,1\n2026-12-01 00:07,1\n2026-12-01 00:20,1\n", "step"),
    ],
)
def test_bad_tables_are_refused_and_nothing_is_written(tmp_path, text, words):
    path = tmp_path / "load.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        run("loads", [path], tmp_path / "out", series="f1", unit="kVA")
    assert not (tmp_path / "out").exists()


def test_broken_containers_are_refused(tmp_path):
    whole = gzip.compress(b"time,value\n2026-12-01 00:00,1\n" * 50)
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-12])
    (tmp_path / "not.parquet").write_bytes(b"PAR1 no")
    for name in ("cut.csv.gz", "not.parquet", "absent.csv"):
        with pytest.raises(UserError, match=name):
            read(tmp_path / name)


def test_rows_are_set_aside_by_reason_and_gaps_stay_missing(tmp_path):
    load = series("2026-12-01", "2026-12-05")
    path = write(tmp_path / "load.csv", load)
    rows = path.read_text().splitlines()
    rows[5] = rows[5].split(",")[0] + ",NA"  # 02:00 has no reading
    del rows[9]  # 04:00 is not there
    rows += [rows[-1], rows[-2].split(",")[0] + ",7", "2026-12-04 12:07,1"]
    path.write_text("\n".join(rows) + "\n")
    found = read(path)
    assert found.report.set_aside == {
        "no reading": 1,
        "repeated": 1,
        "repeated stamp with another value; the first is kept": 1,
        "off the regular step": 1,
    }
    back = only(found)
    assert back[back.isna()].index.strftime("%H:%M").tolist() == ["02:00", "04:00"]
    assert len(back) == len(load) and found.report.read == len(load) + 2


def test_filled_gaps_frozen_runs_and_clipped_values_are_marked_missing(tmp_path):
    load = series("2026-11-01", "2026-12-05")
    load.iloc[100:121] = np.linspace(1, 2, 21)
    load.iloc[200:209] = 1.5
    load.iloc[300:310] = 0.0
    load.iloc[400] = 6.0
    path = write(tmp_path / "load.csv", load)
    found = read(path, clip=6.0)
    missing = np.flatnonzero(only(found).isna())
    assert missing.tolist() == [*range(101, 120), *range(200, 209), 400]
    assert sorted(found.report.mended.values()) == [1, 9, 19]
    as_it_is = only(read(path, straight=0, frozen=0))
    assert as_it_is.notna().all() and as_it_is.iloc[400] == 6.0
    assert only(read(path, zero_gaps=True)).iloc[300:310].isna().all()


def test_repeats_before_a_filled_gap_are_struck_at_most_fifteen():
    values = np.r_[1.0, np.full(20, 7.0), 0.0, 0.0, 5.0]
    assert np.flatnonzero(mending.zero_filled(values)).tolist() == list(range(6, 23))


def test_largest_and_smallest_are_kept_and_crossed_ones_left_out(tmp_path):
    load = series("2026-12-01", "2026-12-05")
    spread = np.random.default_rng(1).uniform(0.1, 0.4, (2, len(load)))
    frame = pd.DataFrame(
        {
            "time": load.index.strftime("%Y-%m-%d %H:%M"),
            "value": load.to_numpy(),
            "value_max": load.to_numpy() + spread[0],
            "value_min": load.to_numpy() - spread[1],
        }
    )
    frame.loc[7, "value_max"] = 0.5
    frame[["time", "value"]].to_csv(tmp_path / "mean.csv", index=False)
    frame.drop(columns="value").to_csv(tmp_path / "ends.csv", index=False)
    found = read_files(
        "loads", [tmp_path / "mean.csv", tmp_path / "ends.csv"], series="f1", unit="kVA"
    )
    data = found.loads["network_kva", "f1"]
    assert found.report.kept == 2 * len(load)
    assert found.report.mended == {"largest below or smallest above the mean: left out": 1}
    assert np.flatnonzero(np.isnan(data["network_max_kva"])).tolist() == [7]
    expected = frame["value_min"].drop(7)
    np.testing.assert_allclose(
        data["network_min_kva"].to_series().drop(data["time"].to_numpy()[7]).to_numpy(), expected
    )
    with pytest.raises(UserError, match="no file holds the mean"):
        read_files("loads", [tmp_path / "ends.csv"], series="f1", unit="kVA")


FEEDER = (
    "dataset_id,dno_alias,secondary_substation_id,secondary_substation_name,lv_feeder_id,"
    "lv_feeder_name,aggregated_device_count_active,total_consumption_active_import,"
    "data_collection_log_timestamp"
)


def feeder_rows(dno, ids, stamp):
    time = pd.date_range("2026-12-01", periods=48, freq="30min")
    ended = time + pd.Timedelta("30min") if dno == "SSEN" else time
    for k, feeder in enumerate(ids, 1):
        for n, t in enumerate(ended):
            energy = 1000 * k + 37 * n % 101
            yield f"{feeder},{dno},11,Mill Street,{k},{k},9,{energy},{t.strftime(stamp)}"


@pytest.mark.parametrize(
    ("dno", "stamp", "header"),
    [
        ("SSEN", "%Y-%m-%dT%H:%M:%S.000Z", FEEDER),
        ("NGED", "%Y-%m-%d %H:%M:%S+00:00", FEEDER.replace("lv_feeder_id", "LV_feeder_ID")),
        ("NPG", "%Y-%m-%d %H:%M:%S .000", FEEDER),
        ("NPG", "%Y-%m-%d %H:%M:%S+00.00", FEEDER.replace("total_c", "Total_c")),
    ],
)
def test_lv_feeder_exports_give_one_asset_a_feeder(tmp_path, dno, stamp, header):
    path = tmp_path / "2026-12-01.csv"
    rows = [*feeder_rows(dno, ["000200200402", "000200200403"], stamp)]
    path.write_text("\n".join([header, *rows]) + "\n")
    run("loads", [path], tmp_path / "out", power_factor=0.95)
    portfolio = Portfolio.open(tmp_path / "out")
    assets = portfolio.table("assets.csv")
    ids = [f"{dno.lower()}-11-{n}" for n in (1, 2)]
    assert assets["asset_id"].tolist() == ids
    assert assets["name"].tolist() == ["Mill Street 1", "Mill Street 2"]
    load = portfolio.loads("network_kva", ids[1])["network_kva"].to_series()
    assert load.index[0] == pd.Timestamp("2026-12-01")
    np.testing.assert_allclose(load, (2000 + 37 * np.arange(48) % 101) * 2 / 950, rtol=1e-6)


def test_weave_parquet_joins_dnos_of_different_labels_and_leaves_absurd_values_out(tmp_path):
    time = pd.date_range("2026-12-01 00:30", periods=48, freq="30min", tz="UTC")
    frame = pd.concat(
        pd.DataFrame(
            {
                "dataset_id": str(n),
                "dno_alias": dno,
                "total_consumption_active_import": 1000.0 + 37 * np.arange(48) % 101,
                "data_collection_log_timestamp": time.as_unit("ms"),
                "secondary_substation_unique_id": f"{dno}-1",
                "lv_feeder_unique_id": f"{dno}-1-{n}",
            }
        )
        for n, dno in enumerate(("SSEN", "NGED"))
    )
    frame.iloc[5, 2] = 25e9
    frame.drop(columns="dataset_id").to_parquet(tmp_path / "2026-12.parquet", index=False)
    found = read_files("loads", [tmp_path / "2026-12.parquet"], power_factor=1.0, label=None)
    assert found.report.set_aside == {"more than 2 MW on such an asset": 1}
    ids = [series_id for _, series_id in found.loads]
    assert ids == ["nged-1-nged-1-1", "ssen-1-ssen-1-0"]
    ssen = only(
        read_files("loads", [tmp_path / "2026-12.parquet"], power_factor=1.0), "network_kva"
    )
    assert len(ssen) == 48
    assert found.loads["network_kva", "ssen-1-ssen-1-0"]["time"].to_numpy()[0] == np.datetime64(
        "2026-12-01T00:00"
    )


def test_a_site_load_comes_back_from_the_portfolio(tmp_path):
    path = write(tmp_path / "hq.csv", series(), header="time,kW")
    report = run("loads", [path], tmp_path / "out", of="site", series="hq")
    portfolio = Portfolio.open(tmp_path / "out")
    residual = portfolio.loads("residual_kw", "hq")["residual_kw"]
    assert residual.attrs["units"] == "kW" and report.sites == 1
    np.testing.assert_allclose(residual, series(), rtol=1e-6)


def test_mousehole(shared_data):
    folder = shared_data("wpd_feeders")
    files = sorted(folder.glob("MW_Mousehole*"))
    found = read_files("loads", files, series="mousehole", power_factor=0.95)
    report = found.report
    assert (report.read, report.kept) == (68_624, 68_624)
    # 103 + 49 + 35 + 12 + 9 half hours on straight lines.
    assert sum(n for r, n in report.mended.items() if "straight line" in r) == 208
    assert sum(n for r, n in report.mended.items() if "lone negative" in r) == 1
    data = found.loads["network_kva", "mousehole"].to_dataframe()
    assert data["network_kva"].max() == pytest.approx(2420 / 0.95, rel=0.002)
    assert data["network_kva"].idxmax() == pd.Timestamp("2021-02-10 03:30")
    assert data["network_max_kva"].first_valid_index() == pd.Timestamp("2020-01-24 05:00")
    assert data.loc["2021-07-13 08:30":"2021-07-15 11:30", "network_kva"].isna().all()
    assert np.isnan(data.loc["2020-02-05 05:00", "network_min_kva"])
    assert "clock of the stamps UTC" in report.text()


def test_staplegrove(shared_data):
    path = shared_data("wpd_feeders") / "half_hourly_power_staplegrove.csv"
    with pytest.raises(UserError, match="unit: value: no unit is told"):
        read_files("loads", [path], series="staplegrove", power_factor=0.95)
    found = read_files("loads", [path], series="staplegrove", unit="MW", power_factor=0.95)
    report = found.report
    assert (report.read, report.kept, report.set_aside) == (32_160, 32_160, {})
    assert sum(report.mended.values()) == 48 + 18 + 17 + 11 + 9 + 9
    data = found.loads["network_kva", "staplegrove"].to_dataframe()
    assert data.index[0] == pd.Timestamp("2019-11-01") and len(data) == 32_160
    assert data["network_max_kva"].last_valid_index() == pd.Timestamp("2021-07-31 23:30")
    assert data["network_kva"].idxmax() == pd.Timestamp("2021-03-17 18:30")
    assert data["network_kva"].idxmin() == pd.Timestamp("2021-07-05 09:30")
    assert data["network_kva"].min() == pytest.approx(-1720 / 0.95, rel=0.002)
    assert (data["network_kva"] < 0).mean() == pytest.approx(0.153, abs=0.001)
    assert "dates: day-first" in report.text()


def test_refit_house_20(shared_data):
    path = shared_data("refit_homes") / "refit_house20_1min_w.csv.gz"
    found = read_files("loads", [path], of="site", series="house20")
    assert (found.report.read, found.report.kept) == (662_864, 662_864)
    assert list(found.report.mended.values()) == [23_499]
    assert any("5.9% of the intervals are exactly zero" in note for note in found.report.notes)
    residual = only(found, "residual_kw")
    assert residual["2015-02-27":"2015-03-11 20:00"].isna().all()
    assert str(residual.index[-1]) == "2015-06-23 19:44:00"
