"""Sharing of headroom among sites: worked figures and the promises of each rule."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers.faults import UserError
from scchelpers.network import allocate, remaining

LETTERS = list("abcdefgh")


def asked(*kw) -> xr.DataArray:
    return xr.DataArray(np.array(kw, float), {"site": LETTERS[: len(kw)]})


def room(*kw) -> xr.DataArray:
    names = [f"k{k}" for k in range(len(kw))]
    return xr.DataArray(np.array(kw, float), {"constraint": names})


def sees(*rows) -> xr.DataArray:
    """Sensitivities as in the reference: a row a constraint."""
    values = np.array(rows, float)
    coords = {"constraint": [f"k{k}" for k in range(len(rows))], "site": LETTERS[: len(rows[0])]}
    return xr.DataArray(values, coords, ("constraint", "site"))


# Methods reference, section 5: request, headroom, sensitivity, LIFO, pro-rata.
WORKED = [
    ((100, 150, 200), (300,), 1.0, (100, 150, 50), (200 / 3, 100, 400 / 3)),
    ((100, 150, 200, 50), (300,), 1.0, (100, 150, 50, 0), (60, 90, 120, 30)),
    (
        (100, 150, 200), (300, 120), [[1, 1, 1], [0, 0.5, 1]],
        (100, 150, 45), (100, 65.4545454, 87.2727272),
    ),
    ((100, 150, 200), (300, 120), [[1, 1, 1], [0, 0.5, 0]], (100, 150, 50), None),
    ((100, 150, 200), (-20,), 1.0, (0, 0, 0), (0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("request_kw", "headroom", "sensitivity", "lifo", "pro_rata"), WORKED)
def test_worked_figures(request_kw, headroom, sensitivity, lifo, pro_rata):
    sensitivity = sees(*sensitivity) if isinstance(sensitivity, list) else sensitivity
    given_to = allocate(asked(*request_kw), room(*headroom), sensitivity, "lifo")
    np.testing.assert_allclose(given_to, lifo)
    if pro_rata is not None:
        given_to = allocate(asked(*request_kw), room(*headroom), sensitivity, "pro-rata")
        np.testing.assert_allclose(given_to, pro_rata, rtol=1e-8)


def test_what_is_left_and_what_stays_unresolved():
    sensitivity = sees([1, 1, 1], [0, 0.5, 1])
    given_to = allocate(asked(100, 150, 200), room(300, 120), sensitivity)
    np.testing.assert_allclose(remaining(room(300, 120), sensitivity, given_to), [5, 0])
    sensitivity = sees([1, 1, 1], [0, 0.5, 0])
    given_to = allocate(asked(100, 150, 200), room(300, 120), sensitivity)
    np.testing.assert_allclose(remaining(room(300, 120), sensitivity, given_to), [0, 45])
    over = -remaining(room(-20), 1.0, allocate(asked(100, 150, 200), room(-20)))
    np.testing.assert_allclose(over, [20])


def test_pro_rata_ratio_agrees_with_a_published_case():
    # oats_curtailment: of requests of 39 and 60 MW, 30.0959 and 46.3014 are granted.
    given_to = allocate(asked(39, 60), room(76.3973), rule="pro-rata")
    np.testing.assert_allclose(given_to, [30.0959, 46.3014], atol=1e-4)


def test_priority_serves_class_after_class_and_pro_rata_within():
    rank = pd.Series({"a": 2, "b": 1, "c": 2})
    given_to = allocate(asked(100, 150, 200), room(300), rule="priority", rank=rank)
    np.testing.assert_allclose(given_to, [50, 150, 100])


def test_rank_puts_a_site_elsewhere_in_the_stack():
    rank = pd.Series({"a": 3, "b": 2, "c": 1})
    np.testing.assert_allclose(allocate(asked(100, 150, 200), room(300), rank=rank), [0, 100, 200])


def test_a_site_hardly_seen_is_not_held_back_but_counts():
    sensitivity = sees([0.04, 1.0])
    given_to = allocate(asked(100, 100), room(10), sensitivity)
    np.testing.assert_allclose(given_to, [100, 6])
    np.testing.assert_allclose(
        allocate(asked(100, 100), room(2), sensitivity, least_sensitivity=0.0), [50, 0]
    )


def test_charging_that_relieves_a_constraint_earns_nothing_for_others():
    np.testing.assert_allclose(allocate(asked(100, 100), room(50), sees([-1.0, 1.0])), [100, 50])


def test_what_is_unknown_stays_unknown_and_spreads_no_further_than_it_must():
    sensitivity = sees([1, 1, 0], [0, 0, 1])
    for rule in ("lifo", "pro-rata"):
        found = allocate(asked(10, 20, 30), room(np.nan, 12), sensitivity, rule)
        assert np.isnan(found[:2]).all()
        assert found[2] == 12
    late = allocate(asked(10, np.nan, 30), room(25))
    assert late[0] == 10
    assert np.isnan(late[1:]).all()


def test_time_may_run_in_any_of_the_three():
    time = pd.date_range("2026-01-01", periods=2, freq="30min")
    moving = room(300).expand_dims(time=time) * xr.DataArray([1.0, 0.5], {"time": time})
    found = allocate(asked(100, 150), moving)
    assert found.dims == ("time", "site")
    np.testing.assert_allclose(found, [[100, 150], [100, 50]])
    shifting = sees([1.0, 1.0]).expand_dims(time=time) * xr.DataArray([1.0, 2.0], {"time": time})
    np.testing.assert_allclose(allocate(asked(100, 150), room(300), shifting)[1], [100, 50])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rule": "lfo"}, "did you mean 'lifo'|lifo"),
        ({"rule": "priority"}, "rank"),
        ({"rank": pd.Series({"a": 1.0})}, "'b'"),
        ({"requested": asked(-1, 2)}, "0 or more"),
        ({"sensitivity": sees([1, 1, 1])}, "labels"),
        ({"headroom": asked(1, 2)}, "headroom has dims"),
    ],
)
def test_refusals_name_what_is_wrong(change, words):
    arguments = {"requested": asked(1, 2), "headroom": room(1)} | change
    with pytest.raises(UserError, match=words):
        allocate(**arguments)


@st.composite
def networks(draw):
    sites, constraints = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    kw = st.floats(0, 500, allow_nan=False)
    requests = draw(st.lists(kw, min_size=sites, max_size=sites))
    headroom = draw(st.lists(st.floats(-50, 800), min_size=constraints, max_size=constraints))
    share = st.one_of(st.just(0.0), st.floats(0.06, 1.5))
    rows = draw(
        st.lists(
            st.lists(share, min_size=sites, max_size=sites),
            min_size=constraints,
            max_size=constraints,
        )
    )
    return asked(*requests), room(*headroom), sees(*rows)


@settings(max_examples=50, deadline=None)
@given(networks(), st.sampled_from(["lifo", "pro-rata"]))
def test_no_constraint_is_filled_beyond_its_headroom(network, rule):
    requests, headroom, sensitivity = network
    given_to = allocate(requests, headroom, sensitivity, rule)
    left = remaining(headroom.clip(min=0), sensitivity, given_to)
    assert float(left.min()) >= -1e-6
    assert ((given_to >= 0) & (given_to <= requests + 1e-9)).all()
    over = (-remaining(headroom, sensitivity, given_to)).clip(min=0)
    np.testing.assert_allclose(over, np.maximum(-headroom, 0), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(networks())
def test_later_applicants_never_change_earlier_ones_under_lifo(network):
    requests, headroom, sensitivity = network
    everyone = allocate(requests, headroom, sensitivity)
    for many in range(1, requests.sizes["site"]):
        first = {"site": slice(0, many)}
        fewer = allocate(requests.isel(first), headroom, sensitivity.isel(first))
        np.testing.assert_array_equal(everyone.isel(first), fewer)


@settings(max_examples=30, deadline=None)
@given(networks(), st.sampled_from(["lifo", "pro-rata"]))
def test_sites_that_load_no_constraint_get_all_they_ask(network, rule):
    requests, headroom, sensitivity = network
    given_to = allocate(requests, headroom, sensitivity, rule)
    untouched = (sensitivity == 0).all("constraint")
    xr.testing.assert_allclose(given_to.where(untouched), requests.where(untouched))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1, 500), min_size=1, max_size=6), st.floats(0, 2000))
def test_one_constraint_gives_everybody_the_same_share_under_pro_rata(requests, headroom):
    share = allocate(asked(*requests), room(headroom), rule="pro-rata") / asked(*requests)
    np.testing.assert_allclose(share, min(1.0, headroom / sum(requests)), rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(networks())
def test_pro_rata_leaves_no_room_that_a_held_site_could_use(network):
    requests, headroom, sensitivity = network
    given_to = allocate(requests, headroom, sensitivity, "pro-rata")
    full = remaining(headroom.clip(min=0), sensitivity, given_to) <= 1e-6
    held = given_to < requests - 1e-6
    assert ((sensitivity > 0) & full).any("constraint").where(held, True).all()
