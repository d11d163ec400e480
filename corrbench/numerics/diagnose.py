"""A diagnosis of wrong results: where the wrong elements lie, and which known fault gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np

from corrbench.case import Case
from corrbench.numerics.inputs import cast
from corrbench.numerics.problem import Array, Problem

AXES = {4: ("batch", "channel", "row", "column"), 1: ("channel",)}
FINE = 64  # rows and columns that a chart has at most
TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float32": 1e-4, "complex64": 1e-4, "float16": 2e-2, "bfloat16": 5e-2}


def pattern(wrong: Array) -> str:
    """Where the wrong elements lie, in words: ``only the last column``, ``every 8th channel``; empty if scattered."""
    if wrong.ndim not in AXES or not wrong.any():
        return ""
    if wrong.all():
        return "every element" if wrong.size > 1 else ""
    said = []
    for axis, name in enumerate(AXES[wrong.ndim]):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        hit = np.flatnonzero(wrong.any(axis=others))
        words = _indices(hit, wrong.shape[axis], name)
        if words:
            said.append(words)
    if wrong.ndim == 4 and not said:
        edge = np.ones(wrong.shape[2:], bool)
        edge[1:-1, 1:-1] = False
        if not wrong[:, :, ~edge].any():
            return "only at the border"
    return "only " + ", ".join(said) if said else "scattered"


def _indices(hit: Array, length: int, name: str) -> str:
    """The set of indices along one axis in words; empty if it is the whole axis."""
    if len(hit) == length:
        return ""
    if len(hit) == 1:
        return (
            f"the last {name}" if hit[0] == length - 1 else f"the first {name}" if hit[0] == 0 else f"{name} {hit[0]}"
        )
    if set(hit) <= {0, length - 1}:
        return f"the first and last {name}"
    steps = np.unique(np.diff(hit))
    if len(steps) == 1 and steps[0] > 1:
        return f"every {_ordinal(int(steps[0]))} {name} from {hit[0]}"
    if len(steps) == 1 and hit[-1] == length - 1:
        return f"{name} >= {hit[0]}"
    if len(steps) == 1:
        return f"{name}s {hit[0]} to {hit[-1]}"
    return f"{len(hit)} of {length} {name}s" if len(hit) * 2 < length else ""


def _ordinal(number: int) -> str:
    return f"{number}{ {2: 'nd', 3: 'rd'}.get(number, 'th') }"


def element(at: Sequence[int], shape: Sequence[int]) -> str:
    """An element in words: its index, or its row and column in an array of one plane."""
    if len(at) == len(shape) == 4 and tuple(shape[:2]) == (1, 1):
        return f"row {at[2]}, column {at[3]}"
    return str(list(at))


def chart(wrong: Array, at: Iterable[int]) -> dict[str, str]:
    """The wrong elements as a small picture: those of the plane that holds `at`, and which planes have any.

    Args:
        wrong: marks the wrong elements; four axes, or one.
        at: index of the worst element.

    Returns:
        ``shape``, that of the array; ``plane``, a grid of its last two axes; and, where there is more than one plane,
        ``planes``, a grid of the first two. All are text, since there may be many: a shape is ``2,4,7,9``, and a grid
        ``7,9:`` and its cells row by row, eight to a byte, in hexadecimal. A grid has no more than `FINE` rows and
        columns; a cell stands for several elements where the array is larger, and is set if one of them is wrong.
    """
    made = {"shape": ",".join(map(str, wrong.shape))}
    made["plane"] = _grid(wrong[tuple(at)[:-2]] if wrong.ndim > 1 else wrong[None])
    if wrong.ndim == 4 and wrong.shape[0] * wrong.shape[1] > 1:
        made["planes"] = _grid(np.asarray(wrong.any(axis=(2, 3))))
    return made


def _grid(marks: Array) -> str:
    for axis, length in enumerate(marks.shape):
        marks = np.asarray(np.logical_or.reduceat(marks, np.arange(0, length, -(-length // FINE)), axis=axis))
    return f"{marks.shape[0]},{marks.shape[1]}:{np.packbits(marks).tobytes().hex()}"


def resemblance(problem: Problem, got: Array, dtype: str, *, whole: bool = True) -> str:
    """The known fault whose result the array equals; empty if none does. Looks at small problems only.

    Failing that, what happened to all of the wrong elements; without `whole`, as for gradients, that alone.

    A fault that leaves this problem's result as it is, such as a flip of the only row, is none.
    """
    if (
        got.size * problem.terms > 2e7
        or (whole and problem.axes != (0, 1, 2, 3))
        or dtype not in TOLERANCE
        or not np.isfinite(got).any()
    ):
        return ""
    if not got.any():
        return "the result is all zeros"
    with np.errstate(all="ignore"):
        return _recognised(problem, got, TOLERANCE[dtype], whole=whole)


def _recognised(problem: Problem, got: Array, near: float, *, whole: bool) -> str:
    right = problem.arrange(_plain(problem))
    if right.shape != got.shape:
        return ""
    for name, values in _faults(problem) if whole else ():
        try:
            candidate = values()
        except ValueError:  # the fault has no result of this shape
            continue
        rows, cols = got.shape[2:]
        if candidate.shape[:2] != got.shape[:2] or candidate.shape[2] < rows or candidate.shape[3] < cols:
            continue
        candidate = candidate[:, :, :rows, :cols]  # an argument that is ignored leaves more than was wanted
        scale = np.abs(candidate).max() if candidate.size else 0.0
        alike = scale and np.all(np.abs(got - candidate) <= near * scale)
        if alike and not np.all(np.abs(right - candidate) <= near * scale):
            return name
    wrong = ~(np.abs(got - right) <= near * max(float(np.abs(right).max(initial=0)), 1e-300))
    return _partly(problem, got, right, wrong, near)


def _partly(p: Problem, got: Array, right: Array, wrong: Array, near: float) -> str:
    """The simple thing that happened to all wrong elements, and to no other for which it would have shown."""
    count = int(wrong.sum())
    if count < 2 or right[wrong].std() == 0 or not np.isfinite(right[wrong]).all():
        return ""  # of one number, or of equal ones, too much can be told
    mine, true = got[wrong], right[wrong]
    if np.isnan(mine).all():
        return "the wrong elements are NaN"
    if not np.isfinite(mine).all():
        return ""
    size = float(np.abs(right).max())
    if not mine.any():
        return "the wrong elements are zero: never written, or skipped"
    if said := _factor(p, mine, true, near * size):
        return said
    if p.bias is not None and right.ndim == 4:
        bias = np.broadcast_to(p.bias.astype(right.dtype).reshape(1, -1, 1, 1), right.shape)[wrong]
        for times, words in ((-1, "left out"), (1, "added twice")):
            if bias.any() and np.all(np.abs(mine - true - times * bias) <= near * size):
                return f"the bias was {words} in the wrong elements"
    for axis, name in enumerate(AXES.get(right.ndim, ())):
        for step, where in ((1, "before"), (-1, "after")):
            moved = np.roll(right, step, axis)
            edge = np.zeros(right.shape, bool)
            edge[(slice(None),) * axis + (0 if step > 0 else -1,)] = True
            if not (edge & wrong).any() and np.all(np.abs(mine - moved[wrong]) <= near * size):
                return f"each wrong element is that of the {name} {where}"
    return ""


def _factor(p: Problem, got: Array, right: Array, slack: float) -> str:
    """A constant factor between what came and what is right, with what it may be; empty if there is none."""
    best = int(np.argmax(np.abs(right)))
    factor = got[best] / right[best]
    if abs(factor - 1) < 1e-3 or np.abs(factor) < 1e-3 or not np.all(np.abs(got - factor * right) <= 2 * slack):
        return ""
    if np.iscomplexobj(factor) and abs(factor.imag) > 1e-3:
        return ""
    number = float(np.real(factor))
    for base, how in ((number, "too large"), (1 / number, "too small")):
        if abs(base - round(base)) < 1e-3 * abs(base) and 2 <= abs(round(base)) <= 4096:
            return f"the wrong elements are {round(base)} times {how}"
    return "the wrong elements have the wrong sign" if abs(number + 1) < 1e-3 else ""


def outline(case: Case, shape: tuple[int, ...]) -> str:
    """Of which other call a result of this shape would be; empty if of none that is known."""
    n, o, rows, cols = case.out
    (height, width), (kh, kw) = case.x[2:], case.w[2:]
    full, bare = ([size for size in sizes if size != 1] for sizes in (case.out, shape))
    if full == bare and len(shape) < 4:
        return "axes of length one were squeezed away"
    if len(shape) != 4 or shape[:2] != (n, o):
        return ""
    others: dict[str, dict[str, object]] = {
        "the stride was ignored": {"stride": (1, 1)},
        "the dilation was ignored": {"dilation": (1, 1)},
        "the padding was ignored": {"padding": (0, 0, 0, 0)},
        "the stride of the rows was used for both axes": {"stride": case.stride[:1] * 2},
        "the stride of the columns was used for both axes": {"stride": case.stride[1:] * 2},
        "the dilation of the rows was used for both axes": {"dilation": case.dilation[:1] * 2},
        "the dilation of the columns was used for both axes": {"dilation": case.dilation[1:] * 2},
        "strides of rows and columns were exchanged": {"stride": case.stride[::-1]},
        "dilations of rows and columns were exchanged": {"dilation": case.dilation[::-1]},
        "padding of rows and columns was exchanged": {"padding": (*case.sides[2:], *case.sides[:2])},
    }
    found = []
    for name, changes in others.items():
        try:
            found += [name] if case.but(**changes).out == shape else []
        except ValueError:
            continue
    plain = case.stride == case.dilation == (1, 1) and not any(case.sides)
    if plain and shape[2:] == (height, width):
        found.append("the result has the size of the input ('same'), not the valid part")
    if plain and shape[2:] == (height + kh - 1, width + kw - 1):
        found.append("the result is the full correlation, not the valid part")
    if shape[2:] == (cols, rows):
        found.append("rows and columns of the result were exchanged")
    return found[0] if len(found) == 1 else ""


def _plain(p: Problem) -> Array:
    """The correlation in double precision, good enough to recognise."""
    wide = np.complex128 if p.is_complex else np.float64
    n, o, rows, cols = p.out
    columns = p.windows(p.padded().astype(wide)).reshape(p.groups, p.terms, n * rows * cols)
    kernels = p.w.astype(wide).reshape(p.groups, o // p.groups, p.terms)
    y = (kernels @ columns).reshape(o, n, rows, cols).swapaxes(0, 1)
    return np.asarray(y if p.bias is None else y + p.bias.astype(wide)[:, None, None])


def _faults(p: Problem) -> Iterator[tuple[str, Callable[[], Array]]]:  # noqa: C901 - one fault after the other
    """Named wrong answers to a problem, each computed when asked for."""
    top, bottom, left, right = p.sides

    def variant(**changes: object) -> Callable[[], Array]:
        fields = {
            name: changes.get(name, getattr(p, name))
            for name in ("x", "w", "bias", "stride", "sides", "dilation", "groups")
        }
        return lambda: _plain(Problem(**fields))  # type: ignore[arg-type]

    if p.w.shape[2:] != (1, 1):
        yield "the kernel was flipped: convolution, not cross-correlation (see --flip)", variant(w=p.w[..., ::-1, ::-1])
        yield "the kernel was flipped in its rows only", variant(w=p.w[..., ::-1, :])
        yield "the kernel was flipped in its columns only", variant(w=p.w[..., ::-1])
    if p.w.shape[2] == p.w.shape[3] > 1:
        yield "the kernel was transposed", variant(w=p.w.swapaxes(2, 3))
    if p.w.shape[0] == p.w.shape[1] > 1 and p.groups == 1:
        yield "output and input channels of the kernel were exchanged", variant(w=p.w.swapaxes(0, 1))
    if p.bias is not None:
        yield "the bias was left out", variant(bias=None)
        yield "the bias was added twice", variant(bias=2 * p.bias)
        yield "the bias was added to every product", lambda: _plain(p) + (p.terms - 1) * p.bias[:, None, None]  # type: ignore[index]
    if p.stride != (1, 1):
        yield "the stride was ignored", variant(stride=(1, 1))
    if p.stride[0] != p.stride[1]:
        yield "stride of the rows was used for both axes", variant(stride=(p.stride[0],) * 2)
        yield "stride of the columns was used for both axes", variant(stride=(p.stride[1],) * 2)
        yield "strides of rows and columns were exchanged", variant(stride=p.stride[::-1])
    if p.dilation != (1, 1):
        yield "dilations of rows and columns were exchanged", variant(dilation=p.dilation[::-1])
        yield "dilation was ignored", variant(dilation=(1, 1))
        yield "the dilation of the rows was used for both axes", variant(dilation=(p.dilation[0],) * 2)
        yield "the dilation of the columns was used for both axes", variant(dilation=(p.dilation[1],) * 2)
        yield "stride and dilation were exchanged", variant(stride=p.dilation, dilation=p.stride)
    if (top, bottom) != (left, right):
        yield "padding of rows and columns was exchanged", variant(sides=(left, right, top, bottom))
    if top != bottom or left != right:
        yield "the odd row or column of padding was put on the other side", variant(sides=(bottom, top, right, left))
    if any(p.sides):

        def around(mode: Literal["edge", "reflect", "wrap"]) -> Callable[[], Array]:
            pads = ((0, 0), (0, 0), (top, bottom), (left, right))
            return lambda: _plain(
                Problem(np.pad(p.x, pads, mode=mode), p.w, p.bias, p.stride, (0, 0, 0, 0), p.dilation, p.groups)
            )

        yield "the edge was repeated where zeros belong", around("edge")
        yield "the input was mirrored where zeros belong", around("reflect")
        yield "the input was wrapped around where zeros belong", around("wrap")
    if p.groups > 1 and p.w.shape[0] > p.groups:
        shuffled = p.w.reshape(p.groups, -1, *p.w.shape[1:]).swapaxes(0, 1).reshape(p.w.shape)
        yield "output channels of the groups were interleaved", variant(w=shuffled)
    for narrow in ("float16", "bfloat16", "float32"):
        given = {"x": cast(p.x, narrow), "w": cast(p.w, narrow)} if not p.is_complex else {}
        if given and any((array != was).any() for array, was in zip(given.values(), (p.x, p.w), strict=True)):
            yield f"the operands were rounded to {narrow}", variant(**given)
    if p.w.shape[1] > 1:
        yield "the last input channel was dropped", variant(w=np.concatenate([p.w[:, :-1], 0 * p.w[:, -1:]], 1))
    for axis, name in ((2, "row"), (3, "column")):
        for index, which in ((-1, "last"), (0, "first")) if p.w.shape[axis] > 1 else ():
            at = (slice(None),) * axis + (index,)
            for times, how in ((0, "dropped"), (2, "counted twice")):
                bent = p.w.copy()
                bent[at] *= times
                yield f"the {which} {name} of the kernel was {how}", variant(w=bent)
    yield "the result has the wrong sign", lambda: -_plain(p)
