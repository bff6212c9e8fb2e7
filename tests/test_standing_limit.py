"""Whose limit a site's charging meets: registered, else recommended, else none."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scchelpers import choice, register
from scchelpers.choice import standing
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def demo():
    return Portfolio.open(ROOT / "data" / "demo")


def test_registered_terms_come_first(demo):
    site = demo.site("elm-road-lamps")
    limit_kw, source, scheme, told = choice.standing_limit(demo, site)
    assert (source, scheme) == ("registered", "tcc")
    assert told.empty
    terms = register.read(demo).terms(site.site_id)
    teatime = limit_kw.sel(time="2025-01-06T17:00").item()  # under the first entry
    assert teatime == pytest.approx(40 * 0.98) and len(terms) == 2
    assert limit_kw.sel(time="2025-11-03T17:00").item() == pytest.approx(20 * 0.98)


def test_terms_of_today_are_judged_on_a_record_from_before_them(demo):
    site = demo.site("village-hall")
    moved = site.sessions.copy()
    for name in ("plug_in", "plug_out"):
        moved[name] -= np.timedelta64(3 * 364, "D")
    earlier = type(site)(**{**site.__dict__, "sessions": moved})
    limit_kw, source, scheme, _ = choice.standing_limit(demo, earlier)
    assert (source, scheme) == ("registered", "static_clm")
    assert np.unique(limit_kw).tolist() == [pytest.approx(69 * 0.98)]


def test_without_terms_the_recommended_option_counts_with_its_row_of_the_table(demo):
    site = demo.site("science-park")
    limit_kw, source, scheme, told = choice.standing_limit(demo, site)
    decided = choice.decided(demo, "science-park")
    assert (source, scheme) == ("recommended", decided.scheme)
    assert told.equals(decided.options.loc[decided.scheme])
    assert limit_kw.max().item() <= decided.facts["requested_kva"] * 0.98 + 1e-6


def test_a_site_with_neither_has_none(demo):
    limit_kw, source, scheme, told = choice.standing_limit(demo, demo.site("caltech-garage"))
    assert limit_kw is None
    assert (source, scheme, told.empty) == ("none", "", True)


def test_an_option_that_is_not_in_the_table_is_refused(demo):
    with pytest.raises(UserError, match="option = 'LMCC': it is not in the table of options"):
        choice.standing_limit(demo, demo.site("science-park"), "LMCC")


def test_a_limit_by_moments_is_averaged_over_the_intervals_of_the_record():
    """60 kW until 5 min past, then 30 kW: (5 x 60 + 25 x 30) / 30 = 35 kW; unknown stays so."""
    grid = pd.date_range("2026-01-05", periods=3, freq="30min")
    moments = pd.to_datetime(["2026-01-05 00:00", "2026-01-05 00:05", "2026-01-05 01:10"])
    limit_kw = xr.DataArray([60.0, 30.0, np.nan], {"time": moments}, ("time",))
    met = standing._regular(limit_kw, grid.to_numpy())
    assert met.get_index("time").equals(grid)
    np.testing.assert_allclose(met, [35.0, 30.0, np.nan])
