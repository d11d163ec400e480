"""Options that cannot be meant are refused at once, with what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from corrbench.cli import main
from corrbench.convention import options
from corrbench.target import CONVENTION, Given
from tests.support import small_targets
from tests.support.refusals import within_two_seconds

BAD = (  # what is given, and words of what is said of it
    ({"call": "f(x, w, strides)"}, "mentions 'strides'; there are f (the target), x, w, b"),
    ({"call": "g(x, w)"}, "mentions 'g'; there are f"),
    ({"call": "f(x, w"}, "is no Python expression"),
    ({"call": "y = f(x, w)"}, "is no Python expression"),
    ({"call": "f(x)"}, "has to mention both x and w"),
    ({"call": "x @ w"}, "calls no target: f stands for it"),
    ({"layer": "C(cin, cout, size)"}, "mentions 'size'; there are f"),
    ({"layer": "C(cin, cout"}, "is no Python expression"),
    ({"layer": "dict(k=k)"}, "makes nothing: call C"),
    ({"call": "f(x, w)", "layer": "C(cin, cout, k)"}, "--call and --layer contradict each other"),
    ({"params": "weight,bias"}, "say how it is made, --layer"),
    ({"params": "weight", "call": "f(x, w)"}, "say how it is made, --layer"),
    ({"backward": "backward(g"}, "is no Python expression"),
    ({"layout": "NHWC"}, "write the axes of input and kernel"),
    ({"layout": "NHWC,HWIX"}, "no layout 'HWIX' of letters OIHW"),
    ({"layout": "NHWC,HWIO,NHWC,NHWC"}, "write the axes of input and kernel"),
    ({"layout": "NCHH,OIHW"}, "each once, H and W always"),
    ({"layout": "NC,OIHW"}, "each once, H and W always"),
    ({"layout": "nchw,oihw"}, "no layout 'nchw' of letters NCHW"),
    ({"output": "big"}, "there are valid, same, same-lower, full"),
    ({"output": "same:mirror"}, "same:reflect"),
    ({"output": "valid:edge"}, "valid results have no border"),
    ({"output": "full:interior"}, "say same:interior"),
    ({"kernels": "even"}, "there are: odd, square, 3x3"),
    ({"result": "float"}, "There are: float64, float32"),
    ({"result": "float32 float64"}, "give one element type"),
    ({"dtypes": "float32 half"}, "no element type 'half'; there are"),
    ({"arrays": "cupy"}, "there are: torch, numpy, list"),
    ({"form": "function"}, "there are: corr2d, conv2d, module, layer"),
)
NAMES = [" ".join(f"{name}={value}" for name, value in given.items()) for given, _ in BAD]


@pytest.mark.parametrize(("given", "said"), BAD, ids=NAMES)
def test_bad_options_are_refused_with_what_is_allowed(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is looked at
        Given(**given)
    assert said in str(refused.value)


@pytest.mark.parametrize(("given", "said"), BAD, ids=NAMES)
def test_the_command_refuses_them_at_once(given: dict[str, str], said: str, tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.RIGHT + "\nraise SystemError('loaded')\n")
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    with within_two_seconds():
        done = CliRunner().invoke(main, ["verify", target, *words])
    assert done.exit_code == 2, done.output
    shown = " ".join(done.output.split())
    if not {"arrays", "form"} & given.keys():  # those the shell's own parser knows
        assert said in shown
    assert "loaded" not in shown


@pytest.mark.parametrize("given", [
    {"call": "f(x, w)"}, {"call": "f(x, w, b, dict(stride=s, pad=p))[0]"}, {"call": "f(x, w, out) -> out"},
    {"call": "f(x, w, lambda z: z)"}, {"call": "f(x, w, [None for i in range(len(x))])"}, {"layer": "C(cin, cout, k)"},
    {"layer": "f(w, b)", "params": "W,b"}, {"layer": "C(cin, cout, (kh, kw))", "backward": "backward(g), .dW, .db"},
    {"layout": "NHWC, HWIO"}, {"layout": "HW,HW,HW"}, {"output": "same:wrap"}, {"kernels": "odd,square"},
    {"flip": True}, {"backward": "backward(g, cache)"}, {"result": "float64"},
])  # fmt: skip
def test_good_options_are_taken(given: dict[str, str]) -> None:
    Given(**given)
    assert options.of("conv2d", *(getattr(Given(**given), name) for name in CONVENTION)) is not None


def test_letters_of_the_result_follow_those_of_the_input() -> None:
    for layout, y in (
        ("NHWC,HWIO", "NHWC"), ("HW,HW", "HW"), ("CHW,IHW", "HW"), ("HWC,HWI", "HW"), ("HW,OHW", "CHW"),
        ("HW,HWO", "HWC"), ("NHW,HW", "NHW"), ("NCHW,IOHW", "NCHW"), ("HW,OHW,HWC", "HWC"),
    ):  # fmt: skip
        assert options.letters(layout)[2] == y, layout


def test_what_a_call_mentions_is_what_it_can_say() -> None:
    says = options.of("conv2d", call="f(x, w, (sh, sw), p)").says
    assert {"stride", "stride by axis", "padding"} <= says
    assert not {"bias", "padding by axis", "dilation", "groups"} & says
    assert options.of("conv2d", call="f(x, w, k)").kernels == ("square",)
    assert options.of("layer", layer="C(cin, cout, k)", params="W,b").keeps_bias
    assert not options.of("layer", layer="C(cin, cout, k)", params="W").keeps_bias


def test_parts_at_outer_commas_and_attributes_of_the_layer() -> None:
    assert options.split("f(a, b), [c, d], e") == ["f(a, b)", "[c, d]", "e"]
    assert options.attributes("backward(g), .dW, .db") == "backward(g), layer.dW, layer.db"
