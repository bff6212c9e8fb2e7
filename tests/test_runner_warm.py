"""A forked kernel is a kernel like any other, only sooner there."""

import contextlib
import os
import re
import signal
import sys
import time

import nbformat
import papermill
import pytest
from jupyter_client.provisioning import KernelProvisionerFactory

from scchelpers.portfolio import reads
from scchelpers.runner import provisioner
from scchelpers.runner.provisioner import NAME, ForkRefusedError, WarmProvisioner, WarmServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux")
MANAGER = "scchelpers.runner.provisioner.RunKernelManager"
CODE = [
    "import os, random, sys\nimport numpy as np\nnp.arange(3).sum()",
    "print(sorted(name for name in globals() if not name.startswith('_'))[:3], __name__)",
    "import warnings; warnings.warn('seen')",
    "from IPython.display import Markdown, display\ndisplay(Markdown('**five**'))",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.close()",
    "os.getcwd(), len(sys.argv), os.environ['SCC_TRIED'], os.getpgid(0) == os.getpid()",
    "1 / 0",
]


@pytest.fixture
def server():
    made = WarmServer.start(["numpy"])
    yield made
    made.end()


@pytest.fixture
def end_server():
    yield
    WarmProvisioner.end_server()


def execute(tmp_path, code, forked, monkeypatch, **options):
    """Execute cells through papermill as it comes; return the notebook with its outputs."""
    monkeypatch.setattr(provisioner.RunKernelManager, "forked", forked)
    monkeypatch.setenv("SCC_TRIED", "yes")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in code])
    for number, cell in enumerate(book.cells):
        cell["id"] = f"c{number}"
    out = tmp_path / f"{forked}.ipynb"
    with contextlib.suppress(papermill.exceptions.PapermillExecutionError):
        papermill.execute_notebook(
            book, str(out), kernel_name="python3", language="python", progress_bar=False,
            kernel_manager_class=MANAGER, shutdown_kernel="immediate", cwd=str(tmp_path), **options,
        )  # fmt: skip
    return nbformat.read(out, as_version=4)


def what_it_said(book):
    """Return what a notebook's cells put out, without where the code lay."""
    said = []
    for cell in book.cells:
        if cell.cell_type == "code":
            outputs = [{**output, "traceback": []} for output in cell.outputs]
            for output in outputs:
                if "text" in output:  # a warning names a file of the process
                    output["text"] = re.sub(r"ipykernel_\d+", "ipykernel", output["text"])
            said.append((cell.source, cell.execution_count, outputs))
    return said


def errors_of(book):
    """Return the names of the errors that cells ended in."""
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return [output.ename for output in outputs if output.output_type == "error"]


def test_it_gives_the_outputs_of_a_stock_kernel(tmp_path, monkeypatch, end_server):
    stock = execute(tmp_path, CODE, False, monkeypatch)
    forked = execute(tmp_path, CODE, True, monkeypatch)
    assert WarmProvisioner.last is not None, WarmProvisioner.stock_because
    assert what_it_said(forked) == what_it_said(stock)
    assert errors_of(forked) == ["ZeroDivisionError"]


def test_each_has_its_own_process_namespace_and_chance(tmp_path, monkeypatch, end_server):
    code = [
        "import random\nimport numpy as np",
        "print(os.getpid() if 'os' in globals() else 'fresh')",
        "print(random.random(), np.random.rand())\nimport os, matplotlib\nmatplotlib.answer = 42",
        "print(os.getpid())",
    ]
    one, other = (execute(tmp_path, code, True, monkeypatch) for _ in range(2))
    texts = [[o.text for c in book.cells for o in c.outputs] for book in (one, other)]
    assert texts[0][0] == texts[1][0] == "fresh\n"
    assert texts[0][1] != texts[1][1] and texts[0][2] != texts[1][2]


def test_jupyter_finds_the_provisioner():
    factory = KernelProvisionerFactory.instance()
    assert NAME in factory.get_provisioner_entries()


def connection(tmp_path):
    from jupyter_client.connect import write_connection_file

    path, _ = write_connection_file(
        str(tmp_path / "k.json"), transport="ipc", ip=str(tmp_path / "k")
    )
    return ["-f", path]


