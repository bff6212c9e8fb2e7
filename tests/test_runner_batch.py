"""A run loses nothing: whatever a site does, the rest goes on and nothing is half done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import nbformat.v4 as nbf
import pandas as pd
import pytest

from scchelpers.faults import UserError
from scchelpers.runner import batch, journal, workers
from scchelpers.runner.files import write_whole
from scchelpers.runner.job import Job
from scchelpers.runner.journal import alone
from scchelpers.runner.workers import run_all
from tests.trial import FIRST, HOSTILE, NOTEBOOKS, first_run, write_portfolio

RUN = {"notebook_folder": NOTEBOOKS, "progress": "none", "workers": 2}


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory):
    return write_portfolio(tmp_path_factory.mktemp("data") / "trial")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return the summary of the trial run, and the bytes of its files before tests rerun sites."""
    summary = first_run(tmp_path_factory)
    files = {path: path.read_bytes() for path in Path(summary.folder).rglob("*") if path.is_file()}
    return summary, files


def test_a_failing_site_stops_no_other_and_is_shown(first):
    summary, files = first
    assert [(o.site_id, o.ok) for o in summary.outcomes] == [
        ("north-car-park", True), ("south-depot", False), ("odd", True), ("../../x", False),
    ]  # fmt: skip
    assert summary.exit_status == 1
    failed = summary.failed[0]
    assert (failed.cell, failed.error, failed.message) == (
        6, "ValueError", "no sessions at South depot",
    )  # fmt: skip
    names = {str(path.relative_to(summary.folder)) for path in files}
    assert names == {
        ".lock", ".scc-reports", "index.html", "01_report.html", "results.parquet", "results.csv",
        "status.jsonl", "events.jsonl",
        "north-car-park/01_report.html", "north-car-park/01_report.ipynb",
        "odd/01_report.html", "odd/01_report.ipynb",
        "south-depot/01_report.failed.ipynb", "south-depot/01_report.html",
        "north-car-park/index.html", "odd/index.html", "south-depot/index.html",
    }  # fmt: skip
    page = Path(summary.index).read_text()
    assert "ValueError: no sessions at South depot" in page
    assert "must be 1 to 64 letters" in page
    assert HOSTILE not in page


def test_figures_are_gathered(first):
    table = pd.read_parquet(Path(first[0].folder) / "results.parquet")
    factor = table[table["figure"] == "coincidence_factor"].set_index("site_id")["value"]
    # 0.2 + 0.8 / sqrt(5) = 0.557771; the odd site has 0.7 of it
    assert factor["north-car-park"] == pytest.approx(0.557771, abs=1e-6)
    assert factor["odd"] == pytest.approx(0.390440, abs=1e-6)
    assert set(table.loc[table["figure"] == "peak_time", "text"]) == {"18:30"}
    assert set(table.loc[table["figure"] == "admd_kw", "unit"]) == {"kW"}


def test_nothing_of_the_machine_is_published(first, portfolio):
    summary, files = first
    for path, content in files.items():
        if path.suffix == ".html":
            for secret in (str(portfolio.parent), str(summary.folder), str(NOTEBOOKS)):
                assert secret.encode() not in content


def test_a_site_mended_and_run_alone_joins_the_rest(first, portfolio, tmp_path):
    out = shutil.copytree(first[0].folder, tmp_path / "reports")
    given = {"chargepoints": "5"}
    again = batch.run(
        portfolio,
        notebooks=["01"],
        sites=["south-depot"],
        parameters=given,
        out=out,
        **RUN,
    )
    assert again.exit_status == 0
    known = {site_id: o.ok for (site_id, _), o in journal.known(out).items()}
    assert known == {"north-car-park": True, "south-depot": True, "odd": True, "../../x": False}
    assert not (out / "south-depot" / "01_report.failed.ipynb").exists()
    table = pd.read_parquet(out / "results.parquet")
    assert sorted(table["site_id"].unique()) == ["north-car-park", "odd", "south-depot"]


