"""A check at work on one case: its trial makes the calls, notes what they violate, and words the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from corrbench.case import INTEGERS, Case
from corrbench.judge import boundary
from corrbench.judge.calls import Call, Violation, case_operands, violations
from corrbench.judge.client import Remote
from corrbench.judge.protocol import Output, Reply
from corrbench.judge.target_process import Died
from corrbench.judge.time_limit import simplest
from corrbench.numerics import inputs
from corrbench.numerics.bounds import LAX
from corrbench.numerics.comparison import Expected, Judgement, as_type
from corrbench.numerics.diagnose import chart, pattern, resemblance
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Figures, Result, Status
from corrbench.support import Support, refusal
from corrbench.target import Spec, find, shell_line, words

BEYOND = {
    "stepwise": "each product was rounded to the type (class stepwise), which is honest for code that is composed so",
    "narrow": "as float32 computes it: the code is not made for this type",
}  # what a laxer class says of a result


class Concluded(Exception):
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
        return "backward" in self.support.takes and self.support.differentiates(self.case.dtype)

    def operands(self, case: Case | None = None, extra: Iterable[str] = ()) -> dict[str, Array]:
        """x, w, where the case has one b, and the named others."""
        case = case or self.case
        found = {name: inputs.draw(case, self.seed, name) for name in (*case_operands(case), *extra)}
        return self.seen(found, case)

    def seen(self, arrays: dict[str, Array], case: Case | None = None) -> dict[str, Array]:
        """Operands that a check has made of others, their border again what the target puts around."""
        return arrays | {"x": self.support.convention.enlarged(arrays["x"], case or self.case)}

    def drawn(self, case: Case, mode: str) -> dict[str, Array]:
        """The operands of a call in one mode."""
        tangents = ("v" + name for name in case_operands(case))
        return self.operands(case, {"backward": ("g",), "double": ("g", *tangents)}.get(mode, ()))

    def other(self, case: Case | None) -> dict[str, Any]:
        """What figures note of a call that is of another case than the trial's."""
        return {} if case in (None, self.case) else {"call": str(case)}

    def random(self, salt: int = 0) -> np.random.Generator:
        """A generator of this trial's own."""
        return np.random.default_rng([self.seed, salt, len(str(self.case))])

    # ---- calls

    def call(self, mode: str = "forward", *, arrays: dict[str, Array] | None = None) -> Reply:
        """Make one call of the trial's case. Ends the check where the target refuses or raises.

        Raises:
            Concluded: the target said that it does not support this, or raised anything else.
        """
        # a second pass of a layer that keeps its gradients must not add to those of the first
        options = {"repeat": 2} if mode == "backward" and self.support.convention.by_hand else {}
        arrays = arrays or self.drawn(self.case, mode)
        return self.calls([Call(case=self.case, arrays=arrays, mode=mode, options=options)])[0]

    def calls(
        self, calls: list[Call], *, ends: bool = True, into: list[Violation] | None = None, **request: Any
    ) -> list[Reply]:
        """Make several calls in one request; all results are held until the last is made.

        Args:
            calls: in order.
            ends: whether an exception ends the check.
            into: the violations are noted there instead of in the trial.
            request: options of the request as a whole.

        Raises:
            Died: the target's process crashed, or hung or outgrew its limit where it had no reason to.
            Concluded: as in `call`; or the target is too slow, or needs too much memory, for cases of this size.
        """
        noted = self.violations if into is None else into
        heaviest, shown = max(calls, key=lambda call: call.case.macs), self.remote.shown
        if shown.too_slow(heaviest.mode, heaviest.case):
            raise Concluded(self.result(Status.SKIPPED, "too large for the target's speed or memory"))
        begun = time.monotonic()
        try:
            replies = self.answers(calls, **request)
        except Died as death:
            fault = death.status is Status.CRASH or shown.in_time(heaviest.mode, heaviest.case)
            if fault or self._simplest_works(heaviest):
                raise
            shown.over[heaviest.mode] = heaviest.case.macs
            said = f"{death.message}; nor does it manage a plain case of this size, so larger ones are left out"
            raise Concluded(self.result(Status.SKIPPED, said)) from None
        shown.done(heaviest.mode, heaviest.case, (time.monotonic() - begun) / len(calls), self.spec.timeout)
        for call, reply in zip(calls, replies, strict=True):
            if reply.raised and ends:
                raise Concluded(self.raised(reply.raised, call.case))
            self.take(call, reply, noted)
        return replies

    def take(self, call: Call, reply: Reply, noted: list[Violation]) -> None:
        """Bring what a call gave into the judge's form, and note what it violates."""
        if reply.raised:
            return
        seen = dict.fromkeys(violations(call, reply, self.support, self.spec))
        seen |= {Violation(*one): None for one in self.support.conduct if one[0] == self.check}  # of the probe
        noted += [v for v in seen if v not in noted and (not v.beyond or v.check == self.check)]  # told once
        for name, output in reply.outputs.items():
            if output.values is not None:
                output.values = call.taken(self.support.convention, name, output.values)
                self._express(output, call.case.dtype)

    def answers(self, calls: list[Call], **request: Any) -> list[Reply]:
        """What the target's process answers to one request, as it comes.

        Raises:
            Died: the target's process crashed, hung or outgrew its limit.
        """
        arrays: list[Array] = []
        steps = [call.step(self.support.convention, arrays) for call in calls]
        try:
            return self.remote.steps(steps, arrays, [call.case.dtype for call in calls for _ in call.arrays], **request)
        except Died as death:
            if all(call.case == calls[0].case for call in calls):
                death.case = calls[0].case
            raise

    def _express(self, output: Output, dtype: str) -> None:
        """Values of another element type than the operands' as what they express in it, if that is no finding."""
        if output.dtype == dtype or not (self.spec.lenient or self.spec.result or self.spec.arrays == "list"):
            return
        assert output.values is not None
        values = as_type(output.values, dtype, output.dtype)
        if values is not None:
            output.values, output.dtype = values, dtype

    def _simplest_works(self, call: Call) -> bool:
        """Whether the target manages a simple case of the size of a call that it did not manage."""
        case = simplest(call.case).but(bias=self.support.convention.keeps_bias)
        mode = call.mode if call.mode in ("backward", "double") else "forward"
        try:
            self.answers([Call(case=case, arrays=self.drawn(case, mode), mode=mode)])
        except Died:
            return False
        return True

    def raised(self, raised: dict[str, Any], case: Case) -> Result:
        """The result for an exception: unsupported, or a finding."""
        said, other = refusal(raised, case), self.other(case)
        if said:
            numbers = Figures(own=other, raised=raised["type"])
            made = self.result(Status.UNSUPPORTED, said, numbers=numbers if not self.spec.name else None)
            made.reproduce = "" if self.spec.name else reproducer(self.spec, self.check, made.case, self.seed)
            return made
        where = f" (at {raised['where']})" if raised["where"] else ""
        lines = raised["message"].splitlines() or [""]
        first = lines[0][:300] if not lines[0].endswith(":") else f"{lines[0]} {lines[-1]}"[:300]
        text = f"{raised['type']}: {first}"
        said = f"raised {text}{where}{boundary.hint(self.spec, text)}"
        if self.spec.lenient and case.dtype in INTEGERS and raised["type"] == "OverflowError":  # where others wrap
            numbers = Figures(own=other, raised=raised["type"], beyond="type")
            return self.result(Status.WARN, f"refuses a result that {case.dtype} cannot hold: {said}", numbers=numbers)
        return self.result(Status.FAIL, said, numbers=Figures(own=other, raised=raised["type"]))

    # ---- what comes out

    def problem(self, case: Case | None = None, arrays: dict[str, Array] | None = None) -> Problem:
        """The mathematical problem of a case on the given arrays."""
        arrays = arrays or self.operands(case)
        return Problem.of_case(case or self.case, arrays["x"], arrays["w"], arrays.get("b"))

    def expected(self, problem: Problem, *, slack: Array | float = 0.0) -> Expected:
        flush = self.case.data == "subnormal"
        lax = LAX if self.spec.lenient or self.spec.result else ()
        return Expected(
            problem,
            self.case.dtype,
            self.spec.accuracy,
            flush=flush,
            slack=slack,
            lax=lax,
            rows=self.spec.arrays != "torch",
        )

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
        if judgement.beyond:
            if self.spec.result:  # a type that it declares: less cannot be expected of it
                return self.result(Status.PASS, numbers=numbers)
            numbers.beyond = judgement.beyond
            return self.result(Status.WARN, f"{judgement.message}; {BEYOND[judgement.beyond]}", numbers=numbers)
        where = pattern(judgement.wrong)
        message = judgement.message + (f"; {where}" if where else "") + (f"; {note}" if note else "")
        numbers.pattern, numbers.map = where, chart(judgement.wrong, judgement.numbers["at"])
        whole = (numbers.array or "y") == "y"
        alike = ""
        if problem is not None and got is not None:
            alike = resemblance(problem, got, self.case.dtype, whole=whole)
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
    default = asdict(find(spec.name or spec.target))
    options = words({name: value if value != default[name] else "" for name, value in asdict(spec).items()})
    asked = ["--check", check, "--case", str(case), "--seed", str(seed)]
    return shell_line(["corrbench", "verify", spec.name or spec.target, *options, *asked])


def conclude(trial: Trial, run: Callable[[Trial], Iterator[Result]]) -> list[Result]:
    """Run a check to its end; whatever happens becomes a result."""
    start = time.perf_counter()
    results: list[Result] = []
    try:
        results.extend(run(trial))
    except Concluded as concluded:
        results.append(concluded.result)
    except Died as death:
        results.append(trial.result(death.status, death.message, numbers=Figures(own=trial.other(death.case))))
    except MemoryError as error:
        results.append(trial.result(Status.SKIPPED, f"the judge has not enough memory for this case: {error}"))
    for one in trial.violations:
        status, numbers = (Status.WARN, Figures(beyond="type")) if one.beyond else (Status.FAIL, None)
        results.append(trial.result(status, one.message, check=one.check, numbers=numbers, resembles=one.resembles))
    for result in results:
        result.seconds = round((time.perf_counter() - start) / len(results), 6)
    return results
