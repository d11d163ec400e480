"""The names of the commit that is measured, wherever that commit keeps them; None for what it does not have."""

from __future__ import annotations

try:
    from corrbench import reference
except ImportError:
    reference = None  # type: ignore[assignment]

try:
    from corrbench.numerics import bounds, oracle
    from corrbench.numerics.problem import Problem
except ImportError:
    try:
        from corrbench.problem import Problem  # type: ignore[import-not-found, no-redef]

        from corrbench import bounds, oracle  # type: ignore[attr-defined, no-redef]
    except ImportError:
        bounds = oracle = Problem = None  # type: ignore[assignment, misc]

__all__ = ["Problem", "bounds", "oracle", "reference"]
