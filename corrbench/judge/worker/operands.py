"""Operands laid out in memory as asked, and descriptions of what came back."""

from __future__ import annotations

import mmap
from typing import Any
from zlib import crc32

import numpy as np

from . import library
from .library import BITS, Array, Unloadable, Words, bits, is_tensor

# By layout: the axes from slowest to fastest; the elements that one step along an axis takes; the steps that are left
# out after the end of an axis; the place of the first element. Axes are counted from the last one, so that a layout
# fits operands of two axes and of four.
ORDERS = {"transposed": (-4, -3, -1, -2), "channels_last": (-4, -2, -1, -3), "batch_last": (-3, -2, -1, -4)}
STEPS = {"step": {-1: 2}, "channels": {-3: 2}, "batch": {-4: 2}}
GAPS = {"rows": {-1: 3}, "batch": {-4: 1}}
FAR = 1 << 31  # elements: the last place of an operand that lies `far` is beyond what 32 bits count
NO_RESERVE = 0x4000  # MAP_NORESERVE of Linux, which the module mmap knows from Python 3.11 on
EXACT = ("numpy.ndarray", "torch.Tensor")  # what a result must be one of
LARGE = 1 << 20  # bytes of a result from which on a checksum stands for it
# as they are before any target is loaded: a target can put others into NumPy, and into the class of arrays itself
asarray, ascontiguousarray, astype, tobytes = np.asarray, np.ascontiguousarray, np.ndarray.astype, np.ndarray.tobytes
shape_of, dtype_of, size_of = (vars(np.ndarray)[name].__get__ for name in ("shape", "dtype", "nbytes"))
OFFSETS = {"rows": 2, "channels": 1, "offset": 3}


def strides_of(layout: str, shape: tuple[int, ...]) -> tuple[list[int], int, int]:
    """(strides in elements, offset, elements of storage) for an operand of `shape` laid out as named."""
    rank, offset = len(shape), OFFSETS.get(layout, 0)
    order = [axis for axis in ORDERS.get(layout, (-4, -3, -2, -1)) if axis >= -rank]
    strides, size = [0] * rank, 1
    for axis in reversed(order):
        strides[axis] = size * STEPS.get(layout, {}).get(axis, 1)
        size = strides[axis] * max(1, shape[axis]) + GAPS.get(layout, {}).get(axis, 0) * size
    if layout == "far" and max(shape) > 1:
        axis = next(place for place, length in enumerate(shape) if length > 1)
        strides[axis] = FAR // (shape[axis] - 1) + strides[axis] + 1
        size = strides[axis] * shape[axis]
    elif layout == "expanded":
        strides[0] = 0
    elif layout == "expanded_all":
        strides = [0] * rank
    elif layout == "lonely":  # an axis of length one may have any stride
        strides = [7 if length == 1 else stride for length, stride in zip(shape, strides, strict=True)]
    elif layout == "reversed":
        strides[-1], offset = -strides[-1], max(0, shape[-1] - 1)
    return strides, offset, size + offset + 8


