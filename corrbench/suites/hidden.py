"""Cases nobody can prepare for: shapes and geometry drawn from the run's secret seed."""

from __future__ import annotations

import random

from corrbench.case import Case, PaddingMode, Sides

COUNT = (20, 110, 400)


def cases(thorough: int, seed: int) -> list[Case]:
    """As many as the profile affords, the same for the same seed."""
    rng = random.Random(f"hidden {seed}")
    return [draw(rng) for _ in range(COUNT[thorough])]


def draw(rng: random.Random) -> Case:
    """One random case of at most about a million multiply-accumulates, skewed to the small and the odd."""
    while True:
        groups = rng.choice((1, 1, 1, 2, 3, 4, rng.randint(1, 8)))
        each, kernels = rng.choice((1, 1, 2, 3, 5, rng.randint(1, 40))), rng.choice((1, 2, 3, 5, rng.randint(1, 40)))
        kh, kw = (rng.choice((1, 2, 3, 3, 4, 5, 7, rng.randint(1, 13))) for _ in "hw")
        dilation = (rng.choice((1, 1, 1, 2, 3)), rng.choice((1, 1, 1, 2, 3)))
        stride = (rng.choice((1, 1, 2, 3, 4)), rng.choice((1, 1, 2, 3, 5)))
        ph, pw = (rng.choice((0, 0, 1, 2, rng.randint(0, 6))) for _ in "hw")
        reach = dilation[0] * (kh - 1) + 1, dilation[1] * (kw - 1) + 1
        rows, cols = (
            max(1, r - 2 * p) + rng.choice((0, 1, 2, rng.randint(0, 20), rng.randint(0, 60)))
            for r, p in zip(reach, (ph, pw), strict=True)
        )
        paddings: tuple[Sides | PaddingMode, ...] = (*((ph, ph, pw, pw),) * 6, "same", "valid")
        padding = rng.choice(paddings)
        if padding == "same":
            stride = (1, 1)
        n = rng.choice((1, 1, 2, 3, rng.randint(1, 20)))
        try:
            case = Case(
                x=(n, groups * each, rows, cols), w=(groups * kernels, each, kh, kw), stride=stride, padding=padding,
                dilation=dilation, groups=groups, bias=rng.random() < 0.5, data="small",
            )  # fmt: skip
        except ValueError:  # the kernel does not fit
            continue
        if case.macs <= 1.2e6:
            return case
