"""What does pytest see of corrbench? Its options, an item for each check and element type, and what they come to."""

from __future__ import annotations

import secrets
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from corrbench.case import Case
    from corrbench.inquiry import Inquiries, Request
    from corrbench.testing import Check, ConvProblem

ROOT = "corrbench::"  # what the ids of items begin with; an argument that begins so asks for such items
SEED = "corrbench_seed"  # in what a controller of xdist tells its workers
CACHED = "corrbench/seed"  # in pytest's cache
PROPERTY = "corrbench"  # of reports: the target


@dataclass(slots=True)
class State:
    """What one pytest process knows.

    Attributes:
        targets: those of the command line, each with the ids of the items that are wanted; none for all.
        seed: of data and hidden cases, the same in all processes of a session.
        inquiries: the targets that were opened; None as long as there is none.
    """

    targets: dict[str, list[str]]
    seed: int
    inquiries: Inquiries | None = None


STATE = pytest.StashKey[State]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options named as those of `corrbench verify`."""
    group = parser.getgroup("corrbench", "is a convolution right? (corrbench)")
    add = group.addoption
    add("--corrbench", action="append", default=[], metavar="TARGET",
        help="Judge TARGET: pkg.mod:attr, path/to/file.py:attr or a registered name; may be repeated.")  # fmt: skip
    add("--corrbench-profile", choices=["quick", "standard", "deep"],
        help="How thoroughly. [default: standard]")  # fmt: skip
    add("--corrbench-check", action="append", default=[], metavar="NAME",
        help="Only this check, or this family of checks; may be repeated.")  # fmt: skip
    add("--corrbench-suite", action="append", default=[], metavar="NAME",
        help="Only cases of this suite; may be repeated.")  # fmt: skip
    add("--corrbench-seed", type=int, metavar="N", help="Seed of data and hidden cases. [default: drawn, and shown]")
    add("--corrbench-baseline", default="", metavar="FILE", help="Findings recorded in this file are expected.")
    add("--corrbench-form", choices=["corr2d", "conv2d", "module"], default="",
        help="How targets are called. [default: recognised from the signature]")  # fmt: skip
    add(
        "--corrbench-arrays", choices=["torch", "numpy"], default="", help="What they take and return. [default: torch]"
    )
    add("--corrbench-accuracy", choices=["direct", "winograd", "fft", "tf32"], default="",
        help="The accuracy class that they declare. [default: direct]")  # fmt: skip
    add("--corrbench-device", default="", metavar="DEVICE", help="cpu or cuda. [default: cpu]")
    add("--corrbench-python", default="", metavar="FILE", help="Interpreter that targets run in.")
    add("--corrbench-timeout", type=float, default=0.0, metavar="SECONDS", help="For one call. [default: 30]")


def pytest_configure(config: pytest.Config) -> None:
    """Take the arguments that are ids of ours, and fix the seed."""
    config.addinivalue_line(
        "markers", "corrbench(request): one test for each check of a target; see corrbench.testing."
    )
    config.addinivalue_line(
        "markers", "conv_problems(form='conv2d', arrays='torch', suite='speed'): what the fixture conv_problem gives."
    )
    targets: dict[str, list[str]] = {target: [] for target in config.option.corrbench}
    for wanted in [argument for argument in config.args if argument.startswith(ROOT)]:
        place, _, attribute = wanted.removeprefix(ROOT).partition(":")
        target = f"{place}:{attribute.partition('::')[0]}" if attribute and attribute[0] != ":" else place
        if target not in config.option.corrbench:
            targets.setdefault(target, []).append(wanted)
        config.args.remove(wanted)
    config.stash[STATE] = State(targets, _seed(config))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(config), "corrbench outcomes")


def pytest_report_header(config: pytest.Config) -> str | None:
    """The targets of the command line, and the seed."""
    state = config.stash[STATE]
    if not state.targets and config.option.corrbench_seed is None:
        return None
    return " ".join(["corrbench:", *(f"{target}," for target in state.targets), f"seed {state.seed}"])


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the judge."""
    state = config.stash.get(STATE, None)
    if state is not None and state.inquiries is not None:
        state.inquiries.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist the seed: by the wire, since the environment is seen by targets."""
    node.workerinput[SEED] = node.config.stash[STATE].seed


def _seed(config: pytest.Config) -> int:
    told: int | None = getattr(config, "workerinput", {}).get(SEED)
    if told is None:
        told = config.option.corrbench_seed
    again = config.getoption("lf", False) or config.getoption("failedfirst", False)
    if told is None and again and getattr(config, "cache", None) is not None:
        told = config.cache.get(CACHED, None)
    return secrets.randbits(48) if told is None else told


# ---- what is collected


class Target(pytest.Collector):
    """A target that was named on the command line."""

    def collect(self) -> Sequence[pytest.Item]:
        checks = _checks(self.config, _named(self.config, self.name))
        return [CheckItem.from_parent(self, name=f"{c.question.check}[{c.question.group}]", check=c) for c in checks]


class CheckItem(pytest.Item):
    """One check on all cases of one element type."""

    def __init__(self, *, check: Check, **rest: Any) -> None:
        super().__init__(**rest)
        self.check = check

    def runtest(self) -> None:
        self.check()

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, f"{self.check.question.inquiry.request.target} {self.name}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the targets of the command line before -k and --lf choose."""
    from corrbench.testing import Check

    for target, wanted in config.stash[STATE].targets.items():
        collector = Target.from_parent(session, name=target, nodeid=ROOT + target)
        found = list(session.genitems(collector))
        missing = [one for one in wanted if not any(_within(item.nodeid, one) for item in found)]
        if found and missing:
            raise pytest.UsageError(f"not found: {missing[0]}; --collect-only {ROOT}{target} shows what there is")
        items += [item for item in found if not wanted or any(_within(item.nodeid, one) for one in wanted)]
    for item in items:
        check = item.check if isinstance(item, CheckItem) else _params(item).get("check")
        if isinstance(check, Check):
            item.user_properties += [
                (PROPERTY, check.question.inquiry.request.target),
                (SEED, config.stash[STATE].seed),
            ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """For tests of `corrbench.testing`, and of `conv_problem`: one for each check, and each problem."""
    mark = metafunc.definition.get_closest_marker("corrbench")
    if mark is not None:
        try:
            request = mark.args[0] if mark.args else metafunc.cls.request()
        except ValueError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        own = {
            "profile": metafunc.config.option.corrbench_profile,
            "checks": tuple(metafunc.config.option.corrbench_check),
        }
        request = replace(request, **{name: value for name, value in own.items() if value})
        metafunc.parametrize("check", _checks(metafunc.config, request), ids=str)
    if "conv_problem" in metafunc.fixturenames:
        problems = _problems(metafunc.definition.get_closest_marker("conv_problems"))
        metafunc.parametrize("conv_problem", problems, indirect=True, ids=lambda problem: _short(problem[0]))


@pytest.fixture
def conv_problem(request: pytest.FixtureRequest) -> ConvProblem:
    """A problem to be timed, in turn each that `corrbench bench` times: ``benchmark(f, *p.args, **p.kwargs)``.

    The mark `conv_problems` says in which ``form`` (conv2d or corr2d) and ``arrays`` (torch or numpy), and of which
    ``suite``.
    """
    from corrbench.testing import ConvProblem

    case, form, arrays = request.param
    return ConvProblem.drawn(case, request.config.stash[STATE].seed, form, arrays)


def _named(config: pytest.Config, target: str) -> Request:
    """What the command line asks of a target that it names."""
    from corrbench.inquiry import Request

    option = config.option
    return Request(
        target=target, profile=option.corrbench_profile or "standard", checks=tuple(option.corrbench_check),
        suites=tuple(option.corrbench_suite), baseline=option.corrbench_baseline, form=option.corrbench_form,
        arrays=option.corrbench_arrays, accuracy=option.corrbench_accuracy, device=option.corrbench_device,
        python=option.corrbench_python, timeout=option.corrbench_timeout,
    )  # fmt: skip


def _checks(config: pytest.Config, request: Request) -> list[Check]:
    """What is to be asked.

    Raises:
        pytest.Collector.CollectError: the target cannot be judged; the message says why.
    """
    from corrbench.inquiry import Inquiries, Unjudgeable
    from corrbench.testing import Check

    state = config.stash[STATE]
    if state.inquiries is None:
        state.inquiries = Inquiries(state.seed)
    try:
        with warnings.catch_warnings():  # what is imported now is not the user's
            warnings.simplefilter("ignore")
            return [Check(question) for question in state.inquiries.open(request).questions]
    except Unjudgeable as error:
        raise pytest.Collector.CollectError(f"corrbench: {error}") from None


def _problems(mark: pytest.Mark | None) -> list[tuple[Case, str, str]]:
    from corrbench import suites
    from corrbench.target import fit

    given: dict[str, Any] = {"form": "conv2d", "arrays": "torch", "suite": "speed", **(mark.kwargs if mark else {})}
    form, arrays, suite = given["form"], given["arrays"], given["suite"]
    if len(given) > 3 or form not in ("conv2d", "corr2d") or arrays not in ("torch", "numpy") or (mark and mark.args):
        raise pytest.Collector.CollectError(
            "conv_problems takes form='conv2d' or 'corr2d', arrays='torch' or 'numpy', and suite=NAME"
        )
    if suite not in suites.registry():
        raise pytest.Collector.CollectError(f"no suite named {suite!r}; there are: {', '.join(suites.registry())}")
    fitted = {str(case): case for one in suites.registry()[suite](1, 0) if (case := fit(one, form)) is not None}
    return [(case, form, arrays) for case in fitted.values()]


def _short(case: Case) -> str:
    """Its text without blanks, and without what all have."""
    words = str(case).split()
    return "-".join(word for word in words if word not in ("dtype=float32", "data=unit"))


def _params(item: pytest.Item) -> dict[str, Any]:
    return getattr(getattr(item, "callspec", None), "params", {})


def _within(nodeid: str, wanted: str) -> bool:
    """Whether an id is the wanted one, or below it."""
    return nodeid == wanted or nodeid.startswith((wanted + "::", wanted + "["))


# ---- what it comes to


@dataclass(slots=True)
class Outcomes:
    """The outcomes of each target's items, as the reports come in; where xdist runs, in its controller."""

    config: pytest.Config
    by_target: dict[str, Counter[str]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        target = dict(report.user_properties).get(PROPERTY)
        if isinstance(target, str) and (report.when == "call" or not report.passed):
            known = hasattr(report, "wasxfail") and not report.failed
            self.by_target.setdefault(target, Counter())["known" if known else report.outcome] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A run in which nothing passed is not a pass."""
        if self.empty and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.INTERRUPTED  # 2, as `corrbench verify`: could not judge
        cache = getattr(self.config, "cache", None)
        if cache is not None and any(outcomes["failed"] for outcomes in self.by_target.values()):
            cache.set(CACHED, self.config.stash[STATE].seed)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for target in self.empty:
            terminalreporter.write_line(
                f"corrbench: nothing passed for {target}: it was not judged, and this is not a pass", red=True
            )
        if any(outcomes["failed"] for outcomes in self.by_target.values()):
            terminalreporter.write_line(
                f"corrbench: seed {self.config.stash[STATE].seed}; --lf takes it again, or --corrbench-seed"
            )

    @property
    def empty(self) -> list[str]:
        """Targets of which no item passed, and none failed."""
        return [t for t, seen in self.by_target.items() if not seen["passed"] + seen["known"] + seen["failed"]]
