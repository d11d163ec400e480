"""Figures in words: numbers, shares, times, sizes and counts as any report writes them. NaN and None are blank."""

from __future__ import annotations

import math

from corrbench.case import Case

PAGE = 4096  # bytes by which the system counts
SAME = ("dtype=float32", "data=unit")  # of nearly all cases that are timed


def number(value: float | None, form: str = ".3g") -> str:
    """A number in that form."""
    return "" if value is None or math.isnan(value) else format(value, form)


def share(value: float) -> str:
    """A fraction in per cent, two figures."""
    return number(100 * value, ".0f" if value >= 0.0995 else ".2g") + "%" * (not math.isnan(value))


def percent(share: float) -> str:
    """A change as a percentage with its sign."""
    return f"{'+' if share > 0 else '-'}∞" if math.isinf(share) else number(share, "+.1%")


def interval(low: float, high: float) -> str:
    """Between which changes the true one lies."""
    if math.isnan(low):
        return ""
    return "too few times to tell" if math.isinf(high) else f"{percent(low)} to {percent(high)}"


def duration(seconds: float) -> str:
    """Seconds with a unit and three figures."""
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))
    # what would be rounded to a thousand is of the next unit
    unit, size = next((one for one in units if seconds >= 0.9995 * one[1]), ("ns", 1e-9))
    return "" if math.isnan(seconds) else f"{seconds / size:#.3g}".rstrip(".") + f" {unit}"


def size(count: float) -> str:
    """Bytes with a unit. What is less than a page cannot be seen."""
    if count < PAGE:
        return f"< {PAGE >> 10} KiB"
    units = (("GiB", 2**30), ("MiB", 2**20))
    # 1000 of the smaller unit and more have no room
    unit, unity = next((one for one in units if count >= 0.9765 * one[1]), ("KiB", 2**10))
    return "" if math.isnan(count) else f"{count / unity:.3g} {unit}"


def counted(count: int, noun: str, form: str = "") -> str:
    """So many of them, in the plural unless it is one."""
    return f"{count:{form}} {noun}{'s' * (count != 1)}"


def short(case: Case | str, between: str = " ") -> str:
    """A case without what is the same for all that are timed."""
    return between.join(word for word in str(case).split() if word not in SAME)
