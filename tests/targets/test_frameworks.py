"""The adapters of frameworks: names, what they declare, how tensors cross, and a few exact cases where one is there."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib import metadata
from types import ModuleType
from typing import Any

import pytest
import torch

from corrbench.case import DTYPES
from corrbench.judge.probe import MODES
from corrbench.judge.worker.loading import version
from corrbench.numerics.bounds import ACCURACIES
from corrbench.reference import conv2d
from corrbench.support import BASES, features
from corrbench.target import FORMS, registered
from corrbench.targets import _bridge

ALL = registered()
FRAMEWORKS = [name for name, (_, one) in ALL.items() if one.arrays == "torch" and one.form == "conv2d"]
GEOMETRIES: tuple[dict[str, Any], ...] = (
    {},
    {"stride": (1, 2), "padding": (1, 0)},
    {"dilation": 2, "padding": 2},
    {"groups": 2},
)


def operands(groups: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Whole numbers: every right answer is exact."""
    generator = torch.Generator().manual_seed(3)
    shapes = (2, 4, 7, 6), (6, 4 // groups, 3, 2), (6,)
    x, w, b = (torch.randint(-3, 4, shape, generator=generator).float() for shape in shapes)
    return x, w, b


def resolve(name: str) -> Any:
    place, _, attribute = ALL[name][0].partition(":")
    return getattr(importlib.import_module(place), attribute)


@pytest.mark.parametrize("name", ALL)
def test_what_is_declared_is_what_corrbench_knows(name: str) -> None:
    declared = ALL[name][1]
    assert declared.form in FORMS
    assert declared.accuracy in ACCURACIES
    assert set(declared.dtypes.split()) <= set(DTYPES)
    assert set(declared.lacks.split(",")) - {""} <= set(features(BASES[0])) | set(MODES)
    assert all("=" in word for word in declared.environ.split())
    assert declared.about
    assert callable(resolve(name))


@pytest.mark.parametrize("name", [name for name in FRAMEWORKS if name != "torch.plain"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_results_and_gradients_on_whole_numbers(name: str, geometry: dict[str, Any]) -> None:
    needs = ALL[name][1].needs
    if needs:
        pytest.importorskip(needs, reason=f"{name} is not installed")
    if "float32" not in (ALL[name][1].dtypes.split() or DTYPES):
        pytest.skip("takes no float32")
    leaves = [tensor.requires_grad_() for tensor in operands(geometry.get("groups", 1))]
    try:
        got, expected = resolve(name)(*leaves, **geometry), conv2d(*leaves, **geometry)
        cotangent = torch.arange(got.numel(), dtype=got.dtype).remainder(7).sub(3).view(got.shape)
        pairs = [(got, expected)]
        pairs += zip(*(torch.autograd.grad(y, leaves, cotangent) for y in (got, expected)), strict=True)
    except NotImplementedError as error:
        pytest.skip(str(error))
    for one, other in pairs:
        assert torch.equal(one, other)


def test_a_library_without_a_version_of_its_own_is_named_with_its_distributions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "click", ModuleType("click"))
    assert version("click", "corrbench.targets.torch:torch") == metadata.version("click")


# ---- variants of torch


def test_switching_onednn_off_happens_on_import_of_one_module_only() -> None:
    module = ALL["torch.plain"][1].needs
    assert module == "corrbench.targets._without_onednn"
    told = "import torch, corrbench.targets.torch; print(torch.backends.mkldnn.enabled)"
    told += f"; import {module}; print(torch.backends.mkldnn.enabled)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_the_module_leaves_the_random_generator_alone() -> None:
    before = torch.get_rng_state()
    resolve("torch.module")(*operands())
    assert torch.equal(before, torch.get_rng_state())


# ---- the bridge, with torch itself in the library's place


def itself(*, bits: bool = False) -> _bridge.Library:
    """NumPy arrays in, torch's own derivatives."""

    def vjp(f: _bridge.Function, arrays: _bridge.Arrays, cotangents: _bridge.Arrays) -> Any:
        with torch.enable_grad():
            leaves = [array if array.requires_grad else array.requires_grad_() for array in arrays]
            return torch.autograd.grad(f(*leaves), leaves, cotangents, create_graph=True, materialize_grads=True)

    def jvp(f: _bridge.Function, arrays: _bridge.Arrays, tangents: _bridge.Arrays) -> Any:
        (x, w), (dx, dw) = arrays, tangents  # f is bilinear; torch nests no forward mode
        return f(x, w), (f(dx, w)[0] + f(x, dw)[0],)

    return _bridge.Library(
        take=torch.from_numpy,
        give=lambda array: array.detach().numpy(),
        vjp=vjp,
        jvp=jvp,
        vmap=lambda f, axes: torch.func.vmap(f, in_dims=tuple(axes)),
        bits=bits,
        cannot="not today",
    )


def bridged(library: _bridge.Library, *tensors: Any, **geometry: Any) -> Any:
    return _bridge.conv2d(library, torch.nn.functional.conv2d, tensors, geometry)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own forward mode calls it
def test_derivatives_of_every_order_cross_the_bridge() -> None:
    leaves = [torch.linspace(-1, 1, 12).double().view(1, 2, 3, 2), torch.linspace(-1, 2, 8).double().view(1, 2, 2, 2)]
    for leaf in leaves:
        leaf.requires_grad_()
    assert torch.autograd.gradcheck(lambda *t: bridged(itself(), *t), leaves, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda *t: bridged(itself(), *t), leaves)


def test_only_the_gradients_asked_for_are_asked_of_the_library() -> None:
    x, w, b = operands()
    w.requires_grad_()
    counts = []
    library = itself()
    seen = _bridge.Library(
        take=library.take, give=library.give, vjp=lambda f, a, g: counts.append(len(a)) or library.vjp(f, a, g)
    )
    bridged(seen, x, w, b).sum().backward()
    assert counts == [1]
    assert x.grad is None
    assert w.grad is not None


def test_an_axis_more_crosses_the_bridge() -> None:
    x, w, _ = operands()
    stack = torch.stack([x, 2 * x])
    got = torch.func.vmap(lambda one: bridged(itself(), one, w))(stack)
    assert torch.equal(got, torch.stack([conv2d(one, w) for one in stack]))


def test_views_and_empty_batches_cross_with_their_values() -> None:
    x, w, _ = operands()
    for view in (x.transpose(2, 3), x[:, :, ::2, 1:], x[:0], x[:1].expand(3, -1, -1, -1)):
        assert torch.equal(bridged(itself(), view, w), conv2d(view, w))


@pytest.mark.parametrize("layout", ["contiguous", "transposed"])
def test_bfloat16_crosses_as_its_bits(layout: str) -> None:
    import numpy as np

    values = torch.tensor([[1.0, -2.5, float("inf")], [3.0, 0.0, 7.0]]).bfloat16()
    tensor = values if layout == "contiguous" else values.T.contiguous().T
    library = _bridge.Library(take=lambda a: a, give=lambda a: a, vjp=lambda *_: (), bits=True)
    array = _bridge.to_numpy(library, tensor)
    assert array.dtype == np.uint16
    assert torch.equal(_bridge.to_torch(library, array, torch.bfloat16), values)


def test_results_have_memory_of_their_own() -> None:
    x = torch.ones(1, 1, 2, 2)
    library = itself()
    same = _bridge.conv2d(library, lambda x, w, **_: x, (x, x), {})
    assert same.data_ptr() != x.data_ptr()


def test_what_a_library_cannot_do_is_a_refusal_and_the_rest_is_not() -> None:
    def fail(message: str) -> Any:
        raise ValueError(message)

    x, w, _ = operands()
    with pytest.raises(NotImplementedError, match="not today"):
        _bridge.conv2d(itself(), lambda *_, **__: fail("not today"), (x, w), {})
    with pytest.raises(ValueError, match="wrong"):
        _bridge.conv2d(itself(), lambda *_, **__: fail("wrong"), (x, w), {})


def test_a_late_bias_is_refused_in_16_bits_only() -> None:
    _bridge.refuse_late_bias(None)
    _bridge.refuse_late_bias(torch.ones(3))
    _bridge.refuse_late_bias(torch.ones(3, dtype=torch.int16))
    for dtype in (torch.float16, torch.bfloat16):
        with pytest.raises(NotImplementedError):
            _bridge.refuse_late_bias(torch.ones(3, dtype=dtype))
