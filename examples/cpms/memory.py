"""What a CPMS must not forget when it restarts: the newest sequences heard, and a trip."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scchelpers.faults import UserError
from scchelpers.portfolio.store import write_aside

RESOURCES = ("setpoint", "forecast", "trip")


@dataclass
class Memory:
    """Kept in working memory alone: it outlives a `Machine`, not the program.

    Attributes
    ----------
    newest : dict of str to int
        Highest sequence heard by resource; -1 if none was.
    tripped : bool
        Whether charging is stopped until a release.
    """

    newest: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RESOURCES, -1))
    tripped: bool = False

    def save(self) -> None:
        """Keep what is held; nothing to do here."""


@dataclass
class FileMemory(Memory):
    """Kept in a file, written aside and put in place before a message is answered."""

    path: Path | None = None

    @classmethod
    def open(cls, path: str | Path) -> FileMemory:
        """Return what a file holds, or an empty memory where there is none yet.

        Raises
        ------
        UserError
            If the file is not such a memory: to go on without it would let old messages in.
        """
        path = Path(path)
        if not path.exists():
            return cls(path=path)
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            newest = {name: int(held["newest"][name]) for name in RESOURCES}
            return cls(newest, bool(held["tripped"]), path)
        except (ValueError, KeyError, TypeError) as fault:
            raise UserError(
                f"{path}: not the memory of a CPMS ({fault}); restore it, or delete it and agree "
                "new sequences with the DNO"
            ) from None

    def save(self) -> None:
        """Write the file; it is replaced whole or not at all."""
        held = asdict(self)
        del held["path"]
        text = json.dumps(held)
        write_aside(self.path, lambda aside: aside.write_text(text, encoding="utf-8"))
