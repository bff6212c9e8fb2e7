"""Figures: every axis has its unit, every figure an alt text computed from its data."""

import io
import re
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scchelpers import diversity
from scchelpers.figures import diversity as draw
from scchelpers.figures import show, style
from scchelpers.wording import escape, table_html

UNIT = re.compile(r"\[[^\]]+\]")


def demand(evses, days=90, seed=0):
    rng = np.random.default_rng(seed)
    coords = {
        "time": pd.date_range("2026-01-05", periods=days * 48, freq="30min"),
        "evse": [f"E{k}" for k in range(evses)],
    }
    shape = (days * 48, evses)
    busy = rng.random(shape) < 0.2 * rng.random((days * 48, 1))
    return xr.DataArray(7.0 * busy, coords, ("time", "evse"))


@cache
def figures(evses):
    site = demand(evses)
    rated_kw = pd.Series(7.0, site["evse"].to_numpy())
    curve = diversity.coincidence(site, rated_kw=rated_kw, samples=30)
    held = diversity.hold_out(site, rated_kw=rated_kw, splits=5, samples=5)
    fits = [diversity.fit_rusck(curve, held), diversity.fit_binomial(curve, held)]
    return {
        "admd": draw.admd(curve, diversity.design_admd(curve, held)),
        "coincidence": draw.coincidence({"all": curve, "slow": curve}, {"price $5 or $6": curve}),
        "peak_time": draw.peak_time(diversity.profile(site), diversity.peak_weeks(site)),
        "models": draw.models(curve, fits),
        "unseen": draw.unseen(diversity.unseen_ratio(held)),
        "placement": draw.placement({"energy first": curve, "energy spread evenly": curve}),
    }


@pytest.mark.parametrize(
    "name", ["admd", "coincidence", "peak_time", "models", "unseen", "placement"]
)
def test_a_figure_has_units_and_alt_text(name):
    figure, alt = figures(10)[name]
    assert len(alt) > 60
    assert re.search(r"\d", alt)
    for ax in figure.axes:
        assert ax.get_ylabel() == "" or UNIT.search(ax.get_ylabel())
    assert any(UNIT.search(ax.get_ylabel()) for ax in figure.axes)
    below = figure.axes[-1].get_xlabel()
    assert "chargepoints" in below or UNIT.search(below)


@pytest.mark.parametrize("evses", [0, 1, 2])
def test_nothing_to_draw_is_none(evses):
    found = figures(evses)
    assert found["unseen"] is None
    assert (found["admd"] is None) == (evses < 2)
    assert (found["peak_time"] is None) == (evses == 0)


def test_show_displays_png_with_alt_text_and_closes(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    figure, _ = style.canvas()
    assert show((figure, "A line.")) is None
    show(None)
    [((bundle,), options)] = shown
    assert options["metadata"]["image/png"]["alt"] == "A line."
    assert bundle["text/plain"] == "A line."
    assert not plt.get_fignums()


def test_png_is_small_and_the_same_twice():
    site = demand(4)
    data = diversity.profile(site), diversity.peak_weeks(site)
    first, again = (style.png(draw.peak_time(*data)[0]) for _ in range(2))
    assert first == again
    assert len(first) < 60_000
    assert Image.open(io.BytesIO(first)).width == style.WIDTH_IN * style.DPI


def luminance(colour):
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", [style.INK, style.QUIET, *style.SERIES])
def test_colours_of_text_are_readable_on_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(0.1, 20))
def test_labels_keep_their_order_and_their_distance(positions, gap):
    placed = style.spread(positions, [gap] * len(positions), -1e9)
    order = np.argsort(positions, kind="stable")
    assert (np.diff(placed[order]) >= gap - 1e-6).all()


def test_names_from_data_stay_text():
    wild = "<script>alert(1)</script> *b* [x](y)"
    assert "<" not in escape(wild)
    assert "\\*b\\*" in escape(wild)
    html = table_html(pd.DataFrame({wild: [wild]}, index=[wild]), wild)
    assert "<script>" not in html
    assert html.count('scope="col"') == 2
    assert html.count('scope="row"') == 1
