"""Which implementations are measured, on which shapes and devices?

Everything that measures takes its cases from here. Any commit of corrbench can be measured with today's cases: what a
commit does not have raises NotImplementedError when it is prepared, which asv and pytest record as skipped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal
import torch
from numpy.typing import NDArray

try:
    from corrbench import reference
except ImportError:
    reference = None  # type: ignore[assignment]

try:
    from corrbench import bounds, oracle
    from corrbench.problem import Problem
except ImportError:
    oracle = None  # type: ignore[assignment]

Array = NDArray[Any]
Call = Callable[[], Any]

# Rows and columns of the image, then of the kernel: the article's demonstration, and edge detection.
SHAPES: dict[str, tuple[int, int, int, int]] = {
    "article 5x5*3x3": (5, 5, 3, 3),
    "edges 256x256*3x3": (256, 256, 3, 3),
    "edges 256x256*11x11": (256, 256, 11, 11),
    "edges 1024x1024*3x3": (1024, 1024, 3, 3),
    "edges 1024x1024*11x11": (1024, 1024, 11, 11),
}
DEVICES = ("cpu", "cuda")

# The oracle is timed too, but its error is none by definition.
IMPLEMENTATIONS = (
    "reference.corr2d",
    "reference.conv2d",
    "scipy.correlate2d",
    "scipy.convolve2d",
    "torch.conv2d",
)
ORACLE = "oracle.exact"


@functools.cache
def operands(shape: str) -> tuple[Array, Array]:
    """Image (H, W) and kernel (kh, kw), float32; the same numbers in every process.

    The kernel of the edge shapes is the derivative of a Gaussian along the columns: real, full-mantissa weights that
    change sign when flipped.
    """
    rows, columns, kh, kw = SHAPES[shape]
    rng = np.random.default_rng((rows, columns, kh, kw))
    image = rng.random((rows, columns), dtype=np.float32)
    if shape.startswith("article"):
        return image, rng.random((kh, kw), dtype=np.float32)
    down, across = np.linspace(-2, 2, kh), np.linspace(-2, 2, kw)
    return image, np.outer(np.exp(-down * down / 2), across * np.exp(-across * across / 2)).astype(np.float32)


def prepare(implementation: str, shape: str, device: str) -> Call:
    """Put the operands where the implementation wants them and return the call to be measured, which takes no argument.

    A call on CUDA returns after the device has finished.

    Raises:
        NotImplementedError: there is no such device here, the implementation does not run on it, or this commit has no
            such implementation.
    """
    image, kernel = operands(shape)
    if device == "cuda" and not torch.cuda.is_available():
        raise NotImplementedError("no CUDA device")
    if implementation.startswith(("scipy", "oracle")) and device != "cpu":
        raise NotImplementedError(f"{implementation} runs on the CPU only")
    if implementation == "scipy.correlate2d":
        return lambda: scipy.signal.correlate2d(image, kernel, mode="valid")
    if implementation == "scipy.convolve2d":
        flipped = np.ascontiguousarray(kernel[::-1, ::-1])
        return lambda: scipy.signal.convolve2d(image, flipped, mode="valid")
    if implementation == ORACLE:
        if oracle is None:
            raise NotImplementedError("this commit has no oracle")
        problem = Problem(image[None, None], kernel[None, None])
        return lambda: oracle.exact(problem)
    tensors = torch.as_tensor(image, device=device), torch.as_tensor(kernel, device=device)
    return _finished(_on_tensors(implementation, *tensors), device)


def _on_tensors(implementation: str, image: torch.Tensor, kernel: torch.Tensor) -> Call:
    batch, weight = image[None, None], kernel[None, None]
    if implementation == "torch.conv2d":
        return lambda: torch.nn.functional.conv2d(batch, weight)
    if reference is None:
        raise NotImplementedError("this commit has no reference")
    if implementation == "reference.conv2d":
        return lambda: reference.conv2d(batch, weight)
    return lambda: reference.corr2d(image, kernel)


def _finished(call: Call, device: str) -> Call:
    if device == "cpu":
        return call

    def finished() -> Any:
        result = call()
        torch.cuda.synchronize()
        return result

    return finished


def share_of_bound(result: Any, shape: str) -> float:
    """Largest error of a result over the error allowed (direct, float32), at least 2**-52; above 1 is wrong.

    Raises:
        NotImplementedError: this commit has no oracle.
        ValueError: the result has another shape, or holds a NaN.
    """
    if oracle is None:
        raise NotImplementedError("this commit has no oracle")
    image, kernel = operands(shape)
    got = result.numpy(force=True) if isinstance(result, torch.Tensor) else np.asarray(result)
    problem = Problem(image[None, None], kernel[None, None])
    if got.size != np.prod(problem.shape):
        raise ValueError(f"{shape}: result of shape {got.shape}, expected {problem.shape}")
    truth = oracle.exact(problem)
    error = np.abs(oracle.error(got.reshape(problem.shape), truth))
    share = float(np.max(error / bounds.bound(problem, truth, dtype="float32", accuracy="direct")))
    if np.isnan(share):
        raise ValueError(f"{shape}: the result holds a NaN")
    return max(share, 2.0**-52)
