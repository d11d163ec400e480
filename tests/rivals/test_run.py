"""Other suites are asked fairly: they pass what is right, find what is plainly wrong, and a death is a verdict."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from corrbench.defects import Mutant, catalogue
from corrbench.numerics.external_cases import Missing
from corrbench.rivals import Inapplicable, as_conv2d, rivals
from corrbench.rivals._run import Score, scores
from corrbench.runner.store import Store

BY_NAME = {one.name: one for one in catalogue()}
RIVALS = rivals()
EXACT = torch.nn.functional.conv2d


def half_turned(x: torch.Tensor, w: torch.Tensor, *more: object, **named: object) -> torch.Tensor:
    return EXACT(x, w.flip(2, 3), *more, **named)  # type: ignore[call-overload, no-any-return]


def nothing(*_: object, **__: object) -> torch.Tensor:
    raise NotImplementedError


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", RIVALS)
def test_a_suite_passes_the_library_and_knows_a_flip(name: str) -> None:
    suite: ModuleType = RIVALS[name]
    if "gradcheck" in name:
        pytest.skip("a minute; its samples are those of the suite without")
    try:
        assert suite.complaint(EXACT) is None
        assert suite.complaint(half_turned)
    except Missing as error:
        pytest.skip(str(error))
    with pytest.raises(Inapplicable):
        suite.complaint(nothing)


@pytest.mark.parametrize("name", ["plain-numpy-windows", "plain-shift-and-add", "layer-done-right", "columns"])
def test_every_form_can_be_asked_as_conv2d(name: str) -> None:
    conv2d = as_conv2d(BY_NAME[name])
    x, w = torch.rand(1, 1, 6, 7), torch.rand(1, 1, 3, 2)
    torch.testing.assert_close(conv2d(x, w), EXACT(x, w))
    if BY_NAME[name].form != "conv2d":
        with pytest.raises(NotImplementedError):
            conv2d(x, w, None, 2)


@pytest.mark.slow
def test_each_has_a_process_of_its_own_and_the_scores_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = {"allclose loop": RIVALS["allclose loop"]}
    monkeypatch.setattr("corrbench.rivals.rivals", lambda: only)
    monkeypatch.setattr("corrbench.rivals._run.READY", ["corrbench.rivals._run"])
    some: list[Mutant] = [BY_NAME[name] for name in ("half-turned", "aborts", "plain-shift-and-add", "columns")]
    store = Store.create(tmp_path / "audit.jsonl", {})
    (score,) = scores(some, 2, store)
    assert score.killed.keys() == {"half-turned", "aborts"}
    assert (score.planted, score.honest, score.alarms, score.missing) == (2, 2, {}, "")
    (again,) = scores(some, 2, Store.resume(tmp_path / "audit.jsonl", {}))
    assert again == score


def test_a_score_counts_each_once() -> None:
    score = Score("a suite", "about")
    score.count(BY_NAME["half-turned"], "differs", 1.0)
    score.count(BY_NAME["columns"], "differs", 1.0)
    score.count(BY_NAME["aborts"], None, 1.0)
    assert (score.planted, score.honest, score.idle, score.seconds) == (2, 1, 1, 3.0)
    assert (list(score.killed), list(score.alarms)) == (["half-turned"], ["columns"])
