"""The record of a site beside its limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from scchelpers.compliance.judged import SEVERITIES
from scchelpers.compliance.study import Study
from scchelpers.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    canvas,
    legend_above,
)
from scchelpers.timebase import clock, local_date, utc_index
from scchelpers.wording import count, date, quantity

COLORS = dict(zip(SEVERITIES, (GREEN, BLUE, ORANGE), strict=True))
HOURS = range(0, 25, 3)


def calendar(study: Study):
    """Draw on which days and at what time the limit was exceeded, over the hours of windows.

    Parameters
    ----------
    study : compliance.Study

    Returns
    -------
    (figure, alt) or None
        None where nothing was judged.
    """
    if not study.known:
        return None
    judged, tz = study.judged, study.terms.timezone
    fig, ax = canvas(height_in=3.4)
    _windows(ax, judged, tz)
    runs, said = study.runs, []
    local = clock(runs["start"], tz).tz_localize(None) if len(runs) else pd.DatetimeIndex([])
    for severity in SEVERITIES:
        own = (runs["severity"] == severity).to_numpy()
        if not own.any():
            continue
        lines = []
        for start, minutes in zip(local[own], runs["duration_min"][own], strict=True):
            hour = start.hour + start.minute / 60
            day = _day(start.normalize())
            lines.append([(day, hour), (day, max(min(hour + minutes / 60, 24), hour + 0.35))])
        ax.add_collection(
            LineCollection(lines, colors=COLORS[severity], linewidths=2.4, label=severity)
        )
        said.append(f"{own.sum()} {severity}")
    missing = ~judged.known & np.isfinite(judged.capacity_kw)
    gaps = local_date(judged.flow["time"], tz)[missing].unique()
    if len(gaps):
        ax.plot([_day(day) for day in gaps], [0.3] * len(gaps), "|", color=PURPLE, ms=7,
                label="day with missing data")  # fmt: skip
    first, last = local_date(judged.flow["time"], tz)[[0, -1]]
    ax.set_xlim(_day(first), _day(last) + 1)
    ax.set_ylim(24, 0)
    ax.set_yticks(HOURS, [f"{hour:02d}:00" for hour in HOURS])
    ticks = pd.date_range(first, last, freq="MS")
    every = max(1, len(ticks) // 12)
    ax.set_xticks([_day(day) for day in ticks[::every]], [f"{day:%b}" for day in ticks[::every]])
    ax.set_ylabel("local clock")
    ax.set_xlabel(f"{first:%Y}" if first.year == last.year else f"{first:%Y} to {last:%Y}")
    if ax.get_legend_handles_labels()[0]:
        _legend(ax)
    found = f"{count(len(runs), 'excursion')}" + (f" ({', '.join(said)})" if said else "")
    return fig, (
        f"Chart of days against the local clock from {date(first)} to {date(last)}: {found}; grey "
        f"are the hours with a lowered limit. Days with missing data: {len(gaps)}."
    )


def _day(day: pd.Timestamp) -> float:
    return (day - pd.Timestamp("1970-01-01")) / pd.Timedelta("1D")


def _windows(ax, judged, tz: str) -> None:
    """Shade the hours in which the limit is lowered, week by week."""
    limited = judged.limited
    if not limited.any():
        return
    local = clock(judged.flow["time"], tz)
    hour = (local.hour + local.minute / 60).to_numpy()
    days = np.array([_day(day) for day in local_date(judged.flow["time"], tz)])
    week = (days - days[0]) // 7
    frame = pd.DataFrame({"week": week[limited], "hour": hour[limited]})
    spans = frame.groupby("week")["hour"].agg(["min", "max"])
    spans = spans.reindex(range(int(week[-1]) + 1))
    edge = days[0] + 7 * np.append(spans.index, spans.index[-1] + 1)
    low, high = (np.append(spans[name], np.nan) for name in ("min", "max"))
    ax.fill_between(edge, low, high + judged.step_h, step="post", color=FAINT, lw=0,
                    label="lowered limit")  # fmt: skip


def worst_day(study: Study):
    """Draw import and limit on the day with the largest excess.

    Parameters
    ----------
    study : compliance.Study

    Returns
    -------
    (figure, alt) or None
        None where there is no excursion.
    """
    if not study.known or not len(study.runs):
        return None
    judged, tz = study.judged, study.terms.timezone
    days = local_date(judged.flow["time"], tz)
    by_day = judged.flow["above_kw"].to_series().groupby(days).sum()
    day = by_day.idxmax()
    own = np.asarray(days == day)
    many = max(1, int(own.sum() // 300))  # a day of minutes as means of five
    flow = judged.flow.isel(time=own)
    if many > 1:
        flow = flow.coarsen(time=many, boundary="trim").max()
        flow["time"] = judged.flow["time"][own][::many][: flow.sizes["time"]]
    hour = (utc_index(flow["time"]) - utc_index(flow["time"])[0]) / pd.Timedelta("1h")
    power, limit = flow["import_kw"].to_numpy(), flow["limit_kw"].to_numpy()
    fig, ax = canvas(height_in=2.9)
    ax.step(hour, power, where="post", color=BLUE, label="import", lw=1.6)
    ax.step(hour, limit, where="post", color=QUIET, ls=(0, (5, 1.5)), label="limit", lw=1.6)
    over = np.where(power > limit, power, limit)
    ax.fill_between(hour, limit, over, step="post", color=ORANGE, alpha=0.45, lw=0,
                    label="above the limit")  # fmt: skip
    local = clock(flow["time"], tz)
    marks = [at for at, moment in enumerate(local) if moment.hour % 3 == 0 and moment.minute == 0]
    ax.set_xticks([hour[at] for at in marks], [f"{local[at]:%H:%M}" for at in marks])
    ax.set_xlim(0, hour[-1] + judged.step_h * many)
    ax.set_ylim(0, None)
    ax.set_ylabel("power [kW]")
    ax.set_xlabel(f"{day:%A}, {date(day)}, local clock")
    _legend(ax)
    excess = by_day[day] * judged.step_h
    what = "largest value of each five minutes" if many > 1 else "mean of each interval"
    return fig, (
        f"Line chart of import and limit on {date(day)} ({what}), the day with the largest excess: "
        f"{quantity(excess, 'kWh')} above the limit, import up to "
        f"{quantity(float(np.nanmax(power)), 'kW')}."
    )


def months(study: Study):
    """Draw the hours above the limit month by month.

    Parameters
    ----------
    study : compliance.Study

    Returns
    -------
    (figure, alt) or None
        None without an excursion and without missing data.
    """
    if not study.known:
        return None
    table = study.months
    if not (table["above_h"].any() or table["missing_h"].any()):
        return None
    panels = [("above_h", "above the limit [h]", ORANGE)]
    if table["missing_h"].any():
        panels.append(("missing_h", "not on record [h]", PURPLE))
    fig, axes = canvas(1, len(panels), height_in=2.4, squeeze=False)
    place, said = np.arange(len(table)), []
    names = [f"{month:%b}" if len(table) <= 14 else f"{month:%b %y}" for month in table.index]
    every = max(1, len(table) * len(panels) // 12)
    for ax, (column, label, color) in zip(axes[0], panels, strict=True):
        ax.bar(place, table[column], color=color, width=0.7)
        ax.set_xticks(place[::every], names[::every])
        ax.set_ylabel(label)
        ax.set_ylim(0, max(0.1, 1.1 * table[column].max()))
        most = table[column].idxmax()
        total = f"{label}: {table[column].sum():.1f} in all"
        said.append(f"{total}, most in {most:%B %Y}" if table[column].any() else total)
    return fig, f"Bar chart of the months. {'; '.join(said)}."


def _legend(ax) -> None:
    """Name the marks above the panel, pale ones in ink."""
    legend_above(ax, columns=5)
    for text in ax.get_legend().get_texts():
        text.set_color(INK)
