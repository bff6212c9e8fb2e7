"""The type-test sheet in words."""

from __future__ import annotations

import pandas as pd

from scchelpers.compliance.type_test import FAILED, PASSED
from scchelpers.wording import count, listed, quantity


def sheet_table(sheet: pd.DataFrame) -> pd.DataFrame:
    """Return a type-test sheet with headings for people."""
    units = [f" [{unit}]" if unit else "" for unit in sheet["unit"]]
    names = [f"{demand}{unit}" for demand, unit in zip(sheet.index, units, strict=True)]
    table = sheet[["tests", "allowed", "measured", "verdict"]]
    return table.set_axis(pd.Index(names, name="demand")).rename(
        columns={"tests": "tests in the log", "measured": "worst measured"}
    )


def tested(sheet: pd.DataFrame) -> str:
    """Return whether a controller passed its type test."""
    verdicts, told = sheet["verdict"], sheet.attrs
    seen = (
        f"{count(told['samples'], 'sample')}, {quantity(told['step_s'], 's')} apart; excursions: "
        f"{told['recorded']} recorded, {told['counted']} counted, "
        f"{count(told['lock_outs'], 'lock-out')}."
    )
    failed = list(verdicts.index[verdicts == FAILED])
    if failed:
        return f"**The controller fails:** {listed(failed)}. {seen}"
    open_ = list(verdicts.index[verdicts != PASSED])
    if open_:
        return f"**The sheet is not complete:** {listed(open_)} not shown. {seen}"
    return f"**The controller passes** every demand. {seen}"
