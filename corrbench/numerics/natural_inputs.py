"""Data as people have them: photographs, activations, masks and sound as input; trained and hand-made kernels.

Some implementations choose an algorithm by the values of their operands (all equal, 1-2-1, many zeros, whole bytes),
which random numbers never ask. A case names both, ``data=photo+sobel``; the answer is computed as for any other data.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from corrbench.numerics.problem import Array

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape], Array]
INPUTS: dict[str, Draw] = {}  # (N, C, H, W) -> values
KERNELS: dict[str, Draw] = {}  # (O, C/groups, kh, kw) -> values
MEAN = np.array([0.485, 0.456, 0.406])  # of the channels of ImageNet's photographs, with their deviations, as
DEVIATION = np.array([0.229, 0.224, 0.225])  # torchvision's documentation of its models gives them
EXPOSURES = 1.0, 2.0, 6.0  # factors of photographs as cameras take them, the right one first


def image(function: Draw) -> Draw:
    """Register a kind of input under its function's name."""
    INPUTS[function.__name__] = function
    return function


def kernel(function: Draw) -> Draw:
    """Register a kind of kernel under its function's name."""
    KERNELS[function.__name__] = function
    return function


# ---- inputs


@image
def photo(rng: np.random.Generator, shape: Shape) -> Array:
    """Photographs in [0, 1]: amplitudes fall as 1/f (Field, J. Opt. Soc. Am. A 4, 1987); parts are black or white."""
    *planes, height, width = shape
    across = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    across[0, 0] = 1.0 / (height + width)
    waves = np.fft.rfft2(rng.standard_normal((*planes, height, width))) / across
    values = np.fft.irfft2(waves, (height, width))
    spread = values.std(axis=(-2, -1), keepdims=True)
    values = (values - values.mean(axis=(-2, -1), keepdims=True)) / np.where(spread > 0, spread, 1.0)
    return np.asarray(np.clip(0.4 + 0.25 * values + 0.01 * rng.standard_normal(shape), 0.0, 1.0))


@image
def normalised(rng: np.random.Generator, shape: Shape) -> Array:
    """Photographs less the mean of each channel, over its deviation, as networks get them."""
    channel = np.arange(shape[1]) % 3
    mean, deviation = (table[channel][:, None, None] for table in (MEAN, DEVIATION))
    return np.asarray((photo(rng, shape) - mean) / deviation)


@image
def bytes_(rng: np.random.Generator, shape: Shape) -> Array:
    """Photographs of whole numbers from 0 to 255, both of which occur; some are overexposed: large parts are white."""
    exposure = np.take(EXPOSURES, np.arange(shape[0]) + rng.integers(len(EXPOSURES)), mode="wrap")
    light = photo(rng, shape) * exposure.reshape(-1, *[1] * (len(shape) - 1))
    values = np.asarray(np.rint(np.minimum(light, 1.0) * 255))
    if values.size > 1:
        values.reshape(-1)[rng.choice(values.size, 2, replace=False)] = (0, 255)
    return values


@image
def relu(rng: np.random.Generator, shape: Shape) -> Array:
    """Activations after a ReLU: of the numbers 40 to 95 per cent are zero, of the channels every fourth is."""
    share = rng.uniform(0.4, 0.95)
    values = np.abs(rng.standard_normal(shape)) * (rng.random(shape) > share)
    values[:, 3::4] = 0.0
    return np.asarray(values)


@image
def constant(rng: np.random.Generator, shape: Shape) -> Array:
    """One number everywhere."""
    return np.full(shape, rng.random() + 0.25)


@image
def planes(rng: np.random.Generator, shape: Shape) -> Array:
    """Piecewise constant: rectangles of one number each."""
    rows, cols = (np.sort(rng.integers(0, length + 1, 3)) for length in shape[-2:])
    places = [np.searchsorted(edges, np.arange(length)) for edges, length in zip((rows, cols), shape[-2:], strict=True)]
    levels = rng.random((*shape[:-2], 4, 4))
    return np.asarray(levels[..., places[0][:, None], places[1][None]])


@image
def mask(rng: np.random.Generator, shape: Shape) -> Array:
    """Zeros and ones."""
    return np.asarray((rng.random(shape) < 0.3) * 1.0)


@image
def onehot(rng: np.random.Generator, shape: Shape) -> Array:
    """At every pixel one channel is 1 and the others 0."""
    labels = rng.integers(0, shape[1], (shape[0], 1, *shape[2:]))
    return np.asarray((labels == np.arange(shape[1])[:, None, None]) * 1.0)


