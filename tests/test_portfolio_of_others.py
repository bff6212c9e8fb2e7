"""Portfolios that other tools wrote: read as if this package had, or refused with the reason."""

import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, store
from scchelpers.portfolio.check import check_portfolio

SESSIONS = pd.DataFrame(
    {
        "session_id": ["a", "b", "c"],
        "evse_id": ["e1", "e1", "e2"],
        "site_id": "mill-yard",
        "plug_in": pd.to_datetime(["2024-01-08T08:00Z", "2024-01-09T07:30Z", "2024-01-09T18:00Z"]),
        "plug_out": pd.to_datetime(["2024-01-08T11:00Z", "2024-01-09T09:00Z", "2024-01-10T06:00Z"]),
        "energy_kwh": [12.5, 6.0, 31.0],
    }
)
LOAD = xr.Dataset(
    {"residual_kw": ("time", np.linspace(4.0, 9.0, 96))},
    coords={"time": pd.date_range("2024-01-08", periods=96, freq="30min")},
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a small portfolio as the package writes it."""
    folder = tmp_path_factory.mktemp("others") / "yard"
    folder.mkdir()
    store.merge(
        folder,
        sites=pd.DataFrame({"site_id": ["mill-yard"], "name": ["Mill Yard"]}),
        chargepoints=pd.DataFrame(
            {"evse_id": ["e1", "e2"], "site_id": "mill-yard", "rated_kw": [7.4, 7.4]}
        ),
        assets=pd.DataFrame({"asset_id": ["t1"], "name": ["Mill Lane"]}),
        loads={("residual_kw", "mill-yard"): LOAD},
        header={"title": "Yard", "description": "Made up.", "timezone": "Europe/London"},
    )
    store.write_sessions(folder, SESSIONS)
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "yard")


def errors(folder):
    return [f for f in check_portfolio(folder).faults if f.severity != "note"]


def read(folder):
    return Portfolio.open(folder).site("mill-yard").sessions.reset_index(drop=True)


def as_index(folder):
    SESSIONS.set_index("plug_in").to_parquet(folder / "sessions.parquet")


def as_csv(folder):
    (folder / "sessions.parquet").unlink()
    SESSIONS.to_csv(folder / "sessions.csv", index=False)


def as_csv_of_a_spreadsheet(folder):
    (folder / "sessions.parquet").unlink()
    local = SESSIONS.assign(
        **{c: SESSIONS[c].dt.strftime("%Y-%m-%d %H:%M") for c in ("plug_in", "plug_out")}
    )
    local.to_csv(folder / "sessions.csv", index=False, sep=";", encoding="utf-8-sig")


@pytest.mark.parametrize("write", [as_index, as_csv, as_csv_of_a_spreadsheet])
def test_sessions_are_read_from_an_indexed_parquet_and_from_csv(folder, write):
    before = read(folder)
    write(folder)
    assert errors(folder) == []
    pd.testing.assert_frame_equal(read(folder), before)


def test_a_fault_in_sessions_csv_names_file_and_row(folder):
    as_csv(folder)
    text = (folder / "sessions.csv").read_text()
    (folder / "sessions.csv").write_text(text.replace("31.0", "many"))
    fault = next(f for f in errors(folder) if f.field == "energy_kwh")
    assert (fault.file, fault.row, fault.value) == ("sessions.csv", 4, "")
    SESSIONS.to_parquet(folder / "sessions.parquet")
    assert "delete one of the two" in "".join(f.remedy for f in errors(folder))


@pytest.mark.parametrize("form", [2, 3])
def test_loads_are_read_from_either_format_of_zarr(folder, form):
    place = folder / "loads.zarr" / "residual_kw" / "mill-yard"
    shutil.rmtree(place)
    LOAD.to_zarr(place, zarr_format=form, consolidated=form == 2)
    assert errors(folder) == []
    load = Portfolio.open(folder).site("mill-yard").residual_kw
    assert float(load.max()) == pytest.approx(9.0)


@pytest.mark.parametrize(("unit", "scale"), [("W", 1000), ("MW", 0.001), ("kW", 1), ("kVA", None)])
def test_a_load_in_another_unit_of_power_is_converted_or_refused(folder, unit, scale):
    place = folder / "loads.zarr" / "residual_kw" / "mill-yard"
    shutil.rmtree(place)
    told = (LOAD["residual_kw"] * (scale or 1)).assign_attrs(units=unit)
    LOAD.assign(residual_kw=told).to_zarr(place, zarr_format=3, consolidated=False)
    if scale is None:
        assert any(unit in f.value for f in errors(folder))
        with pytest.raises(UserError, match="correct the attribute"):
            Portfolio.open(folder).loads("residual_kw", "mill-yard")
        return
    assert errors(folder) == []
    load = Portfolio.open(folder).site("mill-yard").residual_kw
    assert (float(load.max()), load.attrs["units"]) == (pytest.approx(9.0), "kW")
    noted = [f.rule for f in check_portfolio(folder).faults if f.field == "residual_kw"]
    assert any(f"stored in {unit}" in rule for rule in noted) == (unit != "kW")


def test_a_byte_order_mark_before_the_header_does_no_harm(folder):
    path = folder / "portfolio.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert errors(folder) == []
