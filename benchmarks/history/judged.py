"""How far off is a result, by the oracle and the bounds of the commit that is measured?"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch

from . import calls, cases
from .measured import bounds, oracle

BITS = 64  # more than any format here has, so that what is short of them is positive
FLOOR = 2.0**-52  # of a share: a result without any error stays on a logarithmic axis


class Accuracy(NamedTuple):
    """Of the worst element of one array.

    Attributes:
        share: its error over the error allowed (direct); above 1 is wrong.
        short: bits of 64 that are not right, relative to what was summed.
    """

    share: float
    short: float


def judge(got: Any, shape: str, dtype: str = "float32", of: str = "y") -> Accuracy:
    """Compare a result, or the gradient by ``x`` or ``w``, with the exact one.

    Raises:
        NotImplementedError: this commit has no oracle.
        ValueError: the result has another size, or holds a NaN.
    """
    if oracle is None:
        raise NotImplementedError("this commit has no oracle")
    problem = calls.problem_of(shape, *(_plain(operand) for operand in cases.operands(shape, dtype)))
    if of != "y":
        g = _plain(cases.cotangent(shape, dtype))
        problem = problem.input_gradient(g) if of == "x" else problem.weight_gradient(g)
    values, truth = _plain(torch.as_tensor(got)), oracle.exact(problem)
    if values.size != truth.hi.size:
        raise ValueError(f"{shape}, {of}: result of shape {values.shape}, expected {truth.hi.shape}")
    error = oracle.error(values.reshape(truth.hi.shape), truth)
    share = float((bounds.absolute(error) / bounds.bound(problem, truth, dtype=dtype, accuracy="direct")).max())
    if share != share:
        raise ValueError(f"{shape}, {of}: the result holds a NaN")
    bits = bounds.effective_bits(error, oracle.magnitude(problem))
    return Accuracy(max(share, FLOOR), max(BITS - bits, 0.0))


def _plain(tensor: torch.Tensor) -> cases.Array:
    """As the oracle takes it: bfloat16 values in float32."""
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(force=True)


Table = dict[tuple[str, ...], Accuracy | Exception]


def table(params: Iterable[tuple[str, ...]]) -> Table:
    """All that is to be tracked in one go: a process and an exact answer for each would take longer than the rest.

    Args:
        params: implementations, shapes, dtypes, devices, and what is judged (``y``, ``x``, ``w``).

    Returns:
        For each combination its accuracy, or what kept it from being judged.
    """
    found: Table = {}
    for key in itertools.product(*params):
        implementation, shape, dtype, device, of = key
        try:
            if of == "y":
                got = calls.prepare(implementation, shape, device, dtype)()
            else:
                got = calls.prepare(implementation, shape, device, dtype, "backward")()["xw".index(of)]
            found[key] = judge(got, shape, dtype, of)
        except (RuntimeError, TypeError, ValueError) as error:
            found[key] = error
    return found
