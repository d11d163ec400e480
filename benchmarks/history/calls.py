"""Which call is measured: whose, forward or backward?

Any commit of corrbench can be measured with today's cases: what a commit does not have raises NotImplementedError when
it is prepared, which asv and pytest record as skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from . import cases
from .measured import Problem, oracle, reference

Call = Callable[[], Any]

IMPLEMENTATIONS = (
    "reference.corr2d",
    "reference.conv2d",
    "scipy.correlate2d",
    "scipy.convolve2d",
    "torch.conv2d",
)
LAYERED = ("reference.conv2d", "torch.conv2d")  # those that take channels and have gradients
ORACLE = "oracle.exact"  # timed too, but its error is none by definition


def prepare(
    implementation: str, shape: str, device: str = "cpu", dtype: str = "float32", direction: str = "forward"
) -> Call:
    """The call to be measured, which takes no argument; on CUDA it returns after the device has finished.

    Args:
        implementation: of `IMPLEMENTATIONS`, or `ORACLE`.
        shape: of `cases.SHAPES`.
        device: of `cases.DEVICES`.
        dtype: of `cases.DTYPES`.
        direction: ``forward``, or ``backward`` for the gradients by input and kernels, the result being there.

    Raises:
        NotImplementedError: there is no such device here, the implementation does not do it, or this commit has no
            such implementation.
    """
    call = queued(implementation, shape, device, dtype, direction)
    if device == "cpu":
        return call

    def finished() -> Any:
        result = call()
        torch.cuda.synchronize()
        return result

    return finished


def queued(implementation: str, shape: str, device: str, dtype: str, direction: str) -> Call:
    """As `prepare`, but on CUDA the call returns when its work is queued."""
    if device == "cuda" and not torch.cuda.is_available():
        raise NotImplementedError("no CUDA device")
    if implementation.startswith(("scipy", "oracle")):
        if device != "cpu" or direction != "forward" or dtype == "bfloat16":
            raise NotImplementedError(f"{implementation} runs on the CPU only, forward, without bfloat16")
        return _on_arrays(implementation, shape, dtype)
    return _on_tensors(implementation, shape, device, dtype, direction)


def _on_arrays(implementation: str, shape: str, dtype: str) -> Call:
    x, w = (operand.numpy() for operand in cases.operands(shape, dtype))
    if implementation == ORACLE:
        if oracle is None:
            raise NotImplementedError("this commit has no oracle")
        problem = problem_of(shape, x, w)
        return lambda: oracle.exact(problem)
    if not cases.SHAPES[shape].plane:
        raise NotImplementedError(f"{implementation} takes one image and one kernel")
    import scipy.signal

    image, kernel = x[0, 0], w[0, 0]
    if implementation == "scipy.correlate2d":
        return lambda: scipy.signal.correlate2d(image, kernel, mode="valid")
    flipped = np.ascontiguousarray(kernel[::-1, ::-1])
    return lambda: scipy.signal.convolve2d(image, flipped, mode="valid")


def _on_tensors(implementation: str, shape: str, device: str, dtype: str, direction: str) -> Call:
    if reference is None and implementation.startswith("reference"):
        raise NotImplementedError("this commit has no reference")
    x, w = (operand.to(device) for operand in cases.operands(shape, dtype))
    arguments = cases.SHAPES[shape].arguments
    g = cases.cotangent(shape, dtype).to(device) if direction == "backward" else None
    if implementation == "reference.corr2d":
        if not cases.SHAPES[shape].plane:
            raise NotImplementedError("corr2d takes one image and one kernel")
        x, w, g, arguments = x[0, 0], w[0, 0], None if g is None else g[0, 0], {}
    function = {
        "reference.corr2d": getattr(reference, "corr2d", None),
        "reference.conv2d": getattr(reference, "conv2d", None),
        "torch.conv2d": torch.nn.functional.conv2d,
    }[implementation]
    if g is None:
        return lambda: function(x, w, **arguments)
    inputs = x.detach().requires_grad_(), w.detach().requires_grad_()
    y = function(*inputs, **arguments)
    return lambda: torch.autograd.grad(y, inputs, g, retain_graph=True)


def problem_of(shape: str, x: cases.Array, w: cases.Array) -> Problem:
    """The oracle's form of a shape with its numbers."""
    it = cases.SHAPES[shape]
    return Problem(x, w, None, (it.stride,) * 2, (it.padding,) * 4, (it.dilation,) * 2, it.groups)
