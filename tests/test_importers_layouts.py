"""Every layout carries a small sample of its own and what it holds."""

import pytest

from scchelpers import importers

ENDINGS = {"{": ".json", "[": ".json", "<": ".xml", "#": ".df2"}


@pytest.mark.parametrize("layout", importers.known_layouts(), ids=lambda layout: layout.name)
def test_the_sample_of_a_layout_is_read_as_it_says(tmp_path, layout):
    ending = ENDINGS.get(layout.sample[0], ".csv") if layout.name != "bath" else ".csv"
    (tmp_path / f"sample{ending}").write_text(layout.sample, encoding="utf-8")
    options = ({"of": "site"} if layout.kind == "loads" else {}) | layout.options
    found = importers.read(layout.kind, [tmp_path / f"sample{ending}"], **options)
    assert any(f"layout {layout.name} " in fact for fact in found.report.accounts[0].facts)
    right = dict(layout.expected)
    assert found.report.kept == right.pop("kept")
    if layout.kind == "assets":
        own = found.assets.set_index("asset_id").loc[right.pop("asset")]
        assert own[list(right)].tolist() == pytest.approx(list(right.values()), abs=1e-3)
        return
    assert f"{found.report.first:%Y-%m-%d %H:%M}" == right.pop("first")
    if layout.kind == "sessions":
        assert found.report.energy_kwh == pytest.approx(right["energy_kwh"])
    else:
        (load,) = found.loads.values()
        assert float(load[next(iter(load))].mean()) == pytest.approx(right["mean_kw"], abs=1e-4)
