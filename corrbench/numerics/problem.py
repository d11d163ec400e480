"""A correlation with its data, and its gradients, which are correlations too."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrbench.case import Case, Pair, Sides

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One correlation with its data: ``y[n,o,i,j] = b[o] + sum_{c,a,e} x[n, c, i*s + a*d, j*s' + e*d'] * w[o,c,a,e]``.

    The gradients of a correlation are correlations too, so they are Problems, and whatever judges a result judges a
    gradient with the same code.

    Attributes:
        x: input, shape (N, C, H, W); float64, float32, float16, complex or integer. bfloat16 values are held in
            float32. N may be 0.
        w: kernel, shape (O, C/groups, kh, kw).
        bias: shape (O,), or None.
        stride, dilation: steps in rows and columns.
        sides: zeros added at (top, bottom, left, right).
        groups: number of blocked connections from input to output channels.
        axes: the axes of (N, O, H', W') that the result has, in this order; an axis left out has length 1. Everything
            that corrbench computes for a problem (`exact`, `bound`, ...) has the shape `shape`, that is, is arranged.
    """

    x: Array
    w: Array
    bias: Array | None = None
    stride: Pair = (1, 1)
    sides: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    axes: tuple[int, ...] = (0, 1, 2, 3)

    def __post_init__(self) -> None:
        channels, kernels = self.w.shape[1] * self.groups, self.w.shape[0]
        if self.x.ndim != 4 or self.w.ndim != 4 or self.x.shape[1] != channels or kernels % self.groups:
            raise ValueError(f"x {self.x.shape} does not fit w {self.w.shape} with groups={self.groups}")
        if self.bias is not None and self.bias.shape != (kernels,):
            raise ValueError(f"bias must have shape ({kernels},), not {self.bias.shape}")
        if min(self.sides) < 0 or min(self.out[2:]) < 1:
            raise ValueError(f"no result: x {self.x.shape}, w {self.w.shape}, sides {self.sides}, out {self.out}")

    @classmethod
    def of_case(cls, case: Case, x: Array, w: Array, bias: Array | None = None) -> Problem:
        """The problem that `case` describes, on the given data."""
        if x.shape != case.x or w.shape != case.w:
            raise ValueError(f"data of shapes x={x.shape} w={w.shape} is not for the case {case}")
        return cls(x, w, bias, case.stride, case.sides, case.dilation, case.groups)

    @property
    def out(self) -> tuple[int, int, int, int]:
        """Shape (N, O, H', W') of the correlation, before `axes` arranges it."""
        top, bottom, left, right = self.sides
        height = (self.x.shape[2] + top + bottom - self.reach[0]) // self.stride[0] + 1
        width = (self.x.shape[3] + left + right - self.reach[1]) // self.stride[1] + 1
        return (self.x.shape[0], self.w.shape[0], height, width)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result, arranged."""
        return tuple(self.out[axis] for axis in self.axes)

    @property
    def reach(self) -> Pair:
        """Rows and columns that the dilated kernel covers, ``d*(k-1) + 1``."""
        (dh, dw), (kh, kw) = self.dilation, self.w.shape[2:]
        return (dh * (kh - 1) + 1, dw * (kw - 1) + 1)

    @property
    def terms(self) -> int:
        """K, the number of products in one element of the result; zeros of padding and stuffing are counted."""
        return math.prod(self.w.shape[1:])

    @property
    def m(self) -> int:
        """Terms in one element of the result, the bias included."""
        return self.terms + (self.bias is not None)

    @property
    def is_complex(self) -> bool:
        return any(a.dtype.kind == "c" for a in self.operands)

    @property
    def is_integer(self) -> bool:
        return all(a.dtype.kind in "iub" for a in self.operands)

    @property
    def operands(self) -> tuple[Array, ...]:
        """x, w and, where there is one, the bias."""
        return (self.x, self.w) if self.bias is None else (self.x, self.w, self.bias)

    def with_data(self, x: Array, w: Array, bias: Array | None = None) -> Problem:
        """The same geometry over other numbers."""
        return replace(self, x=x, w=w, bias=bias)

    @property
    def real_parts(self) -> Problem:
        """The same geometry over the real parts, in the same types."""
        return self.with_data(*map(real, self.operands))

    @property
    def real_sums(self) -> Problem:
        """The real parts of the sums, the bias as it is: kernels [wr, -wi] over [xr, xi], in the same types."""
        n, channels, *size = self.x.shape
        x = self.x.reshape(n, self.groups, channels // self.groups, *size)
        x = np.concatenate([real(x), imaginary(x)], 2).reshape(n, 2 * channels, *size)
        return self.with_data(x, np.concatenate([real(self.w), -imaginary(self.w)], 1), self.bias)

    def abs(self) -> Problem:
        """The problem of |x|, |w| and |b| in float64, |re| + |im| for complex numbers; it bounds every partial sum."""
        return self.with_data(_size(self.x), _size(self.w), None if self.bias is None else _size(self.bias))

    def by_parts(self) -> Problem:
        """A complex problem as one real problem of twice the channels: kernels [wr, -wi] and [wi, wr] over [xr, xi].

        In every group the real parts of the results come first, then the imaginary ones. Float64, not arranged.
        """
        groups, (n, channels, *size) = self.groups, self.x.shape
        x, w = self.x.astype(np.complex128), self.w.astype(np.complex128)
        x = x.reshape(n, groups, channels // groups, *size)
        x = np.concatenate([x.real, x.imag], 2).reshape(n, 2 * channels, *size)
        shape = (groups, w.shape[0] // groups, 2 * w.shape[1], *w.shape[2:])
        real, imag = np.concatenate([w.real, -w.imag], 1), np.concatenate([w.imag, w.real], 1)
        w = np.concatenate([real.reshape(shape), imag.reshape(shape)], 1).reshape(2 * w.shape[0], *shape[2:])
        bias = None
        if self.bias is not None:
            parts = self.bias.astype(np.complex128).reshape(groups, -1)
            bias = np.concatenate([parts.real, parts.imag], 1).reshape(-1)
        return Problem(x, w, bias, self.stride, self.sides, self.dilation, groups)

    def arrange(self, result: Array) -> Array:
        """Bring a result of shape `out` to the shape `shape`. A view where possible."""
        rest = tuple(axis for axis in range(4) if axis not in self.axes)
        return result.transpose(self.axes + rest).reshape(self.shape)

    def padded(self) -> Array:
        """x with its zeros around, (N, C, H + top + bottom, W + left + right); x itself where there are none."""
        return _resize(self.x, self.sides)

    def windows(self, padded: Array) -> Array:
        """View of an array shaped like `padded()` as (groups, C/groups, kh, kw, N, H', W').

        Reshaped to (groups, K, N*H'*W'), which copies, these are the columns of im2col, one for each output position.
        """
        (n, _, rows, cols), (_, each, kh, kw) = self.out, self.w.shape
        sn, sc, sh, sw = padded.strides
        return np.lib.stride_tricks.as_strided(
            padded,
            (self.groups, each, kh, kw, n, rows, cols),
            (sc * each, sc, sh * self.dilation[0], sw * self.dilation[1], sn, sh * self.stride[0], sw * self.stride[1]),
            writeable=False,
        )

    def sampled(self, at: Array) -> Problem:
        """Some elements of the result as a problem of their own, each a group with one kernel: (1, S, 1, 1).

        Args:
            at: (S, number of axes) indices of the arranged result.
        """
        raw = np.zeros((len(at), 4), int)
        raw[:, self.axes] = at
        n, o, i, j = raw.T
        view = self.windows(self.padded()).transpose(0, 4, 5, 6, 1, 2, 3)
        x = view[o // (self.w.shape[0] // self.groups), n, i, j]
        bias = None if self.bias is None else self.bias[o]
        return Problem(x.reshape(1, -1, *x.shape[2:]), self.w[o], bias, groups=len(at))

    def input_gradient(self, g: Array) -> Problem:
        """The problem whose result is the gradient of <y, g> by x, of shape x.shape: g zero-stuffed, w half-turned.

        For complex data the convention is torch's: <y, g> = Re(sum(conj(y) * g)), and the gradient is the conjugate
        Wirtinger one, so that y = x*w gives gx = g * conj(w).
        """
        self._check_cotangent(g)
        n, kernels, rows, cols = self.out
        stuffed = np.zeros((n, kernels, (rows - 1) * self.stride[0] + 1, (cols - 1) * self.stride[1] + 1), g.dtype)
        stuffed[:, :, :: self.stride[0], :: self.stride[1]] = g
        before = (self.reach[0] - 1 - self.sides[0], self.reach[1] - 1 - self.sides[2])
        after = tuple(self.x.shape[2 + i] + self.reach[i] - 1 - stuffed.shape[2 + i] - before[i] for i in range(2))
        w = self.w.reshape(self.groups, -1, *self.w.shape[1:]).swapaxes(1, 2)[..., ::-1, ::-1]
        w = w.reshape(self.x.shape[1], kernels // self.groups, *self.w.shape[2:])
        x = _resize(stuffed, (before[0], after[0], before[1], after[1]))
        return Problem(x, np.conj(w), dilation=self.dilation, groups=self.groups)

    def weight_gradient(self, g: Array) -> Problem:
        """The problem whose result is the gradient of <y, g> by w, of shape w.shape: x correlated with g.

        The batch becomes the channels, stride and dilation change places, and rows and columns of x that no window
        reaches (the remainder of the division by the stride) are cut off. With N = 0 the result is zeros.
        """
        self._check_cotangent(g)
        n, _, rows, cols = self.out
        x, (_, each, kh, kw) = self.padded(), self.w.shape
        used = tuple(
            (out - 1) * s + (k - 1) * d + 1
            for out, s, k, d in zip((rows, cols), self.stride, (kh, kw), self.dilation, strict=True)
        )
        x = x[:, :, : used[0], : used[1]].reshape(n, self.groups, each, *used)
        x = x.transpose(2, 1, 0, 3, 4).reshape(each, self.groups * n, *used)
        w = g.swapaxes(0, 1)
        return Problem(np.conj(x), w, None, self.dilation, (0, 0, 0, 0), self.stride, self.groups, (1, 0, 2, 3))

    def bias_gradient(self, g: Array) -> Problem:
        """The problem whose result is the gradient of <y, g> by b, of shape (O,): g correlated with ones."""
        self._check_cotangent(g)
        ones = np.ones((1, g.shape[0], *g.shape[2:]), g.dtype)
        return Problem(np.ascontiguousarray(g.swapaxes(0, 1)), ones, axes=(0,))

    def _check_cotangent(self, g: Array) -> None:
        if g.shape != self.out or self.axes != (0, 1, 2, 3):
            raise ValueError(f"the cotangent has shape {g.shape}, the result {self.shape}")


def real(array: Array) -> Array:
    """The real parts, in the same type."""
    return array.real.astype(array.dtype)


def imaginary(array: Array) -> Array:
    """The imaginary parts, in the same type."""
    return array.imag.astype(array.dtype)


def _size(a: Array) -> Array:
    if a.dtype.kind == "c":
        wide = a.astype(np.complex128)
        return np.asarray(np.abs(wide.real) + np.abs(wide.imag))
    return np.abs(a.astype(np.float64))


def _resize(a: Array, sides: Sides) -> Array:
    """Add zeros at (top, bottom, left, right), or cut where a side is negative."""
    if not any(sides):
        return a
    top, bottom, left, right = sides
    rows, cols = a.shape[2] + top + bottom, a.shape[3] + left + right
    result = np.zeros((*a.shape[:2], rows, cols), a.dtype)
    kept = a[:, :, max(-top, 0) : max(rows - top, 0), max(-left, 0) : max(cols - left, 0)]
    top, left = max(top, 0), max(left, 0)
    result[:, :, top : top + kept.shape[2], left : left + kept.shape[3]] = kept
    return result
