"""Load diversity: closed forms, hand-worked groups, real sessions."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from scchelpers import charging, diversity
from scchelpers.diversity import _peak_candidates, _recorded, _weekly_peaks
from scchelpers.faults import UserError
from scchelpers.site import Site
from scchelpers.timebase import clock, from_clock


def power(values, start="2026-01-05", names=None):
    """Return demand [kW] over (time, evse) from rows of half hours."""
    values = np.asarray(values, float)
    time = pd.date_range(start, periods=len(values), freq="30min")
    names = names or [f"E{k}" for k in range(values.shape[1])]
    coords = {"time": time, "evse": names}
    return xr.DataArray(values, coords, ("time", "evse"), attrs={"units": "kW"})


def independent(evses=8, days=120, seed=3, chance=0.3, kw=7.0):
    rng = np.random.default_rng(seed)
    return power(kw * (rng.random((days * 48, evses)) < chance * rng.random((days * 48, 1))))


# Closed forms (methods reference, section 11).


@pytest.mark.parametrize(
    ("g_inf", "expected"),
    [
        (0.1, [1, 0.7364, 0.55, 0.3846, 0.28, 0.2273, 0.19, 0.1285]),
        (0.2, [1, 0.7657, 0.6, 0.4530, 0.36, 0.3131, 0.28, 0.2253]),
    ],
)
def test_rusck_table(g_inf, expected):
    n = [1, 2, 4, 10, 25, 50, 100, 1000]
    np.testing.assert_allclose(diversity.rusck(n, g_inf), expected, atol=5e-5)


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [
        (0.3, 0.99, [1, 2, 3, 7, 11, 23, 41, 174]),
        (0.2, 0.95, [1, 1, 2, 4, 7, 15, 27, 115]),
    ],
)
def test_binomial_table(p, q, expected):
    assert diversity.binomial_peak([1, 2, 4, 10, 20, 50, 100, 500], p, q).tolist() == expected


@pytest.mark.parametrize(
    "call", [lambda: diversity.rusck(0, 0.2), lambda: diversity.binomial_peak(3, 1.2)]
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(UserError):
        call()


# Measures, worked by hand.


def test_two_chargepoints_by_hand():
    # Peaks 6 and 4 kW; the sum peaks at 4 + 4 = 8: g = 8 / 10, ADMD = 4, DF = 8 / (7 + 7).
    site = power([[6, 0], [4, 4], [0, 2]])
    rated_kw = pd.Series({"E0": 7.0, "E1": 7.0})
    both = diversity.coincidence(site, rated_kw=rated_kw, samples=5).sel(size=2, sample=0)
    assert float(both["coincidence_factor"]) == pytest.approx(0.8)
    assert float(both["admd_kw"]) == pytest.approx(4)
    assert float(both["demand_factor"]) == pytest.approx(8 / 14)
    assert both["admd_kw"].attrs["units"] == "kW"


def test_missing_is_not_zero():
    # E1 was not on record while E0 peaked: their joint peak is 3 + 2, not 9 + nothing.
    site = power([[9, np.nan], [3, 2], [1, 1]])
    both = diversity.coincidence(site, samples=1).sel(size=2)
    assert float(both["peak_kw"].squeeze()) == 5


def test_chargepoints_never_on_record_at_once_are_not_summed():
    site = independent(evses=6, days=120)
    site[: 60 * 48, 0] = np.nan
    site[60 * 48 :, 1] = np.nan
    rated_kw = pd.Series(7.0, site["evse"].to_numpy())
    curve = diversity.coincidence(site, rated_kw=rated_kw, samples=40)
    assert curve["size"].to_numpy().tolist() == [1, 2, 3, 4, 5]
    # The site's own highest half hour, found the long way.
    highest_kw = float(np.nansum(site.to_numpy(), axis=1).max())
    assert float(site.sum("evse").max()) == highest_kw


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 7).flatmap(
        lambda evses: st.lists(
            st.lists(st.sampled_from([0, 1.5, 3.6, 7.4]), min_size=evses, max_size=evses),
            min_size=1,
            max_size=20,
        )
    ),
    st.integers(0, 99),
)
def test_bounds_hold_for_any_demand(rows, seed):
    site = power([[7.4] * len(rows[0]), *rows]) * 1.0
    site[0] = np.where(np.arange(len(rows[0])) % 2, 0, site[0])
    curve = diversity.coincidence(site, samples=6, seed=seed)
    g = curve["coincidence_factor"]
    assert (g.sel(size=1).fillna(1) == 1).all()
    assert (g.fillna(0) <= 1 + 1e-6).all()
    # Groups are nested: a larger one peaks no lower.
    assert (curve["peak_kw"].diff("size") >= -1e-5).all()
    largest = float(site.sum("evse").max())
    assert float(curve["peak_kw"].isel(size=-1, sample=0)) == pytest.approx(largest, rel=1e-6)


def test_pruned_intervals_never_hold_a_peak():
    rng = np.random.default_rng(1)
    site = power(rng.choice([0, 3.5, 7], (400, 5)))
    site[50:90, 2] = np.nan
    members = np.array([[bool(code >> k & 1) for code in range(1, 32)] for k in range(5)])
    fast = _weekly_peaks(_peak_candidates(site, "Europe/London"), members)
    for group in range(31):
        whole = site.isel(evse=members[:, group]).sum("evse", skipna=False)
        weeks = whole.groupby(whole["time"].dt.isocalendar().week).max()
        np.testing.assert_allclose(fast[group], weeks.to_numpy(), rtol=1e-6)


def test_measured_curve_meets_the_binomial_oracle():
    # 60 independent points busy half the time they could be: the 99 % quantile over half hours.
    rng = np.random.default_rng(0)
    site = power((rng.random((48 * 60, 60)) < 0.3).astype(float))
    total = site.isel(evse=slice(20)).sum("evse")
    assert float(total.quantile(0.99)) == diversity.binomial_peak(20, 0.3, 0.99)


def test_same_seed_same_numbers():
    site = independent()
    first, again = (diversity.coincidence(site, samples=20, seed=5) for _ in range(2))
    xr.testing.assert_identical(first, again)


def test_sizes_beyond_the_record_are_refused():
    with pytest.raises(UserError, match="between 1 and the 8 EVSEs"):
        diversity.coincidence(independent(days=8), sizes=[9])


# What counts as recorded.


def test_an_evse_counts_from_first_to_last_month_of_use():
    time = pd.date_range("2026-01-01", "2026-04-30 23:30", freq="30min")
    site = xr.DataArray(
        np.zeros((len(time), 3)),
        {"time": time, "evse": ["early", "late", "never"]},
        ("time", "evse"),
    )
    site.loc[{"time": "2026-01-10T12:00", "evse": "early"}] = 7
    site.loc[{"time": "2026-04-02T12:00", "evse": "early"}] = 7
    site.loc[{"time": "2026-03-15T12:00", "evse": "late"}] = 7
    april = pd.Timestamp("2026-05-01", tz="UTC")
    spans = ((pd.Timestamp("2026-01-10", tz="UTC"), pd.Timestamp("2026-02-20", tz="UTC")),)
    spans += ((pd.Timestamp("2026-03-01", tz="UTC"), april),)
    own = Site("own", {}, None, None, None, None, None, "Europe/London", session_spans=spans)
    kept = _recorded(site, own)
    assert kept["evse"].to_numpy().tolist() == ["early", "late"]
    known = (kept >= 0).to_pandas()
    # Known from the day that coverage begins, not from the first of its month; a gap of days too.
    assert known.index[0] == pd.Timestamp("2026-01-10")
    assert known.loc["2026-02-19", "early"].all()
    assert not known.loc["2026-02-21":"2026-02-27"].any(axis=None)
    assert known.loc["2026-03-02", "early"].all()
    # March in UTC runs to an hour before the clock's April.
    assert known.loc["2026-03-31T22:30", "late"]
    assert not known.loc["2026-04-01T12:00", "late"]


# Models, hold-out, design.


def test_rusck_is_recovered_from_its_own_curve():
    n = np.array([1, 2, 3, 5, 10, 20])
    g = np.tile(diversity.rusck(n, 0.23)[:, None], 4)
    curve = xr.Dataset({"coincidence_factor": (("size", "sample"), g)}, {"size": n})
    assert float(diversity.fit_rusck(curve["coincidence_factor"])) == pytest.approx(0.23)


def test_rusck_is_ordinary_least_squares_through_the_origin():
    curve = diversity.coincidence(independent(evses=12, seed=1), samples=100)
    frame = curve["coincidence_factor"].to_dataframe(name="g").dropna().reset_index()
    root = 1 / np.sqrt(frame["size"])
    fitted = sm.OLS(frame["g"] - root, 1 - root).fit().params.iloc[0]
    assert float(diversity.fit_rusck(curve["coincidence_factor"])) == pytest.approx(fitted)


def test_binomial_is_recovered_from_its_own_curve():
    n = np.array([1, 2, 4, 10, 20, 50])
    share = np.tile((diversity.binomial_peak(n, 0.3) / n)[:, None], 4)
    curve = xr.Dataset({"demand_factor": (("size", "sample"), share)}, {"size": n})
    p = float(diversity.fit_binomial(curve["demand_factor"].mean("sample")))
    assert diversity.binomial_peak(n, p).tolist() == diversity.binomial_peak(n, 0.3).tolist()


def test_each_half_of_a_record_has_its_own_fit():
    site = independent(evses=12, seed=1)
    held = diversity.hold_out(site, rated_kw=pd.Series(7.0, site["evse"].to_numpy()), splits=20)
    mean = held.mean("sample")
    fits = diversity.fit_rusck(mean["coincidence_factor"])
    assert fits.dims == ("points", "weeks", "split")
    one = {"points": "seen", "weeks": "unseen", "split": 3}
    alone = diversity.fit_rusck(mean["coincidence_factor"].sel(one))
    assert float(fits.sel(one)) == pytest.approx(float(alone))
    p = diversity.fit_binomial(mean["demand_factor"])
    alone = diversity.fit_binomial(mean["demand_factor"].sel(one))
    assert float(p.sel(one)) == pytest.approx(float(alone))
    whole = diversity.coincidence(site, samples=100)["coincidence_factor"]
    apart = fits.sel(points="seen", weeks="seen") - fits.sel(points="unseen", weeks="unseen")
    half_sample = float(np.sqrt((apart**2).mean())) / 2
    frame = whole.to_dataframe(name="g").dropna().reset_index()
    root = 1 / np.sqrt(frame["size"])
    regression = sm.OLS(frame["g"] - root, 1 - root).fit(
        cov_type="cluster", cov_kwds={"groups": frame["sample"].to_numpy()}
    )
    # All draws share the same chargepoints and weeks: the regression's own error is too small.
    assert half_sample > regression.bse.iloc[0]


def test_hold_out_meets_no_seen_week_or_chargepoint():
    # E0..E3 draw 1 kW in even weeks only and E4..E7 2 kW in odd weeks only: 0 is then unseen.
    days = 7 * 10
    week = np.repeat(np.arange(10), 7 * 48)[: days * 48, None]
    rows = np.where(week % 2 == 0, [1] * 4 + [0] * 4, [0] * 4 + [2] * 4)
    held = diversity.hold_out(power(rows), splits=30, samples=3, seed=1)
    assert set(np.unique(held["admd_kw"].sel(size=1))) <= {0, 1, 2}
    assert held.sizes["size"] == 4
    assert held["admd_kw"].sel(points="unseen", weeks="unseen").std("split").max() > 0


def test_later_years_are_those_of_a_known_distribution():
    # Weekly peaks of one Gumbel law: 9 in 10 highest of 10 years stay below its 0.9^(1/522).
    rng = np.random.default_rng(4)
    weekly = 50 - 4 * np.log(-np.log(rng.random((300, 52))))
    drawn = diversity._later_peaks(weekly, 522, np.random.default_rng(0))
    truth_kw = 50 - 4 * np.log(-np.log(0.9 ** (1 / 522)))
    assert np.quantile(drawn, 0.9) == pytest.approx(truth_kw, rel=0.06)
    # The law of ten years' highest is the record's moved up by scale x ln 522, at its median.
    median_kw = 50 - 4 * np.log(-np.log(0.5 ** (1 / 522)))
    assert np.median(drawn) == pytest.approx(median_kw, rel=0.03)


def test_longer_times_and_shorter_records_ask_for_more():
    site = independent(evses=12, days=364)
    rated_kw = pd.Series(70.0, site["evse"].to_numpy())
    options = {"rated_kw": rated_kw, "sizes": [12], "samples": 100}

    def value(part, years):
        curve = diversity.coincidence(part, later_years=years, **options)
        return diversity.design_admd(curve)["design_kw"].item()

    assert value(site, 1) < value(site, 10) < value(site, 40)
    own_kw = float(site.sum("evse").max()) / 12
    assert own_kw <= value(site, 1)
    untested = diversity.design_admd(
        diversity.coincidence(site.isel(time=slice(48 * 7 * 20)), later_years=10, **options)
    )
    assert untested[["basis", "design_kw"]].to_numpy().tolist() == [["untested", 70.0]]


def test_the_end_of_charging_on_record_is_used_and_other_sessions_charge_at_once():
    noon = pd.Timestamp("2026-01-05T12:00Z")
    sessions = pd.DataFrame(
        {
            "plug_in": [noon, noon],
            "plug_out": [noon + pd.Timedelta("4h")] * 2,
            "energy_kwh": [8.0, 4.0],
            "max_kw": 8.0,
            "evse_id": ["slow", "plain"],
            "charge_start": [noon, pd.NaT],
            "charge_end": [noon + pd.Timedelta("2h"), pd.NaT],
        }
    )
    own = Site.of(sessions, timezone="Etc/UTC")
    found = {
        way: diversity.demand(own, way).sel(evse=["slow", "plain"]).to_numpy()
        for way in ("measured", "front", "spread")
    }
    assert found["measured"][:2].tolist() == [[4.0, 8.0], [4.0, 0.0]]
    assert found["front"][:2].tolist() == [[8.0, 8.0], [8.0, 0.0]]
    assert found["spread"][:2].tolist() == [[2.0, 1.0], [2.0, 1.0]]


def test_extrapolation_is_never_silent():
    site = independent(evses=12, days=364)
    rated_kw = pd.Series(7.0, site["evse"].to_numpy())
    curve = diversity.coincidence(site, rated_kw=rated_kw, samples=50, later_years=10)
    design = diversity.design_admd(curve)
    assert (design["design_kw"] <= 7 + 1e-9).all()
    assert set(design["basis"]) == {"later years"}
    value = diversity.design_value(40, design)
    assert value["extrapolated"]
    assert value["admd_kw"] == design["design_kw"].iloc[-1]
    assert value["basis"] == "extrapolated"


@pytest.mark.parametrize(("evses", "days"), [(0, 10), (1, 40), (2, 40), (3, 90), (6, 20)])
def test_thin_records_are_not_said_to_be_tested(evses, days):
    site = independent(evses, days) if evses else power(np.zeros((0, 0)))
    rated_kw = pd.Series(7.0, site["evse"].to_numpy(), dtype=float)
    curve = diversity.coincidence(site, rated_kw=rated_kw, samples=10, later_years=10)
    held = diversity.hold_out(site, rated_kw=rated_kw, splits=5)
    design = diversity.design_admd(curve)
    value = diversity.design_value(10, design)
    assert value["basis"] == ("untested" if evses else "no record")
    assert held.sizes["size"] == 0
    fits = (
        diversity.fit_rusck(curve["coincidence_factor"]),
        diversity.fit_binomial(curve["demand_factor"].mean("sample")),
    )
    assert [bool(np.isfinite(fit)) for fit in fits] == [evses > 1] * 2


# Real sessions: Broxden, Perth, September 2018 to August 2019 (Perth & Kinross Council, OGL v3).


@pytest.fixture(scope="module")
def broxden():
    def read(folder):
        raw = pd.read_csv(folder / "September 2018-August 2019.csv", dtype=str)
        raw = raw[raw["Site"].str.strip().str.startswith("Broxden")]

        def stamps(day, time):
            parts = raw[day].str[:10].str.split("-", expand=True)
            swapped = parts[2].astype(float) <= 12  # day and month change places up to the 12th
            month, date = parts[1].where(~swapped, parts[2]), parts[2].where(~swapped, parts[1])
            return pd.to_datetime(parts[0] + "-" + month + "-" + date + " " + raw[time])

        raw = raw.assign(
            begin=stamps("Start Date", "Start Time"), end=stamps("End Date", "End Time")
        )
        raw["kwh"] = raw["Total kWh"].astype(float)
        hours = (raw["end"] - raw["begin"]) / pd.Timedelta("1h")
        raw = raw[(hours > 0) & (hours <= 48) & (raw["kwh"] > 0)]
        evse_id = raw["CP ID"] + "-" + raw["Connector"]
        return pd.DataFrame(
            {
                "session_id": raw["_id"],
                "evse_id": evse_id,
                "site_id": "broxden",
                "plug_in": from_clock(raw["begin"])[0],
                "plug_out": from_clock(raw["end"])[0],
                "energy_kwh": raw["kwh"].to_numpy(),
                "max_kw": 50.0,
            }
        ).reset_index(drop=True)

    return read


def test_broxden_regression(shared_data, broxden):
    sessions = broxden(shared_data("perth_kinross_sessions"))
    assert len(sessions) == 6723
    assert sessions["energy_kwh"].sum() == pytest.approx(73212, abs=1)
    mean_kw = sessions["energy_kwh"] / (
        (sessions["plug_out"] - sessions["plug_in"]) / pd.Timedelta("1h")
    )
    times = pd.concat([sessions["plug_in"], sessions["plug_out"]], ignore_index=True)
    step = pd.concat([mean_kw, -mean_kw], ignore_index=True)
    half_open = step.iloc[np.lexsort((step, times))].cumsum().max()
    closed = step.iloc[np.lexsort((-step, times))].cumsum().max()
    assert half_open == pytest.approx(136.0, abs=0.05)
    assert closed == pytest.approx(152.1, abs=0.05)
    total = charging.uncontrolled(sessions, step="30min", placement="spread")
    assert float(total.max()) == pytest.approx(105.0, abs=0.05)
    by_evse = charging.uncontrolled(sessions, step="30min", placement="spread", by="evse")
    highest = _recorded(by_evse, Site.of(sessions)).sum("evse").to_series().idxmax()
    assert clock([highest.tz_localize("UTC")])[0].tz_localize(None) == pd.Timestamp(
        "2018-10-15 12:30"
    )


def test_outlets_of_a_dc_unit_count_as_one_chargepoint():
    chargepoints = pd.DataFrame(
        {
            "evse_id": ["r-1", "r-2", "p-1", "p-2"],
            "rated_kw": [50.0, 43.0, 22.0, 22.0],
            "phases": [0, 0, 3, 3],
            "unit_id": ["r", "r", "p", "p"],
        }
    )
    noon = pd.Timestamp("2026-01-05T12:00Z")
    hour = pd.Timedelta("1h")
    sessions = pd.DataFrame(
        {
            "session_id": ["a", "b", "c"],
            "evse_id": ["r-1", "r-2", "p-1"],
            "plug_in": [noon, noon, noon],
            "plug_out": [noon + hour] * 3,
            "energy_kwh": [50.0, 21.5, 11.0],
            "max_kw": np.nan,
        }
    )
    own = dataclasses.replace(Site.of(sessions, timezone="Etc/UTC"), chargepoints=chargepoints)
    power_kw = diversity.demand(own)
    assert power_kw["evse"].to_numpy().tolist() == ["r-1", "p-1"]
    # 12:00: both outlets at full power, 50 + 43; 12:30: only the first.
    assert power_kw.sel(evse="r-1").to_numpy()[:2].tolist() == [93.0, 50.0]
    rated_kw = diversity.ratings(chargepoints, power_kw)
    assert rated_kw.to_dict() == {"r-1": 93.0, "p-1": 22.0, "p-2": 22.0}
    assert diversity.counted(chargepoints)["evse_id"].tolist() == ["r-1", "p-1", "p-2"]


def test_groups_that_never_meet_lie_below_what_rusck_can_be():
    # Groups that never meet: the peak of the sum is that of one, however many there are.
    power_kw = xr.DataArray(
        np.eye(8).repeat(6, axis=0) * 7,
        {"time": pd.date_range("2026-01-05", periods=48, freq="30min"), "evse": list("abcdefgh")},
        ("time", "evse"),
    )
    curve = diversity.coincidence(power_kw, samples=20, seed=0)
    assert float(diversity.fit_rusck(curve["coincidence_factor"])) <= 0


def test_the_shortest_stretch_of_the_clock_may_run_over_midnight():
    chance = pd.Series([0.5, 0.45, 0.05], [47, 0, 20])
    assert diversity.clock_window(chance)[:2] == (47, 1)
    start, end, held = diversity.clock_window(pd.Series([1.0], [36]), 0.8)
    assert (start, end, held) == (36, 37, 1.0)
