"""What a run of the batch costs: against plain papermill, the cells alone, and as it grows.

Run `python benchmarks/batch.py ratios [NOTEBOOK]`, `… workbook`, `… growth` or
`… thousands`. The ratios come from one run on the same notebook and sites, the ways taking turns,
medians of five turns:

- plain loop: `papermill.execute_notebook` one after another, stock kernels
- plain in two: the same in two processes
- batch: `scc run --workers 2` as it is, pages, index and books included
- floor: the cells' own compute, in a process that has imported and run everything before

CPU is that of all processes concerned. The start of a batch (the stack is imported once) is told
apart: *a run more* is the difference of a batch of 48 runs and one of 16. `workbook` sets the
notebooks of the workbook beside a plain loop at two demo sites, one turn.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from scchelpers.portfolio import store
from scchelpers.runner import journal
from scchelpers.runner.provisioner import ONE_THREAD

HERE = Path(__file__).parent
NOTEBOOK = HERE / "notebooks" / "01_representative.ipynb"
SMALL = HERE.parent / "tests" / "notebooks" / "03_drill.ipynb"
PLAIN = """
import json, multiprocessing, sys
import papermill
book, folder, at_once, sites = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
def one(site_id):
    papermill.execute_notebook(book, f"{site_id}.ipynb", kernel_name="python3",
                               parameters={"portfolio": folder, "site_id": site_id},
                               progress_bar=False)
if __name__ == "__main__":
    if at_once == 1:
        list(map(one, sites))
    else:
        with multiprocessing.get_context("spawn").Pool(at_once) as pool:
            pool.map(one, sites, chunksize=1)
"""
FLOOR = """
import contextlib, io, json, sys, time
import nbformat
from IPython.core.interactiveshell import InteractiveShell
book, folder, times, sites = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
import matplotlib; matplotlib.use("Agg")
shell = InteractiveShell.instance()
cells = [c for c in nbformat.read(book, as_version=4).cells if c.cell_type == "code"]
spent = []
for n in range(times + 1):
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in cells:
            shell.run_cell(cell.source).raise_error()
            if "parameters" in cell.metadata.get("tags", []):
                site_id = sites[n % len(sites)]
                shell.run_cell(f"portfolio, site_id = {folder!r}, {site_id!r}")
    spent.append(time.process_time() - began)
print(json.dumps(spent[1:]))
"""


def write_portfolio(folder: Path, sites: int, sessions_each: int = 400) -> Path:
    """Write a portfolio of sites of ten chargepoints."""
    draw = np.random.default_rng(0)
    ids = np.array([f"s{n:05d}" for n in range(sites)])
    owner = np.repeat(ids, sessions_each)
    evse = draw.integers(1, 11, len(owner))
    minutes = np.sort(draw.integers(0, 60 * 24 * 60, (sites, sessions_each))).ravel()
    plug_in = pd.Timestamp("2025-09-01", tz="UTC") + pd.to_timedelta(minutes, unit="min")
    stay_h = draw.gamma(2.0, 1.5, len(owner)) + 0.25
    sessions = pd.DataFrame(
        {
            "session_id": [f"x{n}" for n in range(len(owner))],
            "evse_id": [f"{site}-{n}" for site, n in zip(owner, evse, strict=True)],
            "site_id": owner,
            "plug_in": plug_in.round("s"),
            "plug_out": (plug_in + pd.to_timedelta(stay_h, unit="h")).round("s"),
            "energy_kwh": np.round(np.minimum(stay_h * 7, draw.gamma(3, 6, len(owner))), 2),
        }
    )
    # One car at a time at an EVSE.
    sessions = sessions.sort_values(["evse_id", "plug_in"], ignore_index=True)
    next_in = sessions.groupby("evse_id")["plug_in"].shift(-1)
    sessions["plug_out"] = sessions["plug_out"].where(
        ~(sessions["plug_out"] > next_in), next_in - pd.Timedelta("1min")
    )
    sessions = sessions[sessions["plug_out"] > sessions["plug_in"]]
    evses = pd.DataFrame(
        {"evse_id": [f"{i}-{n}" for i in ids for n in range(1, 11)], "site_id": np.repeat(ids, 10)}
    )
    store.merge(
        folder,
        sites=pd.DataFrame({"site_id": ids, "name": [f"Site {n}" for n in range(sites)]}),
        chargepoints=evses.assign(rated_kw=22.0),
        sessions=sessions,
    )
    return folder


def measured(command: list, cwd: Path, **env: object) -> tuple[float, float, float, str]:
    """Run a command; return its wall and CPU time [s], its own peak memory [MB] and its output."""
    env = {**os.environ, **ONE_THREAD, "MPLBACKEND": "Agg", **{k: str(v) for k, v in env.items()}}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024, done.stdout


def plain(
    notebook: Path, folder: Path, sites: list[str], place: Path, at_once: int
) -> tuple[float, float]:
    """Run a notebook through papermill as it comes; return wall and CPU time of a run [s]."""
    file = place / "plain.py"
    file.write_text(PLAIN)
    command = [sys.executable, file, notebook, folder, at_once, *sites]
    try:
        wall, cpu, *_ = measured(command, place)
    except RuntimeError as fault:  # two at once now and then choose the same TCP port
        print(f"plain papermill, tried again: {str(fault).strip()[-60:]}", file=sys.stderr)
        wall, cpu, *_ = measured(command, place)
    return wall / len(sites), cpu / len(sites)


def shelf(notebook: Path, place: Path) -> Path:
    """Return a folder that holds a notebook alone."""
    books = place / "books"
    shutil.rmtree(books, ignore_errors=True)
    books.mkdir()
    shutil.copy(notebook, books)
    return books


def batch(
    notebook: Path, folder: Path, sites: list[str], place: Path, out: str = "out"
) -> tuple[float, float]:
    """Run `scc run` with two workers; return its wall and CPU time [s]."""
    books = shelf(notebook, place)
    run = [sys.executable, "-m", "scchelpers.cli", "run", folder, "--out", place / out]
    chosen = [word for site_id in sites for word in ("--site", site_id)]
    wall, cpu, *_ = measured([*run, "--workers", 2, "--force", *chosen], place, SCC_NOTEBOOKS=books)
    return wall, cpu


def floor(notebook: Path, folder: Path, sites: list[str], place: Path) -> float:
    """Return the CPU time [s] of a notebook's cells where all has been imported and run before."""
    *_, said = measured([sys.executable, "-c", FLOOR, notebook, folder, len(sites), *sites], place)
    return statistics.median(json.loads(said))


