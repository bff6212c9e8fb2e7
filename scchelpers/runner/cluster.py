"""The same work on an existing Dask cluster: each of its processes keeps a worker of ours.

The portfolio, the notebooks and the reports must be at places that the cluster reaches under the
same name: a shared folder or an fsspec address.
"""

from __future__ import annotations

import atexit
import queue
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace

from scchelpers.faults import UserError
from scchelpers.runner.job import INFRASTRUCTURE, Job, Outcome
from scchelpers.runner.workers import Notice, Worker

# Our workers of this process of the cluster that have nothing to do.
_idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()


def run_all(
    jobs: Iterable[Job],
    scheduler: str,
    *,
    modules: Iterable[str] = (),
    portfolio: str = "",
    memory_mb: float | None = None,
    notice: Notice | None = None,
) -> Iterator[Outcome]:
    """Run jobs on a Dask cluster and yield each outcome as it comes.

    A process of the cluster that is lost loses nothing: Dask hands its jobs to another.

    Parameters
    ----------
    jobs : iterable of Job
        What to run.
    scheduler : str
        Address of the scheduler, such as tcp://10.0.0.1:8786.
    modules : iterable of str
        What notebooks import.
    portfolio : str
        Folder of the portfolio, "" where it is not one on the cluster's machines.
    memory_mb : float, optional
        Memory that a kernel may allocate [MB].
    notice : Notice, optional
        Told what is handed out and what is tried again.

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
    notice = notice or Notice()
    try:
        client = Client(scheduler, timeout="15s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as fault:
        raise UserError(
            f"--scheduler {scheduler!r}: no scheduler answers there ({fault})"
        ) from None
    with client:
        given = {"modules": tuple(modules), "portfolio": portfolio, "memory_mb": memory_mb}

        def hand_out(job: Job):
            notice.began(job)
            return client.submit(_perform, asdict(job), **given, pure=False, retries=3)

        futures = {hand_out(job): job for job in jobs}
        tried: set[tuple[str, str]] = set()
        coming = as_completed(list(futures), loop=client.loop, raise_errors=False)
        for future in coming:
            job = futures.pop(future)
            outcome = _outcome(job, future)
            pair = (job.site_id, job.name)
            if outcome.error in INFRASTRUCTURE and pair not in tried:
                tried.add(pair)
                notice.retried(job, outcome)
                again = hand_out(job)
                futures[again] = job
                coming.add(again)
                continue
            yield replace(outcome, attempts=1 + (pair in tried))


def _outcome(job: Job, future) -> Outcome:
    if future.status == "finished":
        return Outcome(**future.result())
    fault = future.exception()
    return Outcome(
        job.site_id,
        job.name,
        ok=False,
        error="DeadWorker",
        message=f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else ''}"[:400],
        recipe=job.recipe,
    )


def _perform(job: dict, modules: tuple[str, ...], portfolio: str, memory_mb: float | None) -> dict:
    """Run one job in a worker of this process of the cluster."""
    try:
        worker = _idle.get_nowait()
    except queue.Empty:
        worker = Worker(modules, portfolio, memory_mb)
    worker.begin(Job(**job))
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
