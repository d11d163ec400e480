"""A program over a prime field: it computes there what it computes over the reals, or is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.judge.worker import field, library
from corrbench.judge.worker.residues import Record, Refused, integers, objects

P = 2147483629
windows = np.lib.stride_tricks.sliding_window_view
pytestmark = pytest.mark.skipif(not hasattr(torch.Tensor, "_make_wrapper_subclass"), reason="an older torch")


@pytest.fixture(scope="module", autouse=True)
def _torch() -> None:
    library.load_torch()


def over_field(
    program: Callable[..., Any], *arrays: np.ndarray, dtype: torch.dtype = torch.float32
) -> tuple[Any, Record]:
    record = Record(P)
    given = [field.tensors()(torch.from_numpy(array), dtype, [1], record) for array in arrays]
    with field.mode(record):
        return program(*given), record


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).integers(0, P, shape)


def exactly(program: Callable[..., Any], *arrays: np.ndarray) -> np.ndarray:
    """The same over Python's integers."""
    return np.asarray(program(*(array.astype(object) for array in arrays)) % P).astype(np.int64)


@pytest.mark.parametrize(
    ("program", "exact", "degree"),
    [
        (lambda a, b: a * b + a, lambda a, b: a * b + a, 2),
        (lambda a, b: 3 * a - b, lambda a, b: 3 * a - b, 1),
        (lambda a, b: a @ b.T, lambda a, b: a @ b.T, 2),
        (lambda a, b: torch.einsum("ij,kj->ik", a, b), lambda a, b: a @ b.T, 2),
        (lambda a, b: (a * b).sum(1), lambda a, b: (a * b).sum(1), 2),
        (lambda a, b: torch.cat([a, b])[1:, ::2], lambda a, b: np.concatenate([a, b])[1:, ::2], 1),
        (lambda a, b: a.double().mul(b.double()).float(), lambda a, b: a * b, 2),
        (lambda a, b: torch.addmm(a @ a.T, a, b.T), lambda a, b: a @ a.T + a @ b.T, 2),
        (lambda a, b: a**3, lambda a, b: a * a * a, 3),
        (lambda a, b: F.pad(a, (1, 0)), lambda a, b: np.pad(a, ((0, 0), (1, 0))), 1),
        (lambda a, b: a / 4 * 4 - b, lambda a, b: a - b, 1),
        (lambda a, b: a.unfold(1, 2, 1).flip(0), lambda a, b: windows(a, 2, 1)[::-1], 1),
    ],
)  # fmt: skip
def test_operators_mean_what_they_mean(program: Any, exact: Any, degree: int) -> None:
    a, b = numbers(3, 4), numbers(3, 4, seed=1)
    y, _ = over_field(program, a, b)
    assert np.array_equal(y.inner.numpy(), exactly(exact, a, b))
    assert y.degree[0] == degree


def test_writes_into_views_and_factories_are_followed() -> None:
    def program(a: Tensor, b: Tensor) -> Tensor:
        y = torch.zeros(3, 4)
        y[:, 1:] += a[:, 1:] * b[:, 1:]
        y[0] = b[0]
        return y

    a, b = numbers(3, 4), numbers(3, 4, seed=1)
    expected = exactly(lambda a, b: a * b, a, b)
    expected[:, 0], expected[0] = 0, b[0]
    y, _ = over_field(program, a, b)
    assert np.array_equal(y.inner.numpy(), expected)
    assert y.degree[0] == 2


def test_a_factor_next_to_one_shows_and_a_rounded_fraction_is_read() -> None:
    a, b = numbers(2, 2), numbers(2, 2, seed=1)
    y, record = over_field(lambda a, b: a * (1 + 2.0**-40), a, b)
    assert not np.array_equal(y.inner.numpy(), a)
    assert not record.constants
    y, record = over_field(lambda a, b: a * (1 / 6) * 6, a, b)
    assert np.array_equal(y.inner.numpy(), a)
    assert list(record.constants.values()) == ["1/6"]


def test_convolution_is_an_axiom_that_is_told() -> None:
    x, w = numbers(2, 4, 6, 7), numbers(6, 2, 3, 2)
    y, record = over_field(lambda x, w: F.conv2d(x, w, None, 2, (1, 0), 1, 2), x, w)
    small = F.conv2d(*(torch.from_numpy(a % 97).double() for a in (x, w)), None, 2, (1, 0), 1, 2)
    again, _ = over_field(lambda x, w: F.conv2d(x, w, None, 2, (1, 0), 1, 2), x % 97, w % 97)
    assert np.array_equal(again.inner.numpy(), small.long().numpy() % P)
    assert record.operators == {"convolution": 1}
    assert y.shape == small.shape


@pytest.mark.parametrize(
    "program",
    [
        lambda a: a if a[0, 0] == 12345 else a + 1,
        lambda a: a.clamp(min=-1e30),
        lambda a: torch.where(a > 0, a, a),
        lambda a: a[a.long()],
        lambda a: a * float(a.sum()),
        lambda a: a.relu(),
        torch.fft.rfft,
        lambda a: a / a,
        lambda a: a.sort().values,
        lambda a: a.int().float(),
    ],
)
def test_what_looks_at_numbers_is_refused_with_its_place(program: Any) -> None:
    with pytest.raises(Refused) as caught:
        over_field(program, numbers(2, 2))
    assert caught.value.where.startswith("test_field.py:")


def test_its_address_is_none() -> None:
    assert over_field(lambda a: a.data_ptr(), numbers(2, 2))[0] == 0


@pytest.mark.parametrize(
    "read", [lambda a: a.numpy(), lambda a: a.tolist(), np.asarray, lambda a: bytes(memoryview(a))]
)
def test_there_is_no_memory_to_be_read(read: Any) -> None:
    with pytest.raises((Refused, RuntimeError, TypeError, NotImplementedError)):
        over_field(read, numbers(2, 2))


def test_a_refusal_is_remembered_though_it_is_swallowed() -> None:
    def program(a: Tensor) -> Tensor:
        try:
            if a[0, 0] > 0:
                return a + 1
        except BaseException:  # noqa: BLE001 - as a program could
            pass
        return a

    _, record = over_field(program, numbers(2, 2))
    assert record.refused is not None


def test_memory_that_is_not_initialised_is_no_zero() -> None:
    y, _ = over_field(lambda a: a + torch.empty(2, 2), numbers(2, 2))
    assert not np.array_equal(y.inner.numpy(), numbers(2, 2))


def test_arrays_of_residues_compute_and_refuse() -> None:
    record = Record(P)
    a, b = (objects(numbers(3, 4, seed=seed), record) for seed in (0, 1))
    y = np.einsum("ij,kj->ik", a, b) * 2 + np.zeros((3, 3), object)
    expected = exactly(lambda a, b: 2 * (a @ b.T), numbers(3, 4), numbers(3, 4, seed=1))
    assert integers(y, record) == expected.ravel().tolist()
    assert record.degree == 2
    for program in (lambda: a == 1, a.max, lambda: a.astype(float), lambda: bool(a[0, 0]), lambda: np.abs(a),
                    lambda: np.sort(a), lambda: a[0, 0] % 2, lambda: hash(str(a[0, 0]))):  # fmt: skip
        with pytest.raises(Refused):
            program()