def pace(out: Path, last: int) -> float:
    """Return the wall time of a run [s] between the first results of a batch and its last."""
    events = [json.loads(line) for line in (out / journal.EVENTS).read_text().splitlines()]
    done = [one["time"] for one in events if one["event"] == "done"][-last:]
    first, end = (pd.Timestamp(done[n]) for n in (1, -1))  # after each of two workers gave one
    return (end - first).total_seconds() / (last - 2)


def ratios(notebook: Path, turns: int, place: Path) -> None:
    """Print what a run costs in each way."""
    folder = write_portfolio(place / "portfolio", 48)
    sites = [f"s{n:05d}" for n in range(48)]
    least = []
    ways = {"plain loop": [], "plain in two": [], "batch of 48": [], "a run more": []}
    batch(notebook, folder, sites[:2], place)  # once, so that all that is cached is
    for turn in range(turns):
        ways["plain loop"].append(plain(notebook, folder, sites[:3], place, 1))
        ways["plain in two"].append(plain(notebook, folder, sites[:6], place, 2))
        short, long = (batch(notebook, folder, sites[:n], place) for n in (16, 48))
        ways["batch of 48"].append((long[0] / 48, long[1] / 48))
        ways["a run more"].append(tuple((b - a) / 32 for a, b in zip(short, long, strict=True)))
        least.append(floor(notebook, folder, sites[:6], place))
        print(f"turn {turn + 1} of {turns}", file=sys.stderr)
    base = [wall for wall, _ in ways["plain loop"]]
    print(f"\n{notebook.stem}: medians of {turns} turns\n")
    print("| way | s a run | runs a minute | × plain loop | CPU s a run | × floor |")
    print("|---|---|---|---|---|---|")
    for name, spent in ways.items():
        wall, cpu = (statistics.median(one) for one in zip(*spent, strict=True))
        faster = statistics.median(b / w for b, (w, _) in zip(base, spent, strict=True))
        over = statistics.median(c / f for f, (_, c) in zip(least, spent, strict=True))
        row = (f"{wall:.2f}", f"{60 / wall:.0f}", f"{faster:.1f}", f"{cpu:.2f}", f"{over:.2f}")
        print(f"| {name} | {' | '.join(row)} |")
    print(f"| floor | – | – | – | {statistics.median(least):.2f} | 1 |")


def workbook(place: Path) -> None:
    """Print what the notebooks of the workbook cost at two demo sites, beside a plain loop."""
    folder, sites = HERE.parent / "data" / "demo", ["riverside-leisure", "village-hall"]
    books = sorted((HERE.parent / "notebooks").glob("*.ipynb"))
    run = [sys.executable, "-m", "scchelpers.cli", "run", folder, "--out", place / "out"]
    chosen = [word for site_id in sites for word in ("--site", site_id)]
    wall, cpu, *_ = measured(
        [*run, "--workers", 2, *chosen], place, SCC_NOTEBOOKS=HERE.parent / "notebooks"
    )
    took = [(one.notebook, one.seconds) for one in journal.known(place / "out").values()]
    print("| notebook | cells alone, CPU s | plain loop, s | in a worker, s |\n|---|---|---|---|")
    bases, least = [], []
    for book in books:
        bases.append(plain(book, folder, sites, place, 1)[0])
        least.append(floor(book, folder, sites * 2, place))
        own = statistics.mean(seconds for name, seconds in took if name == book.stem)
        print(f"| {book.stem} | {least[-1]:.2f} | {bases[-1]:.2f} | {own:.2f} |", flush=True)
    each = [sum(least) / len(books), sum(bases) / len(books), wall / len(took)]
    print(f"| all, two workers, start included | {' | '.join(f'{x:.2f}' for x in each)} |")
    print(f"\nbatch: {each[1] / each[2]:.1f} × the plain loop, {cpu / len(took):.2f} CPU s a run")


