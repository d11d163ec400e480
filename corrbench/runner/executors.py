"""Executors of jobs: this machine's cores or a Dask cluster, through one `concurrent.futures` interface."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import replace
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, TypeVar

from corrbench.checks import registry
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.probe import probe
from corrbench.judge.trial import Trial, conclude
from corrbench.result import Result, Status
from corrbench.runner.inherited import Libraries
from corrbench.runner.judges import Judges
from corrbench.runner.plan import Batch, Job
from corrbench.support import Support
from corrbench.target import Spec

ATTEMPTS = 3  # times that a batch is handed out before its jobs count as not judged
Done = list[tuple[Job, list[Result]]]  # for every job of a batch
_here = threading.local()
Kept = TypeVar("Kept", Remote, Libraries)


Start = Callable[[], Executor]  # gives the executor, always the same


class Unavailable(ValueError):
    """The executor cannot be had; the message says what to do."""


# ---- in the judge's process


def kept(kind: type[Kept], spec: Spec) -> Kept:
    """This thread's child process for a target, or those of the libraries beneath it, kept from batch to batch."""
    found: Kept | None = getattr(_here, kind.__name__, None)
    if found is None or found.spec != spec:
        if found is not None:
            found.close()
        found = kind(spec)
        setattr(_here, kind.__name__, found)
        atexit.register(found.close)
        Finalize(found, found.close, exitpriority=10)
    return found


def run_probe(spec: Spec) -> Support:
    """What a target supports.

    Raises:
        NotLoaded: it cannot be loaded.
    """
    return probe(spec, kept(Remote, spec))


def warm(spec: Spec) -> None:
    """Have the target loaded when the first batch comes."""
    registry()
    with contextlib.suppress(NotLoaded):  # the probe says so
        kept(Remote, spec).load()


def run_batch(batch: Batch) -> Done:
    """Every job of a batch, in order. Whatever happens becomes a result."""
    # Another thread of a Dask worker may draw from `random` while Hypothesis generates; it does not concern the user.
    warnings.filterwarnings("ignore", message="Do not use the `random` module inside strategies")
    done: Done = []
    for job in batch.jobs:
        trial = Trial(job.check, job.case, job.seed, batch.spec, batch.support, kept(Remote, batch.spec))
        try:
            run = registry()[job.check].run
            results = kept(Libraries, batch.spec).told(trial, conclude(trial, run))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not hide the other results
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            text = f"corrbench itself failed: {type(error).__name__}: {error} ({place})"
            results = [trial.result(Status.ERROR, text)]
        done.append((job, results))
    return done


# ---- in the user's process


@contextlib.contextmanager
def opened(name: str, workers: int) -> Iterator[Start]:
    """A function that gives the executor ``local``, ``dask`` or the one at ``tcp://…``, the same until it is lost.

    Raises:
        Unavailable: unknown name, Dask not installed or no scheduler at the address.
    """
    known(name)
    with contextlib.ExitStack() as stack:
        if name == "local":
            judges = stack.enter_context(Judges(workers))
            try:
                yield lambda: judges
            except BaseException:  # an interrupt does not wait for what the judges are at
                judges.kill()
                raise
        else:
            executor = _client(name, workers, stack).get_executor()
            yield lambda: executor


def known(name: str) -> None:
    """Refuse the name of an executor that there is not.

    Raises:
        Unavailable: it is none.
    """
    if name not in ("local", "dask") and not name.startswith(("tcp://", "tls://")):
        raise Unavailable(f"unknown executor {name!r}: give local, dask or the address of a scheduler, tcp://HOST:PORT")


def _client(name: str, workers: int, stack: contextlib.ExitStack) -> Any:
    try:
        import distributed as untyped
    except ImportError:
        raise Unavailable("the executor needs dask.distributed: pip install 'corrbench[dask]'") from None
    distributed: Any = untyped
    try:
        if name == "dask":
            os.environ.setdefault("PYTHONSAFEPATH", "1")  # its workers do not look for modules in the current folder
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
                )
            )
            return stack.enter_context(distributed.Client(cluster))
        return stack.enter_context(distributed.Client(name, timeout="10s"))
    except (OSError, TimeoutError, ValueError) as error:
        raise Unavailable(f"no Dask scheduler answers at {name}: {error}") from None


def ask(spec: Spec, start: Start, workers: int = 1, meanwhile: Callable[[], object] = int) -> Support:
    """The answer of `run_probe`, from another judge if one is lost. Meanwhile the other workers get ready, and here
    something else is done.

    Raises:
        NotLoaded: the target cannot be loaded, or judges were lost again and again.
    """
    executor, said = start(), ""
    for _ in range(ATTEMPTS):
        try:
            probing = executor.submit(run_probe, spec)
            for _other in range(workers - 1):
                executor.submit(warm, spec)
            with contextlib.suppress(ValueError):  # no such suite: the plan says so
                meanwhile()
            return probing.result()
        except NotLoaded:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an executor raises, the judge was lost
            said = f"{type(error).__name__}: {error}"
    raise NotLoaded(f"the judge was lost {ATTEMPTS} times while it asked what the target takes: {said}")


def execute(
    batches: Iterable[Batch], start: Start, ahead: int, run: Callable[[Batch], Done] = run_batch
) -> Generator[Done, None, None]:
    """Hand out batches, `ahead` at a time, for `run` in a judge's process, and yield each one's results as they come.

    A batch whose judge was lost is handed out again, at last job by job; a job that cannot be judged even so gets a
    result that says so. Nothing is lost, and nothing counts twice.
    """
    executor = start()
    queue: list[tuple[Batch, int]] = []
    source = iter(batches)
    running: dict[Future[Done], tuple[Batch, int]] = {}
    try:
        while True:
            while len(running) < ahead:
                batch, tries = queue.pop(0) if queue else (next(source, None), 0)
                if batch is None:
                    break
                running[executor.submit(run, batch)] = (batch, tries)
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                batch, tries = running.pop(future)
                try:
                    yield future.result()
                except Exception as error:  # noqa: BLE001 - as above
                    queue += _again(batch, tries, error)
                    if tries + 1 >= ATTEMPTS and len(batch.jobs) == 1:
                        yield [(batch.jobs[0], [_lost(batch.jobs[0], error)])]
    finally:
        for future in running:
            future.cancel()


def _again(batch: Batch, tries: int, error: Exception) -> list[tuple[Batch, int]]:
    """What is handed out once more after a batch was lost."""
    if tries + 1 < ATTEMPTS:
        return [(batch, tries + 1)]
    if len(batch.jobs) > 1:
        return [(replace(batch, jobs=(job,)), ATTEMPTS - 1) for job in batch.jobs]
    return []


def _lost(job: Job, error: Exception) -> Result:
    said = f"the judge was lost: {type(error).__name__}: {error}"
    return Result(check=job.check, case=job.case, status=Status.ERROR, message=said)
