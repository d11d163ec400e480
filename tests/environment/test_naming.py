"""A file without a name, or with a wrong one, is answered with what is in it, and nothing of it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corrbench.environment import definitions
from corrbench.environment.naming import Unnamed, checked, chosen
from corrbench.judge.worker import sources

FILE = """
raise SystemExit
def load(path): ...
def pad(x, width=(1, 1), *, value: float = 0.0): ...
def xcorr(a): ...
class Conv2D(Base):
    def __init__(self, kernel_size, weight=None): ...
class Net: ...
class Slim:
    def __init__(self, /, size): ...
def _private(x, w): ...
def load(name): ...
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops.py").write_text(FILE)


def test_what_a_file_has_is_listed_with_the_likeliest_first() -> None:
    with pytest.raises(Unnamed) as caught:
        chosen("ops.py")
    assert str(caught.value).splitlines() == [
        "which one of ops.py? Type for example: corrbench verify ops.py:xcorr",
        "It has:",
        "  xcorr(a)",
        "  class Conv2D(kernel_size, weight=None)",
        "  pad(x, width=(1, 1), *, value: float=0.0)",
        "  load(name)",
        "  class Net",
        "  class Slim(size)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "def smooth(image, kernel): ...\ndef main(): ...",
        "class Conv: ...\ndef load(a): ...",
        "def _f(a, b): ...\ndef my_filter2(): ...",
    ],
)
def test_the_only_one_that_looks_like_a_convolution_is_meant(text: str) -> None:
    Path("one.py").write_text(text)
    assert chosen("one.py") in ("smooth", "Conv", "my_filter2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef _f(a, b): ...", "one.py defines no function and no class at its top"),
        ("\ndef f(:", "one.py does not parse: line 2: "),
        ("def f(a): ...", "which one of one.py? Type for example: corrbench bench one.py:f"),
        ("\n".join(f"def f{n}(a, b): ..." for n in range(30)), "and 10 more"),
        (f"def conv({', '.join(f'argument{n}' for n in range(30))}): ...\ndef corr(): ...", "argument5, argum ..."),
        ("(" * 5000, "too many nested parentheses"),
        (None, "no such file: one.py"),
    ],
)
def test_a_file_from_which_none_can_be_chosen(text: str | None, said: str) -> None:
    if text is not None:
        Path("one.py").write_text(text)
    with pytest.raises(Unnamed) as caught:
        chosen("one.py", "corrbench bench")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Conv2d", "; did you mean 'Conv2D'? It has: load, pad, xcorr, Conv2D, Net, Slim"),
        ("private", "; did you mean '_private'? It has: load,"),
        ("conv2d.forward", "; did you mean 'Conv2D'?"),
        ("zzz", ". It has: load, pad,"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_what_is(name: str, said: str) -> None:
    with pytest.raises(Unnamed) as caught:
        checked("ops.py", name)
    assert str(caught.value).startswith(f"ops.py has no {name!r}{said}")


@pytest.mark.parametrize("name", ["Conv2D", "Conv2D.no_such", "_private"])
def test_a_name_that_is_there_is_taken(name: str) -> None:
    checked("ops.py", name)


@pytest.mark.parametrize(
    "text",
    [
        "f = 1",
        "import f",
        "from a import b as f",
        "from a import *",
        "for f in (): ...",
        "with a as (b, f): ...",
        "f: int = 1",
        "try:\n    from a import f\nexcept: ...",
        "if (f := 1): ...",
        "def g():\n    global f\n    f = 1",
        "globals()['f'] = 1",
        "import sys\nsetattr(sys.modules[__name__], 'f', 1)",
        "exec(text)",
        "def __getattr__(name): ...",
    ],
)
def test_whatever_may_bind_a_name_is_left_to_the_process_that_runs_it(text: str) -> None:
    Path("one.py").write_text(text)
    checked("one.py", "f")


@pytest.mark.parametrize("text", ["def f(:", "\0"])
def test_a_file_that_does_not_parse_is_refused_unless_another_interpreter_reads_it(text: str) -> None:
    Path("one.py").write_text(text)
    with pytest.raises(Unnamed, match=r"one\.py does not parse"):
        checked("one.py", "f")
    checked("one.py", "f", foreign=True)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(Unnamed, match=r"no such file: none\.py"):
        checked("none.py", "f")


@pytest.mark.parametrize(
    "text",
    [
        "[f for f in a]",
        "def g():\n    f = 1",
        "class A:\n    f = 1\n    def __getattr__(self): ...",
        "g(f=1)",
        "a.f = 1",
        "f",
        "m.modules()",
    ],
)
def test_what_binds_no_name_of_the_module_does_not(text: str) -> None:
    Path("one.py").write_text(text)
    with pytest.raises(Unnamed, match=r"It defines no function|It has: ") as caught:
        checked("one.py", "f")
    assert "one.py has no 'f'" in str(caught.value)


def test_a_notebook_is_read_as_the_process_of_the_target_reads_it() -> None:
    cells = ["%matplotlib inline\ndef corr2d(X, K): ...", "%%bash\ndef not_this(a, b): ...", "%%time\ndef load(): ...",
             "!pip install \\\n  none\nx = !ls\nprint?", "def broken(:", "'''\n%s'''\ndef text(): ...",
             "if 1:\n    !ls"]  # fmt: skip
    book = {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}
    Path("book.ipynb").write_text(json.dumps(book))
    assert [node.name for node in definitions.nodes(Path("book.ipynb"))] == ["corr2d", "load", "text"]
    assert chosen("book.ipynb") == "corr2d"
    found = [node.name for part in sources.parts("book.ipynb") for node in part.tree.body if hasattr(node, "name")]
    assert found == ["corr2d", "load", "text"]
    assert definitions.where("book.ipynb:load", Path()) == (Path("book.ipynb"), 1)
    Path("book.ipynb").write_text("[")
    with pytest.raises(Unnamed, match=r"book\.ipynb is no notebook"):
        chosen("book.ipynb")
