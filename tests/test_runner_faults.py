"""What a run meets while it is at work: stopped processes, edits, huge texts, folders that go."""

import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from nbclient import client
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio
from scchelpers.portfolio.fingerprint import CHANGED, Fingerprints
from scchelpers.runner import batch, execution, index, journal, markup, pages, publish, workers
from scchelpers.runner.job import Job, Outcome, _streams_together, provenance
from scchelpers.runner.provisioner import ForkRefusedError, WarmProvisioner, WarmServer
from tests.test_portfolio import build
from tests.trial import NOTEBOOKS, write_portfolio

RUN = {"notebooks": ["01"], "sites": ["odd"], "notebook_folder": NOTEBOOKS, "progress": "none"}


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")
def test_a_stopped_warm_process_does_not_outlive_the_time_limit(tmp_path, monkeypatch):
    server = WarmServer.start()
    server.wait_ready()
    monkeypatch.setattr(WarmProvisioner, "server", server)
    os.kill(server.process.pid, signal.SIGSTOP)
    watch = execution._Watch(0.2)
    with pytest.raises(ForkRefusedError, match="has ended"):
        server.fork(["-f", str(tmp_path / "k.json")], dict(os.environ), str(tmp_path))
    watch.over.set()
    assert watch.late and server.process.wait(5) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")
def test_a_stopped_fork_of_a_warm_process_is_ended_with_its_owner():
    server = WarmServer.start()
    other = WarmServer(server.share())
    other.wait_ready()
    (pid,) = (
        Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    )
    os.kill(int(pid), signal.SIGSTOP)
    ended = threading.Thread(target=other.end)
    ended.start()
    ended.join(10)
    server.end()
    stat = Path(f"/proc/{pid}/stat")
    gone = not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
    assert gone and not ended.is_alive()


def shown(kind, text):
    made = new_output("stream", name="stdout", text=text)
    if kind != "stream":
        made = new_output("display_data", data={kind: text})
    return new_notebook(cells=[new_markdown_cell("# T"), new_code_cell("f()", outputs=[made])])


