"""Is every planted fault wrong where it says, and right everywhere else?

Judged by a slow correlation of this file's own, on integers and in float64, not by what the audit judges with.
"""

from __future__ import annotations

import functools
import importlib
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import corrbench.defects as defects
from corrbench.case import Case
from corrbench.defects import Planted, catalogue

ALL = catalogue()
UNIT = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
WRONG = {"value", "gradient", "double", "jvp", "vmap", "raises", "silent", "special", "state", "memory", "contract",
         "module", "crash", "timeout", "appetite", "leftover"}  # fmt: skip
CHECKS = {"values", "gradients", "special", "memory", "state", "determinism", "relations", "contract", "module"}
PLAIN = {"value", "gradient", "double", "jvp", "vmap", "contract", "raises", "special"}
UNSAFE = {"crash", "timeout", "appetite", "leftover"}


# ---- the slow answer


class Data(NamedTuple):
    x: np.ndarray
    w: np.ndarray
    b: np.ndarray | None
    g: np.ndarray


def slices(case: Case, padded: np.ndarray) -> Any:
    """For each tap, the part of the padded input that meets it, as (N, groups, I, rows, cols)."""
    n, _, rows, cols = case.out
    for a in range(case.w[2]):
        for e in range(case.w[3]):
            top, left = a * case.dilation[0], e * case.dilation[1]
            part = padded[:, :, top :, left :][:, :, :: case.stride[0], :: case.stride[1]][:, :, :rows, :cols]
            yield a, e, part.reshape(n, case.groups, case.w[1], rows, cols)


def exactly(case: Case) -> type:
    """The type in which the answer is computed."""
    whole = {"i": np.int64, "u": np.int64, "c": np.complex128}
    return whole.get(case.dtype[0], np.float64)


def pad(case: Case, x: np.ndarray) -> np.ndarray:
    top, bottom, left, right = case.sides
    return np.pad(x.astype(exactly(case)), ((0, 0), (0, 0), (top, bottom), (left, right)))


def by_group(case: Case, w: np.ndarray) -> np.ndarray:
    return w.astype(exactly(case)).reshape(case.groups, -1, *w.shape[1:])


