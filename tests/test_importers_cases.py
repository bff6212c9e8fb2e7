"""Files that went wrong once, and samples of real layouts: right, or refused with a question."""

import os
from pathlib import Path

import pytest

from scchelpers import importers
from scchelpers.faults import UserError
from tests.conftest import ROOT

CASES = Path(os.environ.get("SCC_SHARED_CASES", ROOT.parent / "shared" / "cases"))

# file, options -> rows kept and energy [kWh]; or the words of the question.
SESSIONS = [
    ("sessions/01_kwh_underscore.csv", {}, (4, 39.411)),
    ("sessions/03_decimal_comma.csv", {}, (4, 36.887)),
    ("sessions/04_decimal_comma_duration.csv", {}, (2, 12.8)),
    ("sessions/05_connected_time.csv", {}, (3, 39.112)),
    ("sessions/07_max_kw_per_session.csv", {}, (5, 26.3)),
    ("sessions/08_labels_reused_per_site.csv", {}, (8, 87.0)),
    ("sessions/10_utc_in_header.csv", {}, (2, 25.0)),
    ("sessions/12_single_site_start_end_kwh.csv", {}, "chargepoint=NAME"),
    ("sessions/12_single_site_start_end_kwh.csv", {"site": "S", "chargepoint": "C"}, (3, 36.7)),
    ("sessions/14_six_outlets_one_id.csv", {}, "sockets=6"),
    ("sessions/14_six_outlets_one_id.csv", {"sockets": 6}, (6, 255.0)),
    ("sessions/16_date_plus_times.csv", {}, (3, 22.5)),
    ("sessions/17_midnight_24.csv", {}, (2, 17.5)),
    ("sessions/19_year_2digit_wrong_century.csv", {}, "year_add=2000"),
    ("sessions/19_year_2digit_wrong_century.csv", {"year_add": 2000}, (2, 17.52)),
    ("sessions/22_nine_days_swapped.csv", {}, (18, 90.0)),
    ("layouts/sessions/acn_data.json", {}, (10, 223.706)),
    ("layouts/sessions/boulder_hub_2018_2021.csv", {}, (10, 200.56)),
    ("layouts/sessions/dundee_2018_user_id_trailing_columns.csv", {}, (8, 201.308)),
    ("layouts/sessions/easee_sessions.json", {}, "chargepoint=NAME"),
    ("layouts/sessions/electric_nation_transactions.csv", {}, (10, 236.87)),
    ("layouts/sessions/hva_laadpaaldata.csv", {}, "chargepoint=NAME"),
    ("layouts/sessions/monta_charges.json", {}, (10, 215.313)),
    ("layouts/sessions/ocpi_2.2.1_cdrs.json", {}, (10, 189.096)),
    ("layouts/sessions/perth_kinross_2016_2019.csv", {}, "dates=iso"),
    ("layouts/sessions/sap_labs_france.csv", {}, (10, 248.918)),
    ("layouts/sessions/trondheim_2018_2020.csv", {}, (10, 230.54)),
    ("layouts/sessions/zaptec_chargehistory.json", {}, (10, 226.483)),
    ("faults/ocpi-211/c5_211.json", {}, (5, 100.0)),
    ("faults/ocpi-case/c4_case.json", {}, (10, 200.0)),
    ("faults/ocpi-case/c4b_party.json", {}, (10, 200.0)),
    ("faults/ocpi-connectors/c6_connectors.json", {}, (20, 400.0)),
    ("faults/ocpi-cumulative/c8_cumulative.json", {}, (11, 225.0)),
    ("faults/ocpi-null-dimensions/c10_emptyperiods.json", {}, (10, 200.0)),
    ("faults/ocpi-null-dimensions/c11_onebad.json", {}, (9, 180.0)),
]
X = {"of": "site", "series": "x"}
PF = {"of": "site", "power_factor": 0.95}
UTC = PF | {"timezone": "UTC"}
# file, options -> rows kept, first instant and sum of the series [kW]; or words of the question.
LOADS = [
    ("loads/ampm.csv", X, (48, "2024-01-15 00:00", 409.0)),
    ("loads/amr_48_columns.csv", X, (1440, "2024-01-01 00:00", 28682.8)),
    ("loads/amr_48_columns_ending.csv", X, (1440, "2024-01-01 00:00", 28646.2)),
    ("loads/cp1252.csv", X, (48, "2024-01-15 00:00", 409.0)),
    ("loads/date_time_two_columns.csv", X, (48, "2024-01-15 00:00", 818.0)),
    ("loads/ends_24_00.csv", X, (48, "2024-01-15 00:00", 409.0)),
    ("loads/import_export.csv", X, "net=import-export"),
    ("loads/interval_in_header.csv", X, (20, "2024-01-01 00:00", 8528.1)),
    ("loads/interval_in_header3.csv", X, "power_factor=0.95"),
    ("loads/nged_primary_import_negative_real.csv", X, "sign=import-negative"),
    ("loads/preamble.csv", X, (48, "2024-01-15 00:00", 818.0)),
    ("loads/reading_date_flag.csv", X, (48, "2024-01-15 00:00", 818.0)),
    ("loads/settlement_period_spring.csv", X, (46, "2024-03-31 00:00", 785.4)),
    ("loads/two_transformers_long.csv", {}, "voltage_kv=11"),
    ("loads/ukpn_two_transformers_real.csv", {}, "voltage_kv=11"),
    ("faults/hh-date-time/date_time.csv", X, (578, "2025-10-19 23:00", 57729.329)),
    ("faults/hh-excel-second/excel_ms.csv", X, (578, "2025-10-19 23:00", 57729.329)),
    ("faults/hh-excel-second/excel_round.csv", X, (578, "2025-10-19 23:00", 57729.329)),
    ("faults/hh-revised/revised.csv", X, (578, "2025-10-19 23:00", 57729.329)),
    ("layouts/dno/nged_lv_feeder_smart_meter.csv", PF, (10, "2024-01-01 00:00", 235.348)),
    ("layouts/dno/nged_primary_locations.csv", PF, "time=COLUMN"),
    ("layouts/dno/ssen_headroom_dashboard.csv", PF, "time=COLUMN"),
    ("layouts/dno/ukpn_ltds_table_3a.csv", PF, "time=COLUMN"),
    ("layouts/dno/ukpn_ltds_table_3b.csv", PF, "time=COLUMN"),
    ("layouts/dno/ukpn_ltds_table_6.csv", PF, "time=COLUMN"),
    ("layouts/dno/ukpn_transformer_half_hourly.csv", PF, "voltage_kv=11"),
    ("layouts/dno/wpd_challenge_mean_max_min_day_first.csv", PF, "unit=kWh"),
    ("layouts/meters/bglobal_no_header.bg.csv", PF, "short day"),
    ("layouts/meters/bracketed_end_labels.csv", PF, (480, "2024-03-25 00:00", 7015.628)),
    ("layouts/meters/chellow_simple.csv", PF, (10, "2024-03-25 00:00", 3485.4)),
    ("layouts/meters/green_button_espi.xml", PF, "series=green-button-espi"),
    ("layouts/meters/kwh_1_kvarh_48.csv", PF, "short day"),
    ("layouts/meters/mpr_readdatetime_end_label_sep_line.csv", PF,
     (10, "2024-03-25 00:00", 134.0)),
    ("layouts/meters/n3rgy_csv.csv", PF, "series=n3rgy-csv"),
    ("layouts/meters/octopus_3_columns.csv", PF, "series=octopus-3-columns"),
    ("layouts/meters/octopus_5_columns.csv", PF, "series=octopus-5-columns"),
    ("layouts/meters/octopus_api.json", PF, "series=octopus-api"),
    ("layouts/meters/perse_history.json", PF, (478, "2024-03-25 00:00", 6989.32)),
    ("layouts/meters/site_id_meter_number_00_00.csv", PF, (480, "2024-03-25 00:00", 6998.002)),
    ("layouts/meters/stark_df2.df2", PF, (10, "2024-03-25 00:00", 111.046)),
    ("layouts/meters/us_account_channel_5min.csv", PF, "series="),
    ("layouts/meters_config/british_gas_dcda_2026.csv", PF, "short day"),
    ("layouts/meters_config/british_gas_dcda_old.csv", PF, "short day"),
    ("layouts/meters_config/british_gas_new_2025.csv", PF, (480, "2024-03-25 00:00", 7021.128)),
    ("layouts/meters_config/british_gas_portal_electricity.csv", PF,
     (480, "2024-03-25 00:00", 7021.764)),
    ("layouts/meters_config/brook_green.csv", PF, "short day"),
    ("layouts/meters_config/corona_weekly.csv", PF, "short day"),
    ("layouts/meters_config/corona_weekly_hh.csv", PF, "short day"),
    ("layouts/meters_config/crown_electricity.csv", PF, (480, "2024-03-25 00:00", 7020.318)),
    ("layouts/meters_config/datavision_row.csv", PF, (10, "2024-03-25 00:00", 189.12)),
    ("layouts/meters_config/digital_energy.csv", PF, (480, "2024-03-25 00:00", 7006.186)),
    ("layouts/meters_config/drax_portal_2024.csv", PF, "short day"),
    ("layouts/meters_config/edf_portal_2023.csv", PF, (480, "2024-03-25 00:00", 6983.626)),
    ("layouts/meters_config/edf_portal_50_columns_labels_49_50_assumed.csv", PF,
     (478, "2024-03-25 00:00", 6988.104)),
    ("layouts/meters_config/imserv_datavision.csv", PF, (480, "2024-03-25 00:00", 6990.952)),
    ("layouts/meters_config/imserv_flags_start.csv", PF, (480, "2024-03-25 00:00", 6992.99)),
    ("layouts/meters_config/perse_csv.csv", PF, "no line of column names"),
    ("layouts/meters_config/schneider_register_newest_first.csv", PF, "unit=kWh"),
    ("layouts/meters_config/sse.csv", PF, (480, "2024-03-25 00:00", 7001.602)),
    ("layouts/meters_config/stark_portal.csv", PF, (480, "2024-03-25 00:00", 6987.44)),
    ("layouts/meters_config/tem.csv", PF, "short day"),
    ("layouts/meters_config/tgp_hh_manual.csv", PF, "short day"),
    ("layouts/meters_config/united_gas_power.csv", PF, (10, "2024-03-25 00:00", 113.3)),
    ("layouts/meters_config/wme.csv", PF, (480, "2024-03-25 00:00", 7003.498)),
]  # fmt: skip


