"""Sources of cases, one suite a file: a file here with a `cases` function is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection
from functools import cache

from corrbench.case import DTYPES, Case
from corrbench.support import Support, with_fixed

Suite = Callable[
    [int, int], list[Case]
]  # (thoroughness, seed) -> cases in conv2d form, float32, small data or their own


@cache
def registry() -> dict[str, Suite]:
    """All suites by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        if hasattr(module, "cases"):
            found[getattr(module, "NAME", info.name)] = module.cases
    return found


def select(names: Collection[str]) -> dict[str, Suite]:
    """The suites of these names.

    Raises:
        ValueError: there is none of a name; the message says which there are.
    """
    known = registry()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no suite named {unknown[0]!r}; there are: {', '.join(known)}")
    return {name: known[name] for name in names}


@cache
def made(name: str, thorough: int, seed: int) -> tuple[Case, ...]:
    """The cases of a suite. Designs take a while to compute, so each is made once, and may be made ahead of its use."""
    return tuple(select([name])[name](thorough, seed))


def bases(names: list[str], support: Support, thorough: int, seed: int) -> list[Case]:
    """The named suites' cases in the target's form, without those it does not support, each once.

    A target without float32 is asked them in the first element type that it takes.
    """
    found = {}
    dtype = next((dtype for dtype in ("float32", *DTYPES) if dtype in support.takes), "float32")
    for name in select(names):
        for case in made(name, thorough, seed):
            fitted = support.convention.fit(case)
            fitted = with_fixed(fitted, support.fixed) if fitted is not None else None
            if fitted is not None and (fitted.dtype, fitted.data) == ("float32", "small"):
                fitted = fitted.but(dtype=dtype)
            if fitted is not None and support.all_of(fitted):
                found[str(fitted)] = fitted
    return list(found.values())
