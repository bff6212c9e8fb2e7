"""What a check found, for people and for machines."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from scchelpers.faults import Fault

SEVERITIES = ("error", "set aside", "note")
SHOWN = 20  # faults of one rule that the text prints


@dataclass(frozen=True)
class CheckReport:
    """What `check` found.

    Attributes
    ----------
    folder : str
        Portfolio folder.
    faults : list of Fault
        All faults: errors first, then rows set aside, then notes.
    """

    folder: str
    faults: list[Fault]

    @property
    def counts(self) -> dict[str, int]:
        """Number of faults by severity."""
        found = Counter(fault.severity for fault in self.faults)
        return {severity: found[severity] for severity in SEVERITIES}

    @property
    def rules(self) -> dict[str, dict[str, int]]:
        """Number of faults by severity and rule."""
        found = {severity: Counter() for severity in SEVERITIES}
        for fault in self.faults:
            found[fault.severity][fault.rule] += 1
        return {severity: dict(rules.most_common()) for severity, rules in found.items()}

    def as_json(self) -> str:
        """Return the report as JSON text, with every fault."""
        report = {
            "folder": self.folder,
            "counts": self.counts,
            "rules": self.rules,
            "faults": [fault.as_dict() for fault in self.faults],
        }
        return json.dumps(report, indent=2, ensure_ascii=False)

    def text(self) -> str:
        """Return the report as lines for people; of each rule the first few faults."""
        counts = self.counts
        lines = [
            f"{self.folder}: {counts['error']} errors, {counts['set aside']} faults in rows set "
            f"aside, {counts['note']} notes"
        ]

        def kind(fault):
            return fault.severity, fault.file, fault.field, fault.rule

        for (severity, file, field, rule), same in groupby(self.faults, key=kind):
            same = list(same)
            place = f"{file}, {field}" if field else file
            lines += ["", f"{severity}: {place}: {rule} ({len(same)})"]
            lines += [f"  {_line(fault)}" for fault in same[:SHOWN]]
            if len(same) > SHOWN:
                lines.append(f"  … and {len(same) - SHOWN} more; `scc check --json` lists them all")
        return "\n".join(lines)


def _line(fault: Fault) -> str:
    row = "" if fault.row is None else f"row {fault.row}"
    value = repr(fault.value) if fault.value else "blank" if fault.row else ""
    where = ": ".join(part for part in (row, value) if part)
    return f"{where} → {fault.remedy}" if where else fault.remedy


def unreadable(file: str, error: Exception) -> Fault:
    """Return the fault of a file that could not be read."""
    return Fault(file, None, "", str(error), "must be readable", "mend or restore the file")
