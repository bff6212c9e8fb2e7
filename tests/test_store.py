"""What people wrote survives an import."""

import pandas as pd
import pytest

from scchelpers.portfolio import Portfolio, store


def test_merge_keeps_what_people_wrote_and_fills_blanks(tmp_path):
    store.merge(tmp_path / "p", sites=pd.DataFrame({"site_id": ["n"]}))
    (tmp_path / "p/sites.csv").write_text("site_id,name,dsc_kva,our_note\nn,Ours,,keep me\n")
    new = pd.DataFrame({"site_id": ["n", "s"], "name": ["Theirs", "S"], "dsc_kva": [69.0, 55.5]})
    store.merge(tmp_path / "p", sites=new)
    text = (tmp_path / "p/sites.csv").read_text()
    assert text == "site_id,name,dsc_kva,our_note\nn,Ours,69,keep me\ns,S,55.5,\n"
    assert Portfolio.open(tmp_path / "p").site_ids == ["n", "s"]


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("before")

    def fail(aside):
        aside.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write_aside(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"] and path.read_text() == "before"
