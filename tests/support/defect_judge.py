"""Is this target right? A slow judge for the tests of the mutants, with no part of corrbench's own.

Every answer is a plain sum over taps, on integers where that is exact and in float64 where it is not.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from corrbench.case import Case
from corrbench.defects import Mutant

Array = NDArray[Any]
UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}


# ---- the slow answer


class Data(NamedTuple):
    """Operands and the cotangent, as plain numbers."""

    x: Array
    w: Array
    b: Array | None
    g: Array


def exactly(case: Case) -> type:
    """The type in which the answer is computed."""
    whole = {"i": np.int64, "u": np.int64, "c": np.complex128}
    return whole.get(case.dtype[0], np.float64)


def pad(case: Case, x: Array) -> Array:
    top, bottom, left, right = case.sides
    return np.pad(x.astype(exactly(case)), ((0, 0), (0, 0), (top, bottom), (left, right)))


def met(case: Case, padded: Array) -> Iterator[tuple[int, int, Array]]:
    """For each tap, the view of the padded input that meets it, (N, C, H', W')."""
    rows, cols = case.out[2:]
    for a, e in itertools.product(range(case.w[2]), range(case.w[3])):
        part = padded[:, :, a * case.dilation[0] :, e * case.dilation[1] :]
        yield a, e, part[:, :, :: case.stride[0], :: case.stride[1]][:, :, :rows, :cols]


def grouped(case: Case, part: Array) -> Array:
    """(N, channels, H', W') as (N, groups, channels/groups, H'*W')."""
    n, channels, rows, cols = part.shape
    return part.astype(exactly(case)).reshape(n, case.groups, channels // case.groups, rows * cols)


def by_group(case: Case, w: Array) -> Array:
    """(O, I, kh, kw) as (groups, O/groups, I, kh, kw)."""
    return w.astype(exactly(case)).reshape(case.groups, -1, *w.shape[1:])


def correlate(case: Case, x: Array, w: Array, b: Array | None = None) -> Array:
    kernels = by_group(case, w)
    y = sum(kernels[..., a, e] @ grouped(case, part) for a, e, part in met(case, pad(case, x)))
    return np.asarray(y).reshape(case.out) + (0 if b is None else b.reshape(1, -1, 1, 1))


def by_input(case: Case, w: Array, g: Array) -> Array:
    """Gradient of <y, g> by x."""
    padded = pad(case, np.zeros(case.x))
    kernels, cotangent = by_group(case, w.conj()), grouped(case, g)
    for a, e, part in met(case, padded):
        part[...] += (kernels[..., a, e].swapaxes(1, 2) @ cotangent).reshape(part.shape)
    top, left = case.sides[0], case.sides[2]
    return padded[:, :, top : top + case.x[2], left : left + case.x[3]]


def by_weight(case: Case, x: Array, g: Array) -> Array:
    """Gradient of <y, g> by w."""
    gw, cotangent = by_group(case, np.zeros(case.w)), grouped(case, g)
    for a, e, part in met(case, pad(case, x.conj())):
        gw[..., a, e] = (cotangent @ grouped(case, part).swapaxes(2, 3)).sum(0)
    return gw.reshape(case.w)


# ---- data


def draw(case: Case, seed: int, kind: str = "small") -> Data:
    """Operands that the case's dtype holds exactly.

    Kinds: ``small`` integers; ``unit``, full mantissas of size 1 and below; ``wide`` x against w of -1, 0, 1, or
    ``narrow`` the other way round, as large as their exact sum allows; ``sums``, small and of one sign.
    """
    rng = np.random.default_rng([seed, *case.x, *case.w])
    small = 2 if kind == "sums" else 1 if case.dtype in ("bfloat16", "int8", "uint8") else 3
    own, room = {"float32": (24, 24), "float64": (53, 53)}.get(case.dtype, (62, 62))
    if case.dtype.startswith("int"):
        own = room = int(case.dtype[3:]) - 1
    large = min(2**own, 2**room // (case.terms + 1)) - 1
    radius = {"wide": (large, 1), "narrow": (1, large)}.get(kind, (small, small))

    def one(shape: tuple[int, ...], radius: int) -> Array:
        if kind == "unit":
            values = torch.from_numpy(rng.uniform(-1, 1, shape)).to(getattr(torch, case.dtype))
            return values.double().numpy()
        values = rng.integers(0 if case.dtype == "uint8" or kind == "sums" else -radius, radius + 1, shape)
        if radius > 3:
            values |= 1
        return values

    x, w = one(case.x, radius[0]), one(case.w, radius[1])
    b, g = one((case.w[0],), 1) if case.bias else None, one(case.out, small)
    if case.dtype.startswith("complex"):
        x, w, g = (part + 1j * part[::-1] for part in (x, w, g))
    return Data(x, w, b, g)


def laid(tensor: torch.Tensor, layout: str) -> torch.Tensor:
    """The same values, lying in memory as named."""
    shape = tensor.shape
    if layout == "transposed":
        return tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
    if layout == "channels_last":
        return tensor.contiguous(memory_format=torch.channels_last)
    if layout == "step":
        return torch.stack([tensor, tensor + 1], -1)[..., 0]
    if layout == "channels":
        return torch.stack([tensor + 1, tensor], 2).flatten(1, 2)[:, 1::2]
    if layout == "offset":
        return torch.cat([tensor.new_full((3,), 2), tensor.flatten()])[3:].reshape(shape)
    if layout == "expanded":
        return tensor[:1].clone().expand(shape)
    if layout == "expanded_all":
        return tensor.flatten()[:1].clone().reshape([1] * tensor.dim()).expand(shape)
    if layout == "lonely":
        strides = [7 if size == 1 else step for size, step in zip(shape, tensor.stride(), strict=True)]
        return torch.cat([tensor.flatten(), tensor.new_zeros(9)]).as_strided(shape, strides)
    assert layout in ("", "reversed"), layout  # torch has no negative steps; `call` sees to them for numpy
    return tensor


def operands(case: Case, data: Data) -> list[torch.Tensor | None]:
    """x, w, b and g as tensors in the case's dtype and layout."""
    layouts = dict(part.split(":") for part in case.layout.split(",") if part)
    out: list[torch.Tensor | None] = []
    for name, values in zip("xwbg", data, strict=True):
        tensor = None if values is None else torch.from_numpy(values).to(getattr(torch, case.dtype))
        out.append(None if tensor is None else laid(tensor, layouts.get(name, "")))
    return out


