"""Gradients written by hand: `--backward` says where they are, and what is wrong in them is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from corrbench.cli import main
from corrbench.judge.client import Remote
from corrbench.judge.probe import probe
from corrbench.target import Spec
from tests.support import small_targets
from tests.support.conventions import CACHED, LAYER

pytestmark = pytest.mark.slow
LINE = "C(cin, cout, k, stride=s, padding=p)"
FUNCTION = ("conv_forward", CACHED, {
    "call": "f(x, w, b, {'stride': s, 'pad': p})[0]", "layout": "NHWC,HWIO", "backward": "conv_backward(g, cache)",
})  # fmt: skip
OBJECT = ("Conv2D", LAYER, {"layer": LINE, "params": "W,b", "backward": "backward(g), .dW, .db"})
SEPARATE = ("Conv2D", LAYER, {"layer": LINE, "params": "W,b", "backward": "layer.backward(g), layer.dW, layer.db"})
BOTH = pytest.mark.parametrize(("attribute", "text", "given"), [FUNCTION, OBJECT, SEPARATE])


def verified(folder: Path, attribute: str, text: str, given: dict[str, str], *words: str) -> tuple[int, str]:
    target = small_targets.write(folder, text, attribute)
    said = [word for name, value in given.items() for word in (f"--{name}", value)]
    common = ("--arrays", "numpy", "--profile", "quick", "--suite", "article", "--seed", "1", "--workers", "1")
    done = CliRunner().invoke(main, ["verify", target, *common, *said, "--check", *(words or ("gradients",))])
    return done.exit_code, " ".join(done.output.split())


@BOTH
def test_right_gradients_pass(attribute: str, text: str, given: dict[str, str], tmp_path: Path) -> None:
    code, shown = verified(tmp_path, attribute, text, given)
    assert code == 0, shown
    assert "gradients.first" in shown


@pytest.mark.parametrize(("attribute", "text", "given", "right", "wrong", "array"), [
    (*FUNCTION, "dZ.sum(axis=(0, 1, 2))", "dZ[:1].sum(axis=(0, 1, 2))", "gb"),
    (*FUNCTION, "dZ.sum(axis=(0, 1, 2))", "dZ.mean(axis=(0, 1, 2))", "gb"),
    (*FUNCTION, "+= dZ @ W[i, j].T", "= dZ @ W[i, j].T", "gx"),
    (*OBJECT, "g.sum(axis=(0, 2, 3))", "g[:, :, :1].sum(axis=(0, 2, 3))", "gb"),
    (*OBJECT, "self.dW[:, :, i, j] = np.einsum(", "self.dW[:, :, i, j] = 2 * np.einsum(", "gw"),
])  # fmt: skip
def test_a_wrong_one_is_found(
    attribute: str, text: str, given: dict[str, str], right: str, wrong: str, array: str, tmp_path: Path
) -> None:
    assert right in text
    code, shown = verified(tmp_path, attribute, text.replace(right, wrong), given, "gradients.first", "--fail-fast")
    assert code == 1, shown
    assert f"{array}: " in shown or f"gradient of {array[1]}" in shown, shown


def test_only_first_gradients_are_asked_of_a_backward_pass_by_hand(tmp_path: Path) -> None:
    attribute, text, given = OBJECT
    spec = Spec(target=small_targets.write(tmp_path, text, attribute), arrays="numpy", **given)  # type: ignore[arg-type]
    with Remote(spec) as remote:
        support = probe(spec, remote)
    assert "backward" in support.takes
    assert support.refuses["double"].startswith("the gradients are written by hand")


def test_gradients_that_are_named_wrongly_are_no_pass(tmp_path: Path) -> None:
    attribute, text, given = OBJECT
    code, shown = verified(
        tmp_path, attribute, text, given | {"backward": "backward(g), .gradient, .db"}, "gradients.first"
    )
    assert code in (1, 2), shown
    assert "gradient" in shown
