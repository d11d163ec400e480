"""ONNX's two-dimensional backend tests of Conv, operands included; not asked by default."""

from __future__ import annotations

from corrbench.case import Case
from corrbench.numerics.external_cases import onnx_tests


def cases(thorough: int, seed: int) -> list[Case]:
    """All eighteen.

    Raises:
        corrbench.numerics.external_cases.Missing: onnx is not installed.
    """
    return [sample.case for sample in onnx_tests().values()]
