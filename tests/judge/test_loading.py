"""A target is had as people write it: in a file that can be imported, in one that cannot, in a notebook."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrbench.judge.client import NotLoaded, Remote
from corrbench.target import Spec
from tests.support import small_targets

RIGHT = small_targets.RIGHT
X, K = np.arange(20.0).reshape(4, 5), np.array([[1.0, -2.0], [3.0, 5.0], [0.0, 1.0]])
EXACT = np.array([[(X[i : i + 3, j : j + 2] * K).sum() for j in range(4)] for i in range(2)])
# What needs all of this to be right: a base class, a decorator, a constant, a table that is filled, a function.
WOVEN = """
import functools
import numpy as np

SIGN = 1
SIGN = SIGN * 1
TABLE = {}
FACTORS = []
for _ in range(1):
    FACTORS.append(1)
TABLE["scale"] = 2

def filled():
    global LATE
    LATE = 1
filled()

def registered(f):
    TABLE[f.__name__] = f
    return f

def halved(f):
    @functools.wraps(f)
    def inner(X, K):
        return f(X, K) / 2
    return inner

class Plain:
    def taps(self, K):
        return np.ndindex(*K.shape)

class Window(Plain):
    pass
Window.at = lambda self, X, a, b, shape: X[a : a + shape[0], b : b + shape[1]]

@registered
def weighted(part, k):
    return part * k

@halved
def corr2d(X, K):
    data = Window()
    Y = np.zeros((X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1), X.dtype)
    for a, b in data.taps(K):
        Y += SIGN * FACTORS[0] * LATE * TABLE["scale"] * TABLE["weighted"](data.at(X, a, b, Y.shape), K[a, b])
    return Y
