"""Worker processes: each runs one notebook after another and dies with the runner.

A worker reads jobs, one JSON line each, from its standard input and answers on its standard output.
The end of that input means that the runner is gone, however it went: the worker then ends its
kernel, clears its scratch folder and leaves. The kernel in turn dies with the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from scchelpers.runner import kernels
from scchelpers.runner.execution import Job, Outcome, perform


class Worker:
    """One worker process, as the runner sees it."""

    def __init__(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="scc-"))
        self.job: Job | None = None
        self._began = 0.0
        with (self.scratch / "log").open("wb") as log:
            # A session of its own: Ctrl-C reaches the runner alone, which ends the workers.
            self.process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self.scratch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **kernels.environment(self.scratch)},
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
        return Outcome(job.site_id, job.name, False, seconds, error="DeadWorker", message=message)

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


def run_all(jobs: Iterable[Job], workers: int) -> Iterator[Outcome]:
    """Run jobs in parallel and yield each outcome as it comes.

    Parameters
    ----------
    jobs : iterable of Job
        What to run.
    workers : int
        Processes at a time.
    """
    waiting = deque(jobs)
    crew = [Worker() for _ in range(min(workers, len(waiting)))]
    ready = selectors.DefaultSelector()
    try:
        for worker in crew:
            worker.begin(waiting.popleft())
            ready.register(worker.process.stdout, selectors.EVENT_READ, worker)
        while ready.get_map():
            for key, _ in ready.select():
                worker = key.data
                yield worker.answer()
                if waiting and worker.alive:
                    worker.begin(waiting.popleft())
                    continue
                ready.unregister(key.fileobj)
                if waiting:  # the worker died: another takes its place
                    crew.remove(worker)
                    worker.end()
                    crew.append(Worker())
                    crew[-1].begin(waiting.popleft())
                    ready.register(crew[-1].process.stdout, selectors.EVENT_READ, crew[-1])
    finally:
        ready.close()
        for worker in crew:
            worker.end()


def _serve(scratch: Path) -> None:
    """Be a worker: perform the jobs that come in until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            jobs.put(Job(**json.loads(line)))
        _leave(scratch)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        answers.write(json.dumps(asdict(perform(jobs.get(), scratch))) + "\n")


def _leave(scratch: Path) -> None:
    """End the kernel and go at once, in the middle of whatever the worker is at."""
    kernels.end_all()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