def test_same_inputs_give_the_same_bytes(first, portfolio, tmp_path):
    summary, before = first
    out = tmp_path / "reports" / "trial"
    batch.run(portfolio, notebooks=["01"], parameters=FIRST, out=out, **RUN)
    for page in ("odd/01_report.html", "index.html", "01_report.html", "results.parquet"):
        assert (out / page).read_bytes() == before[Path(summary.folder) / page]


def test_a_dead_kernel_and_a_silent_stop_are_failures(portfolio, tmp_path):
    jobs = [
        Job(
            notebook=str(NOTEBOOKS / "01_report.ipynb"),
            site_id="south-depot",
            folder=str(tmp_path / fault),
            parameters={"portfolio": str(portfolio), "site_id": "south-depot", "fault": fault},
        )
        for fault in ("kill", "exit")
    ]
    found = {outcome.error: outcome for outcome in run_all(jobs, 2)}
    assert set(found) == {"DeadKernel", "StoppedEarly"}
    assert {outcome.cell for outcome in found.values()} == {6}
    assert (found["DeadKernel"].attempts, found["StoppedEarly"].attempts) == (2, 1)
    for fault in ("kill", "exit"):
        assert [p.name for p in (tmp_path / fault).iterdir()] == ["01_report.failed.ipynb"]


def test_all_that_is_wrong_with_the_request_is_said_before_a_kernel_starts(portfolio, tmp_path):
    wrong = {"chargepoint": "3", "cap_kw": "-1", "site_id": "x"}
    with pytest.raises(UserError) as fault:
        batch.run(portfolio, notebooks=["01"], parameters=wrong, out=tmp_path / "r", **RUN)
    for words in ("did you mean chargepoints?", "cap_kw = '-1'", "site_id: is set by the runner"):
        assert words in str(fault.value)
    with pytest.raises(UserError, match="did you mean odd"):
        batch.run(portfolio, sites=["od"], out=tmp_path / "r", **RUN)
    with pytest.raises(UserError, match="unknown; did you mean 01_report"):
        batch.run(portfolio, notebooks=["01_reprot"], out=tmp_path / "r", **RUN)
    with pytest.raises(UserError, match="copy it there under a name of its own"):
        batch.run(portfolio, notebooks=["scratch/mine.ipynb"], out=tmp_path / "r", **RUN)
    assert not (tmp_path / "r").exists()


def test_a_line_of_the_status_cut_short_is_no_result(tmp_path):
    whole = json.dumps({"site_id": "a", "notebook": "n", "ok": True})
    (tmp_path / "status.jsonl").write_text(f'{whole}\n{{"site_id": "b", "note')
    assert list(journal.known(tmp_path)) == [("a", "n")]


def test_interrupted_it_keeps_and_shows_what_is_done(portfolio, tmp_path, monkeypatch):
    done = batch.Outcome("odd", "01_report", True)

    def interrupted(jobs, **_):
        yield done
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "run_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        batch.run(portfolio, notebooks=["01"], sites=["odd", "south-depot"], out=tmp_path, **RUN)
    assert list(journal.known(tmp_path).values()) == [done]
    assert "1</dd>" in (tmp_path / "index.html").read_text()


def test_two_runs_never_write_the_same_reports(portfolio, tmp_path):
    with alone(tmp_path), pytest.raises(UserError, match="another run is writing"):
        batch.run(portfolio, notebooks=["01"], out=tmp_path, **RUN)


def test_a_file_is_whole_or_as_before(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    write_whole(path, "before")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, "after")
    assert path.read_text() == "before"


