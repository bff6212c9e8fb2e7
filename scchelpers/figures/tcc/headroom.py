"""Room beside the load by the clock, and the windows cut into it."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from scchelpers import timebase
from scchelpers.figures.style import DASHES, INK, ORANGE, SERIES, canvas, clock_axis, title
from scchelpers.tcc.assessment import Study, constrained_share
from scchelpers.tcc.derivation import MONTHS, headroom, season_text
from scchelpers.wording import count, quantity


def windows(study: Study):
    """Draw the headroom of every season by the clock, the request, and the limit.

    Parameters
    ----------
    study : tcc.Study
        Of a site with a network load.

    Returns
    -------
    (figure, alt) or None
    """
    if not study.known:
        return None
    cells, asked_kva = study.cells, study.requested_kva
    quantile_kva = cells.quantile(study.rules["quantile"])
    free_kva = headroom(cells, study.site.rating_kva, quantile_kva, study.margin_kva)
    rows = int(np.ceil(len(cells.seasons) / 2))
    columns = min(2, len(cells.seasons))
    fig, axes = canvas(
        rows, columns, height_in=0.9 + 2.25 * rows, sharex=True, sharey=True, squeeze=False
    )
    hour = np.arange(48) / 2 + 0.25
    top = 1.7 * asked_kva
    drawn_kva = np.minimum(free_kva, 1.02 * top)
    for s, ax in enumerate(axes.flat):
        if s >= len(cells.seasons):
            ax.set_visible(False)
            continue
        title(ax, season_text(cells.seasons[s], cells.months[s]))
        for d, name in enumerate(cells.day_types):
            color = SERIES[d]
            ax.plot(hour, drawn_kva[s, d], color=color, ls=DASHES[d], lw=1.6,
                    label=f"{name}: room planned for")  # fmt: skip
            held = study.windows
            held = held[(held["season"] == cells.seasons[s]) & (held["day_type"] == name)]
            for row in held.itertuples() if study.offered else ():
                for first, last in _parts(row):
                    ax.fill_between([first, last], row.limit_kva, asked_kva, color=color,
                                    alpha=0.22, lw=0, label=f"{name}: withheld")  # fmt: skip
        ax.axhline(asked_kva, color=INK, lw=1.1, ls=(0, (1, 1.5)), label="requested")
        ax.set_ylim(min(0.0, 1.05 * free_kva.min()), top)
        ax.set_xlim(0, 24)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        clock_axis(ax, 6)
    for ax in axes[:, 0]:
        ax.set_ylabel("kVA")
    for ax in axes[-1]:
        ax.set_xlabel("local clock")
    handles = {}
    for ax in axes.flat:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    fig.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=3, frameon=False,
        fontsize=9,
    )  # fmt: skip
    least = np.unravel_index(np.argmin(free_kva), free_kva.shape)
    alt = (
        f"{count(len(cells.seasons), 'panel')}, one a season, by the local clock: room beside the "
        f"load against the request of {quantity(asked_kva, 'kVA')}. Least room, "
        f"{quantity(float(free_kva[least]), 'kVA')}, in {cells.seasons[least[0]]} on a "
        f"{cells.day_types[least[1]]} at {least[2] // 2:02d}:{30 * (least[2] % 2):02d}. "
        + (f"{count(len(study.windows), 'window')} shaded." if study.offered else "No window.")
    )
    return fig, alt


def consistency(study: Study):
    """Draw on which share of days each half hour of each month is constrained.

    Parameters
    ----------
    study : tcc.Study
        Of a site with a network load.

    Returns
    -------
    (figure, alt) or None
        None where nothing is ever constrained.
    """
    if not study.known or not study.on.any():
        return None
    on_share = constrained_share(study.on, timezone=study.site.timezone)
    fig, ax = canvas(height_in=3.5)
    share = 100 * on_share.to_numpy(float)
    image = ax.imshow(
        share, aspect="auto", cmap="Blues", vmin=0, vmax=100, extent=(0, 24, 12.5, 0.5),
        interpolation="none",
    )  # fmt: skip
    if study.offered:
        shown = study.windows["day_type"].isin(["weekday", "all"])
        _outline(ax, study.windows[shown if shown.any() else slice(None)])
    ax.grid(False)
    ax.set_yticks(range(1, 13), MONTHS)
    clock_axis(ax)
    ax.set_xlabel("local clock")
    bar = fig.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("days constrained [%]")
    bar.outline.set_visible(False)
    month, half = np.unravel_index(np.argmax(share), share.shape)
    alt = (
        f"Heat map of month by local clock: share of days on which the request does not fit. Most "
        f"often in {MONTHS[month]} at {half // 2:02d}:{30 * (half % 2):02d}, on "
        f"{share[month, half]:.0f} % of the days."
        + (" The windows of weekdays are outlined." if study.offered else "")
    )
    return fig, alt


def _outline(ax, windows) -> None:
    """Outline windows over each of their months, as one line with breaks."""
    lines = []
    for row in windows.itertuples():
        for first_month, last_month in _runs(sorted(row.months)):
            low, high = first_month - 0.5, last_month + 0.5
            lines += [((a, b, b, a, a), (low, low, high, high, low)) for a, b in _parts(row)]
    x, y = (np.concatenate([[*line[at], np.nan] for line in lines]) for at in (0, 1))
    ax.plot(x, y, color=ORANGE, lw=1.6)


def _runs(months: list[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of months, within one year."""
    firsts = [month for month in months if month - 1 not in months]
    return list(zip(firsts, [month for month in months if month + 1 not in months], strict=True))


def _parts(row) -> list[tuple[float, float]]:
    """Return a window's parts within a day [h]."""
    first, last = (timebase.minute_of_clock(text) / 60 for text in (row.start, row.end))
    return [(first, last)] if first < last else [(first, 24.0), (0.0, last)]
