"""A Dask cluster does the same work, and loses none when one of its processes is lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scchelpers.faults import UserError
from scchelpers.runner import batch
from tests.trial import FIRST, NOTEBOOKS, first_run, write_portfolio

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
DASK = Path(sys.executable).with_name("dask")


@pytest.fixture
def cluster(tmp_path):
    """Return the address of a scheduler on loopback and its two worker processes."""
    where = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    file = tmp_path / "scheduler.json"
    started = [
        subprocess.Popen([DASK, "scheduler", "--host", "127.0.0.1", "--port", "0",
                          "--no-dashboard", "--scheduler-file", file], **where)
    ]  # fmt: skip
    for _ in range(2):
        command = [DASK, "worker", "--scheduler-file", file, "--nthreads", "1", "--no-dashboard"]
        started.append(subprocess.Popen([*command, "--no-nanny"], **where))
    with distributed.Client(scheduler_file=str(file), timeout="60s") as client:
        client.wait_for_workers(2, timeout=60)
        address = client.scheduler.address
    yield address, started[1:]
    for process in reversed(started):
        process.terminate()
        process.wait(30)


def files_of(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.suffix in (".html", ".parquet")
    }


def test_it_gives_the_same_bytes_though_one_process_is_killed(tmp_path, tmp_path_factory, cluster):
    address, workers = cluster
    folder = write_portfolio(tmp_path / "data" / "trial")
    asked = {"notebook_folder": NOTEBOOKS, "progress": "none", "scheduler": address}
    given = {"notebooks": ["01"], "parameters": FIRST, "out": tmp_path / "reports" / "trial"}
    summary = batch.run(folder, **given, **asked)
    local = first_run(tmp_path_factory)
    assert files_of(summary.folder) == files_of(local.folder)
    assert [(o.site_id, o.ok) for o in summary.outcomes] == [
        (o.site_id, o.ok) for o in local.outcomes
    ]

    runner = subprocess.Popen(
        [sys.executable, "-c", SLOW, folder, NOTEBOOKS, tmp_path / "slow", address]
    )
    marks = [folder / f"kernel-{site_id}" for site_id in ("north-car-park", "odd")]
    end = time.monotonic() + 120
    while not all(mark.exists() for mark in marks) and time.monotonic() < end:
        time.sleep(0.1)
    os.kill(workers[0].pid, signal.SIGKILL)
    assert runner.wait(180) == 0
    pages = sorted(path.parent.name for path in (tmp_path / "slow").rglob("*/02_slow.html"))
    assert pages == ["north-car-park", "odd"]


SLOW = """
import sys
from scchelpers.runner import batch
folder, notebooks, out, address = sys.argv[1:]
done = batch.run(folder, notebooks=["02"], sites=["north-car-park", "odd"], out=out,
                 parameters={"seconds": "6"}, scheduler=address, notebook_folder=notebooks,
                 progress="none")
sys.exit(done.exit_status)
"""


def test_where_no_scheduler_answers_it_says_so(tmp_path):
    folder = write_portfolio(tmp_path / "trial")
    with pytest.raises(UserError, match="no scheduler answers there"):
        batch.run(folder, notebooks=["01"], notebook_folder=NOTEBOOKS, progress="none",
                  out=tmp_path / "r", scheduler="tcp://127.0.0.1:9")  # fmt: skip
