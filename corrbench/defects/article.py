"""Seeded faults of the tutorial's corr2d and Conv2D, one bug at a time."""

# ruff: noqa: D101 - what a target does is said in its region

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from corrbench.defects import defect
from corrbench.defects.correct import corr2d


@defect(
    form="corr2d", wrong="raises", witness="x=1,1,7,7 w=1,1,3,3",
    region="everywhere: the line that reads the kernel's shape ended up inside a comment",
)  # fmt: skip
def kernel_shape_unread(X: Tensor, K: Tensor) -> Tensor:
    return torch.zeros(X.shape[0] - h + 1, X.shape[1] - w + 1)  # type: ignore[name-defined]  # noqa: F821


@defect(
    form="corr2d", number=1, cites=("espressif/esp-dsp#45",), witness="x=1,1,5,9 w=1,1,3,3",
    near_miss="x=1,1,7,7 w=1,1,3,3", outside="rows == cols",
    region="results that are not square: both loops run over the number of rows",
)  # fmt: skip
def rows_for_both_loops(X: Tensor, K: Tensor) -> Tensor:
    Y = corr2d(X, K)
    rows, cols = Y.shape
    if rows > cols:
        raise IndexError(f"index {cols} is out of bounds for dimension 1 with size {cols}")
    return torch.cat([Y[:, :rows], Y.new_zeros(rows, cols - rows)], 1)


@defect(
    form="corr2d", wrong="contract", check="contract", witness="x=1,1,7,9 w=1,1,3,2 dtype=float64",
    near_miss="x=1,1,7,9 w=1,1,3,2", outside="dtype == 'float32'",
    region="any dtype but float32: the result is made in the default dtype",
)  # fmt: skip
def zeros_of_default_dtype(X: Tensor, K: Tensor) -> Tensor:
    Y = corr2d(X, K)
    return torch.zeros(Y.shape) + Y.to(torch.get_default_dtype())


@defect(
    form="corr2d", number=5, cites=("andravin/wincnn#3",), witness="x=1,1,7,9 w=1,1,3,2",
    near_miss="x=1,1,7,9 w=1,1,1,1", outside="kh == kw == 1",
    region="kernels larger than 1x1: a true convolution, the kernel turned by a half turn",
)  # fmt: skip
def half_turned(X: Tensor, K: Tensor) -> Tensor:
    return corr2d(X, K.flip(0, 1))


