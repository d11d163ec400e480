"""ONNX's backend tests of Conv in two dimensions: the node tests, and those converted from PyTorch's."""

from __future__ import annotations

from corrbench.numerics import external_cases
from corrbench.rivals import Conv2d, Inapplicable

NAME = "ONNX backend tests"
ABOUT = "the two-dimensional Conv cases of onnx.backend.test, with their own data and tolerances"


def complaint(conv2d: Conv2d) -> str | None:
    """What the suite has against an implementation, None for nothing."""
    import numpy as np
    import torch

    asked = 0
    for name, sample in external_cases.onnx_tests().items():
        case = sample.case
        operands = [torch.from_numpy(values.copy()) for values in sample.operands.values()]
        padding = (case.sides[0], case.sides[2])
        try:
            y = conv2d(*operands, stride=case.stride, padding=padding, dilation=case.dilation, groups=case.groups)
        except NotImplementedError:
            continue
        asked += 1
        assert sample.expected is not None
        try:
            np.testing.assert_allclose(y.numpy(), sample.expected, rtol=sample.rtol, atol=sample.atol)
        except AssertionError as error:
            return f"{name}: {str(error).strip().splitlines()[0]}"
    if not asked:
        raise Inapplicable("it takes none of the cases")
    return None
