"""A correct correlation that the seeded faults start from, independent of the oracle and of the reference.

A fault calls this outside its region and bends it inside. Everything is differentiable to any order. It is im2col and a
matrix product, written apart from the reference and from the oracle, so that no fault is judged by its own code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Numbers = int | Sequence[int]
Rule = Callable[["Call", Tensor], Tensor]
WIDE = {torch.float16: torch.float32, torch.bfloat16: torch.float32}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a conv2d: x (N, C, H, W), w (O, I, kh, kw), b (O,) or None, and the geometry as pairs."""

    x: Tensor
    w: Tensor
    b: Tensor | None
    stride: tuple[int, int]
    sides: tuple[int, int, int, int]  # top, bottom, left, right
    dilation: tuple[int, int]
    groups: int
    padding: Any  # as it was given

    @classmethod
    def of(cls, x: Tensor, w: Tensor, b: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Call:
        """Normalise and check the arguments.

        Raises:
            ValueError, TypeError: shapes, dtypes or geometry that have no result.
        """
        s, d = _pair("stride", stride), _pair("dilation", dilation)
        if x.dim() != 4 or w.dim() != 4:
            raise ValueError(f"input and weight must have 4 axes, not {x.dim()} and {w.dim()}")
        if x.dtype != w.dtype or (b is not None and b.dtype != x.dtype):
            raise TypeError(f"input is {x.dtype}, weight is {w.dtype}, bias {None if b is None else b.dtype}")
        if groups < 1 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
            raise ValueError(f"input {tuple(x.shape)} and weight {tuple(w.shape)} do not fit groups={groups}")
        if b is not None and b.shape != w.shape[:1]:
            raise ValueError(f"bias has shape {tuple(b.shape)}, not ({w.shape[0]},)")
        call = cls(x, w, b, s, _sides(padding, d, s, w), d, groups, padding)
        if min(*s, *d) < 1 or min(call.sides) < 0 or min(call.out[2:]) < 1 or min(w.shape) < 1:
            raise ValueError(f"no result: input {tuple(x.shape)}, weight {tuple(w.shape)}, {s=}, {padding=}, {d=}")
        return call

    def but(self, **changes: Any) -> Call:
        """The same call with something changed."""
        return replace(self, **changes)

    N = property(lambda self: self.x.shape[0])
    C = property(lambda self: self.x.shape[1])
    H = property(lambda self: self.x.shape[2])
    W = property(lambda self: self.x.shape[3])
    O = property(lambda self: self.w.shape[0])  # noqa: E741
    I = property(lambda self: self.w.shape[1])  # noqa: E741
    kh = property(lambda self: self.w.shape[2])
    kw = property(lambda self: self.w.shape[3])
    sh = property(lambda self: self.stride[0])
    sw = property(lambda self: self.stride[1])
    dh = property(lambda self: self.dilation[0])
    dw = property(lambda self: self.dilation[1])

    @property
    def out(self) -> tuple[int, int, int, int]:
        """Shape of the result."""
        top, bottom, left, right = self.sides
        rows = (self.H + top + bottom - self.dh * (self.kh - 1) - 1) // self.sh + 1
        cols = (self.W + left + right - self.dw * (self.kw - 1) - 1) // self.sw + 1
        return self.N, self.O, rows, cols

    @property
    def wide(self) -> torch.dtype:
        """The type to accumulate in."""
        return WIDE.get(self.x.dtype, self.x.dtype)

    def padded(self, value: float = 0.0) -> Tensor:
        """x in the wide type, with its padding around."""
        top, bottom, left, right = self.sides
        return F.pad(self.x.to(self.wide), (left, right, top, bottom), value=value)

    def windows(self, padded: Tensor | None = None) -> Tensor:
        """Columns of im2col, (N, groups, K, H'*W'), of `padded` or of what x gives when padded."""
        padded = self.padded() if padded is None else padded
        n, _, rows, cols = self.out
        view = padded.unfold(2, self.dh * (self.kh - 1) + 1, self.sh).unfold(3, self.dw * (self.kw - 1) + 1, self.sw)
        view = view[:, :, :rows, :cols, :: self.dh, :: self.dw].permute(0, 1, 4, 5, 2, 3)
        return view.reshape(n, self.groups, self.I * self.kh * self.kw, rows * cols)

    def kernels(self) -> Tensor:
        """w in the wide type as matrices, (groups, O/groups, K)."""
        w = self.w.to(self.wide)
        return w.reshape(self.groups, self.O // self.groups, self.I * self.kh * self.kw)

    def finish(self, sums: Tensor) -> Tensor:
        """Sums (N, groups, O/groups, H'*W') with the bias added, rounded once to the type of x."""
        y = sums.reshape(self.out)
        if self.b is not None:
            y = y + self.b.to(y.dtype).reshape(1, -1, 1, 1)
        return y.to(self.x.dtype)

    def y(self) -> Tensor:
        """The right answer, (N, O, H', W')."""
        return self.finish(self.kernels() @ self.windows())

    def over(self, padded: Tensor) -> Tensor:
        """The answer for an input already padded."""
        return self.finish(self.kernels() @ self.windows(padded))

    def ruled(self, gx: Rule | None = None, gw: Rule | None = None, gb: Rule | None = None) -> Tensor:
        """The right answer with a backward pass of its own, from rules that are given or right."""
        rules = (gx or input_gradient, gw or weight_gradient, gb or bias_gradient)
        answer: Tensor = _Ruled.apply(self.x, self.w, self.b, self, rules)  # type: ignore[no-untyped-call]
        return answer


def _pair(name: str, value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    pair = pair * 2 if len(pair) == 1 else pair
    if len(pair) != 2 or not all(isinstance(one, int) for one in pair):
        raise TypeError(f"{name} must be an int or a pair of ints, not {value!r}")
    return pair


def _sides(padding: Any, d: tuple[int, int], s: tuple[int, int], w: Tensor) -> tuple[int, int, int, int]:
    if isinstance(padding, str):
        if padding == "valid":
            return 0, 0, 0, 0
        if padding != "same":
            raise ValueError(f"padding={padding!r} is neither 'valid' nor 'same'")
        if s != (1, 1):
            raise ValueError("padding='same' needs stride 1")
        rows, cols = (step * (k - 1) for step, k in zip(d, w.shape[2:], strict=True))
        return rows // 2, rows - rows // 2, cols // 2, cols - cols // 2
    if not isinstance(padding, int) and len(padding) == 4:
        return tuple(padding)
    ph, pw = _pair("padding", padding)
    return ph, ph, pw, pw


def input_gradient(c: Call, g: Tensor) -> Tensor:
    """Gradient of <y, g> by x: g with zeros between its elements, correlated with the half-turned kernels."""
    (n, o, rows, cols), wide = c.out, g.to(c.wide)
    stuffed = wide.new_zeros(n, o, (rows - 1) * c.sh + 1, (cols - 1) * c.sw + 1)
    stuffed = torch.slice_scatter(
        stuffed, torch.slice_scatter(stuffed[:, :, :: c.sh], wide, 3, step=c.sw), 2, step=c.sh
    )
    reach = c.dh * (c.kh - 1), c.dw * (c.kw - 1)
    top, left = reach[0] - c.sides[0], reach[1] - c.sides[2]
    bottom = c.H + reach[0] - stuffed.shape[2] - top
    right = c.W + reach[1] - stuffed.shape[3] - left
    w = c.w.to(c.wide).reshape(c.groups, c.O // c.groups, c.I, c.kh, c.kw).transpose(1, 2).flip(3, 4)
    w = w.reshape(c.C, c.O // c.groups, c.kh, c.kw)
    w = w.conj() if w.is_complex() else w
    sides = (left, right, top, bottom)
    padded = F.pad(F.pad(stuffed, [max(side, 0) for side in sides]), [min(side, 0) for side in sides])
    call = Call(padded, w, None, (1, 1), (0, 0, 0, 0), c.dilation, c.groups, 0)
    return call.y().to(c.x.dtype)


def weight_gradient(c: Call, g: Tensor) -> Tensor:
    """Gradient of <y, g> by w: the columns of im2col weighed with g, over the batch and all positions."""
    n, o, rows, cols = c.out
    cotangent = g.to(c.wide).reshape(n, c.groups, o // c.groups, rows * cols)
    columns = c.windows().conj() if c.x.is_complex() else c.windows()
    return torch.einsum("ngml,ngkl->gmk", cotangent, columns).reshape(c.w.shape).to(c.w.dtype)


def bias_gradient(c: Call, g: Tensor) -> Tensor:
    """Gradient of <y, g> by b: g summed over batch and positions."""
    return g.to(c.wide).sum((0, 2, 3)).to(g.dtype)


class _Ruled(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor | None, call: Call, rules: Any) -> Tensor:
        return call.but(x=x, w=w, b=b).y()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, w, _, ctx.call, ctx.rules = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, w = ctx.saved_tensors
        call = ctx.call.but(x=x, w=w, b=None)
        needed = zip(ctx.rules, ctx.needs_input_grad, strict=False)
        return (*(rule(call, g) if need else None for rule, need in needed), None, None)


class _FaultyDerivative(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, bend: Any, turn: Any) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.bend, ctx.turn = inputs

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return ctx.bend(g), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: Any) -> Tensor:
        turned: Tensor = ctx.turn(tangent)
        return turned


def _same(value: Tensor) -> Tensor:
    return value


def faulty_derivative(
    value: Tensor, bend: Callable[[Tensor], Tensor] = _same, turn: Callable[[Tensor], Tensor] = _same
) -> Tensor:
    """The same value; backward its gradient goes through `bend`, forward its tangent through `turn`."""
    answer: Tensor = _FaultyDerivative.apply(value, bend, turn)  # type: ignore[no-untyped-call]
    return answer


def conv2d_form(body: Callable[[Call], Any]) -> Callable[..., Any]:
    """A function with the signature of `torch.nn.functional.conv2d` that hands its arguments to `body` as one Call."""

    def target(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Any:  # fmt: skip
        return body(Call.of(input, weight, bias, stride, padding, dilation, groups))

    target.__name__, target.__qualname__ = body.__name__, body.__qualname__
    target.__module__, target.__doc__ = body.__module__, body.__doc__
    return target


def corr2d(x: Tensor, k: Tensor, bias: Tensor | None = None) -> Tensor:
    """Valid cross-correlation, x (H, W) with k (kh, kw), and a bias of shape (1,) added before the one rounding.

    Raises:
        ValueError: an operand without exactly two axes, or a kernel larger than the input.
    """
    if x.dim() != 2 or k.dim() != 2:
        raise ValueError(f"corr2d takes two matrices, not {x.dim()} and {k.dim()} axes")
    y = Call.of(x[None, None], k[None, None], bias, 1, 0, 1, 1).y()
    return y.reshape(y.shape[2:])