@pytest.mark.parametrize("kind", ["stream", "text/html", "text/plain", "text/markdown"])
@pytest.mark.parametrize("piece", ["x", "<style", "\x1b[31m"])
def test_a_line_of_megabytes_is_refused_before_anything_looks_through_it(kind, piece):
    began = time.process_time()
    with pytest.raises(UserError, match=r"cell 2 shows 5,\d{3} kB, a page holds 500"):
        publish.render(shown(kind, piece * (5_000_000 // len(piece) + 1)))
    assert time.process_time() - began < 5  # it took minutes


def test_texts_without_an_end_are_looked_through_once():
    assert len(markup.safe("<style" * 5_000)) > 0
    assert markup.safe("a<style>x{}</style>b<STYLE>y{}</style >c") == "abc"
    assert markup.mathml("x" * 100_000).startswith("<code>")
    assert len(execution._one_line("/a/b " * 1_000_000)) == 400


def test_a_part_that_changed_while_it_was_read_is_not_kept_as_current(tmp_path):
    folder = build(tmp_path / "p", 2, 3)
    mark = tmp_path / "mark"
    mark.write_text("")
    time.sleep(0.02)  # clocks of file systems tick in hundredths of a second
    parts = ["site:s00000", "file:sites.csv", "file:assets.csv", "sessions:s00001"]

    def of():
        return Fingerprints(Portfolio.open(folder)).of(parts, since_ns=mark.stat().st_ctime_ns)

    mark.write_text("after all of them")
    assert CHANGED not in of().values()
    time.sleep(0.02)
    aside = tmp_path / "sites.csv"
    shutil.copy2(folder / "sites.csv", aside)  # of an older time, put in place at once
    aside.replace(folder / "sites.csv")
    assert [part for part, key in of().items() if key == CHANGED] == parts[:2]


def test_an_edit_while_a_notebook_runs_makes_it_run_again(tmp_path, monkeypatch):
    folder = write_portfolio(tmp_path / "trial")
    plain = execution.papermill.execute_notebook
    monkeypatch.setattr(execution.reads, "VARIABLE", "SCC_NONE")

    def edited(*given, **options):
        made = plain(*given, **options)
        noted = Path(given[1]).with_name("reads")
        noted.write_text("file:sites.csv\n")
        time.sleep(0.02)
        (folder / "sites.csv").write_text((folder / "sites.csv").read_text())
        return made

    monkeypatch.setattr(execution.papermill, "execute_notebook", edited)
    monkeypatch.setenv("SCC_DECISIONS", "")
    path = NOTEBOOKS / "01_report.ipynb"
    given = {"portfolio": str(folder), "site_id": "odd"}
    stamp = provenance(path) | {"parameters": given}
    job = Job(str(path), "odd", str(tmp_path / "odd"), given, stamp=stamp)
    try:
        outcome = execution._perform(job, tmp_path)
    finally:
        WarmProvisioner.end_server()
    assert outcome.ok and outcome.inputs == {"file:sites.csv": CHANGED}


def test_status_writes_nothing(tmp_path, monkeypatch):
    with journal.alone(tmp_path), journal.Journal(str(tmp_path), 1) as log:
        log.ended(Outcome("a", "01_x", True))
    plain = os.open

    def read_only(path, flags, *mode, **options):
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(30, "Read-only file system", str(path))
        return plain(path, flags, *mode, **options)

    monkeypatch.setattr(os, "open", read_only)
    assert journal.standing(tmp_path).state == "finished"


def test_a_clock_set_back_leaves_no_negative_time(tmp_path):
    events = (
        '{"time": "2026-01-01T12:00:00+00:00", "event": "run began", "runs": 2, "kept": 0}\n'
        '[1]\n{"time": "2026-01-01T11:00:00+00:00", "event": "done", "site_id": "a", '
        '"notebook": "n"}\n'
    )
    (tmp_path / journal.EVENTS).write_text(events)
    found = journal.standing(tmp_path)
    assert (found.seconds, found.per_min, found.done, found.state) == (0.0, 0.0, 1, "interrupted")


STRANGE = ("[1]", '"x"', "7", '{"site_id": 1}', "[" * 9000)


@pytest.mark.parametrize("line", [*STRANGE, '{"site_id": "a", "notebook": "n", "figures": 3}'])
def test_a_strange_line_of_the_books_is_no_outcome(tmp_path, line):
    (tmp_path / journal.STATUS).write_text(
        f'{line}\n{{"site_id": "a", "notebook": "n", "ok": true}}'
    )
    assert list(journal.known(tmp_path)) == [("a", "n")]


@pytest.mark.parametrize("fate", ["removed", "renamed"])
def test_reports_that_go_while_a_run_writes_are_named(tmp_path, monkeypatch, fate):
    folder, out = write_portfolio(tmp_path / "trial"), tmp_path / "out"

    def gone(jobs, **_):
        if fate == "removed":
            shutil.rmtree(out)
        else:
            out.rename(tmp_path / "elsewhere")
        yield Outcome("odd", "01_report", True)

    monkeypatch.setattr(workers, "run_all", gone)
    with pytest.raises(UserError, match="was removed, renamed or emptied"):
        batch.run(folder, out=out, **RUN)
    assert not out.exists()


def test_reports_that_cannot_be_written_are_one_message(tmp_path, monkeypatch):
    folder = write_portfolio(tmp_path / "trial")

    def refused(*_):
        raise OSError(30, "Read-only file system", "index.html")

    monkeypatch.setattr(workers, "run_all", lambda jobs, **_: iter(()))
    monkeypatch.setattr(index, "write_whole", refused)
    with pytest.raises(UserError, match=r"index.html: Read-only file system; see that"):
        batch.run(folder, out=tmp_path / "out", **RUN)


def test_a_folder_of_a_site_that_is_a_link_is_not_written_through(tmp_path):
    folder, treasure = write_portfolio(tmp_path / "trial"), tmp_path / "treasure"
    treasure.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    with journal.alone(out):
        (out / "odd").symlink_to(treasure)
    with pytest.raises(UserError, match="odd: a link, not a file of a run"):
        batch.run(folder, out=out, **RUN)
    assert list(treasure.iterdir()) == []


def test_a_page_that_cannot_be_made_stops_no_other(tmp_path, monkeypatch):
    plain = pages._site
    monkeypatch.setattr(pages, "_site", lambda *given: plain(*given) | {"numbers": 5})
    unfit = index.write(
        tmp_path,
        portfolio={"title": "P"},
        sites={"a": {"name": "A"}},
        titles={"01_x": "X?"},
        outcomes=[Outcome("a", "01_x", True)],
    )
    assert [text.partition(":")[0] for text in unfit] == ["a/index.html"]
    assert "could not be made" in (tmp_path / "a/index.html").read_text()
    assert "<h1>P</h1>" in (tmp_path / "index.html").read_text()
    summary = batch.RunSummary("x", [], unfit=tuple(unfit))
    assert summary.exit_status == 1 and "a/index.html" in summary.text()


def test_words_recorded_under_the_name_of_a_number_are_left_out(tmp_path):
    said = {"worth_gbp": "much", "unserved_share": "some", "ready_months": True, "scheme": "TCC"}
    figures = [{"name": n, "label": n, "unit": "", "value": v} for n, v in said.items()]
    given = {"portfolio": {}, "sites": {"a": {}}, "titles": {pages.DECISION: "?"}}
    made = [Outcome("a", pages.DECISION, True, figures=figures)]
    assert index.write(tmp_path, **given, outcomes=made) == []
    assert "TCC" in (tmp_path / "index.html").read_text()


def test_the_longest_go_first():
    jobs = [Job(f"{name}.ipynb", site, ".", {}) for site in "abc" for name in ("01", "02")]
    waiting = workers._LongestFirst(jobs)
    first = [waiting.take() for _ in range(2)]
    for job, seconds in zip(first, (1.0, 9.0), strict=True):
        waiting.learn(Outcome(job.site_id, job.name, True, seconds=seconds))
    assert [(j.name, j.site_id) for j in first] == [("01", "a"), ("02", "a")]
    order = [(j.name, j.site_id) for j in (waiting.take() for _ in range(len(waiting)))]
    assert order == [("02", "b"), ("02", "c"), ("01", "b"), ("01", "c")]


def test_a_fingerprint_does_not_hang_on_row_groups_or_order(tmp_path):
    folder = build(tmp_path / "p", 3, 5)
    place = folder / "sessions.parquet"
    rows = pd.read_parquet(place)
    rows["energy_kwh"] = rows["energy_kwh"].astype("Int64")
    rows.loc[4, "energy_kwh"] = pd.NA  # lacking in one group and not in others
    found = []
    for size, order in ((100, 1), (2, 1), (3, -1)):
        rows[::order].to_parquet(place, row_group_size=size, index=False)
        found.append(Fingerprints(Portfolio.open(folder)).of(["site:s00000", "sessions:s00002"]))
    assert found[0] == found[1] == found[2] and all(found[0].values())


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (["10 %\r5", "0 %\r100 %\n", "done\n"], "100 %\ndone\n"),
        (["a\r\nb\rc"], "a\r\nc"),
        (["\r", "a\n\rb\n"], "a\nb\n"),
        (["x" * 3_000_000, "y" * 3_000_000], "x" * 3_000_000 + "y" * 3_000_000),
    ],
)
def test_streams_are_put_together_however_long_a_line_is(parts, whole):
    """As nbclient does it, but in a time that grows with the line and not with its square."""
    outputs = [new_output("stream", name="stderr", text="careful\n")]
    outputs += [new_output("stream", name="stdout", text=part) for part in parts]
    found = _streams_together(outputs)
    assert [(one.name, one.text) for one in found] == [("stdout", whole), ("stderr", "careful\n")]
    if len(whole) < 100:
        assert client._RGX_CARRIAGERETURN.sub("", "".join(parts)) == whole
