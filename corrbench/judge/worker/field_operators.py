"""torch's operators over a prime field: which move elements, which decide by values, and what sums and products are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from . import library

MOVES = {
    "view",
    "_unsafe_view",
    "reshape",
    "_reshape_alias",
    "permute",
    "transpose",
    "t",
    "expand",
    "slice",
    "select",
    "unfold",
    "as_strided",
    "unsqueeze",
    "squeeze",
    "split",
    "split_with_sizes",
    "unbind",
    "alias",
    "detach",
    "clone",
    "contiguous",
    "cat",
    "stack",
    "index",
    "index_select",
    "gather",
    "flip",
    "roll",
    "repeat",
    "slice_scatter",
    "select_scatter",
    "diagonal",
    "tril",
    "triu",
    "copy",
    "copy_",
    "index_put",
    "index_put_",
    "im2col",
    "reflection_pad2d",
    "replication_pad2d",
    "pixel_shuffle",
    "pixel_unshuffle",
    "_conj",
    "resolve_conj",
    "resolve_neg",
    "lift_fresh",
    "view_as",
    "rot90",
    "take",
    "unsafe_split",
    "narrow_copy",
    "swapaxes",
    "expand_copy",
    "permute_copy",
    "slice_copy",
    "view_copy",
    "select_copy",
    "diagonal_scatter",
    "_to_copy",
    "_pin_memory",
    "scatter",
    "unfold_copy",
    "as_strided_copy",
    "squeeze_copy",
    "unsqueeze_copy",
    "transpose_copy",
    "t_copy",
}
IN_DOUBLE = {"im2col", "reflection_pad2d", "replication_pad2d"}  # no kernels for integers; a residue fits 53 bits
FACTORIES = {
    "zeros",
    "ones",
    "full",
    "empty",
    "empty_strided",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_empty",
    "new_empty_strided",
    "zeros_like",
    "ones_like",
    "full_like",
    "empty_like",
    "eye",
    "arange",
    "linspace",
    "scalar_tensor",
    "rand",
    "randn",
    "rand_like",
    "randn_like",
}
RANDOM = {
    "empty",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
    "empty_like",
    "rand",
    "randn",
    "rand_like",
    "randn_like",
}
DECIDING = {
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "where",
    "masked_fill",
    "clamp",
    "clamp_min",
    "clamp_max",
    "relu",
    "abs",
    "sign",
    "maximum",
    "minimum",
    "max",
    "min",
    "amax",
    "amin",
    "any",
    "all",
    "argmax",
    "argmin",
    "nonzero",
    "_local_scalar_dense",
    "item",
    "isnan",
    "isinf",
    "sort",
    "topk",
    "nan_to_num",
    "round",
    "floor",
    "ceil",
    "trunc",
    "remainder",
    "fmod",
    "is_nonzero",
    "equal",
    "isfinite",
    "signbit",
    "threshold",
    "leaky_relu",
    "hardtanh",
    "searchsorted",
    "bucketize",
    "histc",
    "masked_select",
    "unique",
    "_unique2",
    "heaviside",
    "count_nonzero",
}
READS = {"_local_scalar_dense", "item", "is_nonzero", "equal"}  # where a number leaves the tensor


def modular_product(a: Any, b: Any, p: int) -> Any:
    """A matrix product (…, m, k) @ (…, k, n) of residues of fewer than 32 bits, without overflow of 64 bits."""
    total: Any = 0
    for first in range(0, a.shape[-1], 1 << 15):
        left, right = a[..., first : first + (1 << 15)], b[..., first : first + (1 << 15), :]
        high, low = left >> 15, left & 0x7FFF
        total = (total + ((high @ right) % p * (1 << 15) + low @ right) % p) % p
    return total


def convolved(x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int, prime: int) -> Any:
    """The definition of `aten.convolution` for two spatial axes, as a product with columns."""
    torch = library.torch
    (n, _c, _, _), (o, each, kh, kw) = x.shape, w.shape
    x = torch.constant_pad_nd(x, [padding[-1], padding[-1], padding[0], padding[0]], 0)
    view = x.unfold(2, dilation[0] * (kh - 1) + 1, stride[0]).unfold(3, dilation[-1] * (kw - 1) + 1, stride[-1])
    view = view[..., :: dilation[0], :: dilation[-1]]  # (n, c, rows, cols, kh, kw)
    rows, cols = view.shape[2:4]
    columns = view.reshape(n, groups, each, rows * cols, kh * kw).permute(0, 1, 2, 4, 3)
    columns = columns.reshape(n, groups, each * kh * kw, rows * cols)
    return modular_product(w.reshape(groups, o // groups, -1), columns, prime).reshape(n, o, rows, cols)


@cache
def arithmetic() -> dict[str, Callable[..., Any]]:
    """By operator: what it is for residues, given the prime last. Arguments are residues, in tensors, or settings."""
    torch = library.torch

    def total(a: Any, dim: Any = None, keepdim: bool = False, p: int = 0, **_: Any) -> Any:
        dims = list(range(a.dim())) if dim is None or dim == [] else [dim] if isinstance(dim, int) else list(dim)
        return a.sum(dims, keepdim) % p if dims else a.clone()

    def mean(a: Any, dim: Any = None, keepdim: bool = False, p: int = 0, **_: Any) -> Any:
        found = total(a, dim, keepdim, p=p)
        return found * pow(max(1, a.numel()) // max(1, found.numel()), -1, p) % p

    def running(a: Any, dim: int, p: int = 0, **_: Any) -> Any:
        return a.cumsum(dim) % p

    def power(a: Any, n: Any, p: int = 0) -> Any:
        found = torch.ones_like(a)
        for _ in range(n):
            found = found * a % p
        return found

    product = modular_product
    scaled = lambda a, k, p: a if k == 1 else a * k % p  # noqa: E731
    return {
        "add": lambda a, b, alpha=1, p=0: (a + scaled(b, alpha, p)) % p,
        "sub": lambda a, b, alpha=1, p=0: (a - scaled(b, alpha, p)) % p,
        "rsub": lambda a, b, alpha=1, p=0: (b - scaled(a, alpha, p)) % p,
        "mul": lambda a, b, p: a * b % p,
        "neg": lambda a, p: -a % p,
        "positive": lambda a, p: a.clone(),
        "square": lambda a, p: a * a % p,
        "pow": power,
        "sum": total,
        "mean": mean,
        "cumsum": running,
        "mm": product,
        "bmm": product,
        "matmul": product,
        "mv": lambda a, b, p: product(a, b[:, None], p)[:, 0],
        "dot": lambda a, b, p: product(a[None], b[:, None], p)[0, 0],
        "addmm": lambda c, a, b, beta=1, alpha=1, p=0: (
            scaled(c, beta, p) + scaled(product(a, b, p), alpha, p)) % p,
        "baddbmm": lambda c, a, b, beta=1, alpha=1, p=0: (
            scaled(c, beta, p) + scaled(product(a, b, p), alpha, p)) % p,
        "addmv": lambda c, a, b, beta=1, alpha=1, p=0: (
            scaled(c, beta, p) + scaled(product(a, b[:, None], p)[:, 0], alpha, p)) % p,
        "addcmul": lambda c, a, b, value=1, p=0: (c + scaled(a * b % p, value, p)) % p,
        "index_add": lambda a, dim, at, b, alpha=1, p=0: a.index_add(dim, at, scaled(b, alpha, p)) % p,
        "scatter_add": lambda a, dim, at, b, p=0: a.scatter_add(dim, at, b) % p,
        "constant_pad_nd": lambda a, pad, value=0, p=0: torch.constant_pad_nd(a, pad, value),
        "convolution": None,  # type: ignore[dict-item] # below, an axiom of its own
        "col2im": None,  # type: ignore[dict-item]
    }  # fmt: skip


SETTINGS = {  # the arguments that are no numbers of the field, by place
    "sum": (1, 2), "mean": (1, 2), "cumsum": (1,), "pow": (1,), "index_add": (1, 2), "scatter_add": (1, 2),
    "constant_pad_nd": (1,),
}  # fmt: skip
DEGREES = {"mul", "mm", "bmm", "matmul", "mv", "dot"}  # whose degree is the sum of those of their factors
FUSED = {"addmm", "baddbmm", "addmv", "addcmul"}  # a summand, and two factors
