"""A rerun does what changed or failed, and says why."""

import errno
import io
import json
import os
from datetime import UTC, datetime, timedelta

import nbformat
import pytest

from scchelpers.faults import UserError
from scchelpers.portfolio import Portfolio, reads, store
from scchelpers.portfolio.fingerprint import Fingerprints
from scchelpers.runner import batch, files, journal, plan
from scchelpers.runner.job import Job, Outcome
from tests.test_portfolio import build

BOOK = {
    "parameters": 'portfolio: str = "."  # folder\nsite_id: str = "s00000"  # site\n'
    "factor: float = 1.0  # factor, 0 to 9",
    "read": "from scchelpers.portfolio import Portfolio\n"
    "from scchelpers.report.records import record\n"
    "site = Portfolio.open(portfolio).site(site_id)\n"
    'assert site_id != "s00001" or factor < 2, "too large"\n'
    'record(energy_kwh=factor * site.sessions["energy_kwh"].sum())',
}


@pytest.fixture
def place(tmp_path):
    """Return a portfolio of three sites, and a folder with one notebook that reads one site."""
    folder = build(tmp_path / "p", 3, 4)
    cells = [nbformat.v4.new_markdown_cell("# What was charged?")]
    for name, source in BOOK.items():
        cell = nbformat.v4.new_code_cell(source)
        cell["id"] = name
        cell.metadata["tags"] = ["parameters"] if name == "parameters" else []
        cells.append(cell)
    cells[0]["id"] = "title"
    books = tmp_path / "books"
    books.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), books / "01_charged.ipynb")
    return {"folder": folder, "notebook_folder": books, "out": tmp_path / "reports"}


def run(place, **options):
    return batch.run(**place, workers=1, progress="none", **options)


def decisions(place, **options):
    return {d.job.site_id: (d.action, d.reason) for d in batch.dry_run(**place, **options)}


def change_sessions(folder, site_id):
    """Let a site have charged twice as much; all others stay as they are."""
    rows = Portfolio.open(folder).sessions()
    rows.loc[rows["site_id"] == site_id, "energy_kwh"] *= 2
    store.write_sessions(folder, rows)


def test_only_what_changed_or_failed_is_run_and_the_bytes_are_those_of_one_run(place, tmp_path):
    kept = ("keep", "nothing changed")
    assert set(decisions(place).values()) == {("run", "new")}
    assert run(place).exit_status == 0
    assert set(decisions(place).values()) == {kept}
    again = run(place)
    assert (again.kept, len(again.outcomes), again.exit_status) == (3, 3, 0)
    assert "3 kept" in again.text()

    change_sessions(place["folder"], "s00002")
    found = decisions(place)
    assert found == {
        "s00000": kept, "s00001": kept, "s00002": ("run", "changed: site:s00002"),
    }  # fmt: skip
    text = plan.text(batch.dry_run(**place))
    assert "1 to run, 0 pages to make anew, 2 to keep." in text and "s00000" not in text

    given = {"parameters": {"factor": 3.0}}
    assert set(decisions(place, **given).values()) == {("run", "changed: parameters")} | {
        ("run", "changed: parameters, site:s00002")
    }
    failed = run(place, **given)
    assert [o.site_id for o in failed.failed] == ["s00001"]
    assert decisions(place, **given) == {
        "s00000": kept, "s00001": ("run", "failed before"), "s00002": kept,
    }  # fmt: skip

    assert run(place).exit_status == 0
    fresh = {**place, "out": tmp_path / "fresh"}
    run(fresh)
    for path in sorted((tmp_path / "fresh").rglob("*")):
        if path.suffix in (".html", ".ipynb", ".parquet"):
            resumed = place["out"] / path.relative_to(tmp_path / "fresh")
            assert resumed.read_bytes() == path.read_bytes(), path.name


def test_only_failed_and_force(place):
    run(place, parameters={"factor": 2.0})
    assert decisions(place, only_failed=True) == {
        "s00000": ("keep", "did not fail"),
        "s00001": ("run", "failed before"),
        "s00002": ("keep", "did not fail"),
    }
    assert set(decisions(place, force=True).values()) == {("run", "forced")}


