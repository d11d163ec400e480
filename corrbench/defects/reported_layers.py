"""Seeded faults of the tutorial's layer, after reports: what it keeps from one call to another, and in its copies."""

# ruff: noqa: D101 - what a target does is said in its region

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.article import Conv2D
from corrbench.defects.correct import corr2d


@defect(
    name="bias-dropped-while-zero", form="module", wrong="module", check="module", number=52,
    cites=("Samsung/ONE#3421",),
    region="a layer called before it is trained: its bias was zero when it was prepared, and is left out for ever",
)  # fmt: skip
class BiasDroppedWhileZero(Conv2D):
    needed: bool | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.needed is None:
            self.needed = bool(self.bias.detach().any())
        return corr2d(x, self.weight, self.bias if self.needed else self.bias * 0)


@defect(
    name="filter-of-evaluation-kept", form="module", wrong="state", check="module", number=52,
    cites=("QUVA-Lab/e2cnn#2", "iKintosh/GaborNet#2"),
    region="weights loaded or changed after eval(), used without gradients: the kernel made by eval() is used",
)  # fmt: skip
class FilterOfEvaluationKept(Conv2D):
    filter: Tensor | None = None

    def train(self, mode: bool = True) -> Any:
        self.filter = None if mode else self.weight.detach().clone()
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        fixed = self.filter is not None and not torch.is_grad_enabled()
        return corr2d(x, self.filter if fixed else self.weight, self.bias)  # type: ignore[arg-type]


@defect(
    name="copies-compute-with-the-original", form="module", wrong="use", check="module", number=54,
    cites=("pytorch/pytorch#56108", "pytorch/pytorch#56154"),
    region="deepcopy of a layer: the copy has parameters of its own, and computes with those of the original",
)  # fmt: skip
class CopiesComputeWithTheOriginal(Conv2D):
    def __init__(self, kernel_size: int | Sequence[int], weight: Tensor | None = None) -> None:
        super().__init__(kernel_size, weight)
        self.compute = self.correlate

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = Conv2D.__new__(type(self))
        torch.nn.Module.__init__(twin)
        twin.weight, twin.bias = copy.deepcopy(self.weight, memo), copy.deepcopy(self.bias, memo)
        twin.compute = self.compute
        return twin

    def correlate(self, x: Tensor) -> Tensor:
        return corr2d(x, self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.compute(x)


@defect(
    name="packed-in-the-old-type", form="module", wrong="use", check="module", number=52,
    cites=("vllm-project/vllm-ascend#15590",),
    region="a layer called without gradients, then converted to another type: the packed kernel is no parameter and "
    "keeps its type, and the next such call is an error",
)  # fmt: skip
class PackedInTheOldType(Conv2D):
    packed: tuple[int, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            self.packed = None
            return super().forward(x)
        if self.packed is None or self.packed[0] != self.weight._version:
            self.packed = self.weight._version, self.weight.detach().clone()
        return corr2d(x, self.packed[1], self.bias)
