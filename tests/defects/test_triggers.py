"""Is every trigger fault wrong on its witness, right beside it, and out of reach of suites that do not read it?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from corrbench import suites
from corrbench.case import Case
from corrbench.defects import Mutant, catalogue
from corrbench.numerics import inputs
from corrbench.runner.plan import SUITES
from tests.support.defect_judge import load

TRIGGERS = [one for one in catalogue() if one.kind == "trigger"]
WITNESSED = [one for one in TRIGGERS if one.witness]


def right(mutant: Mutant, case: Case) -> bool:
    """Whether the result and the gradients are those of the definition, on the case's own numbers."""
    arrays = {name: inputs.draw(case, 1, name) for name in ("x", "w")}
    target = load(mutant)
    if mutant.form == "corr2d":
        x, w = (arrays[name][0, 0] for name in ("x", "w"))
        view = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), w.shape)
        return bool(np.allclose(target(x, w), np.einsum("ijkl,kl->ij", view, w.astype(np.float64))))
    given = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if "channels_last" in case.layout:
        given["x"] = given["x"].contiguous(memory_format=torch.channels_last)
    words: dict[str, Any] = {"stride": case.stride, "dilation": case.dilation}
    found = []
    for function in (target, torch.nn.functional.conv2d):
        x, w = (one.clone(memory_format=torch.preserve_format).requires_grad_() for one in given.values())
        y = function(x, w, **words)
        found.append((y.detach(), *torch.autograd.grad(y.square().sum(), (x, w))))
    return all(torch.allclose(a, b, 1e-4, 1e-4) for a, b in zip(*found, strict=True))


def test_there_are_enough_of_both_kinds() -> None:
    count = {kind: sum(one.constant == kind for one in TRIGGERS) for kind in ("readable", "computed")}
    assert sum(count.values()) == len(TRIGGERS) >= 40
    assert min(count.values()) >= 20
    assert all(one.witness and one.near_miss for one in TRIGGERS if one.constant == "readable" and one.wrong != "state")


@pytest.mark.parametrize("mutant", WITNESSED, ids=lambda one: one.name)
def test_a_trigger_fault_is_wrong_on_its_witness_and_right_beside_it(mutant: Mutant) -> None:
    assert not right(mutant, Case.parse(mutant.witness or ""))
    assert right(mutant, Case.parse(mutant.near_miss or ""))


@pytest.mark.parametrize("mutant", [one for one in TRIGGERS if not one.witness], ids=lambda one: one.name)
def test_a_trigger_fault_without_a_witness_is_right_on_ordinary_cases(mutant: Mutant) -> None:
    assert right(mutant, Case.parse("x=1,1,9,8 w=1,1,3,2 data=unit"))


def test_no_other_suite_has_the_constants() -> None:
    """Else the score would say nothing of reading them. Hidden cases are drawn, and may have any."""
    cases = [case for name in SUITES if name not in ("hidden", "source") for case in suites.made(name, 1, 1)]
    for mutant in TRIGGERS:
        if mutant.outside:
            met = [case for case in cases if not mutant.right_on(case)]
            assert not met, f"{mutant.name}: {met[0]}"
