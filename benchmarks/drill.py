"""The fault drill: runs that are killed, starved and fed rubbish, and must lose nothing by it.

Run `make drill`, or `python benchmarks/drill.py [--rounds 20] [--seed 0]`. First the register, an
export, imports and the table of a group are killed before each system call that changes a file
(`tests/killed.py`). Then come rounds. Each draws a portfolio of two dozen sites, some with hostile
names or a clock change in their sessions, and runs a small notebook over it

1. undisturbed: the reference;
2. disturbed: faults in most sites, and in most rounds a disaster that strikes them all;
3. again, with the causes mended, into the same reports: the resumed run.

After 2 every file in place is whole, every outcome is the one that its fault must have, no process
is left, and what succeeded has the bytes of the reference. After 3 all files have them, nothing
half-written lies about, and a dry run finds nothing to do. The package is copied first, so that
nobody's work on it disturbs the drill. For Linux; a full disk is a small tmpfs, which needs the
right to mount one: without it that disaster is left out, and the table says so.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from bs4 import BeautifulSoup

from scchelpers.portfolio import store
from scchelpers.portfolio.fingerprint import CHANGED

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests import killed  # noqa: E402 - found from here

SITES = 28
MARK = "SCC_DRILL_MARK"
NAMES = (
    "<script>alert(1)</script>",
    "'; DROP TABLE sites; --",
    '" onmouseover="alert(1)',
    "{{ 7 * 7 }} {% raw %}",
    "[x](javascript:alert(1)) ![y](http://z)",
    "\u202egnihcyal\u202c \U0001f50c",
    "%2e%2e%2f $HOME `id` \\n",
    "=HYPERLINK(1)",
    "&lt;b&gt; <b>bold</b> <!-- -->",
    "a " * 60,
)
IDS = ("../../x", "a/b", ".hidden", "con", "-rf", "a..b", "~", "C:x", "x" * 65, "né")
# Zone, day of the change, its half hours.
CHANGES = (
    ("Europe/London", "2025-10-26", 50),
    ("Europe/London", "2025-03-30", 46),
    ("America/Los_Angeles", "2025-11-02", 50),
    ("America/Los_Angeles", "2025-03-09", 46),
    ("Australia/Lord_Howe", "2025-04-06", 49),
    ("Australia/Lord_Howe", "2025-10-05", 47),
)
# Fault of a site: the error that must be recorded, None where a second try must mend it, "" where
# nothing may come of it.
FAULTS = {
    "raise": "ValueError",
    "memory": "MemoryError",
    "stop": "StoppedEarly",
    "hang": "TimeLimit",
    "crash": "DeadKernel",
    "kernel": "DeadKernel",
    "kernel once": None,
    "warm": "DeadKernel",
    "warm once": None,
    "first": "",
    "worker": "DeadWorker",
    "worker once": None,
    "long": "UserError",
    "edit": "",
    "halt-kernel": "TimeLimit",
    "halt-warm": "TimeLimit",
    "corrupt load": "UserError",
    "corrupt row": "UserError",
}
DISASTERS = (
    *("none", "runner killed", "full disk", "none", "interrupt", "corrupt sessions", "none"),
    *("runner killed", "full disk", "missing table", "none", "runner killed", "broken header"),
    *("none", "read-only", "vanished", "two writers", "a link", "clock set back", "none"),
    *("portfolio vanished", "clock set forward"),
)
STRIKES = ("broken header", "runner killed", "interrupt", "full disk", "read-only", "vanished",
           "a link", "portfolio vanished")  # fmt: skip
DISKS = ("full disk", "read-only")  # for who may mount
# Faults that cost little time, drawn more often.
CHEAP = (
    "long",
    "edit",
    "raise",
    "memory",
    "stop",
    "crash",
    "kernel once",
    "corrupt load",
    "corrupt row",
)


def read_only(place: Path) -> tuple[Counter, list[str]]:
    """Write a portfolio on a disk that may only be read: refused by name, and all as it was."""
    folder, broken = killed.build(place / "p", 2, 3), []
    path = place / "more.csv"
    head = "session_id,evse_id,site_id,plug_in,plug_out,energy_kwh\n"
    path.write_text(head + "x,s00000-1,s00000,2026-03-01T10:00Z,2026-03-01T12:00Z,5\n")
    before = killed.tree(folder)
    asked = (
        ("import", "sessions", path, "--into", folder),
        ("register", folder, *(f"--add={k}={v}" for k, v in killed.ENTRY.items())),
        ("run", folder, "--out", folder / "reports"),
    )
    may = may_mount()
    for command in asked if may else ():
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        try:
            whole = [sys.executable, "-m", "scchelpers.cli", *map(str, command)]
            done = subprocess.run(whole, capture_output=True, text=True, check=False, cwd=ROOT)
        finally:
            subprocess.run(["umount", folder], check=True)
        said = done.stdout + done.stderr
        if not done.returncode or "Traceback" in said or "fault of the workbook" in said:
            broken.append(f"{command[0]} on a disk to read only: {said[-200:]}")
        if killed.tree(folder) != before:
            broken.append(f"{command[0]} changed a disk to read only")
    return Counter({"read-only portfolio": len(asked) if may else 0}), broken


KILLS = (killed.register_kills, killed.export_kills, killed.session_kills, killed.load_kills,
         killed.group_kills)  # fmt: skip
SAID = {  # in the table
    "raise": "exception in a cell",
    "memory": "out of memory",
    "stop": "sys.exit(0) in a cell",
    "hang": "hang past the time limit",
    "crash": "kernel aborts",
    "kernel": "SIGKILL of the kernel, each time",
    "kernel once": "SIGKILL of the kernel, once",
    "warm": "SIGKILL of the warm process, each time",
    "warm once": "SIGKILL of the warm process, once",
    "first": "SIGKILL of the warm process that the others are forks of",
    "worker": "SIGKILL of the worker, each time",
    "worker once": "SIGKILL of the worker, once",
    "long": "a line of 6 MB in an output",
    "edit": "edit of a table while a notebook runs",
    "halt-kernel": "SIGSTOP of the kernel",
    "halt-warm": "SIGSTOP of the warm process",
    "corrupt load": "corrupt input of a site: a chunk of its load",
    "corrupt row": "corrupt input of a site: its row",
    "corrupt sessions": "corrupt input of all: sessions.parquet cut short",
    "missing table": "missing input of all: chargepoints.csv",
    "broken header": "corrupt input of all: portfolio.toml",
    "runner killed": "SIGKILL of the runner at some moment",
    "interrupt": "Ctrl-C at some moment",
    "full disk": "full disk",
    "read-only": "disk that becomes read-only at some moment",
    "vanished": "folder of reports taken away at some moment",
    "two writers": "second run on the same reports at some moment",
    "portfolio vanished": "portfolio taken away at some moment",
    "a link": "folder of a site replaced by a link to another place",
    "clock set back": "clock of the runner set back by an hour at some moment",
    "clock set forward": "clock of the runner set forward by an hour at some moment",
    "hostile name": "hostile name of a site",
    "hostile id": "hostile identifier of a site",
    "clock change": "clock change in a site's sessions",
}


class Round:
    """One round of the drill in a folder of its own; `broken` lists promises not kept."""

    def __init__(self, place: Path, code: Path, seed: tuple[int, int], disaster: str):
        self.draw = random.Random(str(seed))
        self.place, self.disaster = place, disaster
        self.folder, self.orders = place / "portfolio", place / "orders"
        self.reports, self.scratch = place / "reports", place / "tmp"
        for folder in (self.orders, self.reports, self.scratch):
            folder.mkdir(parents=True)
        self.broken: list[str] = []
        self.log = "log"
        self.count: Counter[str] = Counter()
        self.env = {
            **os.environ,
            "PYTHONPATH": str(code),
            "SCC_NOTEBOOKS": str(code / "notebooks"),
            "SCC_DRILL": str(self.orders),
            "TMPDIR": str(self.scratch),
            MARK: str(place),
        }

    def play(self) -> None:
        """Play the round."""
        self.write_portfolio()
        reference = self.place / "reference"
        self.expect(self.run(reference).wait() == 1, "undisturbed: the hostile id alone fails")
        self.expect_hostile_kept_harmless(reference)
        saved = self.place / "saved"
        shutil.copytree(self.folder, saved)
        faults = self.order_faults()
        if self.disaster == "full disk":
            self.mount()
        try:
            code = self.run_disturbed()
            self.expect_nothing_left()
            self.expect_whole(faults, code, reference)
            self.mend(saved)
            self.expect(self.run(self.reports).wait() == 1, "resumed: the hostile id alone fails")
            self.expect_nothing_left()
            self.expect_same(reference)
        finally:
            if self.disaster == "full disk":
                subprocess.run(["umount", self.reports], check=True)

    def write_portfolio(self) -> None:
        """Write a portfolio of small sites, some of them hostile."""
        ids = [f"s{number:02d}" for number in range(SITES)]
        names = dict.fromkeys(ids, "")
        for site_id, name in zip(ids[:2], self.draw.sample(NAMES, 2), strict=True):
            names[site_id] = name
        self.zone, day, self.half_hours = self.draw.choice(CHANGES)
        hostile = self.draw.choice(IDS)
        self.count.update({"hostile name": 2, "hostile id": 1, "clock change": 1})
        sites = pd.DataFrame({"site_id": ids, "name": list(names.values())})
        sites["timezone"] = [self.zone if s == "s02" else "" for s in ids]
        sites["dsc_kva"] = 100.0
        sessions, loads = [], {}
        for number, site_id in enumerate(ids):
            first = pd.Timestamp(day if site_id == "s02" else "2025-06-02", tz=self.zone)
            plug_in = first.tz_convert("UTC") + pd.to_timedelta(np.arange(40), unit="h")
            energy_kwh = np.round(5 + np.arange(40) % 7 + number / 10, 1)
            sessions.append(
                pd.DataFrame(
                    {
                        "session_id": [f"{site_id}-{n}" for n in range(40)],
                        "evse_id": f"{site_id}-1",
                        "site_id": site_id,
                        "plug_in": plug_in,
                        "plug_out": plug_in + pd.Timedelta("50min"),
                        "energy_kwh": energy_kwh,
                    }
                )
            )
            time_ = pd.date_range("2025-06-01", periods=96, freq="30min")
            load = xr.Dataset({"residual_kw": ("time", 20.0 + energy_kwh[np.arange(96) % 40])})
            loads["residual_kw", site_id] = load.assign_coords(time=time_)
        store.merge(
            self.folder,
            sites=sites,
            chargepoints=pd.DataFrame(
                {"evse_id": [f"{i}-1" for i in ids], "site_id": ids, "rated_kw": 22.0}
            ),
            sessions=pd.concat(sessions),
            loads=loads,
        )
        with (self.folder / "sites.csv").open("a", encoding="utf-8") as file:
            header = (self.folder / "sites.csv").read_text(encoding="utf-8").splitlines()[0]
            row = dict.fromkeys(header.split(","), "") | {"site_id": f'"{hostile}"'}
            file.write(",".join(row.values()) + "\n")

    def order_faults(self) -> dict[str, str]:
        """Order the faults of this round: one of each kind, and more that cost little."""
        drawn = [*FAULTS, *self.draw.choices(CHEAP, k=6)]
        sites = self.draw.sample([f"s{number:02d}" for number in range(SITES)], len(drawn))
        faults = dict(zip(sites, drawn, strict=True))
        for site_id, kind in faults.items():
            if kind == "corrupt load":
                chunks = (self.folder / "loads.zarr/residual_kw" / site_id).rglob("c/*")
                for chunk in (path for path in chunks if path.is_file()):
                    chunk.write_bytes(chunk.read_bytes()[:7])
            elif kind == "corrupt row":
                table = self.folder / "sites.csv"
                lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
                lines = [
                    line.replace("100", "a hundred") if line.startswith(site_id) else line
                    for line in lines
                ]
                table.write_text("".join(lines), encoding="utf-8")
            else:
                (self.orders / site_id).write_text(kind)
        return faults

    def run(self, reports: Path, *options: str) -> subprocess.Popen:
        """Start `scc run`."""
        command = [
            *(sys.executable, "-m", "scchelpers.cli", "run", self.folder, "--out", reports),
            *("--workers", "2", "--seconds", "10", "--memory-mb", "800", *options),
        ]
        log = (self.place / self.log).open("w")
        return subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=self.place)

    def run_disturbed(self) -> int:
        """Run while the disaster of the round strikes; return the exit status."""
        if self.disaster == "corrupt sessions":
            file = self.folder / "sessions.parquet"
            file.write_bytes(file.read_bytes()[: self.draw.randrange(4, 600)])
        elif self.disaster == "missing table":
            (self.folder / "chargepoints.csv").unlink()
        elif self.disaster == "broken header":
            (self.folder / "portfolio.toml").write_text("name = [")
        elif self.disaster == "full disk":
            free = shutil.disk_usage(self.reports).free
            (self.reports / ".ballast").write_bytes(bytes(free - self.draw.randrange(300_000)))
        elif self.disaster == "a link":
            self.run(self.reports, "--site", "s05").wait()
            self.treasure = self.place / "treasure"
            (self.reports / "s05").rename(self.treasure)
            (self.reports / "s05").symlink_to(self.treasure)
            before = results_of(self.treasure)
        if self.disaster != "none":
            self.count[self.disaster] += 1
        if self.disaster.startswith("clock set"):
            self.env["PYTHONPATH"] += os.pathsep + str(self.turned_clock())
        runner = self.run(self.reports)
        if self.disaster == "a link":
            code = runner.wait(600)
            self.expect(results_of(self.treasure) == before, "written through a link")
            self.expect("a link, not a file" in (self.place / "log").read_text(), "link not named")
            (self.reports / "s05").unlink()
            return code
        if self.disaster in ("read-only", "vanished", "two writers", "portfolio vanished"):
            return self.strike(runner)
        if self.disaster in ("runner killed", "interrupt"):
            self.wait_for_books()
            time.sleep(self.draw.uniform(0, 14))
            struck = signal.SIGKILL if self.disaster == "runner killed" else signal.SIGINT
            runner.send_signal(struck)
        return runner.wait(600)

    def strike(self, runner: subprocess.Popen) -> int:
        """Take the reports away, or write them a second time, while a run is at work."""
        self.wait_for_books()
        time.sleep(self.draw.uniform(1, 10))
        if self.disaster == "read-only":
            subprocess.run(["mount", "--bind", self.reports, self.reports], check=True)
            subprocess.run(["mount", "-o", "remount,ro,bind", self.reports], check=True)
        elif self.disaster == "vanished":
            self.reports.rename(self.place / "elsewhere")
        elif self.disaster == "portfolio vanished":
            self.folder.rename(self.place / "gone")
        else:
            first, self.log = self.log, "second"
            second = self.run(self.reports)
            self.expect(second.wait(60) == 1, "a second run wrote the same reports")
            said = (self.place / self.log).read_text()
            self.expect("another run is writing" in said, f"second run: {said[-200:]}")
            self.log = first
        code = runner.wait(600)
        said = (self.place / self.log).read_text()
        self.expect("Traceback" not in said and "fault of the workbook" not in said, said[-300:])
        if self.disaster == "read-only":
            subprocess.run(["umount", self.reports], check=True)
        elif self.disaster == "vanished":
            self.expect("was removed, renamed" in said, f"not named: {said[-200:]}")
            self.expect(not self.reports.exists(), "made anew by the run")
            shutil.rmtree(self.reports, ignore_errors=True)
            (self.place / "elsewhere").rename(self.reports)
        elif self.disaster == "portfolio vanished":
            self.expect(not self.folder.exists(), "the portfolio was made anew by the run")
            (self.place / "gone").rename(self.folder)
        return code

    def wait_for_books(self) -> None:
        events, end = self.reports / "events.jsonl", time.monotonic() + 60
        while not events.exists() and time.monotonic() < end:
            time.sleep(0.05)

    def turned_clock(self) -> Path:
        """Return a folder that sets the clock of a process of Python after 5 seconds."""
        folder, sign = self.place / "clock", "-" if self.disaster == "clock set back" else "+"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(
            "import time\n_plain, _began = time.time, time.monotonic()\n"
            f"time.time = lambda: _plain() {sign} 3600 * (time.monotonic() - _began > 5)\n"
        )
        return folder

    def mount(self) -> None:
        """Put the reports on a disk of 2 MB."""
        subprocess.run(
            [
                "mount",
                "-t",
                "tmpfs",
                "-o",
                "size=2m",
                "tmpfs",
                self.reports,
            ],
            check=True,
        )

    def mend(self, saved: Path) -> None:
        """Take the causes away."""
        shutil.rmtree(self.folder)
        shutil.copytree(saved, self.folder)
        for order in self.orders.iterdir():
            order.unlink()
        (self.reports / ".ballast").unlink(missing_ok=True)

    def expect(self, true: bool, promise: str) -> None:
        """Note a promise that was not kept."""
        if not true:
            self.broken.append(promise)

    def expect_nothing_left(self) -> None:
        """No process of the run may be alive, and none of its scratch folders left."""
        end = time.monotonic() + 15
        while (left := [*alive(self.place), *self.scratch.iterdir()]) and time.monotonic() < end:
            time.sleep(0.1)
        self.expect(not left, f"left behind: {left}")

    def expect_hostile_kept_harmless(self, reports: Path) -> None:
        """A hostile name is text, a hostile id no path, and a day has the hours of its clock."""
        for page in reports.rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            soup = BeautifulSoup(text, "html.parser")
            live = soup.find(["script", "b"]) or soup.find(onmouseover=True)
            live = live or soup.find("a", href=re.compile("javascript:|//z"))
            self.expect(not live and "49 {% raw" not in text, f"{page.name}: a name came alive")
        known = outcomes(reports)
        refused = [o for o in known.values() if o["error"] == "UnfitSiteId"]
        self.expect(len(refused) == 1, "the hostile id was not refused")
        folders = {path.name for path in reports.iterdir() if path.is_dir()}
        self.expect(folders == {f"s{number:02d}" for number in range(SITES)}, "a folder too many")
        found = {f["name"]: f["value"] for f in known.get("s02", {}).get("figures", [])}
        self.expect(found.get("half_hours") == self.half_hours, f"half hours of {self.zone}")

    def expect_whole(self, faults: dict[str, str], code: int, reference: Path) -> None:
        """Everything in place is whole; every outcome is the one that its fault must have."""
        killed = self.disaster == "runner killed" and code == -signal.SIGKILL
        if not killed:
            self.expect(code in (1, 130), f"exit status {code} under {self.disaster}")
            self.expect(not list(self.reports.rglob("*.partial")), "a file half-written")
        for path in self.reports.rglob("*.*"):
            if path.suffix == ".ipynb" or path.name == "status.jsonl":
                lines = path.read_text().splitlines() if path.suffix == ".jsonl" else []
                for text in lines[: len(lines) - killed] or [path.read_text() or "0"]:
                    self.expect(not text or is_json(text), f"{path.name} is cut short")
            elif path.suffix == ".html":
                whole = path.read_text(encoding="utf-8").rstrip().endswith("</html>")
                self.expect(whole, f"{path.name} is cut short")
        known = outcomes(self.reports)
        for site_id, outcome in known.items():
            # One whose table was edited meanwhile says so, and is run again.
            if outcome["ok"] and CHANGED not in outcome["inputs"].values():
                for ending in (".ipynb", ".html"):
                    name = f"{site_id}/03_drill{ending}"
                    same = (self.reports / name).read_bytes() == (reference / name).read_bytes()
                    self.expect(same, f"{name} differs before the resumed run")
        fired = {path.stem for path in self.orders.glob("*.fired")}
        fired |= {site_id for site_id in known if faults.get(site_id, "").startswith("corrupt")}
        for site_id in fired:
            self.count[faults[site_id]] += 1
        if self.disaster == "none":
            self.expect(fired == set(faults), "a fault did not fire")
            for site_id, kind in faults.items():
                self.expect_outcome(kind, known.get(site_id, {"ok": None, "error": "lost"}))
            for site_id in {f"s{number:02d}" for number in range(SITES)} - set(faults):
                self.expect(known.get(site_id, {}).get("ok"), f"{site_id} was lost with others")
        elif self.disaster not in STRIKES:
            self.expect(len(known) == SITES + 1, f"{SITES + 1 - len(known)} outcomes were lost")

    def expect_outcome(self, kind: str, outcome: dict) -> None:
        """The outcome of a fault: its error, or success, at the second try where one is needed."""
        if error := FAULTS[kind]:
            kept = not outcome["ok"] and outcome["error"] == error
        else:
            kept = outcome["ok"] and outcome["attempts"] == (2 if error is None else 1)
        self.expect(kept, f"{kind}: {outcome['error'] or 'succeeded'}")

    def expect_same(self, reference: Path) -> None:
        """The resumed reports are those of the undisturbed run, and there is nothing to do."""
        expected, found = results_of(reference), results_of(self.reports)
        differing = {n for n in expected.keys() | found.keys() if expected.get(n) != found.get(n)}
        self.expect(not differing, f"differ after the resumed run: {sorted(differing)[:3]}")
        self.expect(not list(self.reports.rglob("*.partial")), "a file half-written")
        self.expect(self.run(self.reports, "--dry-run").wait() == 0, "the dry run failed")
        said = (self.place / "log").read_text()
        self.expect(f"0 to run, 0 pages to make anew, {SITES} to keep" in said, said[-200:])


def alive(mark: Path) -> list[int]:
    """Return the processes that were started with the mark of a round."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if marked and state != "Z":
            found.append(int(folder.name))
    return found