def named(case):
    return f"{Path(case[0]).name}{'+' if len(case[1]) not in (0, 2) else ''}"


def here(file):
    if not (CASES / file).exists():
        pytest.skip(f"the case {file} is not on this machine (set SCC_SHARED_CASES)")
    return CASES / file


@pytest.mark.parametrize(("file", "options", "right"), SESSIONS, ids=map(named, SESSIONS))
def test_session_files_are_right_or_refused(file, options, right):
    if isinstance(right, str):
        with pytest.raises(UserError) as refused:
            importers.read("sessions", [here(file)], **options)
        assert right in str(refused.value)
        return
    report = importers.read("sessions", [here(file)], **options).report
    assert (report.kept, pytest.approx(report.energy_kwh, abs=0.001)) == right


@pytest.mark.parametrize(("file", "options", "right"), LOADS, ids=map(named, LOADS))
def test_load_tables_are_right_or_refused(file, options, right):
    if isinstance(right, str):
        with pytest.raises(UserError) as refused:
            importers.read("loads", [here(file)], **options)
        assert right in str(refused.value)
        return
    found = importers.read("loads", [here(file)], **options)
    total = sum(float(load[group].sum()) for (group, _), load in found.loads.items())
    first = f"{found.report.first:%Y-%m-%d %H:%M}"
    assert (found.report.kept, first, pytest.approx(total, abs=0.01)) == right