def test_a_page_alone_is_made_anew_where_only_what_it_says_changed(place):
    run(place)
    sites = place["folder"] / "sites.csv"
    executed = place["out"] / "s00000" / "01_charged.ipynb"
    before = executed.stat().st_mtime_ns
    names = {"site_id": "site_id,name", "s00000": "s00000,", "s00001": "s00001,Wharf"}
    text = sites.read_text().replace("s00002", "s00002,")
    for old, new in names.items():
        text = text.replace(old, new)
    sites.write_text(text)
    found = decisions(place)
    assert found["s00001"][0] == "run"  # its own row changed
    (place["out"] / "s00002" / "01_charged.html").unlink()
    assert run(place).exit_status == 0
    assert "Wharf" in (place["out"] / "s00000" / "01_charged.html").read_text()
    assert executed.stat().st_mtime_ns != before or found["s00000"][0] == "publish"
    assert (place["out"] / "s00002" / "01_charged.html").exists()


def test_what_someone_did_in_an_executed_notebook_is_kept(place):
    run(place)
    executed = place["out"] / "s00000" / "01_charged.ipynb"
    before = executed.read_bytes()
    book = nbformat.read(executed, as_version=4)
    nbformat.write(book, executed)  # opened and saved: nothing is lost if it is written anew
    assert decisions(place)["s00000"][0] == "keep"
    book.cells.append(nbformat.v4.new_code_cell("my_own = 1"))
    nbformat.write(book, executed)
    assert decisions(place)["s00000"] == ("run", "its notebook is not as it was written")
    run(place)
    assert executed.read_bytes() == before
    assert "my_own" in (executed.parent / "01_charged.edited.ipynb").read_text()
    assert not list(place["out"].rglob("s00001/*.edited*"))


def test_what_a_notebook_read_is_known(place, tmp_path, monkeypatch):
    noted = tmp_path / "noted"
    monkeypatch.setenv(reads.VARIABLE, str(noted))
    portfolio = Portfolio.open(place["folder"])
    portfolio.site("s00001")
    assert reads.noted(noted) == ["file:portfolio.toml", "site:s00001"]
    assert len(portfolio.sites) == 3
    portfolio.sessions("s00002")
    assert reads.noted(noted)[-2:] == ["sessions:s00002", "site:s00001"]
    assert "file:sites.csv" in reads.noted(noted)


def test_a_file_beside_the_tables_is_known_though_it_came_later(place, tmp_path, monkeypatch):
    monkeypatch.setenv(reads.VARIABLE, str(tmp_path / "noted"))
    portfolio = Portfolio.open(place["folder"])
    with pytest.raises(UserError, match=r"limit.csv: no such file; put it into the portfolio"):
        portfolio.file("limit.csv")
    assert "file:limit.csv" in reads.noted(tmp_path / "noted")
    before = Fingerprints(portfolio).of(["file:limit.csv"])
    (place["folder"] / "limit.csv").write_text("time,limit_kw")
    assert portfolio.file("limit.csv").endswith("/p/limit.csv")
    after = Fingerprints(portfolio).of(["file:limit.csv"])
    assert before == {"file:limit.csv": ""} and after != before


def test_a_fingerprint_is_of_one_part_alone(place):
    folder = place["folder"]
    parts = ["site:s00000", "site:s00001", "sessions:s00001", "sessions:", "file:sites.csv"]

    def of(names=parts):
        return Fingerprints(Portfolio.open(folder)).of(names)

    before = of()
    assert before == {name: of([name])[name] for name in parts}  # asked together or one by one
    change_sessions(folder, "s00001")
    after = of()
    assert {name for name in parts if before[name] != after[name]} == {
        "site:s00001", "sessions:s00001", "sessions:",
    }  # fmt: skip
    chargepoints = folder / "chargepoints.csv"
    chargepoints.write_text(
        chargepoints.read_text().replace("s00000-1,s00000,7", "s00000-1,s00000,9")
    )
    assert {n for n in parts if of()[n] != after[n]} == {"site:s00000"}
    assert of(["site:nowhere", "file:none"]) == {"site:nowhere": "", "file:none": ""}