# ---- calling and judging


def load(mutant: Mutant) -> Any:
    place, _, attribute = mutant.target.partition(":")
    return getattr(importlib.import_module(place), attribute)


def call(mutant: Mutant, case: Case, x: Any, w: Any, b: Any, module: Any = None) -> Any:
    """Call in the mutant form; the result has 4 axes, as torch."""
    target = module or load(mutant)
    if mutant.arrays == "numpy":
        x, w, b = (None if one is None else one.detach().numpy() for one in (x, w, b))
        if "x:reversed" in case.layout:
            x = x[..., ::-1].copy()[..., ::-1]
    if mutant.form == "corr2d":
        y = target(x[0, 0], w[0, 0])
        return (torch.from_numpy(y) if mutant.arrays == "numpy" else y)[None, None]
    if mutant.form == "module":
        if module is None:
            target = target(case.w[2:], w[0, 0])
            if b is not None:
                with torch.no_grad():
                    target.bias.copy_(b)
        return target(x[0, 0])[None, None]
    ph, pw = case.sides[0], case.sides[2]
    config = {"stride": case.stride, "padding": case.padding if isinstance(case.padding, str) else (ph, pw),
              "dilation": case.dilation, "groups": case.groups}  # fmt: skip
    defaults = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    config = {key: value for key, value in config.items() if value != defaults[key]}
    y = target(x, w, **({} if b is None else {"bias": b}), **config)
    return torch.from_numpy(y) if isinstance(y, np.ndarray) else y


def differs(got: Any, want: Array, case: Case, what: str, slack: Array | float = 0.0) -> str | None:
    """None if equal (within `slack`, beside rounding to the dtype), else what is different."""
    if type(got) is not torch.Tensor or not isinstance(got, torch.Tensor):
        return f"{what} is a {type(got).__name__}"
    if tuple(got.shape) != want.shape:
        return f"{what} has shape {tuple(got.shape)}, not {want.shape}"
    if got.dtype != getattr(torch, case.dtype):
        return f"{what} has dtype {got.dtype}"
    rounded = torch.from_numpy(np.ascontiguousarray(want)).to(got.dtype).double().numpy()
    values = got.detach().double().numpy()
    if case.dtype[0] in "iuc":
        values, rounded = got.detach().resolve_conj().numpy().astype(want.dtype), want
    wrong = ~((values == rounded) | (np.abs(values - want) <= slack) | (np.isnan(values) & np.isnan(rounded)))
    return f"{what}: {wrong.sum()} of {wrong.size} elements" if wrong.any() else None