"""


def spec(target: str, **more: Any) -> Spec:
    return Spec(target=target, arrays="numpy", **more)


def values(remote: Remote) -> np.ndarray:
    step = {"arrays": {"x": 0, "w": 1}, "dtype": "float64", "config": {}, "out": list(EXACT.shape)}
    reply = remote.steps([step], [X, K], ["float64"] * 2)[0]
    assert not reply.raised, reply.raised
    found = reply.outputs["y"].values
    assert found is not None
    return found


def note(target: str) -> str:
    """What is said of how a target was loaded that then gives the right answer."""
    with Remote(spec(target)) as remote:
        said: str = remote.load()["note"]
        np.testing.assert_array_equal(values(remote), EXACT)
    return said


def refusal(target: str, **more: Any) -> str:
    with Remote(spec(target, **more)) as remote, pytest.raises(NotLoaded) as caught:
        remote.load()
    return str(caught.value)


# ---- files that are not to be run


@pytest.mark.parametrize(
    ("demonstration", "said"),
    [
        ("import argparse\np = argparse.ArgumentParser()\np.add_argument('data')\nargs = p.parse_args()", "SystemExit"),
        ("import sys\nsys.exit('done')", "SystemExit"),
        ("import no_such_plots as plt\nplt.plot(corr2d(1, 2))\nplt.show()", "ModuleNotFoundError"),
        ("from no_such_plots import show, close", "ModuleNotFoundError"),
        ("data = open('no/such/file').read()", "FileNotFoundError"),
        ("for _ in range(3):\n    np.random.seed(0)\n    print(corr2d(np.ones((2, 2)), 7))", "AttributeError"),
        ("X = input('size? ')", "EOFError"),
        ("assert corr2d(np.ones((1, 2)), np.ones((1, 1))) is None, 'of its own'", "AssertionError (of its own)"),
        ("raise BaseException", "raised BaseException;"),
        ("Y = no_such_data\nK = Y[0]\nh, w = K.shape", "NameError"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_is_a_program_is_judged_without_running_it(
    tmp_path: Path, demonstration: str, said: str, *, first: bool
) -> None:
    source = RIGHT.replace("\ndef", f"\n{demonstration}\ndef") if first else f"{RIGHT}\n{demonstration}\n"
    told = note(small_targets.write(tmp_path, source))
    assert told.startswith("target.py was not run: importing it raised ")
    assert ("NameError" if first and "corr2d(" in demonstration and "import" not in demonstration else said) in told
    assert told.endswith("; corr2d was taken out of it")


def test_all_that_it_uses_comes_along(tmp_path: Path) -> None:
    assert note(small_targets.write(tmp_path, WOVEN)) == ""
    told = note(small_targets.write(tmp_path, f"{WOVEN}\nraise SystemExit\n"))
    assert "importing it raised SystemExit; corr2d and the 14 definitions it uses were taken out of it" in told


def test_what_it_does_not_use_is_not_executed(tmp_path: Path) -> None:
    left = tmp_path / "left"
    source = f"{RIGHT}\nh = w = open({str(left)!r}, 'a').write('x')\nY = corr2d(1, 2)\n"
    note(small_targets.write(tmp_path, f"import sys\nsys.path.append('{tmp_path}/more')\nimport none\n{source}"))
    assert not left.exists()


def test_modules_beside_a_file_and_where_it_says_they_are_are_found(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "far.py").write_text("ONE = 1")
    (tmp_path / "near.py").write_text("from far import *")
    head = f"import sys\nif True:\n    sys.path.insert(0, {str(tmp_path / 'more')!r})\nfrom near import *\n"
    told = note(small_targets.write(tmp_path, f"{head}{RIGHT.replace('K[a, b]', 'K[a, b] * ONE')}\n1 / 0\n"))
    assert "ZeroDivisionError" in told


def test_what_is_left_out_has_not_changed_the_process(tmp_path: Path) -> None:
    source = (
        f"{RIGHT}\nimport os\nos.environ['A'] = 'b'\nos.chdir('/')\nnp.random.seed(1)\nnp.seterr(all='raise')\n1 / 0\n"
    )
    with Remote(spec(small_targets.write(tmp_path, source))) as remote:
        assert remote.load()["at_load"] == ["environment variables"], "which is set for what is imported"


@pytest.mark.parametrize(
    "source",
    [
        RIGHT.replace("K[a, b]", "K[a, b] * eval('1')") + "\n1 / 0\n",
        RIGHT.replace("K[a, b]", "K[a, b] * N") + "\nN = 1 / 0\n",
        RIGHT.replace("import numpy as np", "import no_such as np\n1 / 0"),
        "import numpy as np\n1 / 0\n",
        RIGHT.replace("def", "@np.no_such_decorator\ndef"),
    ],
)
def test_where_it_cannot_be_taken_out_the_first_error_is_told(tmp_path: Path, source: str) -> None:
    said = refusal(small_targets.write(tmp_path, source))
    assert "was not run" not in said
    kinds = ("ZeroDivisionError: division by zero", "no module named 'no_such'", "AttributeError: module 'numpy'")
    assert any(kind in said for kind in kinds), said


@pytest.mark.parametrize("end", ["import os\nos._exit(0)", "import os\nos.abort()"])
def test_a_file_that_ends_its_process_is_judged_in_another(tmp_path: Path, end: str) -> None:
    told = note(small_targets.write(tmp_path, f"{RIGHT}\n{end}\n"))
    assert told == "target.py was not run: importing it ended its process; corr2d was taken out of it"
    assert "exit status 0" in refusal(small_targets.write(tmp_path, f"{RIGHT}\nimport os\nos._exit(0)\n", "absent"))


@pytest.mark.slow
@pytest.mark.parametrize("swallows", [False, True])
def test_a_file_that_takes_long_is_cut_off(tmp_path: Path, *, swallows: bool) -> None:
    loop = "import time\nwhile True:\n    "
    loop += "try:\n        time.sleep(0.1)\n    except Exception:\n        pass\n" if swallows else "time.sleep(0.1)\n"
    told = note(small_targets.write(tmp_path, f"{RIGHT}\n{loop}"))
    assert told == "target.py was not run: importing it took more than 20 s; corr2d was taken out of it"


def test_what_is_for_the_program_alone_is_never_executed(tmp_path: Path) -> None:
    source = f"{RIGHT}\nif __name__ == '__main__':\n    import os\n    os._exit(1)\n"
    assert note(small_targets.write(tmp_path, source)) == ""
    assert note(small_targets.write(tmp_path, source, name="__main__")) == ""
    other = (
        f"if '__main__' == __name__:\n    np = 1 / 0\nelse:\n    ONE = 1\n{RIGHT.replace('K[a', 'ONE * K[a')}\n1 / 0\n"
    )
    assert "the definition it uses were" in note(small_targets.write(tmp_path, other))


# ---- files that can be imported are imported, as ever


def test_a_file_that_can_be_imported_is_run_as_a_whole(tmp_path: Path) -> None:
    source = (
        RIGHT
        + """
