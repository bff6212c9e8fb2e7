"""The rating and the hot spot side by side."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scchelpers.figures.style import (
    DASHES,
    INK,
    QUIET,
    SERIES,
    canvas,
    end_labels,
    legend_above,
)
from scchelpers.tcc.thermal import LIMITS_C
from scchelpers.timebase import LONDON, clock
from scchelpers.wording import quantity

HALF_HOURS_SHOWN = 96


def two_views(compared: xr.Dataset, *, timezone: str = LONDON):
    """Draw load against rating, and hot spot against its limits, over the hottest two days.

    Parameters
    ----------
    compared : xarray.Dataset
        From `two_views.compare`.
    timezone : str
        Zone of the clock.

    Returns
    -------
    (figure, alt) or None
    """
    hot = compared["hot_spot_c"]
    known = hot.max("case")
    if not np.isfinite(known).any():
        return None
    peak = int(known.argmax("time"))
    local = clock(compared["time"], timezone)
    here = local.normalize() >= local[peak].normalize() - np.timedelta64(1, "D")
    first = int(np.argmax(here))
    shown = compared.isel(time=slice(first, first + HALF_HOURS_SHOWN))
    stamps = local[first : first + HALF_HOURS_SHOWN]
    hours = np.arange(shown.sizes["time"]) / 2
    fig, (above, below) = canvas(2, 1, height_in=5.2, sharex=True)
    for at, case in enumerate(shown["case"].to_numpy()):
        look = {"color": SERIES[at % 4], "ls": DASHES[at % 4], "lw": 1.7}
        one = shown.isel(case=at)
        above.step(hours, np.abs(one["load_kva"]), where="post", label=str(case), **look)
        below.plot(hours, one["hot_spot_c"], **look)
    rating = shown["rating_kva"].to_numpy()
    above.step(hours, rating, where="post", color=INK, lw=1.2)
    above.set_ylim(0, 1.12 * max(float(abs(shown["load_kva"]).max()), float(np.nanmax(rating))))
    above.set_ylabel("load [kVA]")
    top = max(float(shown["hot_spot_c"].max()), LIMITS_C[0])
    limits = [limit for limit in LIMITS_C if limit <= top + 15]
    for limit in limits:
        below.axhline(limit, color=QUIET, lw=1.0, ls=DASHES[1])
    below.set_ylim(min(0.0, float(shown["ambient_c"].min())), max(top, limits[-1]) + 8)
    below.set_ylabel("hot spot [°C]")
    ticks = np.arange(0, len(hours) + 1, 12)
    names = [f"{stamp:%H:%M}" for stamp in stamps[ticks[ticks < len(stamps)]]]
    below.set_xticks(ticks[: len(names)] / 2, names)
    below.set_xlim(0, len(hours) / 2)
    below.set_xlabel(f"local clock from {stamps[0]:%A %d %B %Y}")
    end_labels(above, [hours[-1]], [rating[-1]], ["rating"], [INK])
    end_labels(
        below,
        [hours[-1]] * len(limits),
        limits,
        [f"{at} °C" for at in limits],
        [QUIET] * len(limits),
    )
    legend_above(above, columns=2)
    worst = hot.isel(time=peak)
    case = str(compared["case"].to_numpy()[int(worst.argmax("case"))])
    return fig, (
        f"Two panels over the two days to {local[peak]:%d %B %Y}. Above, the load of the asset and "
        "its rating; below, the hot spot of its winding and the limits of IEC 60076-7. The hottest "
        f"moment, {quantity(float(worst.max()), '°C')} at {local[peak]:%H:%M}, belongs to the case "
        f"“{case}”."
    )
