"""Which transform: told by what a single pixel leaves in the result, of a target whose sums are no tree.

An impulse times a kernel needs no rounding at all, so what differs from the kernel's own numbers is the transform's.
Winograd's F(m, r) works on tiles: responses repeat to the bit when the pixel moves by m, and not before, and the corner
of a tile passes all transforms exactly, since it enters one product alone. On planes that are too small for a period
tiles show by their reach: an impulse leaves nothing outside of the tiles that hold its pixel. A Fourier transform has
no such corner, and over the whole plane neither period nor tile.
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
        name: ``Winograd F(4×4, 3×3)``, with ≥ before the size of a tile that holds the whole plane; ``FFT`` or ``FFT in
            blocks of 16×16``.
        evidence: what shows it.
        rows, columns: outputs of a tile along each axis; 0 where there are none, or it is not told how many.
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
    along = [[found[pixel] for pixel in scan] for scan in scans[:2]]
    beyond = sum(one.beyond > 0 for one in found.values())
    said = f"an impulse is answered with rounding errors at {len(wrong)} of {len(found)} pixels"
    said += f", for {beyond} of them also where no window holds it" if beyond else ""
    # one product alone is exact in a Fourier transform, too
    corners = [one.pixel for one in found.values() if one.clean and cell.case.w[2:] != (1, 1)]
    at = ", and are exact " + (f"at {corners[0]}" if corners else "nowhere")
    at += f" and {len(corners) - 1} more" if len(corners) > 1 else ""
    kernel = "×".join(map(str, cell.case.w[2:]))
    rows, columns = (period(scan, axis) for axis, scan in enumerate(along))
    said_of_tiles = f"; responses repeat every {rows} rows and {columns} columns"
    if min(rows, columns) == 0 or max(rows, columns) < 2:
        rows, columns = (reach(scan, axis, cell) for axis, scan in enumerate(along))
        said_of_tiles = f"; responses stay within tiles of {rows} rows and {columns} columns"
    if max(rows, columns) > 1 and min(rows, columns) > 0:
        name = f"Winograd F({rows}×{columns}, {kernel})" if corners else f"FFT in blocks of {rows}×{columns}"
        return Transform(name=name, evidence=said + said_of_tiles + at, rows=rows, columns=columns)
    if not beyond:
        return None
    if corners:
        rows, columns = cell.case.out[2:]
        return Transform(
            name=f"Winograd F(≥{rows}×≥{columns}, {kernel})", evidence=said + "; responses do not repeat" + at
        )
    return Transform(name="FFT", evidence=said + "; responses do not repeat" + at)


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


def reach(scan: list[Response], axis: int, cell: Cell) -> int:
    """The least number of outputs in a tile such that every impulse leaves numbers in the tiles that hold its pixel,
    and nowhere else; 0 if a tile holds all outputs, or there are none along this axis.
    """
    case = cell.case
    kernel, outputs, before = case.w[2 + axis], case.out[2 + axis], case.sides[2 * axis]
    if case.stride != (1, 1) or case.dilation != (1, 1):
        return 0
    left = [
        (one.pixel[axis] + before, np.flatnonzero((one.got != 0).any(axis=(0, 2 - axis)))) for one in scan
    ]  # of each impulse its place in the padded input, and the rows (or columns) of the result with something left
    if all(((at - kernel < found) & (found <= at)).all() for at, found in left):
        return 0
    for size in range(2, outputs):
        tiles = [(at, found // size * size) for at, found in left]  # where the tiles of these outputs begin
        if all(((begin <= at) & (at < begin + size + kernel - 1)).all() for at, begin in tiles):
            return size
    return 0


def moved(array: Array, axis: int, before: int, after: int) -> Array:
    """Without so many rows (or columns) before and after."""
    length = array.shape[1 + axis]
    return array[:, before : length - after] if axis == 0 else array[:, :, before : length - after]
