"""Cases around one case: each of its factors changed, alone and in pairs, all else being equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from corrbench.case import Case, PaddingMode, Sides
from corrbench.numerics.inputs import layouts

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 20, 32, 33)
LEVELS: dict[str, tuple[Any, ...]] = {
    "n": (1, 2, 3, 4, 5, 8, 9, 16, 17, 33),
    "each": (1, 2, 3, 4, 5, 8, 16, 17, 32, 33, 64),
    "kernels": (1, 2, 3, 4, 5, 6, 8, 16, 17, 32),
    "groups": (1, 2, 3, 4),
    "kh": (1, 2, 3, 4, 5, 7), "kw": (1, 2, 3, 4, 5, 7),
    "sh": (1, 2, 3, 4), "sw": (1, 2, 3, 4),
    "dh": (1, 2, 3, 4), "dw": (1, 2, 3, 4),
    "top": (0, 1, 2, 3), "left": (0, 1, 2, 3), "bottom": (0, 1, 2), "right": (0, 1, 2),
    "mode": ("same", "valid", ""),
    "rows": SIZES, "cols": SIZES,
    "rest_h": (0, 1, 2, 3), "rest_w": (0, 1, 2, 3),
    "bias": (False, True),
}  # fmt: skip
STEPS = (*range(-16, 17, 4), *range(-3, 4))
FINE = (*range(41), *(2**k + d for k in range(6, 17) for d in (-1, 0, 1)))
NEUTRAL: dict[str, Any] = {
    "n": 2, "each": 2, "kernels": 3, "groups": 1, "kh": 3, "kw": 2, "sh": 1, "sw": 1, "dh": 1, "dw": 1,
    "top": 0, "bottom": 0, "left": 0, "right": 0, "mode": "", "rows": 4, "cols": 6, "rest_h": 0, "rest_w": 0,
    "bias": False, "dtype": "float32", "layout": "",
}  # fmt: skip
NOTABLE: dict[str, tuple[Any, Any]] = {
    "n": (1, 2), "each": (1, 2), "kernels": (1, 3), "groups": (1, 2), "kh": (1, 3), "kw": (1, 3), "sh": (1, 2),
    "sw": (1, 2), "dh": (1, 2), "dw": (1, 2), "top": (0, 1), "left": (0, 1), "mode": ("", "same"), "rows": (1, 4),
    "cols": (1, 6), "bias": (False, True),
}  # fmt: skip
TOGETHER = (
    ("kh", "kw"), ("sh", "sw"), ("dh", "dw"), ("top", "left", "bottom", "right"), ("top", "bottom"), ("left", "right"),
    ("rows", "cols"),
)  # fmt: skip
MIRRORED = (
    ("kh", "kw"), ("sh", "sw"), ("dh", "dw"), ("top", "left"), ("bottom", "right"), ("rows", "cols"),
    ("rest_h", "rest_w"),
)  # fmt: skip

Factors = dict[str, Any]


def factors(case: Case) -> Factors:
    """What a case is made of, each of which can be changed while the others stay: sizes are those of the result."""
    (n, _, h, w), (o, each, kh, kw) = case.x, case.w
    (sh, sw), (dh, dw), (top, bottom, left, right) = case.stride, case.dilation, case.sides
    _, _, rows, cols = case.out
    return {
        "n": n, "each": each, "kernels": o // case.groups, "groups": case.groups, "kh": kh, "kw": kw, "sh": sh,
        "sw": sw, "dh": dh, "dw": dw, "top": top, "bottom": bottom, "left": left, "right": right,
        "mode": case.padding if isinstance(case.padding, str) else "", "rows": rows, "cols": cols,
        "rest_h": h + top + bottom - dh * (kh - 1) - 1 - (rows - 1) * sh,
        "rest_w": w + left + right - dw * (kw - 1) - 1 - (cols - 1) * sw,
        "bias": case.bias, "dtype": case.dtype, "layout": case.layout, "data": case.data,
    }  # fmt: skip


def case(f: Factors) -> Case | None:
    """The case of these factors; None if there is none."""
    padding: Sides | PaddingMode = (f["top"], f["bottom"], f["left"], f["right"])
    if f["mode"] == "valid":
        padding = "valid"
    elif f["mode"] == "same":
        padding = "same"
    sides = padding if isinstance(padding, tuple) else (0, 0, 0, 0)
    if padding == "same":
        sides = (f["dh"] * (f["kh"] - 1), 0, f["dw"] * (f["kw"] - 1), 0)
    if f["rest_h"] >= f["sh"] or f["rest_w"] >= f["sw"]:
        return None
    height = (f["rows"] - 1) * f["sh"] + f["dh"] * (f["kh"] - 1) + 1 + f["rest_h"] - sides[0] - sides[1]
    width = (f["cols"] - 1) * f["sw"] + f["dw"] * (f["kw"] - 1) + 1 + f["rest_w"] - sides[2] - sides[3]
    layout = f["layout"] if f["bias"] else ",".join(p for p in f["layout"].split(",") if p[:2] != "b:")
    try:
        return Case(
            x=(f["n"], f["each"] * f["groups"], height, width),
            w=(f["kernels"] * f["groups"], f["each"], f["kh"], f["kw"]), stride=(f["sh"], f["sw"]), padding=padding,
            dilation=(f["dh"], f["dw"]), groups=f["groups"], bias=f["bias"], dtype=f["dtype"], data=f["data"],
            layout=layout,
        )  # fmt: skip
    except ValueError:
        return None


def neutral(of: Case) -> list[tuple[str, Any]]:
    """The factors of a case that are not as in an ordinary call, with what they would be there."""
    own = factors(of)
    found = [(name, usual) for name, usual in NEUTRAL.items() if own[name] != usual]
    return sorted(found, key=lambda one: one[0] in ("rows", "cols", "n", "each", "kernels"))


def distance(own: Factors, other: Case) -> int:
    """How many factors of a case are otherwise."""
    return sum(value != own[name] for name, value in factors(other).items())


def changed(of: Factors, **changes: Any) -> Factors:
    """Other factors; what a remainder or a word of padding cannot be any more is as usual."""
    made = of | changes
    for rest, stride in (("rest_h", "sh"), ("rest_w", "sw")):
        made[rest] = min(made[rest], made[stride] - 1)
    if made["mode"] and changes.keys() & {"top", "bottom", "left", "right", "sh", "sw"} and "mode" not in changes:
        made["mode"] = ""
    return made


def alone(base: Case, dtypes: Iterable[str], views: Iterable[str]) -> Iterator[Case]:
    """Each factor at each of its levels, and pairs of factors that belong together."""
    own = factors(base)
    for name, levels in LEVELS.items():
        for level in levels:
            if level != own[name]:
                yield from _made(changed(own, **{name: level}))
    for names in TOGETHER:
        for level in LEVELS[names[0]]:
            yield from _made(changed(own, **dict.fromkeys(names, level)))
    swapped = {a: own[b] for pair in MIRRORED for a, b in (pair, pair[::-1])}
    yield from _made(own | swapped)
    for pair in MIRRORED:
        yield from _made(changed(own, **{pair[0]: own[pair[1]], pair[1]: own[pair[0]]}))
    yield from sized(base)
    for dtype in dtypes:
        yield from _made(own | {"dtype": dtype})
    for layout in ("", *views):
        if layout != base.layout:
            yield from _made(own | {"layout": layout})
    given = layouts(base)
    for operand in given if len(given) > 1 else ():
        rest = ",".join(f"{name}:{how}" for name, how in given.items() if name != operand)
        yield from _made(own | {"layout": rest})


def sized(base: Case) -> Iterator[Case]:
    """Kernel, stride, dilation, padding and groups changed while the operands keep their sizes."""
    for stride in ((1, 1), (2, 2), (1, 2), (2, 1), (3, 3)):
        yield from _but(base, stride=stride)
    for dilation in ((1, 1), (2, 2), (1, 2), (2, 1)):
        yield from _but(base, dilation=dilation)
    for padding in ((0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2), (1, 1, 0, 0), (0, 0, 1, 1)):
        yield from _but(base, padding=padding)
    o, each, kh, kw = base.w
    for kernel in ((1, 1), (3, 3), (kw, kh), (kh, kh), (kw, kw), (kh + 1, kw), (kh, kw + 1)):
        yield from _but(base, w=(o, each, *kernel))
    n, c, h, w = base.x
    for size in ((w, h), (h, h), (w, w), (h + 1, w), (h, w + 1)):
        yield from _but(base, x=(n, c, *size))
    for groups in (1, 2, 3, c):
        if c % groups == 0 and o % groups == 0:
            yield from _but(base, w=(o, c // groups, kh, kw), groups=groups)


def _but(base: Case, **changes: Any) -> Iterator[Case]:
    try:
        yield base.but(**changes)
    except ValueError:
        return


def _made(f: Factors) -> Iterator[Case]:
    if (found := case(f)) is not None:
        yield found


def decisive(base: Case, right: Iterable[Case]) -> list[str]:
    """The factors of a wrong case that decide: right cases differ from it in nothing else."""
    own = factors(base)
    found: dict[str, None] = {}
    for case in right:
        differ = [name for name, value in factors(case).items() if value != own[name]]
        found |= dict.fromkeys(differ) if len(differ) == 1 and differ != ["data"] else {}
    return list(found)


def pairs(base: Case) -> Iterator[Case]:
    """Every two factors otherwise, each at the first of its notable levels."""
    own = factors(base)
    other = {name: next(level for level in levels if level != own[name]) for name, levels in NOTABLE.items()}
    for names in combinations(other, 2):
        yield from _made(changed(own, **{name: other[name] for name in names}))


def despite(base: Case, right: Iterable[Case], generator: np.random.Generator, count: int) -> list[Case]:
    """Cases in which one factor is as in a right case that differs from the base in nothing else, and one to three
    others are otherwise: does it decide by itself, or did it change something else?
    """
    own = factors(base)
    levels: dict[str, list[Any]] = {}
    for case in right:
        differ = {name: value for name, value in factors(case).items() if value != own[name]}
        for name, value in differ.items() if len(differ) == 1 else ():
            levels.setdefault(name, []).append(value)
    levels.pop("data", None)
    found: list[Case] = []
    for name, values in levels.items():
        others = [other for other in LEVELS if other != name]
        telling = [other for other in others if other in levels] or others
        for turn in range(count):
            picked = generator.choice(others if turn % 3 == 2 else telling, min(3, 1 + turn % 3), replace=True)
            changes = {str(other): LEVELS[other][int(generator.integers(len(LEVELS[other])))] for other in picked}
            found += _made(changed(own, **changes | {name: values[int(generator.integers(len(values)))]}))
    return list(dict.fromkeys(found))


def around(
    base: Case,
    generator: np.random.Generator,
    dtypes: list[str],
    views: list[str],
    count: int,
    names: Sequence[str] = (),
) -> list[Case]:
    """Cases in which one to four factors, of these `names` or of all, are otherwise, at random; some with a number one
    step from the base's.
    """
    own = factors(base)
    found: list[Case] = []
    names = list(names) or [*LEVELS, "dtype", "layout"]
    for _ in range(count):
        changes: Factors = {}
        for name in generator.choice(names, min(len(names), int(generator.integers(1, 5))), replace=False):
            if name == "dtype":
                changes["dtype"] = dtypes[int(generator.integers(len(dtypes)))]
            elif name == "layout":
                changes["layout"] = ["", *views][int(generator.integers(len(views) + 1))]
            elif isinstance(own[name], int) and not isinstance(own[name], bool) and generator.random() < 0.3:
                low = 0 if LEVELS[str(name)][0] == 0 else 1
                changes[str(name)] = max(low, own[str(name)] + int(generator.choice((-2, -1, 1, 2))))
            else:
                levels = LEVELS[str(name)]
                changes[str(name)] = levels[int(generator.integers(len(levels)))]
        found += _made(changed(own, **changes))
    return list(dict.fromkeys(found))


def sweep(base: Case, more: Iterable[int] = ()) -> Iterator[Case]:
    """Each size at many values, all else as in the base."""
    own = factors(base)
    for name in ("n", "each", "kernels", "groups", "kh", "kw", "sh", "sw", "dh", "dw", "rows", "cols", "top", "left"):
        near = {own[name] + step for step in STEPS}  # among which it has every remainder
        for value in sorted({*FINE, *more, *near}):
            if value > 0 or name in ("top", "left"):
                yield from _made(changed(own, **{name: value}))
    for value in range(1, 20):
        yield from _made(changed(own, rows=value, cols=value))
        yield from _made(changed(own, top=value, bottom=value, left=value, right=value))
