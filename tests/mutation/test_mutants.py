"""Mutants of a source: one mistake each, in what the target uses, and nothing else of the text is touched."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from corrbench.mutation.copies import NoCopy, original
from corrbench.mutation.mutants import mutants
from corrbench.target import Spec

SOURCE = '''\
"""A file."""
import numpy as np

OTHER = 5


def unused(x):
    return x + 1


def helper(n: int = 1) -> int:  # é: two bytes
    """A docstring of 3."""
    return n // 2


def corr2d(X, K):
    h, w = K.shape
    if X.ndim != 2 or h < 1:
        raise ValueError("no 2 matrices")
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1), np.float64)
    for i in range(h):
        Y += X[i : i + len(Y), ::1] * helper(2)
    return Y @ Y
'''


def diffs() -> list[str]:
    source = SOURCE.encode()
    return ["\n".join(line for line in one.diff(source, "f", 0).splitlines()[3:]) for one in mutants(source, "corr2d")]


@pytest.mark.parametrize(
    "line",
    [
        "    w, h = K.shape", "    if X.ndim == 2 or h < 1:", "    if X.ndim != 2 and h < 1:",
        "    if X.ndim != 2 or h <= 1:",
        "    if X.ndim != 2 or h < 2:", "    if not (X.ndim != 2 or h < 1):", "    pass",
        "    Y = np.zeros((X.shape[0] + h + 1, X.shape[1] - w + 1), np.float64)",
        "    Y = np.zeros((X.shape[0] - w + 1, X.shape[1] - w + 1), np.float64)",
        "    Y = np.zeros((X.shape[1] - w + 1, X.shape[0] - h + 1), np.float64)",
        "    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1), np.float32)",
        "    for i in range(h - 1):", "        pass", "        Y -= X[i : i + len(Y), ::1] * helper(2)",
        "        Y += X[i : i + len(Y) + 1, ::1] * helper(2)", "        Y += X[i : i + len(Y), ::] * helper(2)",
        "    return n * 2", "def helper(n: int = 2) -> int:  # é: two bytes",
    ],
)  # fmt: skip
def test_the_mistake_is_among_them(line: str) -> None:
    assert any(f"+{line}" in diff.splitlines() for diff in diffs()), line


def test_text_annotations_and_what_is_not_used_stay() -> None:
    changed = {line[1:] for diff in diffs() for line in diff.splitlines() if line.startswith("-")}
    assert not any(word in line for line in changed for word in ('"""', "OTHER", "return x + 1", "import"))
    raised = {line[1:] for diff in diffs() for line in diff.splitlines() if line.startswith("+") and "raise" in line}
    assert raised <= {'        raise ValueError("no 2 matrices")'}  # it may go with its condition, and else stays


def test_each_is_python_and_another_text_in_an_order_of_the_seed() -> None:
    source = SOURCE.encode()
    found = mutants(source, "corr2d")
    texts = [one.applied(source) for one in found]
    assert len(set(texts)) == len(texts) > 40
    assert source not in texts
    for text in texts:
        ast.parse(text)
    assert [one.key for one in mutants(source, "corr2d", 1)] != [one.key for one in found]
    assert {one.key for one in mutants(source, "corr2d", 1)} == {one.key for one in found}


def test_a_kernel_in_triton_is_text_like_any_other() -> None:
    source = b"""
@triton.jit
def kernel(x, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    return tl.load(x + at, mask=at < n)


def conv2d(input, weight, bias=None):
    return kernel[(1,)](input, 3, BLOCK=16)
"""
    lines = {one.diff(source, "f", 0).splitlines()[4] for one in mutants(source, "conv2d")}
    assert "+    return tl.load(x + at, mask=at <= n)" in lines
    assert "+    at = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)" in lines


def test_a_copy_has_what_lies_beside_and_the_original_stays(tmp_path: Path) -> None:
    here = tmp_path / "mine"
    here.mkdir()
    (here / "conv.py").write_text("import near\nfrom pack import x\ndef conv2d(x, w): return near.f(x)\n")
    (here / "near.py").write_text("import far\n")
    (here / "far.py").write_text("")
    (here / "pack").mkdir()
    (here / "pack" / "__init__.py").write_text("x = 1\n")
    (here / "other.py").write_text("")
    found = original(Spec(target=str(here / "conv.py") + ":conv2d"))
    target = found.copy(tmp_path / "m1", b"changed")
    assert target == "m1/conv.py:conv2d"
    assert {str(one.relative_to(tmp_path / "m1")) for one in (tmp_path / "m1").rglob("*.py")} == {
        "conv.py", "near.py", "far.py", "pack/__init__.py"}  # fmt: skip
    assert (tmp_path / "m1" / "conv.py").read_bytes() == b"changed"
    assert b"near" in (here / "conv.py").read_bytes()


def test_of_a_package_the_whole_is_copied(tmp_path: Path) -> None:
    inner = tmp_path / "pack" / "inner"
    inner.mkdir(parents=True)
    for folder in (tmp_path / "pack", inner):
        (folder / "__init__.py").write_text("")
    (inner / "conv.py").write_text("from .. import other\ndef f(): pass\n")
    (tmp_path / "pack" / "other.py").write_text("")
    found = original(Spec(target=f"{inner / 'conv.py'}:f"))
    assert found.copy(tmp_path / "m1", b"") == "m1/pack/inner/conv.py:f"
    assert (tmp_path / "m1" / "pack" / "other.py").exists()


@pytest.mark.parametrize(
    ("target", "said"),
    [("lib.so:conv", "no Python"), ("a.ipynb:f", "notebook"), ("none.py:f", "no such file"), ("math:sqrt", "no source"),
     ("no_such_module_at_all:f", "not found|no source")],
)  # fmt: skip
def test_what_has_no_source_is_refused(target: str, said: str) -> None:
    with pytest.raises(NoCopy, match=said):
        original(Spec(target=target))