import argparse, signal, sys
rest = argparse.ArgumentParser().parse_args()
assert sys.argv == [__file__] and sys.modules[__name__].corr2d is corr2d and __spec__.name == __name__ == 'target'
right = corr2d
exec("def corr2d(X, K):\\n    assert sys.argv != [__file__] and seen\\n    return right(X, K)")
seen = [1]
"""
    )
    assert note(small_targets.write(tmp_path, source)) == ""


def test_an_alarm_of_its_own_stays(tmp_path: Path) -> None:
    alarm = "import signal\nsignal.signal(signal.SIGALRM, print)\nsignal.setitimer(signal.ITIMER_REAL, 1000)\n"
    kept = "\n    assert signal.getsignal(signal.SIGALRM) is {} and bool(signal.getitimer(signal.ITIMER_REAL)[0]) is {}"
    for before, state in ((alarm, ("print", True)), ("import signal\n", ("signal.SIG_DFL", False))):
        source = RIGHT.replace("(X, K):", "(X, K):" + kept.format(*state))
        assert note(small_targets.write(tmp_path, before + source)) == ""


def test_a_name_that_a_file_makes_as_it_runs_is_found(tmp_path: Path) -> None:
    source = RIGHT.replace("corr2d", "_made") + "\nglobals()['corr' + '2d'] = _made\n"
    assert note(small_targets.write(tmp_path, source)) == ""


# ---- what is said of a name that is not there


def test_an_error_of_the_import_is_not_a_missing_name(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("import numpy\nnumpy.no_such\ndef conv2d(X, K): ...")
    (tmp_path / "lazy.py").write_text("def __getattr__(name):\n    import numpy\n    return numpy.no_such")
    said = refusal("old:conv2d", folder=str(tmp_path))
    assert "importing old raised AttributeError: module 'numpy' has no attribute 'no_such'" in said
    assert said.endswith("(old.py:2)")
    said = refusal("lazy:conv2d", folder=str(tmp_path))
    assert "raised AttributeError: module 'numpy' has no attribute 'no_such'" in said
    assert "has no 'conv2d'" not in said


def test_a_name_like_it_is_offered(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, RIGHT, "Corr2D")
    assert refusal(target).endswith("has no 'Corr2D'; did you mean 'corr2d'?")
    assert refusal("json:absent") == "json has no 'absent'"


def test_the_method_of_an_instance_can_be_named(tmp_path: Path) -> None:
    source = f"{RIGHT}\nclass Layer:\n    def forward(self, X, K):\n        return corr2d(X, K)\nlayer = Layer()\n"
    target = small_targets.write(tmp_path, source, "layer")
    assert refusal(target).endswith(f"is a Layer, which cannot be called; its method can be named: {target}.forward")
    assert note(f"{target}.forward") == ""
    small_targets.write(tmp_path, f"{source}\n1 / 0\n")
    assert note(f"{target}.forward").endswith("layer and the 2 definitions it uses were taken out of it")


# ---- notebooks


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., str]:
    def write(*cells: str, old: bool = False) -> str:
        code = [
            {"cell_type": "code", "input" if old else "source": [*cell.splitlines(keepends=True)]} for cell in cells
        ]
        cells_ = [{"cell_type": "markdown", "source": "corr2d = 1"}, *code]
        path = tmp_path / "book.ipynb"
        path.write_text(json.dumps({"worksheets": [{"cells": cells_}]} if old else {"cells": cells_}))
        return f"{path}:corr2d"

    return write


@pytest.mark.parametrize("old", [False, True])
def test_a_target_is_taken_out_of_a_notebook(notebook: Callable[..., str], *, old: bool) -> None:
    head, body = RIGHT.split("\n\n", 1)
    told = note(
        notebook(
            "%matplotlib inline\n!pip install none \\\n  more\nfiles = !ls\nprint?\nfrom __future__ import annotations",
            "%%bash\nexit 1", f"%%time\n{head}\nimport no_such_plots", "def corr2d(X, K):\n    return wrong",
            body.replace("X, K", "X: Unknown, K"), "K = no_such[0]\n%timeit corr2d(X, K)", "await no.such()", "))",
            old=old,
        )
    )  # fmt: skip
    assert told == "book.ipynb was not run: corr2d was taken out of its cells"


def test_a_notebook_is_run_where_nothing_shows_the_name(notebook: Callable[..., str]) -> None:
    assert note(notebook(RIGHT.replace("corr2d", "f"), "globals()['corr2d'] = f")) == ""
    assert refusal(notebook("import no_such_plots", "f = 1")).endswith("book.ipynb has no 'corr2d'")
    assert "book.ipynb does not parse" in refusal(notebook("def corr2d(X:"))
    assert "no module named 'no_such'" in refusal(notebook("from no_such import corr2d"))


def test_a_cell_is_named_where_something_is_wrong(notebook: Callable[..., str], tmp_path: Path) -> None:
    target = notebook("import inspect", "def corr2d(X, K):\n    raise ValueError(inspect.getsource(corr2d))")
    with Remote(spec(target)) as remote:
        step = {"arrays": {"x": 0, "w": 1}, "dtype": "float64", "config": {}, "out": [2, 4]}
        raised = remote.steps([step], [X, K], ["float64"] * 2)[0].raised
    assert raised is not None
    assert raised["where"] == "book.ipynb[cell 2]:2"
    assert raised["message"].startswith("def corr2d(X, K):")
    (tmp_path / "book.ipynb").write_text("[]")
    assert "is no notebook" in refusal(target)


def test_a_file_in_a_package_is_a_module_of_it(tmp_path: Path) -> None:
    """Its relative imports work, and what the package holds once is held once."""
    folder = tmp_path / "src" / "mykern" / "inner"
    folder.mkdir(parents=True)
    (tmp_path / "src" / "mykern" / "__init__.py").write_text("COUNT = []\n")
    (folder / "__init__.py").write_text("")
    (folder / "taps.py").write_text("from .. import COUNT\nCOUNT.append(1)\ndef same(K):\n    return K * len(COUNT)\n")
    body = small_targets.RIGHT.replace("    (h, w)", "    K = same(K)\n    (h, w)")
    (folder / "ops.py").write_text(f"from .taps import same\n{body}")
    with Remote(Spec(target=f"{folder / 'ops.py'}:corr2d", arrays="numpy", form="corr2d")) as remote:
        assert remote.load()["form"] == "corr2d"


def test_a_file_of_a_package_that_cannot_be_imported_is_tried_alone(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "__init__.py").write_text("import a_library_that_is_not_there\n")
    (folder / "ops.py").write_text(small_targets.RIGHT)
    with Remote(Spec(target=f"{folder / 'ops.py'}:corr2d", arrays="numpy", form="corr2d")) as remote:
        assert remote.load()["form"] == "corr2d"