def slack(case: Case, answer: Array, size: Array, terms: int) -> Array:
    """The rounding allowed, for sums of `terms` products whose absolute values add up to `size`."""
    u = UNIT["float64"] if case.dtype == "float64" else UNIT["float32"]
    smallest = 2.0**-25 if case.dtype == "float16" else 2.0**-140
    return 1.01 * (u * (terms + 3) * size + UNIT[case.dtype] * abs(answer)) + smallest


def numbers(case: Case, data: Data) -> list[Any]:
    """x, w, b and g as they are after the layout, which may repeat elements."""
    tensors = operands(case, data)
    if case.dtype == "bfloat16":
        tensors = [None if one is None else one.double() for one in tensors]
    return [None if one is None else one.numpy().astype(exactly(case)) for one in tensors]


@functools.cache
def answers(case: Case, seed: int, kind: str) -> tuple[Data, Array, Array | float]:
    """Data, the answer, and the rounding that is allowed."""
    data = draw(case, seed, kind)
    x, w, b, _ = numbers(case, data)
    y = correlate(case, x, w, b)
    if kind != "unit":
        return data, y, 0.0
    return data, y, slack(case, y, correlate(case, abs(x), abs(w), None if b is None else abs(b)), case.terms)


def kinds(case: Case, mutant: Mutant) -> tuple[str, ...]:
    if case.dtype in ("float32", "float64"):
        return ("small", "unit", "wide", "narrow") if mutant.accuracy == "direct" else ("small", "unit")
    if case.dtype in UNIT:
        return ("small", "unit")
    return ("small", "wide") if case.dtype.startswith("int") else ("small",)


LOOSE = {"direct": 0.0, "winograd": 400.0, "fft": 400.0, "tf32": 2.0**14}


def forward(mutant: Mutant, case: Case, seed: int) -> str | None:
    for kind in kinds(case, mutant):
        data, y, allowed = answers(case, seed, kind)
        x, w, b, _ = operands(case, data)
        if mutant.accuracy != "direct":
            allowed = allowed + LOOSE[mutant.accuracy] * UNIT.get(case.dtype, 0) * max(1, abs(y).max(initial=0))
        said = differs(call(mutant, case, x, w, b), y, case, f"y on {kind} numbers", allowed)
        if said:
            return said
    return None


def attached(case: Case, data: Data, mutant: Mutant) -> tuple[list[torch.Tensor], torch.Tensor, Any]:
    """Leaves by which to differentiate, the cotangent, and the result."""
    x, w, b, g = operands(case, data)
    if mutant.form == "module":
        module = load(mutant)(case.w[2:], w[0, 0])
        if b is not None:
            with torch.no_grad():
                module.bias.copy_(b)
        leaves = [x.requires_grad_(), module.weight, *([] if b is None else [module.bias])]
        return leaves, g, call(mutant, case, x, w, b, module)
    leaves = [one.requires_grad_() for one in (x, w, b) if one is not None]
    return leaves, g, call(mutant, case, x, w, b)


@functools.cache
def gradients(case: Case, seed: int, kind: str) -> tuple[list[Array], list[Any]]:
    """Gradients by x, w and b, and the rounding that is allowed in each."""
    x, w, _, g = numbers(case, answers(case, seed, kind)[0])
    wanted = [by_input(case, w, g), by_weight(case, x, g), g.sum((0, 2, 3))]
    if kind != "unit":
        return wanted, [0.0, 0.0, 0.0]
    sizes = [by_input(case, abs(w), abs(g)), by_weight(case, abs(x), abs(g)), abs(g).sum((0, 2, 3))]
    return wanted, [slack(case, one, size, g.size) for one, size in zip(wanted, sizes, strict=True)]


def backward(mutant: Mutant, case: Case, seed: int, kind: str = "small") -> str | None:
    leaves, g, y = attached(case, answers(case, seed, kind)[0], mutant)
    if not y.requires_grad:
        return None if mutant.kind == "honest" else "no gradient"
    wanted, allowed = gradients(case, seed, kind)
    more = 1e-3 if mutant.accuracy != "direct" else 0.0
    grads = torch.autograd.grad(y, leaves, g, allow_unused=True)
    for name, grad, leaf, want, room in zip("xwb", grads, leaves, wanted, allowed, strict=False):
        if grad is None:
            return f"no gradient by {name}"
        shaped = more + (room.reshape(leaf.shape) if np.ndim(room) else room)
        said = differs(grad, want.reshape(leaf.shape), case, f"gradient by {name}", shaped)
        if said:
            return said
    if kind == "small" and case.dtype in ("float16", "bfloat16"):
        return backward(mutant, case, seed, "unit") or backward(mutant, case, seed, "sums")
    return None


