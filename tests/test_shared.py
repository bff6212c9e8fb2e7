"""What belongs to several sites: made once, told apart by what is asked, never of old data."""

import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, reads, shared
from tests.conftest import ROOT

DEMO = ROOT / "data" / "demo"
table = pd.DataFrame({"a": [1]})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path / "kept"))
    (tmp_path / "p").mkdir()
    for name in ("portfolio.toml", "sites.csv", "assets.csv"):
        shutil.copy(DEMO / name, tmp_path / "p")
    return Portfolio.open(tmp_path / "p")


def test_it_is_made_once_and_anew_for_another_value_or_other_data(folder, tmp_path, monkeypatch):
    made, kept = [], []
    monkeypatch.setattr(shared, "_asked", lambda study: ["same"])

    def study():
        made.append(1)
        return {"t": folder.sites[["asset_id"]], "d": xr.Dataset({"kw": ("t", np.arange(3.0))})}

    for _ in range(2):
        with reads.heard() as parts:
            kept.append(shared.once(folder)(study))
        assert "file:sites.csv" in parts
    assert len(made) == 1
    pd.testing.assert_frame_equal(kept[0]["t"], kept[1]["t"])
    xr.testing.assert_identical(kept[0]["d"], kept[1]["d"].load())
    text = (tmp_path / "p/sites.csv").read_text()
    (tmp_path / "p/sites.csv").write_text(text.replace("elm-road-tx", "elm-road-ty"))
    folder = Portfolio.open(tmp_path / "p")
    assert "elm-road-ty" in shared.once(folder)(study)["t"]["asset_id"].tolist()
    damaged = next((tmp_path / "kept").glob("*/made/t.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:40])
    assert "elm-road-ty" in shared.once(folder)(study)["t"]["asset_id"].tolist()
    assert len(made) == 3


def test_a_question_is_its_code_and_the_values_it_reads():
    def of(value, text):
        space = {"least": value, "__name__": "page", "shared": shared}
        exec(f"def helper(): return least\ndef study(): return {text}", space)
        return shared._asked(space["study"])

    assert of(1, "helper() + 1") == of(1, "helper() + 1") != of(2, "helper() + 1")
    assert of(1, "helper() + 1") != of(1, "helper() - 1")
    assert of(1, "5") == of(2, "5")  # what it does not read does not count
    assert of(1, "[shared.least for x in ()]") == of(2, "[shared.least for x in ()]")
    with pytest.raises(UserError, match="study: least is a DataFrame, read by name"):
        of(table, "least + 1")


def test_what_is_opened_once_is_noted_for_each_that_needs_it(folder):
    opened = shared.Opened(lambda: len(folder.sites))
    for _ in range(2):
        with reads.heard() as outer, reads.heard() as parts:
            opened()
        assert "file:sites.csv" in parts and parts == outer
    with reads.heard() as after:
        pass
    assert not after and not reads._hearing
