"""What a verification found, as Python looks at it: a run, its causes, and the findings in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from corrbench import result
from corrbench.analysis.causes import Digest, Group
from corrbench.analysis.run_diff import Change
from corrbench.case import Case
from corrbench.render import snippet
from corrbench.render._figures import counted
from corrbench.result import FINDINGS, Result, Status
from corrbench.target import Spec


@dataclass(frozen=True, slots=True)
class Finding:
    """One wrong answer: what was asked, what came, and what is right.

    Attributes:
        result: as it is recorded.
        run: the run that it belongs to.
    """

    result: Result
    run: Run

    @property
    def check(self) -> str:
        """The name of the check, as of ``corrbench explain``."""
        return self.result.check

    @property
    def case(self) -> Case:
        """What was asked for."""
        return self.result.case

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""
        return self.result.message

    @property
    def at(self) -> tuple[int, ...] | None:
        """The index of the worst element; None where no array was compared."""
        return None if self.result.numbers.at is None else tuple(self.result.numbers.at)

    @property
    def got(self) -> float | str | None:
        """What the target gave there; complex numbers, NaN and infinities as text."""
        return self.result.numbers.got

    @property
    def exact(self) -> float | str | None:
        """What is right there."""
        return self.result.numbers.exact

    @property
    def allowed(self) -> float | None:
        """The error that is allowed there."""
        return self.result.numbers.allowed

    @property
    def arrays(self) -> dict[str, Any]:
        """Where all are small: x, w, b, got and exact whole, as nested lists; nothing else."""
        return self.result.numbers.arrays or {}

    @property
    def operands(self) -> tuple[Any, ...]:
        """What the target is called with, ``f(*args, **kwargs)``: the image, the kernel, a bias if the case has one,
        and a dict of the other arguments, last. Arrays of the kind that the target takes, in its own form.
        """
        from corrbench.api.operands import operands

        args, words = operands(self.case, self.run.seed, self.run.form, self.run.record.arrays)
        return (*args, words)

    def call(self, function: Callable[..., Any]) -> Any:
        """Call a function on the operands, here in this process, under a debugger for example.

        Raises:
            ValueError: it is called in a convention of its own, in which only the judge calls; `reproduce` does.
        """
        if said := snippet.convention(self.result):
            raise ValueError(f"it is called with {said}, which only the judge does: see .operands, or run .reproduce")
        *args, words = self.operands
        if self.run.form in ("module", "layer"):
            return function(self.case.w[2:], args[1])(args[0])
        return function(*args, **words)

    def snippet(self) -> str:
        """A few lines of Python that fail without corrbench; else the command that shows it again."""
        run = self.run.record
        return snippet.snippet(self.result, run.target, run.form, run.arrays) or f"# {self.reproduce}"

    @property
    def reproduce(self) -> str:
        """The command that shows it again."""
        return self.result.reproduce

    def __repr__(self) -> str:
        return f"<Finding {self.check} on {str(self.case)!r}: {self.message}>"


@dataclass(frozen=True, slots=True)
class Cause:
    """Findings that look like one cause."""

    group: Group
    run: Run

    @property
    def message(self) -> str:
        """What is wrong on the smallest case."""
        return self.group.smallest.message

    @property
    def where(self) -> str:
        """On which cases it is wrong, as a clause; empty if no property of cases tells."""
        return self.group.where

    @property
    def looks(self) -> str:
        """The fault that the numbers look like; empty if none."""
        return self.group.resembles

    @property
    def cases(self) -> list[Case]:
        """The cases that it was found on."""
        return sorted({one.case for one in self.group.members}, key=lambda case: (case.macs, str(case)))

    @property
    def checks(self) -> list[str]:
        """The checks that found it."""
        return self.group.checks

    @property
    def smallest(self) -> Finding:
        """The finding on the smallest case."""
        return Finding(self.group.smallest, self.run)

    @property
    def findings(self) -> list[Finding]:
        """All of them."""
        return [Finding(one, self.run) for one in self.group.members]

    def __repr__(self) -> str:
        return f"<Cause {'; '.join(self.group.text[: 1 + len(self.group.remarks)])}>"

    def _repr_html_(self) -> str:
        from corrbench.render import notebook

        return notebook.cause(self.group, self.run.form)


class Run:
    """What `corrbench.verify` found. It is true if the target passed, and shows itself in a notebook.

    Attributes:
        record: all results, as they are recorded and written.
        spec: the target, and how it was called.
    """

    def __init__(self, record: result.Run, spec: Spec) -> None:
        self.record, self.spec = record, spec

    @cached_property
    def digest(self) -> Digest:
        """Its findings by cause, as all reports tell them."""
        return Digest(self.record)

    @property
    def verdict(self) -> str:
        """``pass``, ``fail``, or ``error`` where it could not be judged."""
        return self.record.verdict

    @property
    def target(self) -> str:
        """What was judged."""
        return self.record.target

    @property
    def form(self) -> str:
        """The form in which it was called."""
        return self.record.form

    @property
    def seed(self) -> int:
        """The seed of the data."""
        return self.record.seed

    @property
    def counts(self) -> dict[str, int]:
        """The number of results by status."""
        return self.record.counts

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.record.seconds

    @cached_property
    def causes(self) -> list[Cause]:
        """The findings by cause, wrong values first."""
        return [Cause(group, self) for group in self.digest.groups(*FINDINGS)]

    @property
    def findings(self) -> list[Finding]:
        """All that counts against the target."""
        return [Finding(one, self) for one in self.record.findings]

    @cached_property
    def warnings(self) -> list[Cause]:
        """What is worth a look, by cause."""
        return [Cause(group, self) for group in self.digest.groups(Status.WARN)]

    @cached_property
    def known(self) -> list[Cause]:
        """The findings that a baseline accepts, by cause."""
        return [Cause(group, self) for group in self.digest.groups(Status.KNOWN)]

    @property
    def reason(self) -> str:
        """Why it is not a pass: the first cause, with its numbers and the command; empty for a pass."""
        from corrbench.render import pytest_text
        from corrbench.render.terminal import nothing

        if self:
            return ""
        if not self.causes:
            said = self.record.problem or pytest_text.unjudged(self.record) or self.record.little
            return f"{self.target} could not be judged: {said or nothing(self.record)}"
        first = self.causes[0]
        lines = [f"{first.smallest.check}: {first.message}", *first.group.remarks]
        lines += snippet.numbers(first.smallest.result, self.form)
        more = f"; {len(self.causes) - 1} more causes" if len(self.causes) > 1 else ""
        tail = (
            f"{len(self.findings)} findings in {self.record.judged} questions{more} ({self.target}, seed {self.seed})"
        )
        return "\n  ".join([*lines, first.smallest.reproduce, tail])

    def diff(self, earlier: Run) -> Change:
        """What is otherwise than in an earlier run: its ``verdict``, ``new``, ``fixed``, ``shifts`` of accuracy."""
        return Change(before=earlier.record, after=self.record)

    def to_json(self) -> dict[str, Any]:
        """The object that ``corrbench verify --json`` writes."""
        return self.record.to_json()

    def to_html(self, file: str | Path | None = None) -> str:
        """The report as one page for a browser; written to a file too, if one is named."""
        from corrbench.render import html

        text = html.write([self.digest])
        if file is not None:
            Path(file).write_text(text, encoding="utf-8")
        return text

    def to_markdown(self) -> str:
        """The report as Markdown."""
        from corrbench.render import markdown

        return markdown.write([self.digest])

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    def __repr__(self) -> str:
        found = len(self.record.findings)
        said = f"{counted(found, 'finding')} in {counted(len(self.causes), 'cause')}, " if found else ""
        return f"<Run {self.target} {self.verdict.upper()} {said}seed {self.seed}>"

    def __str__(self) -> str:
        """The report as a terminal has it."""
        from corrbench.render import captured, terminal

        return captured.captured(lambda console: terminal.show(console, self.digest))

    def _repr_html_(self) -> str:
        from corrbench.render import notebook

        return notebook.card(self.digest)
