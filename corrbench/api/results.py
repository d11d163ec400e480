"""Results that somebody has: `assert_right`, the exact answer, the error allowed, and the cases of suites."""

from __future__ import annotations

from typing import Any

import numpy as np

from corrbench import suites
from corrbench.case import DTYPES, Case, there_are
from corrbench.numerics import bounds, oracle
from corrbench.numerics.comparison import Expected
from corrbench.numerics.diagnose import pattern, resemblance
from corrbench.numerics.problem import Array, Problem


def assert_right(
    y: Any, x: Any, w: Any, bias: Any = None, *, dtype: str = "", accuracy: str = "direct",
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> None:  # fmt: skip
    """Raise unless y is the cross-correlation of x with w: every element within the bound, or to the bit.

    Arrays of any framework, on any device, or lists; no tolerance is chosen. x of shape (H, W), (C, H, W) or
    (N, C, H, W) with w of (kh, kw) or (O, C/groups, kh, kw); y has as many axes as x.

    Args:
        y: the result.
        x: the image or images.
        w: the kernel or kernels.
        bias: what is added to each output channel, if anything is.
        dtype: the element type that it was computed in; that of x if it is not given.
        accuracy: the accuracy class, ``direct``, ``winograd``, ``fft`` or ``tf32``.
        stride: as of `torch.nn.functional.conv2d`, and so are the following.
        padding: of four sides it is (top, bottom, left, right).
        dilation: of the kernel.
        groups: of channels.

    Raises:
        AssertionError: it is not; the message says where, by how much, and what it looks like.
        ValueError: there is no such problem: shapes that do not fit, operands that are not finite.
    """
    problem, kind, rank = posed(x, w, bias, dtype, stride, padding, dilation, groups)
    got, own = values(y)
    shape = problem.shape[4 - rank :] if rank < 4 else problem.shape
    if got.shape != shape:
        raise AssertionError(f"y has shape {list(got.shape)}, not {list(shape)}")
    if own != kind and not isinstance(y, list | tuple):
        raise AssertionError(f"y has dtype {own}, not that of the operands, {kind}")
    expected = Expected(problem, kind, accuracy)
    whole = got.reshape(problem.shape)
    judged = expected.compare(
        whole.astype(expected.truth.rounded(kind).dtype) if isinstance(y, list | tuple) else whole
    )
    if not judged.right:
        where, alike = pattern(judged.wrong), resemblance(problem, whole, kind)
        remarks = [where, alike and f"looks as if {alike}"]
        raise AssertionError("; ".join([judged.message, *filter(None, remarks)]))


def exact(x: Any, w: Any, bias: Any = None, **arguments: Any) -> Array:
    """The exact cross-correlation, each element rounded once: to float64 (complex128; int64 for whole-number types).

    Args:
        x: as of `assert_right`.
        w: as of `assert_right`.
        bias: as of `assert_right`.
        **arguments: stride, padding, dilation, groups, dtype, as of `assert_right`.

    Raises:
        ValueError: as of `assert_right`.
    """
    problem, _, rank = posed(x, w, bias, **arguments)
    found: Array = oracle.exact(problem).hi
    return found.reshape(problem.shape[4 - rank :] if rank < 4 else problem.shape)


def bound(x: Any, w: Any, bias: Any = None, *, accuracy: str = "direct", **arguments: Any) -> Array:
    """The error that each element of an honest result may have, in float64; 0 for whole-number types.

    Args:
        x: as of `assert_right`.
        w: as of `assert_right`.
        bias: as of `assert_right`.
        **arguments: stride, padding, dilation, groups, dtype, as of `assert_right`.
        accuracy: the accuracy class.

    Raises:
        ValueError: as of `assert_right`; no such class.
    """
    problem, kind, rank = posed(x, w, bias, **arguments)
    found = bounds.bound(problem, oracle.exact(problem), dtype=kind, accuracy=accuracy)
    return found.reshape(problem.shape[4 - rank :] if rank < 4 else problem.shape)


def cases(suite: str, *, profile: str = "standard", seed: int = 0) -> list[Case]:
    """The cases of a suite: ``article``, ``handpicked``, ``networks`` and so on.

    Args:
        suite: its name, as of ``corrbench list suites``.
        profile: ``quick``, ``standard`` or ``deep``.
        seed: of suites that draw theirs.

    Raises:
        ValueError: no such suite or profile; the message lists them.
    """
    from corrbench.target import PROFILES

    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}; there are: {', '.join(PROFILES)}")
    return list(suites.select([suite])[suite](PROFILES.index(profile), seed))


# ---- arrays of any kind


def posed(
    x: Any, w: Any, bias: Any = None, dtype: str = "", stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> tuple[Problem, str, int]:  # fmt: skip
    """The problem that operands and arguments pose, its element type, and the number of axes of x."""
    image, own = values(x)
    kernel, _ = values(w)
    kind = str(dtype).removeprefix("torch.") or own
    if kind not in DTYPES:
        raise ValueError(f"no element type {kind!r}; {there_are(kind, DTYPES)}: {', '.join(DTYPES)}")
    if not 2 <= image.ndim <= 4 or kernel.ndim not in (2, 4) or (image.ndim == 2) != (kernel.ndim == 2):
        raise ValueError(
            f"x of {image.ndim} axes with w of {kernel.ndim}: give (H, W) with (kh, kw), or (N, C, H, W) with "
            "(O, C/groups, kh, kw)"
        )
    rank = image.ndim
    image = image.reshape((1,) * (4 - rank) + image.shape)
    kernel = kernel.reshape((1,) * (4 - kernel.ndim) + kernel.shape)
    given = {"stride": pair(stride), "padding": sides(padding), "dilation": pair(dilation), "groups": groups}
    case = Case(x=image.shape, w=kernel.shape, bias=bias is not None, dtype=kind, **given)
    added = None if bias is None else values(bias)[0].reshape(-1)
    held = "float32" if kind == "bfloat16" else kind
    return (
        Problem.of_case(case, image.astype(held), kernel.astype(held), None if added is None else added.astype(held)),
        kind,
        rank,
    )


def values(array: Any) -> tuple[Array, str]:
    """An array of any framework as numpy holds it (bfloat16 in float32), and the name of its element type."""
    for name in ("detach", "cpu", "resolve_conj", "resolve_neg"):  # torch, wherever it is
        array = getattr(array, name)() if type(array).__module__.partition(".")[0] == "torch" else array
    name = str(getattr(array, "dtype", "")).removeprefix("torch.").removeprefix("<dtype: '").removesuffix("'>")
    if "bfloat16" in name:
        wide = array.float() if hasattr(array, "float") else array.astype("float32")
        return np.asarray(wide, np.float32), "bfloat16"
    if hasattr(array, "get") and type(array).__module__.startswith("cupy"):
        array = array.get()
    found = np.asarray(array)
    if found.dtype.kind not in "iufcb":
        raise ValueError(f"{type(array).__name__} of dtype {found.dtype} is no array of numbers")
    return found, str(found.dtype)


def pair(value: Any) -> tuple[int, int]:
    """One number for both axes, or one for each."""
    return (int(value), int(value)) if np.ndim(value) == 0 else (int(value[0]), int(value[-1]))


def sides(value: Any) -> Any:
    """A padding as of `Case`: a word, or (top, bottom, left, right)."""
    if isinstance(value, str) or np.size(value) == 4:
        return value if isinstance(value, str) else tuple(map(int, value))
    rows, cols = pair(value)
    return (rows, rows, cols, cols)
