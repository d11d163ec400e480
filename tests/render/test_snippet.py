"""A finding in a convention of the target's own is shown by lines that are true, and else by its command."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.numerics import inputs
from corrbench.numerics.comparison import Expected
from corrbench.render import snippet
from corrbench.result import Figures, Result, Status


def test_a_convention_of_its_own_is_named_and_a_device_is_none() -> None:
    result = Result(check="values.exact", case=Case(x=(1, 1, 3, 3), w=(1, 1, 2, 2)), status=Status.FAIL)
    result.reproduce = "corrbench verify a.py:f --layout NHWC,HWIO --flip --device cuda --check values.exact"
    assert snippet.convention(result) == "--layout --flip"


KERNELS = "import numpy as np\n\ndef smooth(image, taps, border):\n    return np.einsum({})\n"
OUTER = "'ijab,abo->oij', windows(image, taps, border), taps[:, :, 0]"
TURNED = "'ijab,ab->ij', windows(image, taps, border), taps[::-1, ::-1]"


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ("--call 'f(x, w, p)' --layout HWC,HWIO,CHW", OUTER),
        ("--call 'f(x, w, p)' --layout HW,HW --flip", TURNED),
    ],
)
@pytest.mark.parametrize("wrong", [False, True])
def test_a_call_in_a_convention_of_its_own_fails_where_the_target_is_wrong_and_only_there(
    options: str, body: str, *, wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(x=(1, 1, 3, 4), w=(1, 1, 2, 2), padding=(1, 1, 1, 1), data="small")
    expected = Expected(inputs.problem(case, 4), case.dtype)
    numbers = expected.compare(expected.truth.rounded(case.dtype) + np.float32(1)).numbers
    result = Result(check="values.exact", case=case, status=Status.FAIL, numbers=Figures(**numbers))
    result.reproduce = f"corrbench verify kernels.py:smooth {options} --check values.exact --seed 4"
    text = snippet.snippet(result, "kernels.py:smooth", "conv2d", "numpy")
    assert "corrbench" not in text
    assert "got = smooth(x, w, 1)" in text

    def windows(image: Any, taps: Any, border: int) -> Any:
        padded = np.pad(image.reshape(3, 4), border)
        return np.lib.stride_tricks.sliding_window_view(padded, taps.shape[:2])

    kernels = ModuleType("kernels")
    vars(kernels)["windows"] = windows
    exec(KERNELS.format(body), vars(kernels))
    if wrong:
        right = vars(kernels)["smooth"]
        vars(kernels)["smooth"] = lambda *given: right(*given) + 1
    monkeypatch.setitem(sys.modules, "kernels", kernels)
    with pytest.raises(AssertionError) if wrong else nullcontext():
        exec(text, {})


@pytest.mark.parametrize(
    "options", ["--call 'f(x, w, out) -> out'", "--layer 'C(k)'", "--call 'f(x, w)' --output same:interior"]
)
def test_what_takes_more_than_a_call_is_shown_by_its_command(options: str) -> None:
    case = Case(x=(1, 1, 3, 4), w=(1, 1, 2, 2), data="small")
    expected = Expected(inputs.problem(case, 4), case.dtype)
    numbers = expected.compare(expected.truth.rounded(case.dtype) + np.float32(1)).numbers
    result = Result(check="values.exact", case=case, status=Status.FAIL, numbers=Figures(**numbers))
    result.reproduce = f"corrbench verify kernels.py:smooth {options} --check values.exact --seed 4"
    assert snippet.snippet(result, "kernels.py:smooth", "conv2d", "numpy") == ""
