"""Sources of cases, one suite a file: a file here with a `cases` function is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Collection
from functools import cache

from corrbench.case import DTYPES, Case, there_are
from corrbench.suites._constants import Constants
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
        raise ValueError(f"no suite named {unknown[0]!r}; {there_are(unknown[0], known)}: {', '.join(known)}")
    return {name: known[name] for name in names}


@cache
def made(name: str, thorough: int, seed: int) -> tuple[Case, ...]:
    """The cases of a suite. Designs take a while to compute, so each is made once, and may be made ahead of its use."""
    return tuple(select([name])[name](thorough, seed))


def bases(names: list[str], support: Support, thorough: int, seed: int) -> list[Case]:
    """The named suites' cases in the target's form, without those it does not support, each once.

    A target without float32 is asked them in the first element type that it takes.
    """
    found = (fitted(case, support) for name in select(names) for case in made(name, thorough, seed))
    return list({str(case): case for case in found if case is not None}.values())


def read(names: Collection[str], constants: Constants, support: Support, thorough: int, seed: int) -> list[Case]:
    """The cases that suites among these make from the constants of the target's source, in the target's form."""
    found: list[Case] = []
    for name in select(names):
        make = getattr(sys.modules[registry()[name].__module__], "of_source", None)
        found += make(constants, thorough, seed) if make is not None else []
    return list(dict.fromkeys(one for case in found if (one := fitted(case, support)) is not None))


def fitted(case: Case, support: Support) -> Case | None:
    """The part of a case that a target takes, plain ones in the first element type that it takes; None if it takes
    none.
    """
    dtype = next((dtype for dtype in ("float32", *DTYPES) if dtype in support.takes), "float32")
    found = support.convention.fit(case)
    found = with_fixed(found, support.fixed) if found is not None else None
    if found is not None and (found.dtype, found.data) == ("float32", "small"):
        found = found.but(dtype=dtype)
    return found if found is not None and support.all_of(found) else None