def test_the_time_limit_ends_a_run_and_says_so(tmp_path):
    from scchelpers.runner.workers import run_all
    from tests.trial import NOTEBOOKS, write_portfolio

    folder = write_portfolio(tmp_path / "trial")
    job = Job(
        notebook=str(NOTEBOOKS / "02_slow.ipynb"),
        site_id="odd",
        folder=str(tmp_path / "odd"),
        parameters={"portfolio": str(folder), "site_id": "odd", "seconds": 300.0},
        seconds=5.0,
    )
    (outcome,) = run_all([job], 1)
    assert (outcome.error, outcome.message, outcome.attempts) == ("TimeLimit", "longer than 5 s", 1)
    assert outcome.cell == 3 and outcome.seconds < 60


def test_on_a_full_disk_no_part_of_a_file_is_left(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_whole(tmp_path / "page.html", "content")
    assert list(tmp_path.iterdir()) == []


def test_a_book_holds_whole_lines_though_the_disk_is_full_for_a_while(tmp_path):
    class SmallDisk(io.FileIO):
        room = 60

        def write(self, data):
            taken = min(len(data), self.room - self.seek(0, os.SEEK_END))
            return super().write(data[:taken])

    def whole(place):
        return [json.loads(text) for text in place.read_text().split("\n") if text]

    place = tmp_path / "book.jsonl"
    book = journal.Book(str(place))
    book._file.close()
    book._file = SmallDisk(place, "a")
    numbers = [{"number": n, "padding": "x" * 20} for n in range(4)]
    for line in numbers:
        book.add(line)
    assert whole(place) == numbers[:1]
    with pytest.raises(OSError, match="No space"):
        book.close()
    book = journal.Book(str(place))
    book._file.close()
    book._file = SmallDisk(place, "a")
    book.add(numbers[1])
    SmallDisk.room = 1000
    book.add(numbers[2])
    book.close()
    assert whole(place) == numbers[:3]


def test_files_at_an_address_are_written_read_and_removed():
    place = files.join("memory://reports", "a", "page.html")
    files.write_whole(place, "content")
    assert (files.exists(place), files.read(place)) == (True, "content")
    files.remove(place)
    files.remove(place)
    assert (files.exists(place), files.read(place)) == (False, None)


def test_reports_may_lie_at_an_address(place, tmp_path):
    remote = {**place, "out": f"local://{tmp_path}/remote"}
    assert run(remote).exit_status == 0
    assert (tmp_path / "remote" / "index.html").exists()
    assert run(remote).kept == 3
    assert journal.standing(remote["out"]).state == "finished"


def test_the_books_tell_how_a_run_stands(tmp_path):
    with pytest.raises(UserError, match="no run was made"):
        journal.standing(tmp_path)
    jobs = [Job("/b/01_x.ipynb", site_id, str(tmp_path), {}) for site_id in "abc"]
    with journal.Journal(str(tmp_path), 4, kept=2) as log:
        for job in jobs:
            log.began(job)
        log.ended(Outcome("a", "01_x", True, seconds=2.0))
        log.ended(Outcome("b", "01_x", False, cell=3, error="ValueError", message="no"))
        lock = batch.alone(tmp_path)
        with lock:
            begun = datetime.fromisoformat(json.loads((tmp_path / "events.jsonl").read_text()
                                                      .split("\n")[1])["time"])  # fmt: skip
            found = journal.standing(tmp_path, now=begun + timedelta(seconds=60))
    assert (found.state, found.runs, found.kept, found.done, found.failed) == (
        "running",
        4,
        2,
        1,
        1,
    )
    assert found.left_s == pytest.approx(60, abs=0.1) and found.per_min == pytest.approx(
        2, abs=0.01
    )
    assert [w["site_id"] for w in found.at_work] == ["c"]
    assert found.faults == ["b  01_x  cell 3: ValueError: no"]
    assert "at work  c" in found.text()
    assert journal.standing(tmp_path, now=datetime.now(UTC)).state == "finished"
    # a runner that was killed said nothing at its end
    events = (tmp_path / "events.jsonl").read_text().splitlines()
    (tmp_path / "events.jsonl").write_text("\n".join(events[:-1]) + '\n{"time": "20')
    assert journal.standing(tmp_path).state == "interrupted"
