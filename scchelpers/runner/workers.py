"""Worker processes as the runner sees them: each runs one notebook after another.

Each has its kernels from a warm process of its own, which is a fork of one that has imported
everything once. The process itself: `execution`. On a Dask cluster each of its processes keeps a
worker of ours; portfolio, notebooks and reports must then be at places that the cluster reaches
under the same name: a shared folder or an fsspec address.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import queue
import select
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

from scchelpers.faults import UserError
from scchelpers.runner import provisioner
from scchelpers.runner.job import INFRASTRUCTURE, Job, Outcome
from scchelpers.runner.provisioner import ForkRefusedError, WarmServer

_START = "import sys; from scchelpers.runner import execution; execution.serve(*sys.argv[1:])"
# A worker whose notebook is past its time by so much [s] hangs itself.
_GRACE_S = 30.0


class _Notice:
    """Told what happens in a run; this one does nothing with it."""

    def began(self, job: Job) -> None:
        """Hear that a job was handed out."""

    def retried(self, job: Job, outcome: Outcome) -> None:
        """Hear that a job is tried again after a fault of the machine."""


class _Worker:
    """One worker process; its warm process is a fork of `warm`, or else one of its own."""

    def __init__(
        self,
        modules: tuple[str, ...],
        portfolio: str,
        memory_mb: float | None,
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
                env={**os.environ, **provisioner.environment(self.scratch, memory_mb)},
                start_new_session=True,
            )

    def begin(self, job: Job) -> None:
        """Hand the worker a job; a worker that is gone is found out when its answer is read."""
        self.job, self._began = job, time.perf_counter()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            self.process.stdin.flush()

    def answer(self) -> Outcome:
        """Return the outcome of the job; the death of the worker is one."""
        job, self.job = self.job, None
        line = self.process.stdout.readline()
        if line.endswith(b"\n"):
            return Outcome(**json.loads(line))
        code = self.process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        words = (self.scratch / "log").read_text(errors="replace").strip().splitlines()
        message = f"the worker process ended ({how}) {words[-1][:200] if words else ''}".strip()
        return _lost(job, message, round(time.perf_counter() - self._began, 2))

    def end_if_stuck(self) -> None:
        """End the process if it is long past the time its job may take."""
        longest = self.job.seconds if self.job else None
        if longest and time.perf_counter() - self._began > longest + _GRACE_S:
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


def _lost(job: Job, message: str, seconds: float = 0.0) -> Outcome:
    said = {"error": "DeadWorker", "message": message, "seconds": seconds, "recipe": job.recipe}
    return Outcome(job.site_id, job.name, ok=False, **said)


def run_all(
    jobs: Iterable[Job],
    workers: int,
    *,
    modules: Iterable[str] = (),
    portfolio: str = "",
    memory_mb: float | None = None,
    notice: _Notice | None = None,
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
        make = functools.partial(_Worker, modules, portfolio, memory_mb)
        yield from _run(_LongestFirst(jobs), workers, make, warm, notice or _Notice())


class _LongestFirst:
    """Jobs that wait: those of the notebook that takes longest go first, so that none is left last.

    How long a notebook takes is learnt on the way; one that nothing is known of goes before all.
    """

    def __init__(self, jobs: list[Job]):
        self._jobs: dict[str, deque[Job]] = {}
        self._seconds: dict[str, float] = {}
        for job in jobs:
            self._jobs.setdefault(job.name, deque()).append(job)

    def __len__(self) -> int:
        return sum(map(len, self._jobs.values()))

    def take(self) -> Job:
        """Return the job to do next."""
        left = [name for name, jobs in self._jobs.items() if jobs]
        name = max(left, key=lambda name: self._seconds.get(name, float("inf")))
        self._seconds.setdefault(name, 0.0)  # one of each, before a second of any
        return self._jobs[name].popleft()

    def learn(self, outcome: Outcome) -> None:
        """Take in how long a notebook took."""
        before = self._seconds.get(outcome.notebook) or outcome.seconds
        self._seconds[outcome.notebook] = (before + outcome.seconds) / 2

    def again(self, job: Job) -> None:
        """Take a job back, to be done before others of its notebook."""
        self._jobs[job.name].appendleft(job)


def _run(
    waiting: _LongestFirst,
    workers: int,
    make: Callable[..., _Worker],
    warm: WarmServer | None,
    notice: _Notice,
) -> Iterator[Outcome]:
    crew: list[_Worker] = []
    ready = selectors.DefaultSelector()
    tried: set[tuple[str, str]] = set()

    def begin(worker: _Worker) -> None:
        job = waiting.take()
        notice.began(job)
        worker.begin(job)

    def engage(warm: WarmServer | None) -> None:
        crew.append(make(warm))
        begin(crew[-1])
        ready.register(crew[-1].process.stdout, selectors.EVENT_READ, crew[-1])

    try:
        for _ in range(min(workers, len(waiting))):
            engage(warm)
        while ready.get_map():
            for key, _ in ready.select(timeout=1.0):
                worker = key.data
                job, outcome = worker.job, worker.answer()
                pair = (outcome.site_id, outcome.notebook)
                waiting.learn(outcome)
                if outcome.error in INFRASTRUCTURE and pair not in tried:
                    tried.add(pair)
                    waiting.again(job)
                    notice.retried(job, outcome)
                else:
                    yield replace(outcome, attempts=1 + (pair in tried))
                if waiting and worker.alive:
                    begin(worker)
                    continue
                ready.unregister(key.fileobj)
                if waiting:  # the worker died: another takes its place, and depends on nothing
                    crew.remove(worker)
                    worker.end()
                    engage(None)
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
        warm = WarmServer.start(modules, portfolio, provisioner.ALIKE)
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


def run_on_cluster(
    jobs: Iterable[Job], scheduler: str, *, notice: _Notice | None = None, **how
) -> Iterator[Outcome]:
    """Run jobs on a Dask cluster, by the address of its scheduler; the rest is as of `run_all`.

    A process of the cluster that is lost loses nothing: Dask hands its jobs to another.

    Raises
    ------
    UserError
        If Dask is not installed, or no scheduler answers at the address.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise UserError(
            "--scheduler: needs Dask; install it with: pip install 'scchelpers[cluster]'"
        ) from None
    notice = notice or _Notice()
    try:
        client = Client(scheduler, timeout="15s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as fault:
        raise UserError(
            f"--scheduler {scheduler!r}: no scheduler answers there ({fault})"
        ) from None
    with client:

        def hand_out(job: Job):
            notice.began(job)
            return client.submit(_on_cluster, asdict(job), **how, pure=False, retries=3)

        futures = {hand_out(job): job for job in jobs}
        tried: set[tuple[str, str]] = set()
        coming = as_completed(list(futures), loop=client.loop, raise_errors=False)
        for future in coming:
            job = futures.pop(future)
            if future.status == "finished":
                outcome = Outcome(**future.result())
            else:
                fault = future.exception()
                said = f"{type(fault).__name__}: {str(fault).partition(chr(10))[0]}"
                outcome = _lost(job, said[:400])
            pair = (job.site_id, job.name)
            if outcome.error in INFRASTRUCTURE and pair not in tried:
                tried.add(pair)
                notice.retried(job, outcome)
                again = hand_out(job)
                futures[again] = job
                coming.add(again)
                continue
            yield replace(outcome, attempts=1 + (pair in tried))


# Our workers of this process of the cluster that have nothing to do.
_idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()


def _on_cluster(job: dict, **how) -> dict:
    """Run one job in a worker of this process of the cluster."""
    try:
        worker = _idle.get_nowait()
    except queue.Empty:
        worker = _Worker(**how)
    worker.begin(Job(**job))
    while not select.select([worker.process.stdout], [], [], 1.0)[0]:
        worker.end_if_stuck()
    outcome = worker.answer()
    if worker.alive:
        _idle.put(worker)
    else:
        worker.end()
    return asdict(outcome)


@atexit.register
def _end_idle() -> None:
    while not _idle.empty():
        _idle.get().end()
