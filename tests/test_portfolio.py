"""A site is read without the others."""

import fsspec
import fsspec.implementations.local as local
import numpy as np
import pandas as pd
import pyarrow.dataset as pads
import pytest

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, store
from tests.conftest import ROOT


def build(folder, sites, sessions_each):
    ids = [f"s{n:05d}" for n in range(sites)]
    owner = np.repeat(ids, sessions_each)
    start = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(
        np.tile(np.arange(sessions_each), sites), unit="h"
    )
    store.merge(
        folder,
        sites=pd.DataFrame({"site_id": ids}),
        chargepoints=pd.DataFrame(
            {"evse_id": [f"{i}-1" for i in ids], "site_id": ids, "rated_kw": 7.0}
        ),
        sessions=pd.DataFrame(
            {
                "session_id": np.arange(len(owner)).astype(str),
                "evse_id": owner.astype(object) + "-1",
                "site_id": owner,
                "plug_in": start,
                "plug_out": start + pd.Timedelta("30min"),
                "energy_kwh": 1.0,
            }
        ),
    )
    return folder


@pytest.mark.parametrize("sites", [1, 2000])
def test_opening_and_one_site_read_the_same_files_however_many_sites(tmp_path, monkeypatch, sites):
    folder = build(tmp_path / "p", sites, 25)
    opened = []
    plain = local.LocalFileSystem._open

    def counted(self, path, *args, **kwargs):
        opened.append(path.rsplit("/", 1)[-1])
        return plain(self, path, *args, **kwargs)

    monkeypatch.setattr(local.LocalFileSystem, "_open", counted)
    portfolio = Portfolio.open(folder)
    assert opened == ["portfolio.toml"]
    site = portfolio.site("s00000")
    # Arrow opens sessions.parquet itself: which row groups it reads is counted below.
    assert set(opened) == {"portfolio.toml", "sites.csv", "chargepoints.csv"}
    assert len(opened) < 10 and len(site.sessions) == 25 and site.set_aside == {}
    store_ = pads.dataset(folder / "sessions.parquet")
    chosen = pads.field("site_id") == "s00000"
    assert sum(len(f.subset(chosen).row_groups) for f in store_.get_fragments()) == 1


def test_an_unknown_site_is_refused_with_the_closest_name(tmp_path):
    portfolio = Portfolio.open(build(tmp_path / "p", 1, 1))
    with pytest.raises(UserError, match="did you mean s00000"):
        portfolio.site("s0000")


def test_a_portfolio_may_lie_in_an_object_store():
    memory = fsspec.filesystem("memory")
    folder = ROOT / "data" / "demo"
    for file in (path for path in folder.rglob("*") if path.is_file()):
        memory.pipe(f"/store/{file.relative_to(folder).as_posix()}", file.read_bytes())
    far = Portfolio.open("memory://store").site("elm-road-lamps")
    near = Portfolio.open(folder).site("elm-road-lamps")
    pd.testing.assert_frame_equal(far.sessions, near.sessions)
    assert far.network_kva.identical(near.network_kva)
    assert far.rating_kva.equals(near.rating_kva)
    memory.rm("/store", recursive=True)


def test_a_site_without_network_or_residual_load_says_none():
    site = Portfolio.open(ROOT / "data" / "demo").site("caltech-garage")
    assert site.residual_kw is None and site.network_kva is None and site.rating_kva is None
    assert site.timezone == "America/Los_Angeles"


def test_a_table_is_parsed_once_until_its_bytes_change(tmp_path):
    (tmp_path / "portfolio.toml").write_text("")
    table = tmp_path / "sites.csv"
    table.write_text("site_id,name\na,One\n")
    portfolio = Portfolio.open(tmp_path)
    first, _ = portfolio.raw_table("sites.csv")
    first.loc[2, "name"] = "changed by its reader"
    assert portfolio.raw_table("sites.csv")[0]["name"].tolist() == ["One"]
    table.write_text("site_id,name\na,Two\n")
    assert Portfolio.open(tmp_path).raw_table("sites.csv")[0]["name"].tolist() == ["Two"]
