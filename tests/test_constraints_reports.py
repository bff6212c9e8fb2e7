"""Figures, tables and sentences of the constraint schemes say what the numbers say."""

import numpy as np
import pandas as pd
import pytest

from scchelpers import network
from scchelpers.figures import network as draw
from scchelpers.figures import svg
from scchelpers.network import PERFECT, FailSafe, findings, tabulated
from tests.test_constraints_schemes import site


@pytest.fixture(scope="module")
def pair():
    return network.locally_managed([site("a"), site("b")])


@pytest.fixture(scope="module")
def alone():
    return network.locally_managed([site("a", load=np.full(192, 20.0))])


@pytest.fixture(scope="module")
def limit_kw(pair):
    return network.limits(pair, control=PERFECT)


def test_the_answer_names_the_customers_loss_and_the_best_way(pair, limit_kw):
    views = network.views(pair, limit_kw)
    said = findings.answer(pair, "b", views, network.ways(pair, control=PERFECT), "lifo")
    assert "160" in said
    assert "number 2 of 2" in said
    assert "LIFO worst" in said
    assert "last no more than" in findings.view(pair, views)


def test_a_site_never_restricted_hears_so(alone):
    limit = network.limits(alone)
    views = network.views(alone, limit)
    said = findings.answer(alone, "a", views, network.ways(alone), "lifo")
    assert "available all the time" in said
    assert "alone on its asset" in said
    months = network.monthly(alone, limit, "a")
    assert findings.months(months) == "No month has a restriction."
    assert draw.when(network.by_hour_and_month(alone, limit, "a")) is None
    assert draw.months(months) is None
    assert draw.places(network.places(alone), {"a": "a"}) is None
    assert "half last up to [h]" not in tabulated.side_by_side(views, alone).index


def test_a_site_without_an_asset_hears_why():
    assert "no network asset" in findings.nothing("no network asset is named")


def test_when_the_scheme_helps_the_network_is_said(pair, limit_kw):
    free = network.overload(pair, pair.free)
    held = network.overload(pair, network.charge(pair, limit_kw))
    assert "with it, never" in findings.loading(held, free)
    assert "145" in findings.loading(held, free)


def test_figures_say_in_words_what_they_show(pair, limit_kw):
    names = {"a": "A", "b": "B"}
    figures = {
        "06:00": draw.when(network.by_hour_and_month(pair, limit_kw, "a")),
        "160": draw.months(network.monthly(pair, limit_kw, "b")),
        "In the last place": draw.places(network.places(pair, control=PERFECT), names),
        "All sites together": draw.ways(network.ways(pair, control=PERFECT), names),
        "load growth": draw.growth(network.growth(pair, "b", rate=0.02, years=2, control=PERFECT)),
    }
    for words, (figure, alt) in figures.items():
        assert words in alt
        assert len(svg(figure, alt)) < 30_000


def test_abnormal_running_is_told_by_its_worst_day(pair):
    found = network.by_start(pair, "a", length="1D", rating_share=0.6, control=PERFECT, every="1D")
    assert len(found) == 4
    assert "60" in findings.abnormal(found, "1D", rating_share=0.6)
    _, alt = draw.abnormal({"outage": found})
    assert "outage: at most" in alt


def costs(**row) -> pd.DataFrame:
    base = {"lost_h": 9.0, "low_kwh": 1.0, "high_kwh": 9.0, "exposed_kwh": 3.0}
    return pd.DataFrame.from_dict({(12.0, 8.0): base | row}, orient="index")


def test_what_a_failing_link_costs_and_whom():
    rules = FailSafe(failsafe_kw=20.0)
    dear = findings.silence(costs(unserved_kwh=5.0), rules, 30.0)
    assert "costs 5.00" in dear.replace("\u202f", " ")
    assert "lowest limit" not in dear
    cheap = findings.silence(costs(unserved_kwh=-5.0), rules, 10.0)
    assert "drivers gain" in cheap
    assert "lowest limit on record is 10.0" in cheap.replace("\u202f", " ")


def test_trips_tell_the_other_load_or_that_it_is_unknown():
    row = {"trips": 2.0, "dark_h": 8.0, "unserved_kwh": 40.0, "other_kwh": 70.0}
    found = pd.DataFrame([row], index=["4h"])
    assert "70.0" in findings.defiance(found, residual=True)
    assert "not known" in findings.defiance(found.assign(other_kwh=np.nan), residual=False)
    assert "never tripped" in findings.defiance(found.assign(trips=0.0), residual=True)


def test_the_table_of_the_state_machine_is_whole():
    rows = tabulated.transitions()
    assert len(rows) == 12
    assert set(rows["next state"]) == set(network.failsafe.STATES)