def twice(mutant: Mutant, case: Case, seed: int) -> str | None:
    data, _, _ = answers(case, seed, "small")
    leaves, g, y = attached(case, data, mutant)
    g.requires_grad_()
    grads = torch.autograd.grad(y, leaves, g, create_graph=True)
    other = draw(case, seed + 1)
    directions = [torch.from_numpy(v).to(g.dtype).reshape(leaf.shape) for v, leaf in zip(other, leaves, strict=False)]
    pairs = [(one, v) for one, v in zip(grads, directions, strict=True) if one.requires_grad]
    seconds = torch.autograd.grad([a for a, _ in pairs], [*leaves[:2], g], [v for _, v in pairs], allow_unused=True)
    wanted = [by_input(case, other.w, data.g), by_weight(case, other.x, data.g)]
    wanted.append(correlate(case, other.x, data.w) + correlate(case, data.x, other.w, other.b))
    for name, got, want in zip("xwg", seconds, wanted, strict=True):
        if got is None:
            return f"no second derivative by {name}"
        said = differs(got, want.reshape(got.shape), case, f"second derivative by {name}")
        if said:
            return said
    return None


def tangent(mutant: Mutant, case: Case, seed: int) -> str | None:
    data, other = draw(case, seed), draw(case, seed + 1)
    primal = [one for one in operands(case, data)[:3] if one is not None]
    tangents = tuple(one for one in operands(case, other)[:3] if one is not None)
    run = lambda x, w, b=None: call(mutant, case, x, w, b)  # noqa: E731
    _, got = torch.func.jvp(run, tuple(primal), tangents)
    want = correlate(case, other.x, data.w) + correlate(case, data.x, other.w, other.b)
    return differs(got, want, case, "jvp")


def mapped(mutant: Mutant, case: Case, seed: int) -> str | None:
    data, y, _ = answers(case, seed, "small")
    x, w, b, _ = operands(case, data)
    got = torch.func.vmap(lambda one: call(mutant, case, one, w, b))(torch.stack([x, 2 * x]))
    return differs(got[0], y, case, "vmap")


def special(mutant: Mutant, case: Case, seed: int) -> str | None:
    """One NaN, one infinity, or numbers so small that their products are subnormal."""
    data, _, _ = answers(case, seed, "small")
    for kind in (np.nan, np.inf, "tiny"):
        x, w, b, _ = operands(case, data)
        if kind == "tiny":
            x, b, scale = x * 2.0**-147, None, 2.0**-147
            want = correlate(case, data.x, data.w) * scale
            if case.dtype != "float32":
                continue
        else:
            place = (case.x[0] - 1, case.x[1] // 2, case.x[2] // 2, case.x[3] // 2)
            x[place] = kind
            with np.errstate(invalid="ignore"):
                want = correlate(case, x.double().numpy(), data.w, data.b)
        with np.errstate(invalid="ignore"):
            said = differs(call(mutant, case, x, w, b), want, case, f"y with {kind}")
        if said:
            return said
    return None


def relation(mutant: Mutant, case: Case, seed: int) -> str | None:
    """Whether -x and -b give -y."""
    x, w, b, _ = operands(case, draw(case, seed, "unit" if case.dtype in UNIT else "small"))
    y, minus = call(mutant, case, x, w, b), call(mutant, case, -x, w, None if b is None else -b)
    return None if torch.equal(y, -minus) else "-x does not give -y"


JUDGES = {
    "value": forward, "contract": forward, "raises": forward, "gradient": backward, "double": twice, "jvp": tangent,
    "vmap": mapped, "special": special,
    "relation": relation,
}  # fmt: skip


def judge(mutant: Mutant, case: Case, seed: int = 1) -> str | None:
    """What is wrong, None if nothing is. An exception is a finding only where one may show the fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, on first use of forward derivatives
        try:
            return JUDGES[mutant.wrong](mutant, case, seed)
        except (IndexError, RuntimeError, ZeroDivisionError, AttributeError, NameError, AssertionError) as error:
            if mutant.wrong in ("raises", "double") or mutant.number == 1:
                return f"{type(error).__name__}: {error}"
            raise
