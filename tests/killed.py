"""A process killed before each system call that changes a file, one call after the other.

The calls are counted by Python's audit events (open for writing, rename, remove, make and take away
folders) and by `os.fsync`, so that every moment between two of them is tried, not by luck.
"""

import csv
import io
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from scchelpers import importers, register, standards
from scchelpers.choice import store as decisions
from scchelpers.choice.network import surroundings
from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, shared
from tests.conftest import ROOT
from tests.test_portfolio import build
from tests.test_safety import ENTRY

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CALLS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link")


def _act(place: Path, action: Callable[[Path], object], last: int, into: int) -> None:
    """Do something to a folder, and be killed before its call number `last`; never returns."""
    count = 0
    inside = str(place)

    def step(kind: str) -> None:
        nonlocal count
        count += 1
        os.write(into, f"{kind}\n".encode())
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and str(path).startswith(inside):
                step("open")
        elif event in _CALLS and str(arguments[0]).startswith(inside):
            step(event)

    plain = os.fsync

    def fsync(descriptor) -> None:
        step("os.fsync")
        plain(descriptor)

    os.fsync = fsync
    sys.addaudithook(heard)
    code = 3
    try:
        action(place)
        code = 0
    finally:
        os._exit(code)


def kill_at_each_call(
    folder: Path,
    aside: Path,
    action: Callable[[Path], object],
    broken_after: Callable[[Path], list[str]],
) -> tuple[Counter, list[str]]:
    """Kill an action on copies of a folder before each call that changes a file.

    `broken_after` is given the copy that a kill left, and says what is broken there. Returned are
    the kills by call, and what was broken.
    """
    kills, broken, last = Counter(), [], 0
    while True:
        last += 1
        place = aside / f"at-{last}"
        shutil.copytree(folder, place)
        out, into = os.pipe()
        sys.stdout.flush()
        if (pid := os.fork()) == 0:
            os.close(out)
            _act(place, action, last, into)
        os.close(into)
        with os.fdopen(out) as said:
            calls = said.read().split()
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            if os.WEXITSTATUS(status):
                broken.append(f"undisturbed, it failed after {len(calls)} calls")
            shutil.rmtree(place)
            return kills, broken
        kills[calls[-1]] += 1
        broken += [f"{calls[-1]}, call {last}: {what}" for what in broken_after(place)]
        shutil.rmtree(place)


DEMO = ROOT / "data/demo"


