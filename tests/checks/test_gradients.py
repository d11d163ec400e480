"""What the first gradients' check says of results that cannot be differentiated as the case has it."""

from __future__ import annotations

from pathlib import Path

from corrbench.result import Status
from tests.support.judging import judged
from tests.support.small_targets import write

PADDED = """
import torch.nn.functional as F

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return F.conv2d(input, weight, bias, stride, 1, dilation, groups)
"""


def test_a_result_of_another_shape_is_told_as_that(tmp_path: Path) -> None:
    case = "x=1,2,5,6 w=3,2,2,3 data=small"
    found = judged(write(tmp_path, PADDED, "conv2d"), check="gradients.first", case=case)
    assert [result.check for result in found.findings] == ["contract.result"], (found.problem, found.results)
    assert "y has shape [1, 3, 6, 6], not [1, 3, 4, 4]" in found.findings[0].message
    assert [result.message for result in found.results if result.status is Status.SKIPPED] == [
        "no gradients: y has shape [1, 3, 6, 6], not [1, 3, 4, 4]"
    ]
