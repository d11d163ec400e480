"""Equivalent variants in NumPy and SciPy: correct implementations that must never be flagged.

None imports torch, and SciPy only those that are of it, so that their machine code can be examined in a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from corrbench.defects import honest

Array = np.ndarray[Any, Any]


def check(x: Any, k: Any) -> tuple[int, int]:
    """Rows and columns of the result, for arrays and for tensors.

    Raises:
        ValueError: an operand without exactly two axes, or a kernel larger than the input.
        TypeError: operands of two dtypes.
    """
    if x.ndim != 2 or k.ndim != 2:
        raise ValueError(f"corr2d takes two matrices, not {x.ndim} and {k.ndim} axes")
    if x.dtype != k.dtype:
        raise TypeError(f"X is {x.dtype}, K is {k.dtype}")
    rows, cols = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    if min(rows, cols, *k.shape) < 1:
        raise ValueError(f"kernel {tuple(k.shape)} does not fit into input {tuple(x.shape)}")
    return rows, cols


def widened(x: Array) -> Array:
    """16-bit floats in float32, all others as they are."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


@honest(form="corr2d", arrays="numpy", region="numpy, shift and add, the last tap first")
def numpy_shift_and_add(x: Array, k: Array) -> Array:
    rows, cols = check(x, k)
    wide, taps = widened(x), widened(k)
    y = np.zeros((rows, cols), wide.dtype)
    for a in reversed(range(k.shape[0])):
        for e in reversed(range(k.shape[1])):
            y += wide[a : a + rows, e : e + cols] * taps[a, e]
    return y.astype(x.dtype)


@honest(form="corr2d", arrays="numpy", region="numpy, a product over the view of all windows")
def plain_numpy_windows(x: Array, k: Array) -> Array:
    check(x, k)
    view = np.lib.stride_tricks.sliding_window_view(widened(x), k.shape)
    return np.asarray(np.tensordot(view, widened(k), 2)).astype(x.dtype)


@honest(
    form="corr2d",
    arrays="numpy",
    region="scipy.signal.correlate2d; it has no 16-bit floats, and conjugates the kernel",
)
def by_scipy(x: Array, k: Array) -> Array:
    check(x, k)
    if x.dtype == np.float16:
        raise NotImplementedError(f"input dtype {x.dtype} is not supported")
    from scipy import signal

    return np.asarray(signal.correlate2d(x, k.conj(), "valid"))


@honest(
    form="corr2d", arrays="numpy", accuracy="fft",
    region="scipy.signal.fftconvolve of the turned kernel, float32 and float64",
)  # fmt: skip
def by_scipy_fft(x: Array, k: Array) -> Array:
    check(x, k)
    if x.dtype not in (np.float32, np.float64):
        raise NotImplementedError(f"input dtype {x.dtype} is not supported")
    from scipy import signal

    return np.asarray(signal.fftconvolve(x, k[::-1, ::-1], "valid")).astype(x.dtype)


@honest(arrays="numpy", region="numpy: a product over the view of all windows; 16-bit floats are summed in float32")
def numpy_windows(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    if padding == "same":
        raise NotImplementedError("padding='same' is not supported")
    padding = 0 if padding == "valid" else padding
    (sh, sw), (ph, pw), (dh, dw) = ((v, v) if isinstance(v, int) else tuple(v) for v in (stride, padding, dilation))
    (o, each, kh, kw), n = weight.shape, input.shape[0]
    if input.dtype != weight.dtype or (bias is not None and bias.dtype != input.dtype):
        raise TypeError(f"input is {input.dtype}, weight is {weight.dtype}")
    if groups < 1 or input.shape[1] != each * groups or o % groups or (bias is not None and bias.shape != (o,)):
        raise ValueError(f"input {input.shape}, weight {weight.shape} and bias do not fit groups={groups}")
    if min(sh, sw, dh, dw) < 1 or min(ph, pw) < 0:
        raise ValueError(f"no result for {stride=}, {padding=}, {dilation=}")
    wide = np.float32 if input.dtype == np.float16 else input.dtype
    x = np.pad(input.astype(wide), ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    reach = (dh * (kh - 1) + 1, dw * (kw - 1) + 1)
    view = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    view = view.reshape(n, groups, each, *view.shape[2:])
    y = np.einsum("ngcijae,gmcae->ngmij", view, weight.astype(wide).reshape(groups, o // groups, each, kh, kw))
    y = y.reshape(n, o, *y.shape[3:])
    y = y if bias is None else y + bias.astype(wide)[:, None, None]
    return np.asarray(y, input.dtype)
