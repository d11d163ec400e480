"""A check at work on one case: its trial makes the calls, notes what they violate, and words the results."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.judge.calls import Call, Violation, case_operands, violations
from corrbench.judge.client import Remote
from corrbench.judge.protocol import Reply
from corrbench.judge.sandbox import Died
from corrbench.judge.time_limit import plain
from corrbench.numerics import inputs
from corrbench.numerics.comparison import Expected, Judgement
from corrbench.numerics.diagnose import chart, pattern, resemblance
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Figures, Result, Status
from corrbench.support import DIFFERENTIABLE, Support, refusal
from corrbench.target import Spec, find


class Settled(Exception):
    """The check is over; carries its result."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.message)
        self.result = result


@dataclass(slots=True)
class Trial:
    """One check on one case of one target.

    Attributes:
        check, case, seed: what is asked.
        spec, support, remote: who answers.
        violations: what the calls did that none may do, each once; `conclude` makes findings of them.
    """

    check: str
    case: Case
    seed: int
    spec: Spec
    support: Support
    remote: Remote
    violations: list[Violation] = field(default_factory=list)

    # ---- what goes in

    @property
    def form(self) -> str:
        return self.support.form

    @property
    def differentiable(self) -> bool:
        """Whether the target gives gradients in the case's element type."""
        return "backward" in self.support.takes and self.case.dtype in DIFFERENTIABLE

    def operands(self, case: Case | None = None, extra: Iterable[str] = ()) -> dict[str, Array]:
        """x, w, where the case has one b, and the named others."""
        case = case or self.case
        return {name: inputs.draw(case, self.seed, name) for name in (*case_operands(case), *extra)}

    def random(self, salt: int = 0) -> np.random.Generator:
        """A generator of this trial's own."""
        return np.random.default_rng([self.seed, salt, len(str(self.case))])

    # ---- calls

    def call(self, mode: str = "forward", *, arrays: dict[str, Array] | None = None) -> Reply:
        """Make one call of the trial's case. Ends the check where the target refuses or raises.

        Raises:
            Settled: the target said that it does not support this, or raised anything else.
        """
        if arrays is None:
            extra = {"backward": ("g",), "double": ("g", *("v" + n for n in case_operands(self.case)))}.get(mode, ())
            arrays = self.operands(extra=extra)
        return self.calls([Call(case=self.case, arrays=arrays, mode=mode)])[0]

    def calls(
        self, calls: list[Call], *, settle: bool = True, into: list[Violation] | None = None, **request: Any
    ) -> list[Reply]:
        """Make several calls in one request; all results are held until the last is made.

        Args:
            calls: in order.
            settle: whether an exception ends the check.
            into: the violations are noted there instead of in the trial.
            request: options of the request as a whole.

        Raises:
            Died: the target's process crashed, or hung or outgrew its limit where it had no reason to.
            Settled: as in `call`; or the target is too slow, or needs too much memory, for cases of this size.
        """
        noted = self.violations if into is None else into
        arrays: list[Array] = []
        steps = [call.step(self.form, arrays) for call in calls]
        dtypes = [call.case.dtype for call in calls for _ in call.arrays]
        heaviest, pace = max(calls, key=lambda call: call.case.macs), self.remote.pace
        if pace.too_slow(heaviest.mode, heaviest.case):
            raise Settled(self.result(Status.SKIPPED, "too large for the target's speed or memory"))
        begun = time.monotonic()
        try:
            replies = self.remote.steps(steps, arrays, dtypes, **request)
        except Died as death:
            if death.status is Status.CRASH or pace.astray(heaviest.mode, heaviest.case) or self._plain_works(heaviest):
                raise
            pace.over[heaviest.mode] = heaviest.case.macs
            said = f"{death.message}; nor does it manage a plain case of this size, so larger ones are left out"
            raise Settled(self.result(Status.SKIPPED, said)) from None
        pace.done(heaviest.mode, heaviest.case, (time.monotonic() - begun) / len(calls), self.spec.timeout)
        for call, reply in zip(calls, replies, strict=True):
            if reply.raised and settle:
                raise Settled(self.raised(reply.raised, call.case))
            if reply.raised:
                continue
            noted += [v for v in dict.fromkeys(violations(call, reply, self.form, self.spec)) if v not in noted]
            for output in reply.outputs.values():  # those of the two-dimensional forms are given four axes
                if self.form != "conv2d" and output.values is not None and output.values.ndim == 2:
                    output.values = output.values[None, None]
        return replies

    def _plain_works(self, call: Call) -> bool:
        """Whether the target manages a plain case of the size of a call that it did not manage."""
        case = plain(call.case).but(bias=self.form == "module")
        extra = {"backward": ["g"], "double": ["g", *("v" + name for name in case_operands(case))]}
        mode = call.mode if call.mode in extra else "forward"
        asked = Call(case=case, arrays=self.operands(case, extra.get(mode, ())), mode=mode)
        arrays: list[Array] = []
        steps = [asked.step(self.form, arrays)]
        try:
            self.remote.steps(steps, arrays, [case.dtype] * len(arrays))
        except Died:
            return False
        return True

    def raised(self, raised: dict[str, Any], case: Case) -> Result:
        """The result for an exception: unsupported, or a finding."""
        said = refusal(raised, case)
        if said:
            return self.result(Status.UNSUPPORTED, said)
        where = f" (at {raised['where']})" if raised["where"] else ""
        first = raised["message"].splitlines()[0][:300] if raised["message"] else ""
        return self.result(
            Status.FAIL, f"raised {raised['type']}: {first}{where}", numbers=Figures(raised=raised["type"])
        )

    # ---- what comes out

    def problem(self, case: Case | None = None, arrays: dict[str, Array] | None = None) -> Problem:
        """The mathematical problem of a case on the given arrays."""
        arrays = arrays or self.operands(case)
        return Problem.of_case(case or self.case, arrays["x"], arrays["w"], arrays.get("b"))

    def expected(self, problem: Problem, *, slack: Array | float = 0.0) -> Expected:
        flush = self.case.data == "subnormal"
        return Expected(problem, self.case.dtype, self.spec.accuracy, flush=flush, slack=slack)

    def values(self, reply: Reply, case: Case | None = None) -> Array | None:
        """The values of y where they can be compared at all; what is amiss otherwise is a violation."""
        case, output = case or self.case, reply.outputs.get("y")
        if output is None or output.values is None:
            return None
        return output.values if output.dtype == case.dtype and output.values.shape == case.out else None

    def incomparable(self) -> Result:
        """The result of a check whose `values` are None."""
        return self.result(
            Status.SKIPPED, "the result cannot be compared; see the findings on its type, dtype and shape"
        )

    def verdict(
        self, judgement: Judgement, problem: Problem | None = None, got: Array | None = None, note: str = ""
    ) -> Result:
        """The result that a comparison gives."""
        numbers = Figures(**judgement.numbers)
        if judgement.right:
            return self.result(Status.PASS, numbers=numbers)
        where = pattern(judgement.wrong)
        message = judgement.message + (f"; {where}" if where else "") + (f"; {note}" if note else "")
        numbers.pattern, numbers.map = where, chart(judgement.wrong, judgement.numbers["at"])
        alike = resemblance(problem, got, self.case.dtype) if problem is not None and got is not None else ""
        return self.result(Status.FAIL, message, numbers=numbers, resembles=alike)

    def result(
        self, status: Status, message: str = "", *, check: str = "",
        numbers: Figures | None = None, resembles: str = "",
    ) -> Result:  # fmt: skip
        """A result of this trial; one that is not a pass can be reproduced."""
        made = Result(
            check=check or self.check,
            case=self.case,
            status=status,
            message=message,
            numbers=numbers or Figures(),
            resembles=resembles,
        )
        if status in (Status.FAIL, Status.WARN, Status.CRASH, Status.TIMEOUT, Status.MEMORY, Status.ERROR):
            # the check that made the call shows it again, though what it saw may be another one's matter
            made.reproduce = reproducer(self.spec, self.check, made.case, self.seed)
        return made


def reproducer(spec: Spec, check: str, case: Case, seed: int) -> str:
    """The command that shows a finding again."""
    words = ["corrbench", "verify", spec.name or spec.target]
    default = find(spec.name or spec.target)
    for option in ("form", "arrays", "accuracy", "device", "python"):
        if getattr(spec, option) != getattr(default, option):
            words += [f"--{option}", getattr(spec, option)]
    words += ["--compile"] if spec.compile else []
    return shlex.join([*words, "--check", check, "--case", str(case), "--seed", str(seed)])


def conclude(trial: Trial, run: Callable[[Trial], Iterator[Result]]) -> list[Result]:
    """Run a check to its end; whatever happens becomes a result."""
    start = time.perf_counter()
    results: list[Result] = []
    try:
        results.extend(run(trial))
    except Settled as settled:
        results.append(settled.result)
    except Died as death:
        results.append(trial.result(death.status, death.message))
    except MemoryError as error:
        results.append(trial.result(Status.SKIPPED, f"the judge has not enough memory for this case: {error}"))
    results += [trial.result(Status.FAIL, one.message, check=one.check) for one in trial.violations]
    for result in results:
        result.seconds = round((time.perf_counter() - start) / len(results), 6)
    return results
