"""What a feeder carries as charging grows behind unchanged agreements."""

from __future__ import annotations

import pandas as pd

from scchelpers.figures.style import BLUE, DASHES, INK, ORANGE, canvas, end_labels
from scchelpers.wording import percent


def erosion(found: pd.DataFrame):
    """Draw the feeder's peak against growth, managed and not, with the sum of the DSCs.

    Parameters
    ----------
    found : pandas.DataFrame
        From `erosion.erosion`.

    Returns
    -------
    (figure, alt) or None
        None for a single factor.
    """
    factors = found.index.get_level_values("factor").unique().to_numpy()
    if len(factors) < 2:
        return None
    fig, ax = canvas(height_in=3.6)
    ends, said = [], []
    styles = (("unmanaged", "no limits", ORANGE, 1), ("managed", "CLM at every site", BLUE, 0))
    for case, label, color, dash in styles:
        here = 100 * found.xs(case, level="case")["share_of_dsc"]
        ax.plot(factors, here, color=color, ls=DASHES[dash], marker="o", ms=4)
        factor = found.loc[(factors[-1], case), "coincidence_factor"]
        ends.append((here.iloc[-1], f"{label}\n(coincidence {factor:.2f})", color))
        said.append(f"{label} {percent(here.iloc[-1] / 100)}")
    ax.axhline(100, color=INK, lw=0.9, ls=DASHES[2])
    ends.append((100, "all DSCs at once", INK))
    ax.set_ylim(0, 1.08 * max(100, ends[0][0]))
    ax.set_xticks(factors)
    ax.set_xlabel("charging, times today's")
    ax.set_ylabel("peak of the feeder\n[% of the sum of DSCs]")
    values, texts, colors = zip(*ends, strict=True)
    end_labels(ax, [factors[-1]] * len(ends), values, texts, colors)
    return fig, (
        f"Line chart: peak of a feeder of {found.attrs['sites']} sites as a share of the sum of "
        f"their DSCs, against the growth of charging. At {factors[-1]} times today's: "
        f"{'; '.join(said)}."
    )
