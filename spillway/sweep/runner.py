"""Spreads jobs over the workers of a Dask cluster and hands their results back as they come.

Only a window of jobs is with the scheduler at a time. A job whose worker died is done again by
another; its result reaches us once, as there is one future for it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from spillway.errors import BadInput
from spillway.sweep.work import FAILED, Result, work

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from distributed import Client, Future

    from spillway.sweep.work import Job

JOBS_A_WORKER = 3  # with the scheduler at a time
CONNECT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the work is done: a scheduler's address, or so many processes of our own."""

    scheduler: str = ""
    workers: int = 1


@contextmanager
def connect(cluster: Cluster) -> Iterator[Client]:
    """Open a client of the scheduler, or of a local cluster that ends with it. Raises BadInput."""
    from distributed import Client, LocalCluster

    if cluster.scheduler:
        try:
            client = Client(cluster.scheduler, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            allowed = f"the address of a Dask scheduler ({error})"
            raise BadInput("command line", "--scheduler", cluster.scheduler, allowed) from error
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=cluster.workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # any free port: two sweeps may run at once
            silence_logs="CRITICAL",
        ) as local,
        Client(local) as client,
    ):
        yield client


def results(client: Client, jobs: Iterable[Job]) -> Iterator[Result]:
    """Yield the results of jobs, in the order in which they are done."""
    from distributed import as_completed

    waiting = iter(jobs)
    asked = {_submit(client, job): job for job in islice(waiting, _window(client))}
    arriving = as_completed(list(asked))
    for future in arriving:
        job = asked.pop(future)
        yield _result(future, job)
        for following in islice(waiting, max(_window(client) - len(asked), 0)):
            submitted = _submit(client, following)
            asked[submitted] = following
            arriving.add(submitted)


def _window(client: Client) -> int:
    """How many jobs may be with the scheduler: workers come and go."""
    return JOBS_A_WORKER * max(len(client.nthreads()), 1)


def _submit(client: Client, job: Job) -> Future[Result]:
    return client.submit(work, job, key=f"run-{job.key}")


def _result(future: Future[Result], job: Job) -> Result:
    """What a future holds; raises BadInput for a cluster that can't do our work at all.

    An error of the run is its result: what is raised comes from the cluster.
    """
    from distributed import KilledWorker

    error = future.exception()
    if isinstance(error, KilledWorker):  # several times over: too little memory, for one
        return Result(job, FAILED, f"{type(error).__name__}: {error}")
    if error is not None:
        why = f"{type(error).__name__}: {error}".partition("\n")[0].partition(". ")[0]
        allowed = f"a scheduler and workers started by `dask` of this version's .venv ({why})"
        raise BadInput("command line", "--scheduler", future.client.scheduler.address, allowed)
    result: Result = future.result()
    return result