def growth(place: Path) -> None:
    """Print what a run costs, and the runner's memory, in batches of 50, 200 and 800 sites."""
    print("| sites | wall s | s a run | at work, s a run | CPU s a run | runner, peak MB |")
    print("|---|---|---|---|---|---|")
    books = shelf(SMALL, place)
    code = (
        "import json, resource, sys; from scchelpers.runner import batch; "
        "batch.run(sys.argv[1], notebook_folder=sys.argv[2], out=sys.argv[3], workers=2, "
        "progress='none'); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    for sites in (50, 200, 800):
        folder = write_portfolio(place / f"p{sites}", sites, 40)
        command = [sys.executable, "-c", code, folder, books, place / f"out{sites}"]
        wall, cpu, _, said = measured(command, place)
        row = (
            sites,
            f"{wall:.1f}",
            f"{wall / sites:.3f}",
            f"{pace(place / f'out{sites}', sites):.3f}",
            f"{cpu / sites:.3f}",
            f"{float(said):.0f}",
        )
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def thousands(place: Path, sites: int = 5000) -> None:
    """Print what it takes to open, plan, resume and index a run of thousands of sites.

    One site is run; its reports stand in for those of all others, in files and books that are
    otherwise as a run of all would have left them.
    """
    from scchelpers.portfolio import Portfolio
    from scchelpers.portfolio.fingerprint import Fingerprints
    from scchelpers.runner import index as results
    from scchelpers.runner.plan import ask

    folder, out = write_portfolio(place / "portfolio", sites, 40), place / "out"
    print(f"{sites} sites\n\n| what | s |\n|---|---|")
    began = time.perf_counter()
    Portfolio.open(folder).site(f"s{sites - 1:05d}")
    print(f"| open the portfolio and one site | {time.perf_counter() - began:.2f} |")
    books = shelf(SMALL, place)
    code = (
        "import json, sys, time; from scchelpers.runner import batch; began = time.perf_counter(); "
        "done = batch.run(sys.argv[1], notebook_folder=sys.argv[2], out='out', workers=2, "
        "sites=sys.argv[3:] or None, progress='none'); "
        "print(done.kept, time.perf_counter() - began)"
    )
    measured([sys.executable, "-c", code, folder, books, "s00000"], place)
    (made,) = journal.known(out).values()
    asked = ask(folder, out=out, notebook_folder=books)
    prints = Fingerprints(Portfolio.open(folder)).of([f"site:{j.site_id}" for j in asked.jobs])
    with journal.Journal(str(out), sites) as log:
        for job in asked.jobs:
            inputs = {p.replace("s00000", job.site_id): k for p, k in made.inputs.items()}
            inputs |= {p: prints[p] for p in inputs if p in prints}
            log.ended(
                replace(made, site_id=job.site_id, recipe=job.recipe, page_key=job.page_key,
                        inputs=inputs)
            )  # fmt: skip
            Path(job.folder).mkdir(exist_ok=True)
            for ending in made.written:
                if job.site_id != "s00000":
                    os.link(asked.jobs[0].place(ending), job.place(ending))
    began = time.perf_counter()
    results.gather(str(out), {"title": "Thousands"}, asked.about, {})
    print(f"| gather figures, status and index | {time.perf_counter() - began:.2f} |")
    began = time.perf_counter()
    decisions = ask(folder, out=out, notebook_folder=books).decide()
    kept = sum(d.action == "keep" for d in decisions)
    print(f"| say what would run ({kept} to keep) | {time.perf_counter() - began:.2f} |")
    wall, _, peak, said = measured([sys.executable, "-c", code, folder, books], place)
    kept, inside = said.split()
    print(f"| resume, nothing to do ({kept} kept) | {float(inside):.2f} |")
    print(f"| the same with the start of Python, {peak:.0f} MB | {wall:.2f} |")
    pages = sorted(path for path in out.glob("*.html"))
    largest = max(path.stat().st_size for path in pages) / 1e3
    print(f"| {len(pages)} index pages, the largest {largest:.0f} kB | – |")


def main() -> None:
    """Measure what is asked for."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("what", choices=("ratios", "workbook", "growth", "thousands"))
    options.add_argument("notebook", nargs="?", type=Path, default=NOTEBOOK)
    options.add_argument("--turns", type=int, default=5)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="scc-bench-") as place:
        if given.what == "ratios":
            ratios(given.notebook.resolve(), given.turns, Path(place))
        elif given.what == "workbook":
            workbook(Path(place))
        elif given.what == "growth":
            growth(Path(place))
        else:
            thousands(Path(place))


if __name__ == "__main__":
    main()
