"""What a feeder of CLM sites comes to, in sentences."""

from __future__ import annotations

import pandas as pd

from scchelpers.wording import count, number, percent, quantity


def erosion(found: pd.DataFrame) -> str:
    """Return how far growth behind unchanged agreements goes (from `erosion.erosion`)."""
    most = found.index.get_level_values("factor").max()
    before = found.loc[(found.index.get_level_values("factor").min(), "managed")]
    after, free = found.loc[(most, "managed")], found.loc[(most, "unmanaged")]
    return (
        f"A feeder of {count(found.attrs['sites'], 'such site')} peaks at "
        f"{quantity(before['peak_kw'], 'kW')} ({percent(before['share_of_dsc'])} of their DSCs "
        f"together) at the least charging of the sweep. With {most} times today's charging under "
        f"CLMs it peaks at {quantity(after['peak_kw'], 'kW')} "
        f"({percent(after['share_of_dsc'])}), while every site keeps its DSC: the growth of "
        f"{quantity(found.attrs['masked_kw'], 'kW')} shows in no agreement. The coincidence factor "
        f"goes from {number(before['coincidence_factor'])} to "
        f"{number(after['coincidence_factor'])}; without limits it would be "
        f"{number(free['coincidence_factor'])}, with a peak of {quantity(free['peak_kw'], 'kW')}."
    )
