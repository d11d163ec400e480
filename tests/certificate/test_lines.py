"""What Memcheck and a fingerprint found, as lines: noise is none of the operands', and padding is zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.certificate import black_box, identity, memcheck, rounding
from corrbench.certificate.lines import Known
from corrbench.convention import options
from corrbench.fingerprint.arithmetic import Rounding
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.model import Model
from corrbench.fingerprint.regions import Region
from corrbench.fingerprint.tree import Tree
from corrbench.judge.protocol import Reply
from corrbench.judge.trial import Trial
from corrbench.support import Support
from corrbench.target import Spec

CASE = Case.parse("x=1,1,4,5 w=2,1,2,3 padding=1 bias")


def marked(**reports: int) -> dict[str, Any]:
    return {"calls": 9, "reports": reports, "places": {"x": ["k.py:3"]}, "footprints": {}}


@pytest.mark.parametrize(
    ("reports", "known", "said"),
    [
        ({"none": 0, "x": 0, "w": 0}, Known.SHOWN, "reports nothing in 9 calls"),
        ({"none": 4, "x": 4, "w": 4}, Known.SHOWN, "the same 4 reports in each call, with nothing marked too"),
        ({"none": 4, "x": 5, "w": 4}, Known.DEPENDS, "(5 of x, 4 of none): k.py:3"),
        ({"none": 0, "x": 1, "w": 0}, Known.DEPENDS, "(1 of x): k.py:3"),
    ],
)
def test_only_reports_that_come_of_an_operand_count(
    monkeypatch: pytest.MonkeyPatch, reports: dict[str, int], known: Known, said: str
) -> None:
    monkeypatch.setattr(memcheck, "version", lambda: "valgrind")
    line = black_box.course(marked(**reports), {})
    assert line.known is known
    assert said in line.evidence


def trial() -> Trial:
    remote: Any = None
    support = Support(frozenset(), {}, "conv2d", said=options.of("conv2d"))
    return Trial("certify", CASE, 1, Spec(target="none:none", form="conv2d"), support, remote)


@pytest.mark.parametrize(
    ("name", "index", "more", "less", "known"),
    [
        ("w", 0, [], [], Known.SHOWN),  # the first tap, which lies on the padding in the first row
        ("w", 0, [0], [], Known.SHOWN),  # and is multiplied with zero there
        ("w", 0, [30], [], Known.DEPENDS),  # another channel
        ("w", 0, [], [12], Known.DEPENDS),  # an output that needs it
        ("x", 7, [], [], Known.SHOWN),
        ("x", 7, [24], [], Known.DEPENDS),
    ],
)
def test_the_footprint_may_hold_taps_on_the_padding_and_nothing_else(
    name: str, index: int, more: list[int], less: list[int], known: Known
) -> None:
    asked = trial()
    row = black_box.window(asked, name, index).reshape(-1)
    assert row.any()
    assert row.size == int(np.prod(CASE.out)) == 50
    assert not row[more].any()
    assert row[less].all()
    row[more], row[less] = True, False
    line = black_box.footprint(asked, {"footprints": {name: row[None]}}, {name: [index]})
    assert line.known is known, line.evidence


@pytest.mark.parametrize(("accuracy", "known"), [("direct", Known.REFUTED), ("fft", Known.UNEXAMINED)])
def test_whole_numbers_that_are_rounded_refute_no_transform(
    monkeypatch: pytest.MonkeyPatch, accuracy: str, known: Known
) -> None:
    asked = trial()
    asked.spec = Spec(target="none:none", form="conv2d", accuracy=accuracy)
    monkeypatch.setattr(Trial, "calls", lambda *_, **__: [Reply()])
    monkeypatch.setattr(Trial, "values", lambda *_: np.full(CASE.out, 0.25, np.float32))
    assert identity.integers(asked).known is known


def found(kind: Kind) -> Found:
    single = Rounding(24, "nearest")
    model = Model(
        dtype="float32", tree=Tree.of(((0, 1), 2), 3) if kind is Kind.TREE else Tree(1, ()), exact=frozenset(),
        product=single, roundings=(single,) * 2, operands=single, result=single,
    )  # fmt: skip
    case = Case.parse("x=1,1,4,5 w=1,1,1,3")
    classes = [(Region.whole(case.out), model)] if kind is Kind.TREE else []
    return Found(case=case, kind=kind, classes=classes, share=1.0, outputs=60, said="it answers otherwise")


def test_a_model_that_predicts_every_bit_is_the_line_on_rounding() -> None:
    line = rounding.told(found(Kind.TREE))
    assert line.status == "predicted on 5 inputs"
    assert "every bit of 60 outputs" in line.evidence
    assert "γ(3)·A, in place of γ(3)·A" in line.evidence


@pytest.mark.parametrize("kind", [Kind.PARTIAL, Kind.UNKNOWN, Kind.CHANGING, Kind.TRANSFORM, Kind.REFUSED])
def test_without_a_model_rounding_is_not_examined(kind: Kind) -> None:
    line = rounding.told(found(kind))
    assert line.known is Known.UNEXAMINED
    assert "it answers otherwise" in line.evidence
    assert rounding.BOUND in line.evidence
