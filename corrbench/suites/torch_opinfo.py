"""PyTorch's own samples of the operator, operands included; not asked by default."""

from __future__ import annotations

from corrbench.case import Case
from corrbench.numerics.external_cases import torch_samples

NAME = "torch-opinfo"


def cases(thorough: int, seed: int) -> list[Case]:
    """All that have a batch.

    Raises:
        corrbench.numerics.external_cases.Missing: what PyTorch's tests need is not installed.
    """
    return [sample.case for sample in torch_samples().values()]