@image
def sound(rng: np.random.Generator, shape: Shape) -> Array:
    """A few tones in [-1, 1] along the rows, with silence at the beginning."""
    at = np.arange(shape[-1])
    tones = sum(
        np.sin(at * rng.uniform(0.01, 1.5, (*shape[:-1], 1)) + rng.uniform(0, 6, (*shape[:-1], 1))) for _ in "abc"
    )
    return np.asarray(tones * (at >= shape[-1] // 8) / 3)


@image
def heavy(rng: np.random.Generator, shape: Shape) -> Array:
    """Heavy tails: most numbers are small, a few are hundreds of times larger."""
    return np.asarray(np.clip(rng.standard_t(2, shape), -300, 300))


# ---- kernels


@kernel
def kaiming(rng: np.random.Generator, shape: Shape) -> Array:
    """As torch.nn initialises a layer: uniform on ±1/sqrt(K)."""
    return np.asarray(rng.uniform(-1, 1, shape) / math.sqrt(math.prod(shape[1:])))


@kernel
def xavier(rng: np.random.Generator, shape: Shape) -> Array:
    """Normal, of the variance of Glorot and Bengio (AISTATS 2010)."""
    area = math.prod(shape[2:])
    return np.asarray(rng.standard_normal(shape) * math.sqrt(2 / (area * (shape[0] + shape[1]))))


@kernel
def trained(rng: np.random.Generator, shape: Shape) -> Array:
    """As after training: one filter dominates, the next nearly repeats it, one has almost died."""
    values = kaiming(rng, shape)
    values[0] *= 30
    if len(values) > 1:
        values[1] = values[0] * (1 + 1e-3 * rng.standard_normal(shape[1:]))
        values[-1] *= 1e-5
    return values


@kernel
def pruned(rng: np.random.Generator, shape: Shape) -> Array:
    """Two thirds of the taps are zero, and so is every other channel of every other kernel."""
    values = kaiming(rng, shape) * (rng.random(shape) < 0.34)
    values[::2, 1::2] = 0
    return np.asarray(values)


@kernel
def box(rng: np.random.Generator, shape: Shape) -> Array:
    """All taps equal: the mean of the window."""
    return np.full(shape, 1 / math.prod(shape[2:]))


@kernel
def ones(rng: np.random.Generator, shape: Shape) -> Array:
    """All taps 1: the sum of the window."""
    return np.ones(shape)


@kernel
def gaussian(rng: np.random.Generator, shape: Shape) -> Array:
    """A bell that sums to one: symmetric, and the outer product of two rows."""
    rows, cols = (np.exp(-(((np.arange(n) - (n - 1) / 2) / max(0.5, n / 4)) ** 2) / 2) for n in shape[2:])
    return np.broadcast_to(np.outer(rows / rows.sum(), cols / cols.sum()), shape).copy()


@kernel
def binomial(rng: np.random.Generator, shape: Shape) -> Array:
    """Rows of Pascal's triangle, 1-2-1 where there are three taps: whole, symmetric and separable."""
    rows, cols = ([float(math.comb(min(n, 17) - 1, i % 17)) for i in range(n)] for n in shape[2:])
    return np.broadcast_to(np.outer(rows, cols), shape).copy()


@kernel
def quantised(rng: np.random.Generator, shape: Shape) -> Array:
    """Whole numbers from -128 to 127, both of which occur, as 8-bit networks have them."""
    values = np.clip(np.rint(rng.standard_normal(shape) * 50), -128, 127)
    if values.size > 1:
        values.reshape(-1)[rng.choice(values.size, 2, replace=False)] = (-128, 127)
    return np.asarray(values)


@kernel
def sobel(rng: np.random.Generator, shape: Shape) -> Array:
    """A difference along one axis, smoothed along the other: it sums to zero; every other one is transposed."""
    kh, kw = shape[2:]
    steps = [np.sign(np.arange(n) - (n - 1) / 2) if n > 1 else np.ones(1) for n in (kh, kw)]
    bells = [np.minimum(np.arange(n), np.arange(n)[::-1]) + 1.0 for n in (kh, kw)]
    both = np.stack([np.outer(bells[0], steps[1]), np.outer(steps[0], bells[1])])
    turn = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 2
    return np.asarray(both[turn])


@kernel
def identity(rng: np.random.Generator, shape: Shape) -> Array:
    """Kernel o is a 1 in the middle of channel o, as layers that begin as the identity have it."""
    values = np.zeros(shape)
    own = np.arange(shape[0])
    values[own, own % shape[1], shape[2] // 2, shape[3] // 2] = 1
    return values


INPUTS["bytes"] = INPUTS.pop("bytes_")
WHOLE = ("bytes", "mask", "onehot")  # inputs of whole numbers
WHOLE_KERNELS = ("ones", "binomial", "sobel", "identity", "quantised")
