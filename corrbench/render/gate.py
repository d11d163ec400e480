"""The report of a gate: on a terminal, as Markdown for a job's summary, and as JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from rich.console import Console
from rich.text import Text

from corrbench.gate import BASE, HARDLY, HEAD, Gate
from corrbench.render import compare, junit
from corrbench.render._figures import interval, percent, short
from corrbench.render.markdown import escape
from corrbench.timing.significance import Verdict

STYLES = {
    "passed": "bold green",
    "new": "bold cyan",
    "regressed": "bold red",
    "inconclusive": "bold yellow",
    "unjudged": "bold yellow",
}
SHOWN = 5  # groups of findings that are written out


def lines(gate: Gate, shown: int = SHOWN) -> Iterator[str]:
    """What there is to say beside the times, worst first; so many groups of findings in full."""
    if gate.new:
        yield f"new: {gate.new}; judged by itself"
    yield from _findings(gate, shown)
    yield from _lost(gate)
    for case, ratio in gate.ratios.items():
        if ratio > HARDLY or ratio < 2 - HARDLY:
            yield f"{'heavier' if case in gate.heavier else 'instructions'}: {short(case)}: {ratio - 1:+.2%}"
    for said in gate.failed:
        yield f"failed while it was timed: {said}"
    if gate.untimed:
        yield f"not timed: {gate.untimed}"
    if any(run.stopped for run in gate.runs):
        yield f"not all questions were asked: {', '.join({run.stopped for run in gate.runs if run.stopped})}"
    if gate.fixed:
        yield f"fixed: {len(gate.fixed)} findings of {gate.base} are gone"
    if gate.uncounted:
        yield f"instructions not counted: {gate.uncounted}"


def _lost(gate: Gate) -> Iterator[str]:
    """What head does not do any more, or less accurately."""
    for name, said in gate.refused.items():
        yield f"no longer supported: {name}{f' ({said})' if said else ''}"
    for dtype, bits in gate.accuracy.items():
        yield f"less accurate: {dtype} has lost {bits:.1f} effective bits on average"


def regressions(gate: Gate) -> Iterator[str]:
    """Everything that makes a gate say *regressed*, a line each, beside its new findings."""
    yield from _lost(gate)
    for one in gate.slower:
        yield f"slower: {short(one.case)}: {percent(one.change)}"
    for case, ratio in gate.heavier.items():
        yield f"heavier: {short(case)}: {ratio - 1:+.2%} instructions"
    for said in gate.failed:
        yield f"failed while it was timed: {said}"


def _findings(gate: Gate, shown: int) -> Iterator[str]:
    """New findings, those of one cause together; what belongs to one is indented below it."""
    for group in gate.groups[:shown]:
        one = group.smallest
        more = f" (on {group.cases} cases)" if group.cases > 1 else ""
        yield f"new finding: {one.check}{more}: {one.message}"
        yield from (f"    {said}" for said in group.remarks)
        if one.reproduce:
            yield f"    `{one.reproduce}`"
    if len(gate.groups) > shown:
        yield f"and {len(gate.groups) - shown} groups of findings more"


def summary(gate: Gate) -> str:
    """The verdict in one line."""
    parts = [f"{gate.target}, {gate.head} against {gate.base}"]
    if gate.runs:
        counts = {side: len(run.findings) for side, run in zip((BASE, HEAD)[-len(gate.runs) :], gate.runs, strict=True)}
        partly = " (of the questions that were asked)" * any(run.stopped for run in gate.runs)
        parts.append("findings: " + ", ".join(f"{side} {count}" for side, count in counts.items()) + partly)
    if gate.speed:
        parts.append(f"speed: {compare.summary(gate.speed)}")
    if gate.instructions:
        parts.append(f"instructions: {len(gate.heavier)} of {len(gate.ratios)} heavier")
    return "; ".join(parts)


def show(console: Console, gate: Gate, *, verbose: bool = False) -> None:
    """Print a gate's verdict, and what led to it."""
    if gate.speed:
        compare.show(console, gate.speed, (BASE, HEAD))
    for line in lines(gate, len(gate.worse) if verbose else SHOWN):
        console.print(Text(f"  {line.replace('`', '')}"), soft_wrap=True)
    for one in gate.fixed if verbose else ():
        console.print(Text(f"    {one.check} {one.case}: {one.message}", "dim"), soft_wrap=True)
    console.print(last(gate), soft_wrap=True)


def last(gate: Gate) -> Text:
    """The last line."""
    return Text.assemble((gate.verdict.upper(), STYLES[gate.verdict]), " ", summary(gate))


def markdown(gate: Gate) -> str:
    """A summary for a job's page."""
    found = [f"## corrbench gate: {gate.verdict}", "", summary(gate), ""]
    if gate.speed:
        found += [*compare.markdown(gate.speed, (BASE, HEAD)), ""]
    for line in lines(gate):
        ours = line.startswith("    `")  # a command; the rest may be words of the target
        text = line.strip() if ours else escape(line)
        found.append(f"  {text}  " if line.startswith("    ") else f"- {text}  ")  # two blanks: a line of its own
    return "\n".join(found).rstrip() + "\n"


def xml(gate: Gate) -> str:
    """A test case for each question: correctness, accuracy, and the time and instructions of every case."""
    suite = TestSuite(f"corrbench gate {gate.target}")

    def add(name: str, failures: list[str], other: str = "", *, error: bool = False) -> None:
        case = TestCase(name, classname=f"corrbench.gate.{gate.target}")
        said = junit.UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", "\n".join(failures) or other)
        if failures:
            case.result = [Failure(said)]
        elif other:
            case.result = [Error(said) if error else Skipped(said)]
        suite.add_testcase(case)

    wrong = [f"{one.check} {one.case}: {one.message}" for one in gate.worse]
    wrong += [f"no longer supported: {name}" for name in gate.refused]
    add("correctness", wrong, "could not be judged" if gate.verdict == "unjudged" else "", error=True)
    add("accuracy", [f"{dtype}: {bits:.1f} effective bits lost" for dtype, bits in gate.accuracy.items()], gate.new)
    add("times", gate.failed, gate.untimed or (gate.speed.unfit if gate.speed else ""))
    for one in gate.speed.cases if gate.speed else ():
        unsure = one.verdict in (Verdict.INCONCLUSIVE, Verdict.SKIPPED)
        slower = one.verdict is Verdict.SLOWER and not (gate.speed and gate.speed.unfit)
        said = f"{one.verdict.value}: {percent(one.change)}"
        said += f" ({between})" if (between := interval(one.low, one.high)) else ""
        add(f"speed {short(one.case)}", [said] if slower else [], f"{said} {one.note}" if unsure else "")
    for case, ratio in gate.ratios.items():
        add(f"instructions {short(case)}", [f"{ratio - 1:+.2%}"] if case in gate.heavier else [])
    document = JUnitXml()
    document.add_testsuite(suite)
    text: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return text.decode()
