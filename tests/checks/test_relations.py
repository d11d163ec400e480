"""A law of real numbers is broken by what sums in one order, and not by what sums in another order each time."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.checks import relations
from corrbench.convention import options
from corrbench.judge.trial import Trial
from corrbench.numerics.relations import Law
from corrbench.result import Status
from corrbench.support import Support
from corrbench.target import Spec


@pytest.mark.parametrize(
    ("data", "changes", "status"),
    [("unit", False, Status.FAIL), ("unit", True, Status.WARN), ("small", True, Status.FAIL)],
)
def test_bits_that_change_from_run_to_run_break_no_law_of_real_numbers(
    monkeypatch: pytest.MonkeyPatch, data: str, changes: bool, status: Status
) -> None:
    case = Case.parse(f"x=1,1,4,5 w=1,1,2,2 data={data}")
    remote: Any = None
    support = Support(frozenset(), {}, "conv2d", said=options.of("conv2d"))
    trial = Trial("relations.laws", case, 1, Spec(target="none:none", form="conv2d"), support, remote)
    runs = count()
    monkeypatch.setattr(relations, "expressed", lambda *_: True)
    monkeypatch.setattr(
        relations, "numbers", lambda _, asked: [np.full(3, 1 + changes * 2.0**-20 * next(runs)) for _ in asked]
    )
    operands: dict[str, Any] = {}
    law = Law("-w gives -y", asked=[(case, operands)], sides=lambda first, results: (first, 2 * results[0]))
    results = list(relations.held(trial, operands, iter([law])))
    assert [one.status for one in results][:1] == [status]
    assert ("from run to run" in results[0].message) == (status is Status.WARN)
