"""The mission: the article's corr2d and Conv2D, cross-checked against SciPy and PyTorch, gradients included."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from corrbench.case import Case
from corrbench.numerics import bounds, oracle
from corrbench.numerics.inputs import draw
from corrbench.numerics.problem import Array, Problem
from corrbench.reference import Conv2D, conv2d, corr2d
from corrbench.suites import article

DEMO = Case(x=(1, 1, 5, 5), w=(1, 1, 3, 3))
PLAIN = [case for case in article.cases(1, 0) if case.single_channel and not case.bias]
SUBJECTS = {
    "reference corr2d": lambda X, K: corr2d(torch.from_numpy(X), torch.from_numpy(K)).numpy(),
    "reference conv2d": lambda X, K: conv2d(torch.from_numpy(X)[None, None], torch.from_numpy(K)[None, None])[
        0, 0
    ].numpy(),
    "reference Conv2D": lambda X, K: Conv2D(K.shape, torch.from_numpy(K))(torch.from_numpy(X)).detach().numpy(),
    "scipy correlate2d": lambda X, K: signal.correlate2d(X, K, mode="valid"),
    "scipy convolve2d, kernel flipped": lambda X, K: signal.convolve2d(X, K[::-1, ::-1], mode="valid"),
    "torch F.conv2d": lambda X, K: functional.conv2d(torch.from_numpy(X)[None, None], torch.from_numpy(K)[None, None])[
        0, 0
    ].numpy(),
}


def operands(case: Case) -> tuple[Array, Array]:
    return draw(case, 7, "x")[0, 0], draw(case, 7, "w")[0, 0]


def problem(X: Array, K: Array) -> Problem:
    return Problem(X[None, None], K[None, None])


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("case", PLAIN, ids=str)
class TestAgainstTheExactAnswer:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_reals_are_within_the_rigorous_bound(self, subject: str, case: Case, dtype: str) -> None:
        X, K = operands(case.but(dtype=dtype, data="unit"))
        truth = oracle.exact(problem(X, K))
        error = oracle.error(SUBJECTS[subject](X, K)[None, None], truth)
        assert np.all(np.abs(error) <= bounds.bound(problem(X, K), truth, dtype=dtype))

    @pytest.mark.parametrize("data", ["small", "full"])
    def test_integers_are_exact_to_the_bit(self, subject: str, case: Case, data: str) -> None:
        X, K = operands(case.but(dtype="float64", data=data))
        truth = oracle.exact(problem(X, K))
        assert not truth.lo.any()
        np.testing.assert_array_equal(SUBJECTS[subject](X, K), truth.hi[0, 0], strict=True)


def test_the_demo() -> None:
    """A random 5×5 image, a 3×3 layer with its own weight, a 3×3 result that is corr2d + bias."""
    torch.manual_seed(0)
    X, layer = torch.rand(5, 5), Conv2D((3, 3))
    with torch.no_grad():
        layer.bias.fill_(0.5)  # type: ignore[union-attr]
    y = layer(X)
    assert y.shape == (3, 3)
    torch.testing.assert_close(y, corr2d(X, layer.weight) + 0.5, rtol=0, atol=1e-6)


def test_convolution_flips_and_correlation_does_not() -> None:
    X, K = operands(DEMO.but(data="small"))
    here = corr2d(torch.from_numpy(X), torch.from_numpy(K)).numpy()
    np.testing.assert_array_equal(here, signal.convolve2d(X, K[::-1, ::-1], mode="valid"))
    assert not np.array_equal(here, signal.convolve2d(X, K, mode="valid"))


class TestGradients:
    @pytest.fixture
    def given(self) -> tuple[torch.Tensor, ...]:
        case = Case(x=(2, 4, 5, 6), w=(6, 2, 3, 2), groups=2, bias=True, dtype="float64")
        return tuple(torch.from_numpy(draw(case, 7, name)).requires_grad_() for name in "xwb")

    def test_gradcheck_for_image_kernel_and_bias(self, given: tuple[torch.Tensor, ...]) -> None:
        def layer(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return conv2d(x, w, b, stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)

        assert gradcheck(layer, given)
        assert gradgradcheck(layer, given)

    def test_gradcheck_for_corr2d(self) -> None:
        X, K = (torch.from_numpy(a).requires_grad_() for a in operands(DEMO.but(dtype="float64", data="unit")))
        assert gradcheck(corr2d, (X, K))
        assert gradgradcheck(corr2d, (X, K))

    def test_gradcheck_for_the_layer(self) -> None:
        layer = Conv2D((3, 3), dtype=torch.float64)
        X = torch.rand(5, 5, dtype=torch.float64, requires_grad=True)

        def forward(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
            return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

        assert gradcheck(forward, (X, *layer.parameters()))
        assert gradgradcheck(forward, (X, *layer.parameters()))

    @pytest.mark.parametrize("case", [c.but(dtype="float64") for c in article.cases(1, 0)], ids=str)
    def test_adjoint_identities_hold_exactly_on_integers(self, case: Case) -> None:
        """<y, g> = <x, gx> = <w, gw> and gb = sum(g)."""
        x, w, b = (torch.from_numpy(draw(case, 7, name)).requires_grad_() for name in "xwb")
        g = torch.from_numpy(draw(case, 7, "g"))
        top, _, left, _ = case.sides
        y = conv2d(x, w, None, case.stride, (top, left), case.dilation, case.groups)
        (y + b[:, None, None]).backward(g)
        assert x.grad is not None
        assert w.grad is not None
        assert b.grad is not None
        inner = (y * g).sum()
        assert inner == (x * x.grad).sum() == (w * w.grad).sum()
        assert torch.equal(b.grad, g.sum((0, 2, 3)))


def train(target: torch.Tensor, X: torch.Tensor, kernel: tuple[int, int], rate: float, steps: int) -> Conv2D:
    """Gradient descent from a random layer towards `target`."""
    torch.manual_seed(3)
    layer = Conv2D(kernel)
    optimiser = torch.optim.SGD(layer.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        ((layer(X) - target) ** 2).mean().backward()
        optimiser.step()
    return layer


class TestTraining:
    def test_a_few_dozen_steps_recover_an_edge_detector(self) -> None:
        X = torch.ones(6, 8)
        X[:, 2:6] = 0
        K = torch.tensor([[1.0, -1.0]])
        layer = train(corr2d(X, K), X, (1, 2), rate=0.6, steps=60)
        torch.testing.assert_close(layer.weight.detach(), K, rtol=0, atol=0.01)

    def test_trained_against_a_convolution_it_finds_the_flipped_kernel(self) -> None:
        """Whether the kernel is flipped changes nothing about what can be learned: it comes out flipped."""
        X = torch.randn(24, 25, generator=torch.Generator().manual_seed(1))
        K = torch.tensor([[1.0, 2.0, 0.5], [-1.0, 0.25, 3.0], [0.0, -2.0, 1.5]])
        convolved = torch.from_numpy(signal.convolve2d(X.numpy(), K.numpy(), mode="valid"))
        layer = train(convolved, X, (3, 3), rate=0.2, steps=80)
        torch.testing.assert_close(layer.weight.detach(), K.flip(0, 1), rtol=0, atol=0.01)
