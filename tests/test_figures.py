"""Figures: every axis has its unit, every figure an alt text computed from its data."""

import re
from functools import cache
from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from scchelpers import diversity
from scchelpers.diversity.comparison import labels, short_name
from scchelpers.figures import diversity as draw
from scchelpers.figures import show, style, svg
from scchelpers.figures.diversity.sizes import size_ticks
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


def test_show_displays_svg_with_alt_text_and_closes(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *a, **k: shown.append((a, k)))
    figure, _ = style.canvas()
    assert show((figure, "A line.")) is None
    show(None)
    [((bundle,), options)] = shown
    assert options["metadata"]["image/svg+xml"]["alt"] == "A line."
    assert bundle["text/plain"] == "A line."
    assert not plt.get_fignums()


@cache
def drawings(time):
    found = figures.__wrapped__(10)  # drawn afresh each time
    return {name: (svg(figure, alt), alt, figure) for name, (figure, alt) in found.items()}


@pytest.mark.parametrize(
    "name", ["admd", "coincidence", "peak_time", "models", "unseen", "placement"]
)
def test_svg_is_small_whole_and_the_same_twice(name):
    drawn, alt, figure = drawings("first")[name]
    assert drawn == drawings("again")[name][0]
    assert len(drawn) < 15_000
    root = ElementTree.fromstring(drawn)
    assert root.find("{*}title").text == alt
    ids = {element.get("id") for element in root.iter()}
    assert set(re.findall(r"url\(#(\w+)\)", drawn)) <= ids
    assert set(re.findall(r'href="#(\w+)"', drawn)) <= ids
    written = " ".join(root.itertext())
    for ax in figure.axes:
        assert ax.get_ylabel().splitlines()[0] in written


def test_svg_keeps_names_from_data_as_text():
    figure, ax = style.canvas()
    ax.set_title("<script>alert(1)</script> & \u202f–")
    drawn = svg(figure, "A title\x01.")
    plt.close(figure)
    assert "<script" not in drawn
    assert "<title>A title.</title>" in drawn
    assert "<script>alert(1)</script> & \u202f–" in ElementTree.fromstring(drawn).itertext()


def test_coincidence_keeps_its_panels_wide_beside_long_names():
    curve = diversity.coincidence(demand(14), samples=5)
    part = diversity.coincidence(demand(9), samples=5)
    names = ["Canal Street Car Park…", "Crown Inn Wynd Car Park…", "x" * 24]
    figure, alt = draw.coincidence(
        {"all": curve, "rapid (50–150 kW)": part, "slow (7 kW)": part}, dict.fromkeys(names, curve)
    )
    figure.canvas.draw()
    assert "3 other sites" in alt
    above, below = (ax.get_window_extent() for ax in figure.axes)
    assert above.y0 > below.y1
    assert min(above.width, below.width) > 0.5 * figure.bbox.width
    plt.close(figure)


def test_a_class_that_is_all_of_the_site_is_drawn_once():
    curve = diversity.coincidence(demand(4), samples=5)
    figure, alt = draw.coincidence({"all": curve, "slow (7 kW)": curve}, {})
    assert len(figure.axes[0].lines) == 1
    assert "all, slow (7 kW)" in alt
    plt.close(figure)


def test_no_legend_of_unseen_groups_covers_them():
    figure, _ = figures(10)["unseen"]
    figure.canvas.draw()
    [ax] = figure.axes
    legend = ax.get_legend().get_window_extent()
    assert legend.y0 >= ax.get_window_extent().y1
    assert legend.x1 <= figure.bbox.width


@given(st.integers(1, 1000))
def test_ticks_of_sizes_never_touch(last):
    ticks = size_ticks(last)
    assert ticks[0] == 1
    assert ticks[-1] == last
    assert ticks == sorted(set(ticks))
    if last > 6:
        assert (np.diff(np.log(ticks)) / np.log(last)).min() > 0.08


def site(name, kind):
    return SimpleNamespace(name=name, meta={"site_type": kind})


def test_sites_are_labelled_by_type_or_by_a_short_name():
    sites = [
        site("Canal Street Car Park 3rd floor, Perth", "car_park"),
        site("Canal Street Car Park lower floor", "car_park"),
        site("Friarton Depot", "van_depot"),
        site("Mill Street, Perth", "other"),
        site("Solway", None),
    ]
    assert labels(sites) == [
        "Canal Street Car Park…",
        "Canal Street Car Park… (2)",
        "van depot",
        "Mill Street, Perth",
        "Solway",
    ]


@given(st.text(min_size=1))
def test_a_short_name_is_short(name):
    assert len(short_name(name)) <= 24


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
