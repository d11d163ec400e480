"""The calling convention of foreign code is found, and said; what is wrong in it stays wrong."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from corrbench.cli import main
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.probe import probe
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import small_targets
from tests.support.conventions import ARTICLE, CONVOLUTION, SOURCES, Source

EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


def adopted(folder: Path, text: str, attribute: str, **given: Any) -> Support:
    spec = Spec(target=small_targets.write(folder, text, attribute), **given)
    with Remote(spec) as remote:
        return probe(spec, remote)


def verified(folder: Path, text: str, attribute: str, *words: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was shown, and the run."""
    target, written = small_targets.write(folder, text, attribute), folder / "run.json"
    common = ("--profile", "quick", "--suite", "article", "--seed", "1", "--workers", "1", "--json", str(written))
    done = CliRunner().invoke(main, ["verify", target, *common, *words])
    run = json.loads(written.read_text()) if written.exists() else {}
    return done.exit_code, done.output, run


@pytest.mark.first(4)
@EACH
def test_how_it_is_called_is_found(source: Source, tmp_path: Path) -> None:
    support = adopted(tmp_path, source.text, source.attribute)
    default = asdict(Spec(target="m:f")) | {"target": support.adopted["target"]}
    assert {name: value for name, value in support.adopted.items() if value != default[name]} == source.assumed


@pytest.mark.slow
@EACH
def test_a_right_one_passes_and_what_was_assumed_is_said(source: Source, tmp_path: Path) -> None:
    code, shown, run = verified(tmp_path, source.text, source.attribute)
    assert code == 0, shown
    assert run["notes"][0].startswith("assumed: "), shown
    for name, value in source.assumed.items():
        assert f"--{name}" in run["notes"][0]
        assert value.split("{")[0] in run["notes"][0]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["", ", dtype=X.dtype"])
def test_the_layer_of_the_article_passes_though_it_is_not_made_for_every_type(dtype: str, tmp_path: Path) -> None:
    code, shown, _ = verified(tmp_path, ARTICLE.format(dtype=dtype), "Conv2D", "--suite", "regressions")
    assert code == 0, shown


@pytest.mark.slow
@EACH
def test_a_wrong_one_fails(source: Source, tmp_path: Path) -> None:
    code, shown, _ = verified(tmp_path, source.faulty, source.attribute, "--fail-fast")
    assert code == 1, shown


def test_a_convolution_is_a_finding_and_passes_with_flip(tmp_path: Path) -> None:
    code, shown, _ = verified(tmp_path, CONVOLUTION, "correlate", "--arrays", "numpy", "--check", "values.exact")
    assert code == 1, shown
    assert "convolution, not cross-correlation (see --flip)" in " ".join(shown.split())
    code, shown, _ = verified(tmp_path, CONVOLUTION, "correlate", "--arrays", "numpy", "--flip", "--check", "values")
    assert code == 0, shown


def test_a_convolution_in_another_layout_is_told_with_what_was_assumed(tmp_path: Path) -> None:
    last = next(source for source in SOURCES if source.name == "channels last")
    turned = last.text.replace("filters[i, j]", "filters[h - 1 - i, w - 1 - j]")
    code, shown, run = verified(tmp_path, turned, last.attribute, "--fail-fast")
    assert code == 1, shown
    assert (
        "--layout NHWC,HWIO; every result is right if the kernel is turned by a half turn (--flip)" in run["notes"][0]
    )
    code, shown, _ = verified(
        tmp_path, turned, last.attribute, "--arrays", "numpy", "--layout", "NHWC,HWIO", "--flip", "--check", "values"
    )
    assert code == 0, shown


def test_none_that_fits_gives_the_signature(tmp_path: Path) -> None:
    source = "import numpy as np\n\ndef f(alpha, beta, gamma, delta):\n    return np.zeros(3)\n"
    code, shown, run = verified(tmp_path, source, "f")
    assert code == 2, shown
    told = " ".join(shown.split())
    assert "the signature is f(alpha, beta, gamma, delta)" in told
    assert "say how it is called, such as --call" in told
    assert not run.get("results")


def test_a_result_of_no_known_shape_gives_the_signature(tmp_path: Path) -> None:
    source = "import numpy as np\n\ndef f(image, kernel):\n    return np.zeros(3, image.dtype)\n"
    with pytest.raises(NotLoaded, match=r"the signature is f\(image, kernel\).*of the conventions .* none fits"):
        adopted(tmp_path, source, "f")


@pytest.mark.slow
def test_odd_kernels_only_are_told_where_an_even_one_would_decide(tmp_path: Path) -> None:
    """Kernels with a middle only do not tell how an uneven border is shared out."""
    same = next(source for source in SOURCES if source.name == "same, zeros around")
    text = same.text.replace("    top,", "    assert h % 2 and w % 2\n    top,")
    code, shown, _ = verified(tmp_path, text, same.attribute)
    assert code == 0, shown
    assert "--layout HW,HW --output same --kernels odd" in " ".join(shown.split())
    code, shown, run = verified(
        tmp_path, text, same.attribute, "--arrays", "numpy", "--output", "same", "--check", "values"
    )
    assert code == 0, shown
    assert [one["message"] for one in run["results"] if one["status"] == "warn" and "refuses" in one["message"]]


@pytest.mark.first(1)
@pytest.mark.parametrize("source", SOURCES[:2], ids=lambda source: source.name)
def test_without_guesses_it_asks_how_it_is_called(source: Source, tmp_path: Path) -> None:
    code, shown, _ = verified(tmp_path, source.text, source.attribute, "--no-guess")
    assert code == 2, shown
    told = " ".join(shown.split())
    assert "the signature is " + source.attribute in told
    assert "(--no-guess)" in told


def test_what_is_declared_is_not_guessed(tmp_path: Path) -> None:
    last = next(source for source in SOURCES if source.name == "channels last")
    support = adopted(tmp_path, last.text, last.attribute, arrays="numpy", layout="NHWC,HWIO")
    assert support.adopted == {}
    assert support.convention.x == "NHWC"
    with pytest.raises(NotLoaded, match=r"the call as it is given does not fit.*the signature is convolve"):
        adopted(tmp_path, last.text, last.attribute, arrays="numpy", call="f(x)(w)", layout="HW,HW")


@pytest.mark.parametrize(("name", "given"), [
    ("a module of torch", {"layer": "C(cin, cout, k)"}),
    ("a layer with W and b", {"arrays": "numpy", "layer": "C(cin, cout, k)"}),
])  # fmt: skip
def test_a_bias_that_a_layer_is_made_with_is_found_and_set(name: str, given: dict[str, str], tmp_path: Path) -> None:
    source = next(source for source in SOURCES if source.name == name)
    support = adopted(tmp_path, source.text, source.attribute, **given)
    assert support.adopted["params"] == source.assumed["params"]
    assert support.note == f"assumed: --params {source.assumed['params']}"
    assert support.convention.keeps_bias
    assert "bias" in support.takes


def test_a_layer_without_a_bias_is_taken_without(tmp_path: Path) -> None:
    layer = next(source for source in SOURCES if source.name == "a layer with W and b")
    text = layer.text.replace(" + self.b[:, None, None]", "").replace("        self.b = np.zeros(out_channels)\n", "")
    support = adopted(tmp_path, text, layer.attribute)
    assert support.adopted["params"] == ""
    assert "bias" not in support.takes
