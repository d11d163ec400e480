"""``path/lib.so:symbol``: a function with a C interface, called over ctypes as ``include/corrbench.h`` says."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .geometry import Failed, geometry
from .library import Array, Unloadable

VERSION = 1
# the codes of corrbench.h
DTYPES = dict(zip(
    ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "complex128", "complex64"),
    range(1, 11), strict=True,
))  # fmt: skip
UNSUPPORTED = 1  # what a function returns for what it does not do; 0 for what it did
ALLOWED = (
    "a library's function is `int NAME(const corrbench_conv2d *)` of corrbench/include/corrbench.h, or with "
    "--form corr2d `int NAME(const float *x, int h, int w, const float *k, int kh, int kw, float *y)`"
)


class Conv2d(ctypes.Structure):
    """The struct corrbench_conv2d; all numbers have 64 bits, and strides count elements."""

    _fields_ = (
        ("version", ctypes.c_int64),
        ("dtype", ctypes.c_int64),
        ("x", ctypes.c_void_p),
        ("w", ctypes.c_void_p),
        ("b", ctypes.c_void_p),
        ("y", ctypes.c_void_p),
        *((name + "_size", ctypes.c_int64 * 4) for name in "xwy"),
        *((name + "_stride", ctypes.c_int64 * 4) for name in "xwy"),
        ("b_stride", ctypes.c_int64),
        ("stride", ctypes.c_int64 * 2),
        ("padding", ctypes.c_int64 * 4),
        ("dilation", ctypes.c_int64 * 2),
        ("groups", ctypes.c_int64),
    )


def load_symbol(spec: str) -> Callable[..., Any]:
    """The function of a library as one of Python's, over numpy arrays.

    Raises:
        Unloadable: no such file, not a library for this machine, or no such symbol.
    """
    path, _, name = spec.rpartition(":")
    if not os.path.exists(path):
        raise Unloadable(f"no such file: {path}; build it first, for example cc -O2 -shared -fPIC -o {path} FILE.c")
    try:
        library = ctypes.CDLL(os.path.abspath(path))
    except OSError as error:
        raise Unloadable(
            f"{path} cannot be loaded as a shared library: {error}; `file {path}` and `ldd {path}` say what it is for "
            "and what it needs"
        ) from None
    symbol = None
    if name:
        with contextlib.suppress(AttributeError):
            symbol = library[name]
    if symbol is None:
        python = f"PyInit_{os.path.basename(path).partition('.')[0]}"
        hint = (
            "it is a Python extension: name the target pkg.mod:attr"
            if hasattr(library, python)
            else f'`nm -D {path}` lists what it exports; C++ needs extern "C"'
        )
        raise Unloadable(f"{path} exports no {name!r}: {hint}; {ALLOWED}")
    symbol.restype = ctypes.c_int

    def conv2d(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        if input.ndim == weight.ndim == 2:
            return plane(symbol, name, input, weight)
        return strided(symbol, name, input, weight, bias, (stride, padding, dilation, groups))

    return conv2d


def plane(symbol: Any, name: str, x: Array, k: Array) -> Array:
    """The flat form: one plane under one kernel, float32, both dense in memory.

    Raises:
        NotImplementedError: another element type, or the function says so.
        ValueError: no window fits.
    """
    if x.dtype != np.float32 or k.dtype != np.float32:
        raise NotImplementedError("the flat form is of float32")
    shape = [image - kernel + 1 for image, kernel in zip(x.shape, k.shape, strict=True)]
    if min(shape) < 1:
        raise ValueError(f"the kernel {k.shape} is larger than the image {x.shape}")
    y = np.empty(shape, x.dtype)
    dense = [np.ascontiguousarray(one) for one in (x, k)]
    x_at, k_at, y_at = (ctypes.c_void_p(one.ctypes.data) for one in (*dense, y))
    returned(symbol(x_at, *map(ctypes.c_int, x.shape), k_at, *map(ctypes.c_int, k.shape), y_at), name)
    return y


def strided(symbol: Any, name: str, x: Array, w: Array, b: Array | None, arguments: tuple[Any, Any, Any, int]) -> Array:
    """The struct: operands where they lie, with their strides; the result dense.

    Raises:
        NotImplementedError: the function says so, or the struct has no code for the element type.
        ValueError: the call has no result.
    """
    how = geometry(x, w, b, *arguments)
    if x.dtype.name not in DTYPES:
        raise NotImplementedError(f"corrbench.h has no code for {x.dtype.name}")
    y = np.empty(how.out, x.dtype)
    told = Conv2d(version=VERSION, dtype=DTYPES[x.dtype.name], groups=how.groups)
    for key, one in (("x", x), ("w", w), ("y", y)):
        setattr(told, key, one.ctypes.data)
        setattr(told, key + "_size", (ctypes.c_int64 * 4)(*one.shape))
        setattr(told, key + "_stride", (ctypes.c_int64 * 4)(*(step // one.itemsize for step in one.strides)))
    if b is not None:
        told.b, told.b_stride = b.ctypes.data, b.strides[0] // b.itemsize
    told.stride, told.dilation = (ctypes.c_int64 * 2)(*how.stride), (ctypes.c_int64 * 2)(*how.dilation)
    told.padding = (ctypes.c_int64 * 4)(*how.padding)
    returned(symbol(ctypes.byref(told)), name)
    return y


def returned(code: int, name: str) -> None:
    """Raise what a code stands for.

    Raises:
        NotImplementedError: 1.
        Failed: any other but 0.
    """
    if code == UNSUPPORTED:
        raise NotImplementedError(f"{name} returned 1, unsupported")
    if code:
        raise Failed(f"{name} returned {code}: 0 is done, 1 is unsupported")
