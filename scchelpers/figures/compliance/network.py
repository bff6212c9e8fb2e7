"""The margin that terms leave to a network whose load grows."""

from __future__ import annotations

from scchelpers.compliance.encroachment import CASES, Encroachment
from scchelpers.figures.style import BLUE, DASHES, GREEN, INK, ORANGE, canvas, end_labels
from scchelpers.wording import quantity

COLORS = dict(zip(CASES, (GREEN, BLUE, ORANGE), strict=True))


def margins(found: Encroachment | None):
    """Draw the margin at the tightest half hour by calendar year, for each growth.

    Parameters
    ----------
    found : compliance.Encroachment or None

    Returns
    -------
    (figure, alt) or None
        None where it was not assessed.
    """
    if found is None or not found.known:
        return None
    fig, ax = canvas(height_in=3.0)
    ends, said = [], []
    for case, dash in zip(CASES, DASHES, strict=False):
        frame, color = found.protected[case], COLORS[case]
        years = found.last.year + frame.index
        ax.plot(years, frame["margin_kva"], color=color, ls=dash)
        rate = f"{100 * found.growth[case]:.1f} % a year"
        ends.append((years[-1], frame["margin_kva"].iloc[-1], rate, color))
        year = found.year(case)
        said.append(f"at {rate} {'beyond the years shown' if year is None else f'in {year}'}")
        if year is not None:
            ax.plot([year], [frame["margin_kva"].loc[found.ends[case]]], "o", color=color, ms=6)
    ax.axhline(0, color=INK, lw=1)
    ax.set_xlim(found.last.year, ends[0][0])
    ax.set_xticks(range(found.last.year, int(ends[0][0]) + 1, max(1, found.horizon // 5)))
    ax.set_xlabel("year")
    ax.set_ylabel("margin left at the\ntightest half hour [kVA]")
    end_labels(ax, *zip(*ends, strict=True))
    now = found.protected["expected"]["margin_kva"].iloc[0]
    return fig, (
        "Line chart of the margin between rating and load with the connection at its limit, by "
        f"year and growth of the load. It is {quantity(float(now), 'kVA')} at the end of the "
        f"record, and falls below nothing {'; '.join(said)}."
    )