def test_details_of_the_cases():
    found = importers.read("sessions", [here("sessions/08_labels_reused_per_site.csv")])
    assert (found.report.sites, found.report.evses) == (3, 6)
    found = importers.read("sessions", [here("sessions/10_utc_in_header.csv")])
    assert f"{found.report.first:%H:%M}" == "08:00"
    found = importers.read("sessions", [here("sessions/05_connected_time.csv")])
    assert found.sessions["max_kw"].max() == pytest.approx(7.38)
    assert found.sessions["charge_end"].notna().all()
    found = importers.read("sessions", [here("sessions/07_max_kw_per_session.csv")])
    assert found.chargepoints["rated_from"].tolist() == ["inferred"]
    both = [here(f"loads/nged_lv_{month}.csv") for month in ("Jan", "Feb")]
    found = importers.read("loads", both, power_factor=0.98)
    assert [series for _, series in found.loads] == ["nged-903830-1"]
    case = here("loads/two_transformers_long.csv")
    assert len(importers.read("loads", [case], voltage_kv=11).loads) == 2
    case = here("loads/import_export.csv")
    net = importers.read("loads", [case], net="import-export", **X).loads["residual_kw", "x"]
    assert float(net["residual_kw"][0]) == pytest.approx((10.93 - 3.54) * 2)
    case = here("loads/nged_primary_import_negative_real.csv")
    turned = importers.read("loads", [case], series="p", sign="import-negative")
    assert float(turned.loads["network_kva", "p"]["network_kva"].min()) > 0


def test_a_stamp_of_9999_costs_its_row_only():
    file = here("attack/council-year-9999.csv")
    try:
        report = importers.read("sessions", [file]).report
    except UserError as asked:
        assert "9999" in str(asked) or "dates" in str(asked)
    else:
        assert report.kept < report.read