SLOW = """
import sys
from scchelpers.runner import batch
batch.run(sys.argv[1], notebooks=["02"], sites=["north-car-park", "odd"], workers=2,
          parameters={"seconds": "4"}, notebook_folder=sys.argv[2], out=sys.argv[3],
          progress="none")
"""


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(true, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "victim", ["runner", "workers", "warm processes", "first warm process", "kernels"]
)
def test_killed_in_the_middle_it_leaves_no_process_and_no_half_report(tmp_path, victim):
    folder = write_portfolio(tmp_path / "trial")
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    command = [sys.executable, "-c", SLOW, str(folder), str(NOTEBOOKS), str(tmp_path / "out")]
    runner = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(scratch)})
    marks = [folder / f"kernel-{site_id}" for site_id in ("north-car-park", "odd")]
    assert wait_until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    kernels = [int(mark.read_text()) for mark in marks]
    warm = [parent(pid) for pid in kernels]
    (first,) = {parent(pid) for pid in warm}
    crew = [pid for pid in children(runner.pid) if pid != first]
    everyone = {*kernels, *warm, *crew, first}
    assert len(everyone) == 7 and parent(first) == runner.pid
    assert all(alive(pid) for pid in everyone)

    killed = {
        "runner": [runner.pid],
        "workers": crew,
        "warm processes": warm,
        "first warm process": [first],
        "kernels": kernels,
    }
    for pid in killed[victim]:
        os.kill(pid, signal.SIGKILL)
    code = runner.wait(120)

    assert wait_until(lambda: not any(alive(pid) for pid in everyone), 10), (
        "one outlived its parent"
    )
    assert wait_until(lambda: not list(scratch.iterdir()), 10), "scratch files were left"
    assert not list((tmp_path / "out").rglob("*.partial"))
    known = list(journal.known(tmp_path / "out").values())
    if victim == "runner":
        assert code == -signal.SIGKILL and known == []
        assert not [p for p in (tmp_path / "out").rglob("*") if p.suffix in (".html", ".ipynb")]
    else:  # what was lost was tried once more; nobody's kernel came from the first warm process
        tries = 1 if victim == "first warm process" else 2
        assert [(o.ok, o.attempts) for o in known] == [(True, tries)] * 2


WHOLE = """
from IPython.display import SVG, display
from scchelpers.report import record
import pandas as pd

names = pd.read_csv(f"{portfolio}/sites.csv")["name"]
record(sites=(len(names), "", "Sites"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg' width='9pt' height='9pt'/>"),
        metadata={"image/svg+xml": {"alt": "A map."}})
if fault:
    raise ValueError(fault)
"""


@pytest.fixture
def books(tmp_path):
    """Return a folder of two notebooks, one of a site, one without: it is of the portfolio."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(NOTEBOOKS / "01_report.ipynb", folder)
    cells = [
        nbf.new_markdown_cell("# Where?"),
        nbf.new_code_cell(
            'portfolio: str = "x"\nfault: str = ""', metadata={"tags": ["parameters"]}
        ),
        nbf.new_code_cell(WHOLE, metadata={"tags": ["index"]}),
    ]
    notebook = nbf.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "02_where.ipynb")
    return folder


def test_a_notebook_without_a_site_is_run_once_for_the_portfolio(books, portfolio, tmp_path):
    out = tmp_path / "reports"
    how = {"notebook_folder": books, "progress": "none", "workers": 1, "out": out}
    made = batch.run(portfolio, notebooks=["02"], **how)
    assert [(o.site_id, o.ok) for o in made.outcomes] == [("_portfolio", True)]
    page = (out / "_portfolio" / "02_where.html").read_text()
    assert 'alt="A map."' in page and "All sites of Trial portfolio" in page
    index = (out / "index.html").read_text()
    assert 'alt="A map."' in index and '"_portfolio/02_where.html"' in index
    table = pd.read_parquet(out / "results.parquet")
    assert table.loc[table["site_id"] == "_portfolio", "value"].tolist() == [4.0]
    assert batch.run(portfolio, notebooks=["02"], **how).kept == 1
    # Some sites are no portfolio: only those of 01 run.
    some = batch.run(portfolio, sites=["odd"], **how)
    assert [(o.site_id, o.notebook) for o in some.outcomes] == [("odd", "01_report")]
    assert "_portfolio/02_where.html" in (out / "index.html").read_text()
    failed = batch.run(portfolio, notebooks=["02"], parameters={"fault": "no map"}, **how)
    assert failed.exit_status == 1 and failed.failed[0].cell == 3
    index = (out / "index.html").read_text()
    assert "The whole portfolio" in index and "ValueError: no map" in index
    assert "could not be made" in (out / "_portfolio" / "02_where.html").read_text()
    assert batch.run(portfolio, notebooks=["02"], **how).exit_status == 0