def correlate(case: Case, x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    n, o, rows, cols = case.out
    y = np.zeros((n, case.groups, o // case.groups, rows, cols), exactly(case))
    kernels = by_group(case, w)
    for a, e, part in slices(case, pad(case, x)):
        y += np.einsum("ngchw,gmc->ngmhw", part, kernels[..., a, e], optimize=True)
    return y.reshape(case.out) + (0 if b is None else b.reshape(1, -1, 1, 1))


def by_input(case: Case, w: np.ndarray, g: np.ndarray) -> np.ndarray:
    n, o, rows, cols = case.out
    padded = pad(case, np.zeros(case.x))
    kernels, cotangent = by_group(case, w.conj()), g.astype(exactly(case)).reshape(n, case.groups, -1, rows, cols)
    for a, e, part in slices(case, padded):
        top, left = a * case.dilation[0], e * case.dilation[1]
        view = padded[:, :, top:, left:][:, :, :: case.stride[0], :: case.stride[1]][:, :, :rows, :cols]
        view += np.einsum("ngmhw,gmc->ngchw", cotangent, kernels[..., a, e], optimize=True).reshape(view.shape)
    top, left = case.sides[0], case.sides[2]
    return padded[:, :, top : top + case.x[2], left : left + case.x[3]]


def by_weight(case: Case, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    n, o, rows, cols = case.out
    gw = np.zeros((case.groups, o // case.groups, *case.w[1:]), exactly(case))
    cotangent = g.astype(exactly(case)).reshape(n, case.groups, -1, rows, cols)
    for a, e, part in slices(case, pad(case, x.conj())):
        gw[..., a, e] = np.einsum("ngmhw,ngchw->gmc", cotangent, part, optimize=True)
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

    def one(shape: tuple[int, ...], radius: int) -> np.ndarray:
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
    assert not layout, layout
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


def load(planted: Planted) -> Any:
    place, _, attribute = planted.target.partition(":")
    return getattr(importlib.import_module(place), attribute)


def call(planted: Planted, case: Case, x: Any, w: Any, b: Any, module: Any = None) -> Any:
    """Call in the planted form; the result has 4 axes, as torch."""
    target = module or load(planted)
    if planted.arrays == "numpy":
        x, w, b = (None if one is None else one.detach().numpy() for one in (x, w, b))
    if planted.form == "corr2d":
        y = target(x[0, 0], w[0, 0])
        return (torch.from_numpy(y) if planted.arrays == "numpy" else y)[None, None]
    if planted.form == "module":
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


def differs(got: Any, want: np.ndarray, case: Case, what: str, slack: np.ndarray | float = 0.0, dtype: str = "") -> str | None:
    """None if equal (within `slack`, beside rounding to the dtype), else what is different."""
    if type(got) is not torch.Tensor or not isinstance(got, torch.Tensor):
        return f"{what} is a {type(got).__name__}"
    if tuple(got.shape) != want.shape:
        return f"{what} has shape {tuple(got.shape)}, not {want.shape}"
    if got.dtype != getattr(torch, dtype or case.dtype):
        return f"{what} has dtype {got.dtype}"
    rounded = torch.from_numpy(np.ascontiguousarray(want)).to(got.dtype).double().numpy()
    values = got.detach().double().numpy()
    if case.dtype[0] in "iuc":
        values, rounded = got.detach().resolve_conj().numpy().astype(want.dtype), want
    wrong = ~((values == rounded) | (np.abs(values - want) <= slack) | (np.isnan(values) & np.isnan(rounded)))
    return f"{what}: {wrong.sum()} of {wrong.size} elements" if wrong.any() else None


def slack(case: Case, answer: np.ndarray, size: np.ndarray, terms: int) -> np.ndarray:
    """The rounding allowed, for sums of `terms` products whose absolute values add up to `size`."""
    u = UNIT["float64"] if case.dtype == "float64" else UNIT["float32"]
    return 1.01 * (u * (terms + 3) * size + UNIT[case.dtype] * abs(answer)) + 2.0**-140 + (case.dtype == "float16") * 2.0**-25


def numbers(case: Case, data: Data) -> list[Any]:
    """x, w, b and g as they are after the layout, which may repeat elements."""
    tensors = operands(case, data)
    if case.dtype == "bfloat16":
        tensors = [None if one is None else one.double() for one in tensors]
    return [None if one is None else one.numpy().astype(exactly(case)) for one in tensors]


@functools.cache
def answers(case: Case, seed: int, kind: str) -> tuple[Data, np.ndarray, np.ndarray | float]:
    """Data, the answer, and the rounding that is allowed."""
    data = draw(case, seed, kind)
    x, w, b, _ = numbers(case, data)
    y = correlate(case, x, w, b)
    if kind != "unit":
        return data, y, 0.0
    return data, y, slack(case, y, correlate(case, abs(x), abs(w), None if b is None else abs(b)), case.terms)


def kinds(case: Case, planted: Planted) -> tuple[str, ...]:
    if case.dtype in ("float32", "float64"):
        return ("small", "unit", "wide", "narrow") if planted.accuracy == "direct" else ("small", "unit")
    return ("small", "unit") if case.dtype in UNIT else ("small", "wide") if case.dtype.startswith("int") else ("small",)


LOOSE = {"direct": 0.0, "winograd": 400.0, "fft": 400.0, "tf32": 2.0**14}


def forward(planted: Planted, case: Case, seed: int) -> str | None:
    for kind in kinds(case, planted):
        data, y, allowed = answers(case, seed, kind)
        x, w, b, _ = operands(case, data)
        if planted.accuracy != "direct":
            allowed = allowed + LOOSE[planted.accuracy] * UNIT[case.dtype] * max(1, abs(y).max(initial=0))
        said = differs(call(planted, case, x, w, b), y, case, f"y on {kind} numbers", allowed)
        if said:
            return said
    return None


def attached(case: Case, data: Data, planted: Planted) -> tuple[list[torch.Tensor], torch.Tensor, Any]:
    """Leaves by which to differentiate, the cotangent, and the result."""
    x, w, b, g = operands(case, data)
    if planted.form == "module":
        module = load(planted)(case.w[2:], w[0, 0])
        if b is not None:
            with torch.no_grad():
                module.bias.copy_(b)
        leaves = [x.requires_grad_(), module.weight, *([] if b is None else [module.bias])]
        return leaves, g, call(planted, case, x, w, b, module)
    leaves = [one.requires_grad_() for one in (x, w, b) if one is not None]
    return leaves, g, call(planted, case, x, w, b)


def backward(planted: Planted, case: Case, seed: int, kind: str = "small") -> str | None:
    data, _, _ = answers(case, seed, kind)
    x, w, _, gn = numbers(case, data)
    leaves, g, y = attached(case, data, planted)
    if not y.requires_grad:
        return None if planted.kind == "honest" else "no gradient"
    wanted = [by_input(case, w, gn), by_weight(case, x, gn), gn.sum((0, 2, 3))]
    allowed: list[Any] = [1e-3 if planted.accuracy != "direct" else 0.0] * 3
    if kind == "unit":
        sizes = [by_input(case, abs(w), abs(gn)), by_weight(case, abs(x), abs(gn)), abs(gn).sum((0, 2, 3))]
        allowed = [slack(case, one, size, gn.size) for one, size in zip(wanted, sizes, strict=True)]
    grads = torch.autograd.grad(y, leaves, g, allow_unused=True)
    for name, grad, leaf, want, room in zip("xwb", grads, leaves, wanted, allowed, strict=False):
        if grad is None:
            return f"no gradient by {name}"
        shape = leaf.shape
        room = room if isinstance(room, float) else room.reshape(shape)
        said = differs(grad, want.reshape(shape), case, f"gradient by {name}", room)
        if said:
            return said
    if kind == "small" and case.dtype in ("float16", "bfloat16"):
        return backward(planted, case, seed, "unit") or backward(planted, case, seed, "sums")
    return None


def twice(planted: Planted, case: Case, seed: int) -> str | None:
    data, _, _ = answers(case, seed, "small")
    leaves, g, y = attached(case, data, planted)
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


def tangent(planted: Planted, case: Case, seed: int) -> str | None:
    data, other = draw(case, seed), draw(case, seed + 1)
    primal = [one for one in operands(case, data)[:3] if one is not None]
    tangents = tuple(one for one in operands(case, other)[:3] if one is not None)
    run = lambda x, w, b=None: call(planted, case, x, w, b)  # noqa: E731
    _, got = torch.func.jvp(run, tuple(primal), tangents)
    want = correlate(case, other.x, data.w) + correlate(case, data.x, other.w, other.b)
    return differs(got, want, case, "jvp")


def mapped(planted: Planted, case: Case, seed: int) -> str | None:
    data, y, _ = answers(case, seed, "small")
    x, w, b, _ = operands(case, data)
    got = torch.func.vmap(lambda one: call(planted, case, one, w, b))(torch.stack([x, 2 * x]))
    return differs(got[0], y, case, "vmap")


def special(planted: Planted, case: Case, seed: int) -> str | None:
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
        said = differs(call(planted, case, x, w, b), want, case, f"y with {kind}")
        if said:
            return said
    return None


JUDGES = {"value": forward, "contract": forward, "raises": forward, "gradient": backward, "double": twice, "jvp": tangent,
          "vmap": mapped, "special": special}  # fmt: skip


def judge(planted: Planted, case: Case, seed: int = 1) -> str | None:
    """What is wrong, None if nothing is."""
    try:
        return JUDGES[planted.wrong](planted, case, seed)
    except (NotImplementedError, TypeError):
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def wanted(*kinds: str) -> list[Any]:
    return [pytest.param(one, id=one.name) for one in ALL if one.kind in kinds]


# ---- cases


def small_case(rng: random.Random, form: str) -> Case:
    """A random case: mostly small, now and then one long axis."""
    if form != "conv2d":
        kh, kw = rng.randint(1, 5), rng.randint(1, 5)
        if rng.random() < 0.3:
            kh = kw = rng.choice((1, 3))
        x = (1, 1, kh + rng.choice((0, 1, 3, 7, 12, 35)), kw + rng.choice((0, 2, 5, 8, 30, 70)))
        if rng.random() < 0.3:
            x = (1, 1, kh + x[3] - kw, x[3])
        return Case(x=x, w=(1, 1, kh, kw), dtype=rng.choice(("float32", "float32", "float64", "bfloat16")),
                    bias=form == "module" and rng.random() < 0.5)  # fmt: skip
    kh, kw = rng.choice(((1, 1), (3, 3), (rng.randint(1, 4), rng.randint(1, 4)), (rng.randint(1, 5), rng.randint(1, 5))))
    groups = rng.choice((1, 1, 1, 2, 3))
    each, kernels = rng.choice((1, 2, 3, 4)), groups * rng.choice((1, 2, 3, 5))
    if groups == 1 and rng.random() < 0.2:
        each, kernels = rng.choice(((19, 3), (33, 2), (2, 21), (17, 40), (4, 4))) 
    stride = rng.choice(((1, 1), (1, 1), (2, 2), (rng.randint(1, 4), rng.randint(1, 4))))
    dilation = rng.choice(((1, 1), (1, 1), (2, 2), (rng.randint(1, 3), rng.randint(1, 3))))
    padding: Any = rng.choice(((0,) * 4, (1,) * 4, (rng.randint(0, 4),) * 2 + (rng.randint(0, 3),) * 2))
    if stride == (1, 1) and rng.random() < 0.3:
        padding = rng.choice(("same", "valid"))
    height, width = (d * (k - 1) + 1 for d, k in zip(dilation, (kh, kw), strict=True))
    x = (rng.choice((1, 2, 3, 3, 4)), each * groups, height + rng.choice((0, 1, 4, 7, 9)), width + rng.choice((0, 2, 3, 8, 10)))
    if rng.random() < 0.15:
        x = rng.choice(((19, *x[1:]), (*x[:2], 44, x[3]), (*x[:3], 81)))
    dtype = rng.choice(("float32",) * 5 + ("float64", "bfloat16", "float16", "int32"))
    return Case(x=x, w=(kernels, each, kh, kw), stride=stride, padding=padding, dilation=dilation, groups=groups,
                bias=rng.random() < 0.4, dtype=dtype)  # fmt: skip


@functools.cache
def pool(form: str, count: int) -> tuple[Case, ...]:
    rng = random.Random(f"{form} {count}")
    return tuple(small_case(rng, form) for _ in range(count))


def differentiable(planted: Planted, case: Case) -> Case:
    if planted.wrong == "special":
        return case.but(dtype=case.dtype if case.dtype == "float64" else "float32")
    narrow = planted.wrong == "gradient" and case.dtype in UNIT
    return case.but(dtype="float64") if planted.wrong in ("gradient", "double", "jvp", "vmap") and not narrow else case


def outside_cases(planted: Planted, count: int) -> list[Case]:
    cases = (differentiable(planted, case) for case in pool(planted.form, 5 * count))
    cases = (case for case in cases if planted.arrays == "torch" or case.dtype != "bfloat16")
    return [case for case in cases if planted.right_on(case)][:count]


# ---- tests


def test_the_catalogue_is_whole() -> None:
    names = Counter(one.name for one in ALL)
    assert max(names.values()) == 1
    assert len([one for one in ALL if one.kind == "defect"]) >= 90
    assert len([one for one in ALL if one.kind == "honest"]) >= 15
    covered = {one.number for one in ALL if one.number} | set(defects.ABSENT)
    assert covered == set(range(1, defects.CLASSES + 1))


@pytest.mark.parametrize("planted", wanted("defect", "cheat", "honest"))
def test_every_entry_is_well_formed(planted: Planted) -> None:
    assert planted.wrong in WRONG and planted.check in CHECKS
    assert callable(load(planted))
    assert planted.region
    for text in filter(None, (planted.witness, planted.near_miss)):
        assert str(Case.parse(text)) or planted.name
        assert planted.form == "conv2d" or Case.parse(text).single_channel
    if planted.outside is not None and planted.near_miss is not None:
        assert planted.right_on(Case.parse(planted.near_miss))
    if planted.outside not in (None, "True") and planted.witness is not None:
        assert not planted.right_on(Case.parse(planted.witness))
    if planted.kind == "defect" and planted.wrong in PLAIN:
        assert planted.witness is not None


@pytest.mark.parametrize("planted", [one for one in wanted("defect") if one.values[0].wrong in PLAIN])
def test_a_defect_is_wrong_on_its_witness(planted: Planted) -> None:
    case = Case.parse(planted.witness or "")
    assert judge(planted, case) is not None
    if planted.wrong not in ("value", "contract", "raises"):
        assert forward(planted, case, 1) is None, "wrong in the forward pass already"


@pytest.mark.parametrize("planted", [one for one in wanted("defect") if one.values[0].near_miss])
def test_a_defect_is_right_just_outside(planted: Planted) -> None:
    assert planted.wrong not in JUDGES or judge(planted, Case.parse(planted.near_miss or "")) is None


@pytest.mark.parametrize("planted", [one for one in wanted("defect") if one.values[0].outside])
def test_a_defect_is_right_everywhere_else(planted: Planted) -> None:
    if planted.wrong not in JUDGES:
        pytest.skip("not decided by the case")
    sweep(planted, 40)


@pytest.mark.slow
@pytest.mark.parametrize("planted", [one for one in wanted("defect") if one.values[0].outside])
def test_a_defect_is_right_everywhere_else_at_length(planted: Planted) -> None:
    if planted.wrong in JUDGES:
        sweep(planted, 600)


def sweep(planted: Planted, count: int) -> None:
    cases = outside_cases(planted, count)
    assert len(cases) >= count // 4
    for case in cases:
        said = judge(planted, case)
        assert said is None, f"{case}: {said}"
