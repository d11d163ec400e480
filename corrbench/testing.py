"""corrbench's checks in test files of pytest: a decorator, a class, and problems to be timed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar, Unpack

import pytest

from corrbench.api.operands import operands
from corrbench.api.targets import Adapted, Options, place
from corrbench.case import Case
from corrbench.render import pytest_text
from corrbench.runner.by_item import Question, Request
from corrbench.support import fit

Test = TypeVar("Test", bound=Callable[..., Any])


class CorrbenchWarning(UserWarning):
    """Worth a look, never a reason to fail."""


def parametrize_with_checks(
    target: str | Callable[..., Any] | Adapted, **options: Unpack[Options]
) -> Callable[[Test], Test]:
    """Run a test function once for each check of a target; it is given `check`, to be called.

    ::

        @parametrize_with_checks("mypkg.ops:conv2d", profile="quick")
        def test_conv2d(check):
            check()

    The target is called in a process of its own, never in pytest's. ``--corrbench-profile``, ``--corrbench-check`` and
    ``--corrbench-suite`` go before what is given here.

    Args:
        target: what `corrbench verify` takes, or the function or class itself if a module has it under its name.
        options: profile, checks, suites, baseline, form, arrays, accuracy, device, sanitize, sandbox, dtypes, python,
            compile, timeout and memory, as of `corrbench verify`.

    Raises:
        ValueError: the object cannot be found by a name (a lambda, a local function), or an option is not one that
            `corrbench verify` takes.
        TypeError: no such option.
    """
    return pytest.mark.corrbench(
        asked(target, **options).target, **(target.options if isinstance(target, Adapted) else {}) | options
    )


class ConvConformance:
    """The checks of a target as a class of tests: name it `Test...`, and say which target.

    ::

        class TestConv2d(ConvConformance):
            target = "mypkg.ops:conv2d"
            profile = "quick"

    Attributes:
        target: as in `parametrize_with_checks`; its options are attributes here.
    """

    target: ClassVar[Any] = None

    def test_conforms(self, check: Check) -> None:
        """One check on all cases of one element type."""
        check()

    @classmethod
    def corrbench_request(cls) -> Request:
        """What the class asks for.

        Raises:
            ValueError: it names no target, or one that cannot be found by a name.
        """
        if cls.target is None:
            raise ValueError(f'{cls.__name__} names no target: write target = "pkg.mod:attr" in it')
        given: Any = {name: getattr(cls, name) for name in Options.__annotations__ if hasattr(cls, name)}
        return asked(cls.target, **given)


@dataclass(frozen=True, slots=True)
class Check:
    """What a test is given: calling it asks the question, and ends the test unless the answer is that all is right."""

    question: Question

    def __str__(self) -> str:
        return f"{self.question.check}-{self.question.group}"

    def __call__(self) -> None:
        """Ask.

        Raises:
            pytest.fail.Exception: a finding, with its message and the command that shows it again.
            pytest.skip.Exception: nothing passed, since the target refused, or since right cannot be told from wrong.
            pytest.xfail.Exception: all findings are known to the baseline.
        """
        run = self.question.ask()
        for text in pytest_text.doubts(run):
            _warn(text, run.target)
        if run.findings:
            pytest.fail(pytest_text.findings(run, self.question.check), pytrace=False)
        if said := pytest_text.unjudged(run):
            pytest.fail(f"could not judge: {said}", pytrace=False)
        if said := pytest_text.known(run):
            pytest.xfail(f"known: {said}")
        if "pass" not in run.counts:
            pytest.skip(pytest_text.aside(run))


@dataclass(frozen=True, slots=True)
class ConvProblem:
    """A call to be timed: ``function(*problem.args, **problem.kwargs)``.

    Attributes:
        case: the case, one of those that `corrbench bench` times.
        args: input and weight, and the bias if the case has one; in the form corr2d X and K, both of two axes.
        kwargs: stride, padding, dilation and groups where they are not the default.
    """

    case: Case
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def drawn(cls, case: Case, seed: int, form: str, arrays: str) -> ConvProblem:
        """The operands of a case, from a seed, as torch tensors or numpy arrays."""
        args, words = operands(case, seed, form, arrays)
        return cls(case, args, words)


def _warn(text: str, target: str) -> None:
    """Say it, and do not fail where all warnings are made errors: only a filter that names the class does that."""
    warning = CorrbenchWarning(text)
    try:
        warnings.warn_explicit(warning, None, target, 0)
    except CorrbenchWarning:
        if any(entry[2] is CorrbenchWarning for entry in warnings.filters):
            pytest.fail(text, pytrace=False)
        with warnings.catch_warnings():
            warnings.simplefilter("always", CorrbenchWarning)
            warnings.warn_explicit(warning, None, target, 0)


def timed(form: str = "conv2d", arrays: str = "torch", suite: str = "speed") -> list[tuple[Case, str, str]]:
    """What the fixture `conv_problem` gives in turn: the cases of a suite in a form, each with form and arrays.

    Raises:
        ValueError: there is no such form, kind of arrays or suite; the message says what there is.
    """
    from corrbench import suites

    known = {
        "form": (form, ("conv2d", "corr2d")),
        "arrays": (arrays, ("torch", "numpy")),
        "suite": (suite, tuple(suites.registry())),
    }
    for what, (given, there) in known.items():
        if given not in there:
            raise ValueError(f"no {what} {given!r}; there are: {', '.join(there)}")
    fitted = [case for one in suites.registry()[suite](1, 0) if (case := fit(one, form)) is not None]
    return [(case, form, arrays) for case in dict.fromkeys(fitted)]


def asked(target: str | Callable[..., Any] | Adapted, **options: Unpack[Options]) -> Request:
    """The Request for a target or the object itself.

    Raises:
        ValueError: see `place`.
        TypeError: no such option.
    """
    given: dict[str, Any] = dict(options)
    if isinstance(target, Adapted):
        given, target = target.options | given, target.target
    for name in ("checks", "suites"):
        if name in given:
            given[name] = (given[name],) if isinstance(given[name], str) else tuple(given[name])
    return replace(Request(target=target if isinstance(target, str) else place(target)), **given)