class Operand:
    """One array as the target sees it, with the whole storage it lies in."""

    def __init__(self, values: Array, dtype: str, layout: str, arrays: str, device: str) -> None:
        self.values, self.dtype, self.arrays, self.far = values, dtype, arrays, layout == "far"
        poison = 0x7FC0 if dtype == "bfloat16" else (np.nan if values.dtype.kind in "fc" else 77)
        self.storage, strides, offset = values.copy(), [0], 0
        view = self.storage
        if layout != "contiguous":
            strides, offset, size = strides_of(layout, values.shape)
            self.storage = unreserved(size, values.dtype) if self.far else np.full(size, poison, values.dtype)
            view = np.lib.stride_tricks.as_strided(
                self.storage[offset:], values.shape, [s * values.itemsize for s in strides]
            )
            view[...] = values
            if not np.array_equal(view, values, equal_nan=view.dtype.kind in "fc"):
                raise Unloadable(f"corrbench: data do not fit the layout {layout!r}")
        self.array: Any
        if arrays != "torch":
            self.array = view
            return
        kind = getattr(library.torch, dtype)
        if self.far and device != "cpu":  # memory of a device is not taken page by page: all of it is filled there
            self.tensor = library.torch.full((self.storage.nbytes,), 255, dtype=library.torch.uint8, device=device)
            self.tensor, self.storage = self.tensor.view(kind), view
            self.array = self.tensor.as_strided(values.shape, strides, offset)
            self.refill(values)
            return
        whole = library.torch.from_numpy(self.storage)
        self.tensor = (whole.view(kind) if dtype in BITS else whole).to(device)
        self.array = self.tensor if layout == "contiguous" else self.tensor.as_strided(values.shape, strides, offset)

    def refill(self, values: Array) -> None:
        """New values in the same memory."""
        self.values = values
        if self.arrays != "torch":
            self.array[...] = values
        else:
            fresh = library.torch.from_numpy(values)
            with library.torch.no_grad():
                self.array.detach().copy_(fresh.view(self.array.dtype) if self.dtype in BITS else fresh)

    def place(self) -> tuple[object, ...]:
        """Where the array lies and how it is read: what a call must leave as it is, beside the numbers."""
        array = self.array
        if self.arrays != "torch":
            begin = array.__array_interface__["data"][0]
            return type(array), array.shape, array.strides, array.dtype, begin, array.flags.writeable
        try:
            return type(array), array.shape, array.stride(), array.dtype, array.data_ptr(), array.requires_grad
        except Exception:  # it was made a tensor without strides or storage
            return ()

    def checksum(self) -> int:
        """A checksum of the numbers that it holds, which whoever sent them can tell too."""
        array = bits(self.array) if self.arrays == "torch" else self.array
        return crc32(np.ascontiguousarray(array).tobytes())

    def bytes(self) -> bytes:
        """Every byte of the storage, gaps included, but for gaps of gigabytes."""
        if self.far:
            return bits(self.array).tobytes() if self.arrays == "torch" else self.array.tobytes()
        if self.arrays != "torch" or self.tensor.device.type == "cpu":  # the tensor's memory is the storage's
            return self.storage.tobytes()
        return bits(self.tensor).tobytes()


class OutOfMemory(Exception):
    """There is no memory for an operand, whatever the target does."""


def unreserved(size: int, dtype: Any) -> Array:
    """So many zeros, of which only what is touched takes memory.

    Raises:
        OutOfMemory: not even addresses for them are to be had, where a user's limit is low.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE
    try:
        return np.frombuffer(mmap.mmap(-1, size * dtype.itemsize, flags=flags), dtype)
    except OSError as error:
        raise OutOfMemory(str(error)) from None


def span(array: Any) -> tuple[int, int]:
    """First and past-the-last address of the memory an array lies in."""
    if isinstance(array, np.ndarray):
        return np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)
    with library.plainly():
        storage = library.methods["untyped_storage"](array)
    return (storage.data_ptr(), storage.data_ptr() + storage.nbytes())


def name_of(kind: type) -> str:
    """The name of a type. Only the type itself has the name that a result must be of."""
    if kind is np.ndarray or (library.torch is not None and kind is library.torch.Tensor):
        return f"{'numpy' if kind is np.ndarray else 'torch'}.{kind.__name__}"
    words = [type.__getattribute__(kind, name) for name in ("__module__", "__qualname__")]
    name = ".".join(word if type(word) is str else "?" for word in words)
    return f"class of its own that calls itself {name}" if name in EXACT else name


def array_of(value: Any) -> Array | None:
    """The numbers of a result, which may lie in its own memory; None where it is no array."""
    if is_tensor(value):
        with library.plainly():
            return bits(value if value.layout is library.torch.strided else library.methods["to_dense"](value))
    return asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None


def look(value: Any) -> bytes | int | None:
    """What a result holds at this moment, to be compared with what it holds when it is read: its bytes, or a checksum
    where they are many.
    """
    array = array_of(value)
    if array is None or dtype_of(array).kind not in "fciub":
        return None
    return crc32(ascontiguousarray(array).data) if size_of(array) > LARGE else tobytes(array)


def describe(value: Any, blobs: list[bytes]) -> Words:
    """What the target gave back, its bytes appended to `blobs`."""
    info: Words = {"type": name_of(type(value))}
    array = array_of(value)
    if array is None:
        return info
    dtype = str(dtype_of(array))
    info |= {"device": "cpu", "requires_grad": False}
    if is_tensor(value):
        with library.plainly():
            dtype = str(value.dtype).removeprefix("torch.")
            info |= {"device": value.device.type, "requires_grad": value.requires_grad}
    if dtype_of(array).kind not in "fciub":
        return info
    array = astype(array, dtype_of(array).newbyteorder("="), copy=False)
    info |= {"dtype": dtype, "shape": list(shape_of(array)), "blob": len(blobs), "wire": str(dtype_of(array))}
    blobs.append(tobytes(array))
    return info