def is_json(text: str) -> bool:
    """Return whether a text is one JSON value."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def outcomes(reports: Path) -> dict[str, dict]:
    """Return the last outcome of each site."""
    book = reports / "status.jsonl"
    lines = book.read_text().splitlines() if book.exists() else []
    return {o["site_id"]: o for o in (json.loads(line) for line in lines if is_json(line))}


def results_of(reports: Path) -> dict[str, bytes]:
    """Return the files of reports but for the books, which tell times."""
    return {
        str(path.relative_to(reports)): path.read_bytes()
        for path in reports.rglob("*")
        if path.is_file() and path.suffix != ".jsonl" and path.name != ".lock"
    }


def may_mount() -> bool:
    """Return whether this user may mount a small tmpfs."""
    with tempfile.TemporaryDirectory() as place:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", place], check=True)
    return True


def drill(place: Path, rounds: range, seed: int) -> tuple[Counter, list[str]]:
    """Play rounds; return the faults injected, by kind, and the promises not kept."""
    code = place / "code"
    shutil.copytree(ROOT / "scchelpers", code / "scchelpers")
    (code / "notebooks").mkdir()
    shutil.copy(ROOT / "tests" / "notebooks" / "03_drill.ipynb", code / "notebooks")
    subprocess.run([sys.executable, "-m", "compileall", "-q", code], check=True)
    mountable, count, broken = may_mount(), Counter(), []
    at_once = (("several writers of one portfolio at once", killed.writers_at_once),
               ("portfolio on a disk to read only", read_only))  # fmt: skip
    for what, made in at_once if rounds.start == 0 else ():
        own, found = made(Path(tempfile.mkdtemp(dir=place)))
        count[what], SAID[what] = own.total(), what
        broken += [f"{what}: {text}" for text in found]
        print(f"{what:60} {own.total():3} faults  " + ("; ".join(found) or "kept"), flush=True)
    for made in KILLS if rounds.start == 0 else ():
        own, found = made(Path(tempfile.mkdtemp(dir=place)))
        what = f"SIGKILL at each call that changes a file: {made.__name__.partition('_')[0]}"
        count[what], SAID[what] = own.total(), what
        broken += [f"{what}: {text}" for text in found]
        print(f"{what:60} {own.total():3} faults  " + ("; ".join(found) or "kept"), flush=True)
    for number in rounds:
        disaster = DISASTERS[number % len(DISASTERS)]
        if disaster in DISKS and not mountable:
            disaster = "none"
        begun = time.monotonic()
        played = Round(place / f"round-{number}", code, (seed, number), disaster)
        played.play()
        count += played.count
        broken += [f"round {number} ({disaster}): {promise}" for promise in played.broken]
        taken = time.monotonic() - begun
        print(
            f"round {number:2}  {disaster:16} {played.count.total():3} faults  {taken:4.0f} s  "
            + ("; ".join(played.broken) or "kept"),
            flush=True,
        )
        if not played.broken:
            shutil.rmtree(played.place)
    return count, broken


def main() -> None:
    """Play the drill and print what was injected and what was kept."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=len(DISASTERS))
    options.add_argument("--first", type=int, default=0, help="round to begin with")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    place = Path(tempfile.mkdtemp(prefix="scc-drill-"))
    count, broken = drill(place, range(given.first, given.rounds), given.seed)
    print("\n| fault | injected |\n|---|---|")
    for kind, said in SAID.items():
        print(f"| {said} | {count[kind]} |")
    print(f"| all | {count.total()} |\n\n{len(broken)} promises not kept")
    if broken:
        sys.exit("\n".join([*broken, f"What they left lies in {place}"]))
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
