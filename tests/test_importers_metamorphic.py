"""One truth printed in many ways: each file is read right or refused, never read wrong."""

import os
import random

import numpy as np
import pandas as pd
import pytest

from scchelpers import importers
from scchelpers.faults import UserError

RUNS = int(os.environ.get("SCC_METAMORPHIC", "12"))
STYLES = {
    "iso": "%Y-%m-%d", "day-first": "%d/%m/%Y", "dots": "%d.%m.%Y", "month-first": "%m/%d/%Y",
    "two-digit": "%d/%m/%y", "named": "%d %b %Y", "iso-swapped": None,
}  # fmt: skip
NAMES = [
    ("Charger ID", "Start", "End", "Energy (%s)"),
    ("CP_ID", "start_time", "end_time", "energy_%s"),
    ("ChargePoint", "PlugIn", "PlugOut", "%s"),
    ("Station", "SessionStart", "SessionEnd", "Consumed%s"),
]


def printed(stamps, style):
    def one(t):
        if style != "iso-swapped":
            return t.strftime(f"{STYLES[style]} %H:%M")
        return t.strftime("%Y-%d-%m %H:%M" if t.day <= 12 else "%Y-%m-%d %H:%M")

    return stamps.map(one)


def sessions_outcome(folder, seed):
    """Write sessions in a way that the seed draws, read them; return right, asked or wrong."""
    draw, chance = random.Random(seed), np.random.default_rng(seed)
    n, span = draw.choice([8, 40, 150]), draw.choice([20, 90, 300])
    begin = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=draw.randrange(330))
    start = begin + pd.to_timedelta(
        sorted(chance.choice(1440 * span, n, replace=False)), unit="min"
    )
    start = pd.Series(start)
    end = start + pd.to_timedelta(chance.integers(20, 600, n), unit="min")
    energy = (chance.uniform(1, 7, n) * ((end - start) / pd.Timedelta("1h")).clip(upper=5)).round(3)
    clock, style = draw.choice(["Europe/London", "UTC"]), draw.choice(list(STYLES))
    unit, comma = draw.choice(["kWh", "Wh"]), draw.random() < 0.3
    mark = ";" if comma else draw.choice(",;\t")
    head = [name % unit if "%s" in name else name for name in draw.choice(NAMES)]
    if clock == "UTC":
        head[1:3] = [f"{name} (UTC)" for name in head[1:3]]
    value = energy.map(lambda x: f"{x:.3f}" if unit == "kWh" else f"{1000 * x:.0f}")
    frame = pd.DataFrame(
        {
            head[0]: [f"CP{i}" for i in range(n)],
            head[1]: printed(start.dt.tz_convert(clock), style),
            head[2]: printed(end.dt.tz_convert(clock), style),
            head[3]: value.str.replace(".", ",") if comma else value,
        }
    )
    frame = frame[draw.sample(list(frame.columns), 4)]
    frame = frame[:: draw.choice([1, -1])]
    encoding = draw.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    parts = [frame.iloc[: n // 2], frame.iloc[n // 2 :]] if draw.random() < 0.3 else [frame]
    files = []
    for i, part in enumerate(parts):
        files.append(folder / f"{i}.csv")
        part.to_csv(files[-1], index=False, sep=mark, encoding=encoding)
    try:
        found = importers.read("sessions", [*files, files[0]][: draw.choice([len(files), 9])])
    except UserError as refused:
        return "asked" if "→ -o" in str(refused) else f"wrong: {refused}"
    rows = found.sessions.sort_values(["plug_in", "energy_kwh"])
    if len(rows) != n:
        return f"wrong: {len(rows)} rows of {n}"
    off = (rows["plug_in"].reset_index(drop=True) - start).abs() > pd.Timedelta("1min")
    # A stay inside the repeated hour of autumn may be read an hour off, and is counted as mended.
    told = found.report.mended.get("stamp in the repeated autumn hour settled", 0)
    right = rows["energy_kwh"].sum() == pytest.approx(energy.sum(), rel=1e-6)
    return "right" if off.sum() <= told and right else "wrong: stamps or energy"


def loads_outcome(folder, seed):
    """Write a load in a way that the seed draws, read it; return right, asked or wrong."""
    draw, chance = random.Random(1000 + seed), np.random.default_rng(seed)
    clock, step = draw.choice(["Europe/London", "UTC"]), draw.choice([15, 30, 30, 60])
    begin = pd.Timestamp("2024-01-01") + pd.Timedelta(days=draw.randrange(300))
    last = begin + pd.Timedelta(days=draw.choice([2, 10, 40, 200]))
    index = pd.date_range(begin, last, freq=f"{step}min", tz=clock, inclusive="left")
    kw = pd.Series(chance.uniform(40, 90, len(index)).round(3), index=index.tz_convert("UTC"))
    label, unit = draw.choice(["start", "start", "end"]), draw.choice(["kW", "kWh", "MW"])
    style, comma = draw.choice(list(STYLES)), draw.random() < 0.25
    stamps = index + pd.Timedelta(minutes=step) if label == "end" else index
    scale = {"kW": 1, "kWh": step / 60, "MW": 1e-3}[unit]
    value = (kw * scale).map(lambda x: f"{x:.6f}")
    time, load = draw.choice([("Timestamp", "Load (%s)"), ("reading_date", "demand_%s"),
                              ("ValueDate", "Active power %s")])  # fmt: skip
    time = "End" if label == "end" else time + (" UTC" if clock == "UTC" else "")
    frame = pd.DataFrame(
        {
            time: printed(pd.Series(stamps.tz_localize(None)), style).to_numpy(),
            load % unit: (value.str.replace(".", ",") if comma else value).to_numpy(),
        }
    )
    if draw.random() < 0.3:
        frame["Temperature"] = 8.5
    file = folder / "load.csv"
    frame.to_csv(
        file, index=False, sep=";" if comma else ",", encoding=draw.choice(["utf-8", "utf-16"])
    )
    try:
        found = importers.read("loads", [file], of="site", series="hq", frozen=0, straight=0)
    except UserError as refused:
        return "asked" if "→ -o" in str(refused) else f"wrong: {refused}"
    read = found.loads["residual_kw", "hq"]["residual_kw"].to_series().dropna()
    read.index = read.index.tz_localize("UTC")
    both = read.index.intersection(kw.index)
    same = len(both) >= 0.99 * len(kw) and np.allclose(read[both], kw[both], rtol=0, atol=0.01)
    return "right" if same else "wrong: stamps or values"


@pytest.mark.parametrize("outcome", [sessions_outcome, loads_outcome])
@pytest.mark.parametrize("seed", range(RUNS))
def test_what_is_printed_in_any_way_is_read_right_or_asked_about(tmp_path, outcome, seed):
    assert outcome(tmp_path, seed) in ("right", "asked")


@pytest.mark.parametrize("outcome", [sessions_outcome, loads_outcome])
def test_more_is_read_than_asked_about(tmp_path, outcome):
    found = [outcome(tmp_path, 5000 + seed) for seed in range(6)]
    assert found.count("right") > 3
