"""Which transform: told by what a single pixel leaves in the result, of a target whose sums are no tree.

An impulse times a kernel needs no rounding at all, so what differs from the kernel's own numbers is the transform's.
Winograd's F(m, r) works on tiles: responses repeat to the bit when the pixel moves by m, and not before, and the corner
of a tile passes all transforms exactly, since it enters one product alone. A Fourier transform has no such corner, and
over the whole plane no such period.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from corrbench.fingerprint.asking import Cell, kept
from corrbench.numerics.inputs import cast
from corrbench.numerics.problem import Array

WIDEST = 32  # tiles that are looked for
REPEATS = 0.9  # share of responses that have to repeat: at the far edge tiles may be cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A transform.

    Attributes:
        name: ``Winograd F(4×4, 3×3)``, ``FFT`` or ``FFT in blocks of 16×16``.
        evidence: what shows it.
        rows, columns: outputs of a tile along each axis; 0 where there are none.
    """

    name: str
    evidence: str
    rows: int = 0
    columns: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Response:
    """What the impulse at one pixel leaves: the result of all channels (O, H', W'), and the exact one."""

    pixel: tuple[int, int]
    got: Array
    exact: Array

    @property
    def clean(self) -> bool:
        """Whether nothing was rounded."""
        return bool(np.array_equal(self.got, self.exact))

    @property
    def beyond(self) -> int:
        """Outputs with an error whose window the pixel is not in."""
        return int(((self.exact == 0) & (self.got != 0)).sum())


def named(cell: Cell) -> Transform | None:
    """The transform of a cell; None where an impulse shows none.

    Raises:
        Unanswered, Died: as `Target.ask`.
    """
    height, width = cell.case.x[2:]
    middle = (height // 2, width // 2)
    scans = [
        [(row, middle[1]) for row in range(height)],
        [(middle[0], column) for column in range(width)],
        [(at, at) for at in range(min(height, width))],
    ]
    pixels = list(dict.fromkeys(pixel for scan in scans for pixel in scan))
    found = dict(zip(pixels, responses(cell, pixels), strict=True))
    wrong = [one for one in found.values() if not one.clean]
    if not wrong:
        return None
    tile = [period([found[pixel] for pixel in scan], axis) for axis, scan in enumerate(scans[:2])]
    beyond = sum(one.beyond > 0 for one in found.values())
    said = f"an impulse is answered with rounding errors at {len(wrong)} of {len(found)} pixels"
    said += f", for {beyond} of them also where no window holds it" if beyond else ""
    corners = [one.pixel for one in found.values() if one.clean]
    if max(tile) > 1 and min(tile) > 0 and corners:
        rows, columns = tile
        kernel = "×".join(map(str, cell.case.w[2:]))
        said += f"; responses repeat every {rows} rows and {columns} columns"
        said += f", and are exact at {len(corners)} pixels, {corners[0]} first"
        return Transform(name=f"Winograd F({rows}×{columns}, {kernel})", evidence=said, rows=rows, columns=columns)
    if not beyond:
        return None
    if max(tile) > 1 and min(tile) > 0:
        rows, columns = tile
        said += f"; responses repeat every {rows} rows and {columns} columns and are exact nowhere"
        return Transform(name=f"FFT in blocks of {rows}×{columns}", evidence=said, rows=rows, columns=columns)
    return Transform(
        name="FFT", evidence=said + "; responses do not repeat" + ("" if corners else ", and are exact nowhere")
    )


def responses(cell: Cell, pixels: list[tuple[int, int]]) -> list[Response]:
    """The responses to an impulse at each pixel of the first channel, by one random kernel."""
    case = cell.case
    random = np.random.default_rng([7, *case.w])
    w = cast(random.uniform(1, 2, case.w), case.dtype).astype(kept(case.dtype))
    made = []
    for row, column in pixels:
        x = cell.constant(0.0)
        x[:, 0, row, column] = 1
        made.append((x, w))
    return [
        Response(pixel, y[0].astype(np.float64), exactly(cell, w, pixel))
        for pixel, y in zip(pixels, cell.ask(made), strict=True)
    ]


def exactly(cell: Cell, w: Array, pixel: tuple[int, int]) -> Array:
    """The exact result for an impulse: the weights that meet it."""
    case = cell.case
    made = np.zeros(case.out[1:])
    top, _, left, _ = case.sides
    own = case.w[0] // case.groups  # channels of the result that see the first channel
    for a in range(case.w[2]):
        for b in range(case.w[3]):
            row, column = pixel[0] + top - a * case.dilation[0], pixel[1] + left - b * case.dilation[1]
            i, j = row // case.stride[0], column // case.stride[1]
            if (
                row % case.stride[0] == column % case.stride[1] == 0
                and 0 <= i < made.shape[1]
                and 0 <= j < made.shape[2]
            ):
                made[:own, i, j] = w[:own, 0, a, b]
    return made


def period(scan: list[Response], axis: int) -> int:
    """The least number of pixels after which responses repeat to the bit; 0 if they do not within half the plane."""
    length = len(scan)
    for step in range(1, min(WIDEST, length // 2) + 1):
        alike = [
            np.array_equal(moved(scan[at].got, axis, 0, step), moved(scan[at + step].got, axis, step, 0))
            for at in range(length - step)
        ]
        if sum(alike) >= REPEATS * len(alike):
            return step
    return 0


def moved(array: Array, axis: int, before: int, after: int) -> Array:
    """Without so many rows (or columns) before and after."""
    length = array.shape[1 + axis]
    return array[:, before : length - after] if axis == 0 else array[:, :, before : length - after]
