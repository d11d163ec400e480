"""Verification driven by pytest: one item for each check and element type, asked when pytest asks for it."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from corrbench.analysis import baseline
from corrbench.environment import project
from corrbench.judge import target_process
from corrbench.result import Run
from corrbench.support import Support
from corrbench.target import PROFILES, Given, Spec, find

if TYPE_CHECKING:
    from corrbench.runner.executors import Start
    from corrbench.runner.plan import Job
    from corrbench.runner.verify import Deaths

AHEAD = 2  # batches handed out at a time
BATCH = 8  # jobs in a batch; between two batches it is seen whether to go on
REFUSED = "unsupported"  # in place of a check's name, for what the target said it does not do


class Unjudgeable(Exception):
    """Nothing can be asked: no such target, check, suite or baseline, or it cannot be loaded; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Given):
    """A target, and how it is to be judged. The names are those of the options of `corrbench verify`.

    Attributes:
        target: a registered name, ``pkg.mod:attr`` or ``path/to/file.py:attr``.
        profile: how thoroughly.
        checks: names or families of checks; empty for all.
        suites: names of suites of cases; empty for those of `verify`.
        baseline: a file of known findings; empty for none.

    Raises:
        ValueError: an option is none of its choices, or out of range; the message says what there is.
    """

    target: str
    profile: str = field(default="standard", metadata={"choices": PROFILES})
    checks: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    baseline: str = ""

    def __post_init__(self) -> None:
        """What `corrbench verify` refuses on its command line is refused here."""
        try:
            Given.__post_init__(self)
        except ValueError as error:
            raise ValueError(f"{self.target}: {error}") from None

    @property
    def spec(self) -> Spec:
        """The target.

        Raises:
            corrbench.target.UnknownTarget: no such name.
        """
        own = {one.name: getattr(self, one.name) for one in fields(Given)}
        if ":" in self.target:
            return find(self.target, **own)
        target, own = project.called(self.target, own)
        return find(target, **own)


@dataclass(slots=True, kw_only=True)
class Question:
    """One check on all planned cases of one element type; or what the target said that it does not do.

    Attributes:
        inquiry: what it belongs to.
        check: the check's name, or `REFUSED`.
        group: the element type, or the feature that is refused.
        jobs: what is asked; none if refused.
        said: the target's words if refused.
    """

    inquiry: Inquiry
    check: str
    group: str
    jobs: list[Job] = field(default_factory=list)
    said: str = ""

    def ask(self) -> Run:
        """The answers. A run that was not ended on purpose has one for each job; the baseline is applied."""
        return self.inquiry.ask(self)


@dataclass(slots=True, kw_only=True)
class Inquiry:
    """One target, probed, with all that is to be asked of it."""

    request: Request
    spec: Spec
    support: Support
    seed: int
    start: Start
    known: baseline.Baseline
    deaths: Deaths
    questions: list[Question] = field(default_factory=list)

    def ask(self, question: Question) -> Run:
        """See `Question.ask`."""
        from corrbench.runner import plan, verify

        run = verify.started(self.spec, self.request.profile, self.seed, self.support.form)
        run.planned = len(question.jobs)
        if question.said:
            run.unsupported[question.group] = question.said
            return run
        run.stopped = self.deaths.reason(1)
        batches = plan.batches(self.spec, self.support, () if run.stopped else question.jobs, BATCH)
        with (
            _environment_kept(),
            contextlib.closing(verify.answered(run, batches, self.start, AHEAD, self.deaths)) as flow,
        ):
            for _ in flow:
                run.stopped = self.deaths.reason(1) if run.judged < run.planned else ""
                if run.stopped:
                    break
        self.known.apply(run)
        return run


class Inquiries:
    """All targets of one session. They share a judge, which is started when the first is asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._stack = contextlib.ExitStack()
        self._start: Start | None = None
        self._open: dict[Request, Inquiry] = {}

    def open(self, request: Request) -> Inquiry:
        """Probe a target and plan what to ask it; once for equal requests.

        Raises:
            Unjudgeable: it cannot be judged.
        """
        if request not in self._open:
            try:
                with _environment_kept():
                    self._open[request] = self._opened(request)
            except ValueError as error:
                raise Unjudgeable(f"{request.target}: {error}") from None
        return self._open[request]

    def close(self, interrupt: BaseException | None = None) -> None:
        """End the judge, and with it the target's process; after an interrupt without waiting for an answer."""
        self._stack.__exit__(type(interrupt) if interrupt else None, interrupt, None)

    def _opened(self, request: Request) -> Inquiry:
        from corrbench import suites
        from corrbench.judge.client import NotLoaded
        from corrbench.runner import executors, plan, source_reading
        from corrbench.runner.judges import Lost
        from corrbench.runner.verify import Deaths

        spec = request.spec
        suites.select(request.suites)
        for name in request.checks:
            plan.select(name)
        known = baseline.Baseline.load(Path(request.baseline)) if request.baseline else baseline.Baseline()
        known.meant_for(request.target)
        if self._start is None:
            self._start = self._stack.enter_context(executors.opened("local", 1))
        with contextlib.suppress(Lost):  # `ask` will see it; another judge begins with this path
            self._start().submit(_see, sys.path).result()
        try:
            support = executors.ask(spec, self._start)
        except NotLoaded as error:
            raise Unjudgeable(f"{request.target}: {error}") from None
        spec = replace(spec, **support.adopted)
        made = Inquiry(
            request=request, spec=spec, support=support, seed=self.seed, start=self._start, known=known, deaths=Deaths()
        )
        constants = source_reading.constants(source_reading.read(spec))
        shape = plan.outline(spec, support, request.profile, self.seed, request.suites or plan.SUITES, constants)
        jobs = {job.key: job for name in request.checks or ("",) for job in plan.jobs(shape, name)}
        made.questions = list(_questions(made, jobs.values()))
        if not jobs:
            takes = ", ".join(sorted(support.takes)) or "nothing"
            said = next((f"; of {feature} it said {words}" for feature, words in support.refuses.items()), "")
            raise Unjudgeable(f"{request.target}: nothing to ask; it takes {takes}{said}")
        return made


def _questions(inquiry: Inquiry, jobs: Iterable[Job]) -> Iterator[Question]:
    """By name of the check, common element types first; then what is refused."""
    from corrbench.runner.plan import ORDER

    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.check, job.case.dtype), []).append(job)
    for check, dtype in sorted(groups, key=lambda key: (key[0], ORDER.index(key[1]))):
        yield Question(inquiry=inquiry, check=check, group=dtype, jobs=groups[check, dtype])
    for feature, said in sorted(inquiry.support.refuses.items()):
        yield Question(inquiry=inquiry, check=REFUSED, group=feature, said=said)


def _see(path: list[str]) -> None:
    """In the judge: let targets look for modules where the session does by now."""
    target_process.search[:] = path


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """Executors ask their judges, through the environment, for one thread; other tests are not to notice."""
    before = set(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - before:
            del os.environ[name]
