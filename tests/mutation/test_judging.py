"""A mutant that does not answer in time is noticed, unless the original does not answer either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corrbench.case import Case
from corrbench.mutation import judging
from corrbench.mutation.copies import Original
from corrbench.mutation.judging import BUSY, PATIENCE, Answer, Bench
from corrbench.mutation.mutants import Mutant
from corrbench.runner.plan import Job
from corrbench.support import Support
from corrbench.target import Spec

JOB = Job(check="gradients.alone", case=Case.parse("x=1,1,4,5 w=1,1,2,2"), seed=1)
LATE = Answer(check=JOB.check, case=str(JOB.case), message="no answer within 10 s", hung=True)
WRONG = Answer(check="values.exact", case=str(JOB.case), message="12 of 20 elements differ")


@pytest.mark.parametrize(
    ("original", "again", "by"), [(Answer(), None, "gradients.alone"), (LATE, WRONG, "values.exact")]
)
def test_a_busy_machine_notices_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, original: Answer, again: Answer | None, by: str
) -> None:
    file = tmp_path / "conv.py"
    file.write_text("def f(x):\n    return x + 1\n")
    spec = Spec(target="original/conv.py:f", folder=str(tmp_path))
    bench = Bench(
        original=Original(file=file, attribute="f", top=tmp_path, parts=()), spec=spec, folder=tmp_path,
        support=Support(frozenset(), {}, "conv2d"), jobs=[JOB], profile="quick", seed=1,
    )  # fmt: skip
    asked: list[tuple[str, float]] = []

    def answer(_start: Any, _task: Any, spec: Spec, *_rest: Any) -> Answer:
        asked.append((spec.target.partition("/")[0][:1], spec.timeout))
        return {1: LATE, 2: original}.get(len(asked)) or again or pytest.fail("asked once more")

    monkeypatch.setattr(judging, "asked", answer)
    mutant = Mutant(kind="constant", line=2, start=len(b"def f(x):\n    return x + "), end=27, new="2")
    start: Any = None
    fate = bench.judge(mutant, start)
    assert (fate.outcome, fate.by) == ("noticed", by)
    assert asked == [("m", PATIENCE), ("o", PATIENCE), *[("m", BUSY)] * (again is not None)]
    assert not list(tmp_path.glob("m*/"))
