"""Worker processes as the runner sees them: each runs one notebook after another.

Each has its kernels from a warm process of its own, which is a fork of one that has imported
everything once. The process itself: `worker`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

from scchelpers.runner import kernels
from scchelpers.runner.job import INFRASTRUCTURE, Job, Outcome
from scchelpers.runner.warm import ForkRefusedError, WarmServer

_START = "import sys; from scchelpers.runner import spared, worker; worker.serve(*sys.argv[1:])"
# A worker whose notebook is past its time by so much [s] hangs itself.
_GRACE = 60.0


class Notice:
    """Told what happens in a run; this one does nothing with it."""

    def began(self, job: Job) -> None:
        """Hear that a job was handed out."""

    def retried(self, job: Job, outcome: Outcome) -> None:
        """Hear that a job is tried again after a fault of the machine."""


class Worker:
    """One worker process, as the runner sees it.

    Parameters
    ----------
    modules : tuple of str
        What notebooks import, see `warm.WarmServer`.
    portfolio : str
        Folder of the portfolio, "" where it is not one on this machine.
    memory_mb : float, optional
        Memory that a kernel may allocate [MB].
    warm : WarmServer, optional
        Of which its own is forked; without it, and when its own is lost, it starts one.
    """

    def __init__(
        self,
        modules: tuple[str, ...] = (),
        portfolio: str = "",
        memory_mb: float | None = None,
        warm: WarmServer | None = None,
    ):
        self.scratch = Path(tempfile.mkdtemp(prefix="scc-"))
        self.job: Job | None = None
        self._began = 0.0
        with (self.scratch / "log").open("wb") as log, _channel(warm) as channel:
            passed = [] if channel is None else [channel.fileno()]
            descriptor = "".join(map(str, passed))
            # A session of its own: Ctrl-C reaches the runner alone, which ends the workers.
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, self.scratch, descriptor, portfolio, *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=passed,
                env={**os.environ, **kernels.environment(self.scratch, memory_mb)},
                start_new_session=True,
            )

    def begin(self, job: Job) -> None:
        """Hand the worker a job; a worker that is gone is found out when its answer is read."""
        self.job, self._began = job, time.perf_counter()
        try:
            self.process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def answer(self) -> Outcome:
        """Return the outcome of the job; the death of the worker is one."""
        job, self.job = self.job, None
        line = self.process.stdout.readline()
        if line.endswith(b"\n"):
            return Outcome(**json.loads(line))
        code = self.process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        seconds = round(time.perf_counter() - self._began, 2)
        message = f"the worker process ended ({how}) {self._last_words()}".strip()
        return Outcome(
            job.site_id,
            job.name,
            ok=False,
            seconds=seconds,
            error="DeadWorker",
            message=message,
            recipe=job.recipe,
        )

    def end_if_stuck(self) -> None:
        """End the process if it is long past the time its job may take."""
        longest = self.job.seconds if self.job else None
        if longest and time.perf_counter() - self._began > longest + _GRACE:
            self.process.kill()

    @property
    def alive(self) -> bool:
        """Whether the process can take another job."""
        return self.process.poll() is None

    def end(self, patience: float = 10.0) -> None:
        """Close the worker's input, wait for it to leave, and clear its scratch folder."""
        with contextlib.suppress(BrokenPipeError):  # it died before it read its last job
            self.process.stdin.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _last_words(self) -> str:
        lines = (self.scratch / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""


def run_all(
    jobs: Iterable[Job],
    workers: int,
    *,
    modules: Iterable[str] = (),
    portfolio: str = "",
    memory_mb: float | None = None,
    notice: Notice | None = None,
) -> Iterator[Outcome]:
    """Run jobs in parallel and yield each outcome as it comes.

    A fault of the machine rather than the site (`job.INFRASTRUCTURE`) is tried once more.

    Parameters
    ----------
    jobs : iterable of Job
        What to run.
    workers : int
        Processes at a time.
    modules : iterable of str
        What notebooks import: kernels are forked from a process that has it.
    portfolio : str
        Folder of the portfolio, "" where it is not one on this machine.
    memory_mb : float, optional
        Memory that a kernel may allocate [MB].
    notice : Notice, optional
        Told what begins and what is tried again.
    """
    jobs, modules = list(jobs), tuple(modules)
    needed = any(not job.reuse for job in jobs)
    with _warmth(modules, portfolio) if needed else contextlib.nullcontext() as warm:
        make = functools.partial(Worker, modules, portfolio, memory_mb, warm)
        yield from _run(deque(jobs), workers, make, notice or Notice())


def _run(
    waiting: deque[Job], workers: int, make: Callable[[], Worker], notice: Notice
) -> Iterator[Outcome]:
    crew = [make() for _ in range(min(workers, len(waiting)))]
    ready = selectors.DefaultSelector()
    tried: set[tuple[str, str]] = set()

    def begin(worker: Worker) -> None:
        job = waiting.popleft()
        notice.began(job)
        worker.begin(job)

    try:
        for worker in crew:
            begin(worker)
            ready.register(worker.process.stdout, selectors.EVENT_READ, worker)
        while ready.get_map():
            for key, _ in ready.select(timeout=1.0):
                worker = key.data
                job, outcome = worker.job, worker.answer()
                pair = (outcome.site_id, outcome.notebook)
                if outcome.error in INFRASTRUCTURE and pair not in tried:
                    tried.add(pair)
                    waiting.appendleft(job)
                    notice.retried(job, outcome)
                else:
                    yield replace(outcome, attempts=1 + (pair in tried))
                if waiting and worker.alive:
                    begin(worker)
                    continue
                ready.unregister(key.fileobj)
                if waiting:  # the worker died: another takes its place
                    crew.remove(worker)
                    worker.end()
                    crew.append(make())
                    begin(crew[-1])
                    ready.register(crew[-1].process.stdout, selectors.EVENT_READ, crew[-1])
            for worker in crew:
                worker.end_if_stuck()
    finally:
        ready.close()
        for worker in crew:
            worker.end()


@contextlib.contextmanager
def _warmth(modules: tuple[str, ...], portfolio: str) -> Iterator[WarmServer | None]:
    """Keep a warm process of which those of the workers are forks; None where there can be none."""
    warm = None
    with contextlib.suppress(ForkRefusedError):
        warm = WarmServer.start(modules, portfolio, kernels.ALIKE)
    try:
        yield warm
    finally:
        if warm is not None:
            warm.end()


@contextlib.contextmanager
def _channel(warm: WarmServer | None) -> Iterator[socket.socket | None]:
    """Open a channel to a warm process for as long as it takes to hand it on."""
    try:
        channel = warm.share() if warm is not None else None
    except ForkRefusedError:  # it has ended since
        channel = None
    with channel or contextlib.nullcontext():
        yield channel
