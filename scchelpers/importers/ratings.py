"""The rated power of a chargepoint: given, read from its model, or inferred and said so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.faults import UserError
from scchelpers.importers.delimited import read_delimited

# Words of model names -> rating [kW] and why; the first that is found holds. A figure in the name
# itself ("APT 22kW Raption") goes before them all.
MODEL_WORDS = (
    (r"ultra|high.?power|\bhpc\b", 150.0, "DfT: ultra-rapid is 150 kW and more"),
    (r"semi.?rapid", 22.0, "three-phase 32 A; sessions of such units stay below 22 kW"),
    (r"rapid|triple|terra|raption|\bqc\s?45\b", 50.0, "the first rapid units were 50 kW DC"),
    (r"\bfast\b", 22.0, "three-phase 32 A, the higher of the fast ratings"),
    (r"\bstandard\b", 7.4, "single-phase 32 A"),
    (r"\bslow\b|trickle|lamp.?col|3.?pin", 3.7, "single-phase 16 A"),
)
# Ratings that units are sold with [kW].
STEPS = (3.7, 7.4, 11.0, 22.0, 50.0, 100.0, 150.0, 350.0)
# How far a true mean power may lie above the rating as named: "7 kW" units draw 32 A, 7.36 kW.
TOLERANCE = 1.1


def from_model(model: str) -> float:
    """Return the rating [kW] that a model name tells, NaN if none.

    Examples
    --------
    >>> from_model("APT 22kW Raption"), from_model("Siemens Triple Rapid Charger"), from_model("X")
    (22.0, 50.0, nan)
    """
    figures = [float(f) for f in re.findall(r"(\d+(?:\.\d+)?)\s*kw(?!h)", str(model).lower())]
    if figures:
        return max(figures)
    for pattern, rated_kw, _ in MODEL_WORDS:
        if re.search(pattern, str(model).lower()):
            return rated_kw
    return np.nan


def from_sessions(
    energy_kwh: pd.Series, stay_h: pd.Series, steps: tuple[float, ...] = STEPS
) -> float:
    """Return the smallest rating on sale that the sessions of a unit allow [kW], NaN if none do.

    Mean power over the stay is a lower bound on the rating, since cars stay on when full; only
    stays of 10 minutes to a day are looked at, and the highest hundredth is passed over.
    """
    sound = (energy_kwh > 0) & (stay_h >= 1 / 6) & (stay_h <= 24)
    if not sound.any():
        return np.nan
    mean_kw = float((energy_kwh[sound] / stay_h[sound]).quantile(0.99))
    return next((step for step in steps if step * TOLERANCE >= mean_kw), np.nan)


def read_ratings(path: str | Path) -> dict[str, float]:
    """Read ratings from a CSV of two columns: a chargepoint or model, and `rated_kw` [kW].

    Raises
    ------
    UserError
        If the columns are missing or a rating is not a power.
    """
    table = read_delimited(path, lambda row: "rated_kw" in [cell.strip() for cell in row])
    if len(table.header) != 2:
        raise UserError(f"{path}: must have two columns, chargepoint (or model) and rated_kw")
    value = table.header.index("rated_kw")
    ratings = {}
    for line, row in table.rows.iterrows():
        try:
            ratings[row[1 - value].lower()] = float(row[value])
        except ValueError:
            ratings[row[1 - value].lower()] = np.nan
        if not 0.5 <= ratings[row[1 - value].lower()] <= 2000:
            raise UserError(
                f"{path}, row {line}, rated_kw = {row[value]!r}: write kW from 0.5 to 2000"
            )
    return ratings


def phases(rated_kw: float) -> int:
    """Return the phases that a rating [kW] goes with: 1, 3, or 0 for DC.

    Examples
    --------
    >>> [phases(p) for p in (3.7, 7.4, 22, 43, 50)]
    [1, 1, 3, 3, 0]
    """
    if rated_kw >= 50:
        return 0
    return 1 if rated_kw < 8 else 3
