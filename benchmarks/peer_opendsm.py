"""Run OpenDSM's hourly model on series of demand; this runs in an environment of its own.

    python peer_opendsm.py series.json results.json

Temperatures are needed by the model and not on record: a smooth year stands in.
"""

import json
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import opendsm  # noqa: E402
from opendsm.eemeter import HourlyBaselineData, HourlyModel, HourlyReportingData  # noqa: E402

ALPHAS = (0.0139, 0.004, 0.001, 0.0003)  # penalty of the elastic net: the default, and smaller ones


def frame(series: dict) -> pd.DataFrame:
    """Return hourly energy and a temperature [°F], on the clock of the site."""
    index = pd.DatetimeIndex(pd.to_datetime(series["time"], utc=True)).tz_convert(series["tz"])
    angle = 2 * np.pi * (index.dayofyear.to_numpy() - 30) / 365.25
    daily = 2 * np.pi * (index.hour.to_numpy() - 15) / 24
    fahrenheit = 48 - 11 * np.cos(angle) + 5 * np.cos(daily)
    observed = np.array(series["kwh"], float)
    return pd.DataFrame({"observed": observed, "temperature": fahrenheit}, index=index)


def run(series: dict, zeros_missing: bool, alpha: float) -> dict:
    """Fit one year, predict the next, and say how long that took."""
    train, test = frame(series["train"]), frame(series["test"])
    wall, cpu = time.perf_counter(), time.process_time()
    data = HourlyBaselineData(train, is_electricity_data=zeros_missing)
    model = HourlyModel({"elasticnet": {"alpha": alpha}}).fit(data, ignore_disqualification=True)
    reporting = HourlyReportingData(test, is_electricity_data=zeros_missing)
    predicted = model.predict(reporting, ignore_disqualification=True)["predicted"]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    kwh = predicted.reindex(test.index).to_numpy(float)
    return {"kwh": kwh.tolist(), "wall_s": wall, "cpu_s": cpu, "alpha": alpha}


def attempt(series: dict, zeros_missing: bool) -> dict:
    """Run with the default penalty; where its coefficients all shrink to zero it crashes."""
    for alpha in ALPHAS:
        try:
            return run(series, zeros_missing, alpha)
        except Exception as error:  # a crash of the peer on one site is a result, not an end
            fault = f"{type(error).__name__}: {error}"[:200]
    return {"fault": fault}


def main() -> None:
    source, target = sys.argv[1:3]
    sites = json.loads(Path(source).read_text())
    first = next(iter(sites.values()))
    attempt(first, False)  # what a process pays once is not counted
    results = {"version": opendsm.__version__, "sites": {}}
    for name, series in sites.items():
        results["sites"][name] = {
            "zeros_kept": attempt(series, False),
            "zeros_missing": attempt(series, True),
        }
        print(name, {k: v.get("fault", v.get("alpha")) for k, v in results["sites"][name].items()})
    Path(target).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
