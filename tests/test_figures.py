"""Figures: every axis has its unit, every figure an alt text computed from its data."""

from types import SimpleNamespace
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scchelpers.figures import show, style, svg
from scchelpers.wording import escape, table_html


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


def test_svg_keeps_names_from_data_as_text():
    figure, ax = style.canvas()
    ax.set_title("<script>alert(1)</script> & \u202f–")
    drawn = svg(figure, "A title\x01.")
    plt.close(figure)
    assert "<script" not in drawn
    assert "<title>A title.</title>" in drawn
    assert "<script>alert(1)</script> & \u202f–" in ElementTree.fromstring(drawn).itertext()


def site(name, kind):
    return SimpleNamespace(name=name, meta={"site_type": kind})


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