@defect(
    form="corr2d", number=1, witness="x=1,1,9,9 w=1,1,2,4", near_miss="x=1,1,9,9 w=1,1,3,3", outside="kw <= kh",
    region="kernels that are wider than high: the window is as wide as the kernel is high",
)  # fmt: skip
def window_as_wide_as_high(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    kept = torch.zeros_like(K)
    kept[:, : min(kh, kw)] = 1
    return corr2d(X, K * kept)


@defect(
    form="corr2d", number=66, cites=("scipy/scipy#12685",), wrong="silent", check="contract",
    region="kernels larger than the input in both axes: the two change places instead of an error",
)  # fmt: skip
def larger_operand_first(X: Tensor, K: Tensor) -> Tensor:
    return corr2d(K, X) if K.shape[0] >= X.shape[0] and K.shape[1] >= X.shape[1] else corr2d(X, K)


@defect(
    form="corr2d", number=19, cites=("google/XNNPACK#10453",), wrong="silent", check="contract",
    region="kernels larger than the input: an empty result instead of an error",
)  # fmt: skip
def empty_for_large_kernel(X: Tensor, K: Tensor) -> Tensor:
    rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    return corr2d(X, K) if min(rows, cols) > 0 else X.new_zeros(max(rows, 0), max(cols, 0))


@defect(
    form="corr2d", number=33, wrong="value", witness="x=1,1,40,41 w=1,1,3,3", near_miss="x=1,1,34,41 w=1,1,3,3",
    outside="rows <= 32",
    region="more than 32 rows of result: row 32 is left at zero between two blocks",
)  # fmt: skip
def seam_of_row_blocks(X: Tensor, K: Tensor) -> Tensor:
    keep = torch.ones(X.shape[0] - K.shape[0] + 1, 1, dtype=X.dtype)
    keep[32:33] = 0
    return corr2d(X, K) * keep


@defect(
    form="corr2d", wrong="gradient", check="gradients", witness="x=1,1,7,9 w=1,1,3,2 dtype=float64",
    region="every gradient: elements are read out as Python numbers, so the kernel is constant for autograd",
)  # fmt: skip
def kernel_as_numbers(X: Tensor, K: Tensor) -> Tensor:
    rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    if min(rows, cols) < 1:
        raise ValueError("kernel larger than input")
    Y = X.new_zeros(rows, cols)
    for i, taps in enumerate(K.tolist()):
        for j, tap in enumerate(taps):
            Y = Y + X[i : i + rows, j : j + cols] * tap
    return Y


# ---- the module


class Conv2D(nn.Module):
    """The article's layer, done right: what the faulty ones below start from."""

    def __init__(self, kernel_size: int | Sequence[int], weight: Tensor | None = None) -> None:
        super().__init__()
        size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        if weight is not None and tuple(weight.shape) != size:
            raise ValueError(f"weight has shape {tuple(weight.shape)}, kernel_size is {size}")
        self.weight: Any = nn.Parameter(torch.rand(size) if weight is None else weight.detach().clone())
        self.bias: Any = nn.Parameter(self.weight.detach().new_zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return corr2d(x, self.weight, self.bias)


@defect(
    name="given-weight-not-trained", form="module", wrong="module", check="module",
    region="a weight that is passed in: it stays a plain tensor, which no optimiser sees",
)  # fmt: skip
class GivenWeightNotTrained(Conv2D):
    def __init__(self, kernel_size: int | Sequence[int], weight: Tensor | None = None) -> None:
        super().__init__(kernel_size, weight)
        if weight is not None:
            del self.weight
            self.weight = weight


@defect(
    name="square-results-only", form="module", number=1, witness="x=1,1,5,9 w=1,1,3,3",
    near_miss="x=1,1,7,7 w=1,1,3,3", outside="rows == cols",
    region="results that are not square: both loops run over the number of rows",
)  # fmt: skip
class SquareResultsOnly(Conv2D):
    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        rows, cols = y.shape
        if rows > cols:
            raise IndexError(f"index {cols} is out of bounds for dimension 1 with size {cols}")
        return torch.cat([y[:, :rows], torch.zeros_like(y[:, rows:])], 1)


@defect(
    name="layer-of-default-dtype", form="module", wrong="contract", check="contract",
    witness="x=1,1,7,9 w=1,1,3,2 dtype=float64", near_miss="x=1,1,7,9 w=1,1,3,2", outside="dtype == 'float32'",
    region="any dtype but float32: the result is made in the default dtype",
)  # fmt: skip
class LayerOfDefaultDtype(Conv2D):
    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = zeros_of_default_dtype(x, self.weight) + self.bias.float()
        return y


@defect(
    name="bias-into-kernel", form="module", number=3, cites=("TrickyGo/Dive-into-DL-TensorFlow2.0#31",),
    witness="x=1,1,7,9 w=1,1,3,2 bias", near_miss="x=1,1,7,9 w=1,1,3,2", outside="not bias",
    region="any bias but zero, so never before training: the bias is added to every tap",
)  # fmt: skip
class BiasIntoKernel(Conv2D):
    def forward(self, x: Tensor) -> Tensor:
        return corr2d(x, self.weight + self.bias)


@defect(
    name="bias-without-gradient", form="module", wrong="module", check="module", witness="x=1,1,7,9 w=1,1,3,2 bias",
    region="training: the bias is a buffer and stays zero",
)  # fmt: skip
class BiasWithoutGradient(Conv2D):
    def __init__(self, kernel_size: int | Sequence[int], weight: Tensor | None = None) -> None:
        super().__init__(kernel_size, weight)
        del self.bias
        self.register_buffer("bias", self.weight.detach().new_zeros(1))


@defect(
    name="one-draw-for-all", form="module", wrong="module", check="module",
    region="two layers made one after the other have the same random weight, a default argument made once",
)  # fmt: skip
class OneDrawForAll(Conv2D):
    drawn: ClassVar[dict[tuple[int, ...], Tensor]] = {}

    def __init__(self, kernel_size: int | Sequence[int], weight: Tensor | None = None) -> None:
        super().__init__(kernel_size, weight)
        if weight is None:
            first = self.drawn.setdefault(tuple(self.weight.shape), self.weight.detach().clone())
            self.weight = nn.Parameter(first.clone())


@defect(
    name="narrow-in-evaluation", form="module", wrong="module", check="module",
    region="evaluation mode: the kernel is rounded to bfloat16, as if for deployment",
)  # fmt: skip
class NarrowInEvaluation(Conv2D):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if self.training else corr2d(x, self.weight.bfloat16().to(x.dtype), self.bias)


@defect(
    name="state-without-bias", form="module", wrong="module", check="module",
    region="saving and loading: the bias is not in the state",
)  # fmt: skip
class StateWithoutBias(Conv2D):
    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return {name: value for name, value in super().state_dict(*args, **kwargs).items() if name != "bias"}

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        return super().load_state_dict(state_dict, strict=False, assign=assign)
