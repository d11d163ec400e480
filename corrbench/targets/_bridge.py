"""A bridge from torch's tensors and autograd to libraries with arrays and derivatives of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from corrbench.targets._arguments import pair

Arrays = Sequence[Any]
Function = Callable[..., Arrays]  # of a library's arrays, returning a tuple of them


@dataclass(frozen=True)
class Library:
    """What the bridge asks of a library.

    Attributes:
        take: its array, with memory of its own, of a contiguous NumPy array; bfloat16 as `ml_dtypes.bfloat16`, or as
            ``uint16`` with `bits` set.
        give: a NumPy array of its array; bfloat16 likewise.
        vjp: (f, arrays, cotangents) to the vector-Jacobian products, one for each array.
        jvp: (f, arrays, tangents) to the results and their tangents.
        vmap: (f, axes) to f over a new first axis, `axes` saying which axis of each argument that is, or None.
        bits: bfloat16 crosses as its bits.
        cannot: a regular expression for what the library's errors say where something is not implemented.
    """

    take: Callable[[Any], Any]
    give: Callable[[Any], Any]
    vjp: Callable[[Function, Arrays, Arrays], Any]
    jvp: Callable[[Function, Arrays, Arrays], Any] | None = None
    vmap: Callable[[Function, Sequence[int | None]], Function] | None = None
    bits: bool = False
    cannot: str = ""

    def run(self, f: Function, arrays: Arrays) -> Arrays:
        """f of the arrays.

        Raises:
            NotImplementedError: in place of an error of the library's that means the same.
        """
        try:
            return f(*arrays)
        except Exception as error:
            if self.cannot and re.search(self.cannot, str(error)):
                raise NotImplementedError(str(error)) from error
            raise


def conv2d(library: Library, convolve: Callable[..., Any], tensors: Arrays, geometry: dict[str, Any]) -> Any:
    """`convolve`, a function of the library's arrays x, w, perhaps b, and of the geometry, on torch's tensors.

    Args:
        library: how the tensors cross, and how the library differentiates.
        convolve: called with ``stride``, ``padding``, ``dilation`` as pairs (or padding as a word), and ``groups``.
        tensors: input, weight, and bias or None.
        geometry: stride, padding, dilation and groups as they came, or without those at their default.
    """
    told = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | geometry
    given = {name: value if name == "groups" else pair(value) for name, value in told.items()}
    present = [tensor for tensor in tensors if tensor is not None]
    return autograd()(library, lambda *arrays: (convolve(*arrays, **given),), *present)[0]


def refuse_late_bias(bias: Any) -> None:
    """Refuse a bias that could only be added to a result already rounded to 16 bits: that error is no library's.

    Raises:
        NotImplementedError: a bias of a 16-bit type.
    """
    if bias is not None and bias.dtype.itemsize == 2 and bias.dtype.is_floating_point:
        raise NotImplementedError("this convolution has no bias, and added later it would round a 16-bit result twice")


def to_numpy(library: Library, tensor: Any) -> Any:
    """The tensor's values, contiguous."""
    import numpy as np
    import torch

    plain = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if plain.dtype != torch.bfloat16:
        return plain.numpy().copy()
    values = plain.view(torch.int16).numpy().copy()
    if library.bits:
        return values.view(np.uint16)
    from ml_dtypes import bfloat16

    return values.view(bfloat16)


def to_torch(library: Library, array: Any, dtype: Any) -> Any:
    """A tensor with the array's values and memory of its own; `dtype` tells bits from numbers."""
    import numpy as np
    import torch

    values = np.array(library.give(array), order="C")
    if values.dtype.name == "bfloat16" or (library.bits and values.dtype == np.uint16 and dtype == torch.bfloat16):
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)


@cache
def autograd() -> Any:
    """What runs (library, f, tensors...) under torch's autograd; the derivatives of a run are such runs themselves."""
    import torch

    class Bridged(torch.autograd.Function):
        @staticmethod
        def forward(library: Library, f: Function, *tensors: Any) -> Any:
            results = library.run(f, [library.take(to_numpy(library, tensor)) for tensor in tensors])
            first = tensors[0]
            return tuple(to_torch(library, result, first.dtype).to(first.device) for result in results)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.library, ctx.f, *tensors = inputs
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            tensors, library, f = ctx.saved_tensors, ctx.library, ctx.f
            wanted = [index for index, needed in enumerate(ctx.needs_input_grad[2:]) if needed]

            def gradients(*arrays: Any) -> Any:
                operands, given = arrays[: len(tensors)], arrays[len(tensors) :]

                def part(*chosen: Any) -> Any:
                    replaced = dict(zip(wanted, chosen, strict=True))
                    return f(*(replaced.get(index, operand) for index, operand in enumerate(operands)))

                return library.vjp(part, [operands[index] for index in wanted], given)

            found = dict(zip(wanted, run(library, gradients, *tensors, *cotangents), strict=True))
            return None, None, *(found.get(index) for index in range(len(tensors)))

        @staticmethod
        def jvp(ctx: Any, _library: Any, _f: Any, *tangents: Any) -> Any:
            tensors, library, f = ctx.saved_tensors, ctx.library, ctx.f
            given = [torch.zeros_like(x) if t is None else t for x, t in zip(tensors, tangents, strict=True)]

            def along(*arrays: Any) -> Any:
                return library.jvp(f, arrays[: len(tensors)], arrays[len(tensors) :])[1]

            return run(library, along, *tensors, *given)

        @staticmethod
        def vmap(_info: Any, axes: Any, library: Any, f: Any, *tensors: Any) -> Any:
            results = run(library, library.vmap(f, axes[2:]), *tensors)
            return results, (0,) * len(results)

    run: Any = Bridged.apply
    return run