def wait_until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_its_owner_has_its_real_process(tmp_path, server):
    kernel = server.fork(connection(tmp_path), dict(os.environ), str(tmp_path))
    assert kernel.poll() is None and not gone(kernel.pid)
    assert os.getpgid(kernel.pid) == kernel.pid
    kernel.send_signal(signal.SIGKILL)
    assert kernel.wait(10) == -signal.SIGKILL
    assert wait_until(lambda: gone(kernel.pid))
    assert kernel.used["peak_mb"] > 10 and kernel.used["cpu_s"] >= 0


def test_it_dies_with_the_warm_process_and_another_is_made(tmp_path, server):
    kernel = server.fork(connection(tmp_path), dict(os.environ), str(tmp_path))
    server.process.kill()
    assert wait_until(lambda: gone(kernel.pid)), "a kernel outlived its warm process"
    assert kernel.wait(10) == -signal.SIGKILL
    with pytest.raises(ForkRefusedError, match="has ended"):
        server.fork(connection(tmp_path), dict(os.environ), str(tmp_path))


def test_shared_each_has_a_fork_of_it_that_ends_with_its_channel(tmp_path, server):
    one, other = (WarmServer(server.share()) for _ in range(2))
    for number, warm in enumerate((one, other)):
        place = tmp_path / str(number)
        place.mkdir()
        kernel = warm.fork(connection(place), dict(os.environ), str(place))
        (tmp_path / f"{number}.pid").write_text(str(kernel.pid))
        assert kernel.poll() is None
    first, second = (int((tmp_path / f"{n}.pid").read_text()) for n in range(2))
    one.end()
    assert wait_until(lambda: gone(first)) and not gone(second)
    server.process.kill()
    server.process.wait()
    assert other.alive and not gone(second), "it depends on what it was forked from"
    with pytest.raises(ForkRefusedError, match="has ended"):
        server.share()
    other.end()
    assert wait_until(lambda: gone(second))


def test_it_has_read_the_tables_and_sees_them_change(tmp_path, monkeypatch, end_server):
    (tmp_path / "portfolio.toml").write_text("")
    table = tmp_path / "sites.csv"
    table.write_text("site_id,name\na,One\n")
    (tmp_path / "chargepoints.csv").write_text("evse_id,site_id,rated_kw\n1,a,7\n")
    noted = tmp_path / "noted"
    monkeypatch.setenv(reads.VARIABLE, str(noted))
    monkeypatch.setattr(WarmProvisioner, "portfolio", str(tmp_path))
    code = [
        "from scchelpers.portfolio import frames\n"
        "from scchelpers.portfolio import Portfolio\n"
        "known = frames._remembered.cache_info().currsize\n"
        "print(known, *Portfolio.open('.').sites['name'])"
    ]
    assert execute(tmp_path, code, True, monkeypatch).cells[0].outputs[0].text == "2 One\n"
    assert "file:chargepoints.csv" not in reads.noted(noted), "nobody has read it"
    table.write_text("site_id,name\na,Two\n")
    assert execute(tmp_path, code, True, monkeypatch).cells[0].outputs[0].text == "2 Two\n"


def test_where_threads_run_it_refuses_and_a_stock_kernel_runs(tmp_path, monkeypatch, end_server):
    (tmp_path / "threaded_by_import.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setattr(WarmProvisioner, "modules", ("threaded_by_import",))
    book = execute(tmp_path, ["print('ran')"], True, monkeypatch)
    assert book.cells[0].outputs[0].text == "ran\n"
    assert WarmProvisioner.last is None
    assert "started 1 threads" in WarmProvisioner.stock_because


def test_elsewhere_than_linux_it_refuses(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ForkRefusedError, match="darwin"):
        WarmServer.start()


def test_memory_beyond_the_limit_is_an_error_of_the_cell(tmp_path, monkeypatch, end_server):
    monkeypatch.setenv("SCC_MEMORY_MB", "200")
    for forked in (True, False):
        book = execute(tmp_path, ["few = bytearray(50_000_000)", "many = bytearray(400_000_000)"],
                       forked, monkeypatch)  # fmt: skip
        assert errors_of(book) == ["MemoryError"]