def tree(folder):
    """Return the files of a folder; locks and what is made anew each time aside."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock" and "imports" not in path.parts
    }


def differing(one, other):
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def register_kills(tmp_path):
    folder = tmp_path / "p"
    folder.mkdir()
    for path in DEMO.glob("*.*"):
        if path.is_file() and path.suffix != ".parquet":
            shutil.copy(path, folder)
    before = len(register.read(Portfolio.open(folder)).rows)
    late = ENTRY | {"valid_from": "2026-02-01", "approved_on": "2026-01-30"}

    def broken_after(place):
        try:
            there = len(register.read(Portfolio.open(place)).rows)
            register.append(place, late)
            after = len(register.read(Portfolio.open(place)).rows)
        except UserError as fault:
            return [str(fault)]
        left = [path.name for path in place.rglob(".*") if path.name != ".lock"]
        said = [f"{there} entries"] if there not in (before, before + 1) else []
        said += ["the next entry was lost"] if after != there + 1 else []
        return said + [f"left behind: {left}" for _ in left[:1]]

    return kill_at_each_call(folder, tmp_path, lambda at: register.append(at, ENTRY), broken_after)


def import_kills(tmp_path, what, first, second, **options):
    """Import a second file over a first, killed at each call; the same import then mends all."""
    folder, clean = build(tmp_path / "p", 2, 3), tmp_path / "clean"
    paths = []
    for name, text in (("first.csv", first), ("second.csv", second)):
        path = tmp_path / name
        path.write_text(text)
        paths.append(path)
    importers.run(what, paths[:1], folder, **options)

    def action(place):
        importers.run(what, paths[1:], place, **options)

    shutil.copytree(folder, clean)
    action(clean)
    old, new = tree(folder), tree(clean)

    def broken_after(place):
        # Whatever there was is there, as it was or as it was to become.
        now = {name: data for name, data in tree(place).items() if "/." not in f"/{name}"}
        torn = [n for n, data in now.items() if data not in (old.get(n), new.get(n))]
        torn = [n for n in torn if not (n.endswith(".csv") and _is_whole_table(now[n], old[n]))]
        lost = sorted(old.keys() - now.keys())
        said = [f"half written: {torn[:3]}"] if torn else []
        said += [f"lost: {lost[:3]}"] if lost else []
        try:
            Portfolio.open(place).site("s00000")
            action(place)
        except Exception as fault:
            return [*said, f"{type(fault).__name__}: {fault}"]
        left = differing(tree(place), new)
        return said + ([f"differs after the same import: {left[:3]}"] if left else [])

    return kill_at_each_call(folder, tmp_path, action, broken_after)


def _is_whole_table(text, before):
    """Return whether a table, between two steps of an import, is whole and lost no row."""
    rows, old = (list(csv.reader(io.StringIO(part.decode()))) for part in (text, before))
    known = [row[0] for row in rows]
    return {len(row) for row in rows} == {len(rows[0])} and {row[0] for row in old} <= set(known)


def session_kills(tmp_path):
    head = "session_id,evse_id,site_id,plug_in,plug_out,energy_kwh\n"
    line = "x{},s00000-1,s00000,2026-03-0{}T10:00:00Z,2026-03-0{}T12:00:00Z,5\n"
    texts = (head + "".join(line.format(n, n, n) for n in range(1, 3 + k)) for k in (0, 3))
    return import_kills(tmp_path, "sessions", *texts)


def load_kills(tmp_path):
    times = pd.date_range("2026-01-01", periods=96, freq="30min", tz="UTC")

    def text(kw):
        return "time,load_kw\n" + "".join(f"{t:%Y-%m-%dT%H:%MZ},{kw + n % 7}\n"
                                          for n, t in enumerate(times))  # fmt: skip

    return import_kills(tmp_path, "loads", text(10), text(20), series="s00000", of="site")


def export_kills(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    site = Portfolio.open(DEMO).site("elm-road-lamps")
    standards.export(site, "tcc", "csv", folder / "whole.csv")
    whole = (folder / "whole.csv").read_bytes()
    (folder / "lamps.csv").write_text("of before")

    def action(place):
        standards.export(site, "tcc", "csv", place / "lamps.csv")

    def broken_after(place):
        now = (place / "lamps.csv").read_bytes()
        said = [] if now in (b"of before", whole) else ["half written"]
        action(place)
        return said + ([] if (place / "lamps.csv").read_bytes() == whole else ["not mended"])

    return kill_at_each_call(folder, tmp_path, action, broken_after)


def writers_at_once(tmp_path, each=4):
    """Let processes add to the register and import into one portfolio at the same time."""
    folder = tmp_path / "p"
    folder.mkdir()
    for path in DEMO.glob("*.*"):
        if path.is_file() and path.suffix != ".parquet":
            shutil.copy(path, folder)
    before = len(register.read(Portfolio.open(folder)).rows)
    head = "session_id,evse_id,site_id,plug_in,plug_out,energy_kwh\n"
    actions = []
    for n in range(each + 1):
        path = tmp_path / f"at-once-{n}.csv"
        lines = (f"w{n}-{day},w{n},mill-{n},2026-03-0{day}T10:00Z,2026-03-0{day}T12:00Z,5\n"
                 for day in range(1, 5))  # fmt: skip
        path.write_text(head + "".join(lines))
        actions.append(lambda path=path: importers.run("sessions", [path], folder, rated_kw="7"))
        actions.append(lambda: register.append(folder, ENTRY))
    actions = actions[2:]
    importers.run("sessions", [tmp_path / "at-once-0.csv"], folder, rated_kw="7")
    pids = []
    sys.stdout.flush()
    for action in actions:
        if (pid := os.fork()) == 0:
            code = 3
            try:
                action()
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    failed = sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0 for pid in pids)
    broken = [f"{failed} writers failed"] if failed else []
    after = len(register.read(Portfolio.open(folder)).rows)
    if after != before + each:
        broken.append(f"{after - before} of {each} entries are there")
    found = Portfolio.open(folder).sessions()
    lost = [n for n in range(each + 1) if (found["site_id"] == f"mill-{n}").sum() != 4]
    return Counter(writers=len(pids)), broken + [f"import {n} is lost" for n in lost]


def group_kills(tmp_path):
    """Kill a worker while it keeps the table of options of a group."""
    folder = Portfolio.open(DEMO)
    made = decisions.decide(surroundings(folder, "village-hall"), decisions.Terms(),
                            decisions.Prices())  # fmt: skip
    plain, decisions.decide = decisions.decide, lambda *_: made
    reports = tmp_path / "reports"
    reports.mkdir()

    def options(place):
        os.environ[shared.VARIABLE] = str(place / shared.FOLDER)
        return decisions.decided(folder, "village-hall").options

    expected = options(tmp_path / "clean")

    def broken_after(place):
        for half in place.rglob("choice.json"):
            if half.parent.name == "made" and half.parent.parent.name[:1] != ".":
                for name in ("options.parquet", "need.parquet", "sure.parquet"):
                    if not (half.parent / name).exists():
                        return [f"a table without {name}"]
        same = options(place).equals(expected)
        return [] if same else ["another table"]

    try:
        return kill_at_each_call(reports, tmp_path, options, broken_after)
    finally:
        decisions.decide = plain
        del os.environ[shared.VARIABLE]
