"""The plugin for pytest: its options, an item for each check and element type, and what they come to."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import pytest

from corrbench.runner import secret_seed
from corrbench.target import PROFILES, Given

if TYPE_CHECKING:
    from corrbench.runner.by_item import Inquiries, Request
    from corrbench.testing import Check, ConvProblem

ROOT = "corrbench::"  # what the ids of items begin with; an argument that begins so asks for such items
SEED = "corrbench_seed"  # in what a controller of xdist tells its workers
CACHED = "corrbench/seed"  # in pytest's cache
PROPERTY = "corrbench"  # of reports: the target
# options that say how targets are called
CALLED = {one.name: one for one in fields(Given) if one.name not in ("memory", "sanitize")}


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
    add = parser.getgroup("corrbench", "is a convolution right? (corrbench)").addoption
    several: dict[str, Any] = {"action": "append", "default": []}
    add("--corrbench", **several, metavar="TARGET",
        help="Judge TARGET: pkg.mod:attr, path/to/file.py:attr or a registered name; may be repeated.")  # fmt: skip
    add("--corrbench-profile", choices=PROFILES, help="How thoroughly. [default: standard]")
    add("--corrbench-check", **several, metavar="NAME",
        help="Only this check, or this family of checks; may be repeated.")  # fmt: skip
    add("--corrbench-suite", **several, metavar="NAME", help="Only cases of this suite; may be repeated.")
    add("--corrbench-seed", type=int, metavar="N", help="Seed of data and hidden cases. [default: drawn, and shown]")
    add("--corrbench-baseline", default="", metavar="FILE", help="Findings recorded in this file are expected.")
    for name, one in CALLED.items():
        if one.default is False:
            add(f"--corrbench-{name.replace('_', '-')}", action="store_true", help=one.metadata["about"])
            continue
        said = f"{one.metadata['about']} [default: {one.metadata['default'] or 'this one'}]"
        add(f"--corrbench-{name}", choices=one.metadata["choices"] or None, default=one.default,
            type=type(one.default), metavar=None if one.metadata["choices"] else name.upper(), help=said)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Take the arguments that are ids of ours, and fix the seed."""
    config.addinivalue_line(
        "markers", "corrbench(target, **options): one test for each check of a target; see corrbench.testing."
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
    config.pluginmanager.register(Outcomes(config), "corrbench outcomes")


def pytest_report_header(config: pytest.Config) -> str | None:
    """The targets of the command line, and the seed."""
    state = config.stash[STATE]
    if not state.targets and config.option.corrbench_seed is None:
        return None
    return "corrbench: " + ", ".join(
        [*state.targets, *([_profile(config)] if state.targets else []), f"seed {state.seed}"]
    )


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
    return secret_seed() if told is None else told


# ---- what is collected


class Target(pytest.Collector):
    """A target that was named on the command line."""

    def collect(self) -> Sequence[pytest.Item]:
        try:
            checks = _checks(self.config, _named(self.config, self.name))
        except ValueError as error:
            raise self.CollectError(f"corrbench: {error}") from None
        names = {f"{check.question.check}[{check.question.group}]": check for check in checks}
        # pytest takes ids apart at the bracket, and would not know these again if they were put together from names
        return [
            CheckItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", check=check)
            for name, check in names.items()
        ]


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
    for target, wanted in config.stash[STATE].targets.items():
        collector = Target.from_parent(session, name=target, nodeid=ROOT + target)
        found = list(session.genitems(collector))
        missing = [one for one in wanted if not any(_within(item.nodeid, one) for item in found)]
        if found and missing:
            raise pytest.UsageError(f"not found: {missing[0]}; --collect-only {ROOT}{target} shows what there is")
        items += [item for item in found if not wanted or any(_within(item.nodeid, one) for one in wanted)]
    for item in items:
        if (check := _check(item)) is not None:
            item.user_properties += [
                (PROPERTY, check.question.inquiry.request.target),
                (SEED, config.stash[STATE].seed),
            ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """For tests of `corrbench.testing`, and of `conv_problem`: one for each check, and each problem."""
    mark, option = metafunc.definition.get_closest_marker("corrbench"), metafunc.config.option
    if mark is not None or ("check" in metafunc.fixturenames and hasattr(metafunc.cls, "corrbench_request")):
        from corrbench.testing import asked

        try:
            request = asked(*mark.args, **mark.kwargs) if mark is not None else metafunc.cls.corrbench_request()
        except (TypeError, ValueError) as error:
            raise pytest.Collector.CollectError(f"corrbench: {error}") from None
        request = replace(
            request,
            profile=option.corrbench_profile or request.profile,
            checks=tuple(option.corrbench_check) or request.checks,
            suites=tuple(option.corrbench_suite) or request.suites,
        )
        metafunc.parametrize("check", _checks(metafunc.config, request), ids=str)
    if "conv_problem" in metafunc.fixturenames:
        from corrbench.render._figures import short
        from corrbench.testing import timed

        problems = metafunc.definition.get_closest_marker("conv_problems")
        try:
            chosen = timed(**(problems.kwargs if problems else {}))
        except (TypeError, ValueError) as error:
            raise pytest.Collector.CollectError(f"conv_problems: {error}") from None
        metafunc.parametrize("conv_problem", chosen, indirect=True, ids=lambda problem: short(problem[0], "-"))


@pytest.fixture
def conv_problem(request: pytest.FixtureRequest) -> ConvProblem:
    """A problem to be timed, in turn each that `corrbench bench` times: ``benchmark(f, *p.args, **p.kwargs)``.

    The mark `conv_problems` says in which ``form`` (conv2d or corr2d) and ``arrays`` (torch or numpy), and of which
    ``suite``.
    """
    from corrbench.testing import ConvProblem

    case, form, arrays = request.param
    return ConvProblem.drawn(case, request.config.stash[STATE].seed, form, arrays)


def _profile(config: pytest.Config) -> str:
    return config.option.corrbench_profile or "standard"


def _named(config: pytest.Config, target: str) -> Request:
    """What the command line asks of a target that it names."""
    from corrbench.runner.by_item import Request

    option = config.option
    called = {name: getattr(option, f"corrbench_{name}") for name in CALLED}
    return Request(
        target=target,
        profile=_profile(config),
        checks=tuple(option.corrbench_check),
        suites=tuple(option.corrbench_suite),
        baseline=option.corrbench_baseline,
        **called,
    )


def _checks(config: pytest.Config, request: Request) -> list[Check]:
    """What is to be asked.

    Raises:
        pytest.Collector.CollectError: the target cannot be judged; the message says why.
    """
    from corrbench.runner.by_item import Inquiries, Unjudgeable
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


def _check(item: pytest.Item) -> Check | None:
    """The check that an item is there for."""
    found = getattr(item, "check", None) or getattr(getattr(item, "callspec", None), "params", {}).get("check")
    if found is None:
        return None
    from corrbench.testing import Check

    return found if isinstance(found, Check) else None


def _within(nodeid: str, wanted: str) -> bool:
    """Whether an id is the wanted one, or below it."""
    return nodeid == wanted or nodeid.startswith((wanted + "::", wanted + "["))


# ---- what it comes to


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip tells which item it is of, not where in corrbench it was raised."""
    report = yield
    if report.when == "call" and isinstance(report.longrepr, tuple) and _check(item) is not None:
        report.longrepr = (item.nodeid, None, report.longrepr[2])  # type: ignore[assignment]  # pytest takes no line
    return report


@dataclass(slots=True)
class Outcomes:
    """The outcomes of each target's items, as the reports come in."""

    config: pytest.Config
    by_target: dict[str, Counter[str]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        target = dict(report.user_properties).get(PROPERTY)
        if isinstance(target, str) and (report.when == "call" or not report.passed):
            known = hasattr(report, "wasxfail") and not report.failed
            self.by_target.setdefault(target, Counter())["known" if known else report.outcome] += 1

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Do not wait for an answer that may never come."""
        if (inquiries := self.config.stash[STATE].inquiries) is not None:
            inquiries.close(excinfo.value)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A run in which nothing passed is not a pass."""
        if hasattr(self.config, "workerinput"):
            return  # the controller of xdist sees all reports
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
                f"corrbench: the seed was {self.config.stash[STATE].seed}; --lf takes it again, or --corrbench-seed"
            )

    @property
    def empty(self) -> list[str]:
        """Targets of which no item passed, and none failed."""
        return [t for t, seen in self.by_target.items() if not seen["passed"] + seen["failed"]]
