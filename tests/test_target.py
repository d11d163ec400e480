"""Names are found, refusals are told from faults, and a case is cut to what a form can express."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from dataclasses import asdict, fields
from typing import Any

import pytest
from torch.nn import functional

from corrbench import suites
from corrbench.case import DTYPES, Case
from corrbench.judge.worker.artefacts import KINDS
from corrbench.numerics import bounds
from corrbench.support import BASES, Support, config, features, fit, needs, refusal, with_fixed
from corrbench.target import ACCURACIES, FORMS, Given, Spec, UnknownTarget, artefact, find, registered, shell_line

SMALL = BASES[0]
FEATURES = features(SMALL)
FLOAT64 = SMALL.but(dtype="float64")


def test_registered_names_resolve() -> None:
    found = registered()
    assert {
        "torch",
        "scipy.correlate2d",
        "scipy.convolve2d",
        "reference.corr2d",
        "reference.conv2d",
        "reference.Conv2D",
    } <= found.keys()
    for name, (target, declared) in found.items():
        assert declared.form in FORMS, name
        assert declared.about, name
        said = {key: value for key, value in asdict(declared).items() if key != "about"}
        assert find(name) == Spec(target=target, name=name, **said)


def test_what_an_adapter_does_not_declare_is_told_apart() -> None:
    spec = Spec(target="m:f", name="f", dtypes="float32 int8", lacks="dilation,double")
    assert spec.undeclared({"float32", "stride", "bias"}) == ""
    assert spec.undeclared({"float64", "stride"}) == "the adapter declares no float64"
    assert spec.undeclared({"float32", "dilation", "dilation by axis"}) == "the adapter declares no dilation"
    assert spec.undeclared({"double"}) == "the adapter declares no double"
    assert Spec(target="m:f").undeclared({"complex64", "dilation", "vmap"}) == ""


def test_what_may_be_given_is_what_a_spec_has_and_the_help_says_its_defaults() -> None:
    spec = Spec(target="m:f")
    for one in fields(Given):
        said = one.metadata["default"] if one.default is not False else "False"
        assert str(getattr(spec, one.name)) in (said, f"{said}.0", ""), one.name
    assert set(ACCURACIES) == set(bounds.ACCURACIES)


def test_what_is_given_overrides_what_is_declared() -> None:
    assert find("torch", accuracy="winograd", form="", arrays=None).accuracy == "winograd"
    assert find("scipy.correlate2d").arrays == "numpy"
    assert find("scipy.correlate2d", arrays="torch").arrays == "torch"


@pytest.mark.parametrize("name", ["pkg.mod:attr", "path/to/file.py:attr", "no.such:thing"])
def test_paths_are_taken_as_they_are(name: str) -> None:
    assert find(name, arrays="numpy") == Spec(target=name, arrays="numpy")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lib.so:f", "a library"), ("a/lib.so.1.2:f", "a library"), ("lib.dylib:f", "a library"),
        ("cmd:node a.js", "a program"), ("a/m.onnx", "a model"), ("m.onnx:CPUExecutionProvider", "a model"),
        ("a.so.py:f", ""), ("lib.so", ""), ("pkg.so:f.g/h", ""), ("torch", ""), ("pkg.onnx.mod:f", ""),
    ],
)  # fmt: skip
def test_artefacts_are_told_by_their_names_and_get_numpy_arrays(name: str, kind: str) -> None:
    assert artefact(name) == kind
    assert any(re.match(form, name) for form, _ in KINDS) is bool(kind), "the target's process tells them alike"
    if kind:
        spec = find(name, accuracy="fft")
        assert (spec.arrays, spec.accuracy, spec.needs) == ("numpy", "fft", "onnxruntime" * (kind == "a model"))
        for option in ({"arrays": "torch"}, {"form": "module"}, {"compile": True}):
            with pytest.raises(ValueError, match=f"{kind}, over numpy arrays.*leave out --{next(iter(option))}"):
                find(name, **option)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cuneiform", "cupy.correlate2d,"),
        ("", "scipy.correlate2d,"),
        ("reference", "did you mean reference.corr2d or"),
        ("scipy.corelate2d", "did you mean scipy.correlate2d"),
        ("mykernel.py", "here mykernel.py:NAME"),
        ("lib.so", "here lib.so:NAME"),
    ],
)
def test_an_unknown_name_is_refused_with_what_to_type(name: str, said: str) -> None:
    with pytest.raises(UnknownTarget, match="not a registered target") as caught:
        find(name)
    assert said in str(caught.value)
    assert "path/to/file.py:attr" in str(caught.value)


def raised(error: Exception) -> dict[str, Any]:
    bases = [base.__name__ for base in type(error).__mro__]
    return {"type": type(error).__name__, "bases": bases, "message": str(error), "where": ""}


class Lazy(NotImplementedError):
    """A subclass, as libraries have them."""


@pytest.mark.parametrize(
    ("error", "case", "refused"),
    [
        (NotImplementedError(""), SMALL, True),
        (Lazy("not yet"), SMALL, True),
        (TypeError("conv2d() got an unexpected keyword argument 'groups'"), FEATURES["groups"], True),
        (TypeError("conv2d() takes 2 positional arguments but 3 were given"), FEATURES["bias"], True),
        (TypeError("conv2d() got an unexpected keyword argument 'groups'"), SMALL, False),
        (TypeError("unsupported operand type(s) for +: 'int' and 'str'"), SMALL, False),
        (TypeError("'NoneType' object is not subscriptable"), FEATURES["stride"], False),
        (RuntimeError("\"slow_conv2d\" not implemented for 'Half'"), SMALL.but(dtype="float16"), True),
        (ValueError("unsupported dtype"), FLOAT64, True),
        (RuntimeError("\"slow_conv2d\" not implemented for 'Float'"), SMALL, False),
        (ZeroDivisionError("float division by zero"), FLOAT64, False),
        (RuntimeError("shapes do not match"), FLOAT64, False),
        (ValueError("padding must be an integer"), FEATURES["padding='same'"], True),
        (ValueError("padding must be an integer"), FEATURES["padding"], False),
        (RuntimeError("expected a non-empty batch"), FEATURES["empty batch"], True),
        (ZeroDivisionError("division by zero"), FEATURES["empty batch"], False),
        (RuntimeError("padding must have two elements"), FEATURES["four-sided padding"], True),
        (TypeError("'<' not supported between list and int"), FEATURES["stride by axis"], True),
        (IndexError("index 7 is out of bounds"), FEATURES["stride by axis"], False),
        (RuntimeError("index out of range"), SMALL, False),
        (AssertionError(""), SMALL, False),
        (RuntimeError(""), FLOAT64, False),
    ],
)
def test_what_is_a_refusal(error: Exception, case: Case, refused: bool) -> None:
    said = refusal(raised(error), case)
    assert bool(said) is refused
    if said:
        assert said.startswith(type(error).__name__)


def test_each_feature_asks_for_itself() -> None:
    with_parts = {
        "stride by axis": {"stride"}, "padding by axis": {"padding"}, "dilation by axis": {"dilation"},
        "four-sided padding": {"padding", "padding by axis"},
    }  # fmt: skip
    for name, case in FEATURES.items():
        assert name in needs(case)
        assert needs(case) - {name} - with_parts.get(name, set()) == {"float32"}, name


def test_a_plain_case_needs_its_dtype_only() -> None:
    for dtype in DTYPES:
        assert needs(SMALL.but(dtype=dtype)) == {dtype}
    support = Support(frozenset({"float32", "bias", "bfloat16"}), {}, "conv2d")
    assert support.all_of(FEATURES["bias"])
    assert not support.all_of(FEATURES["stride"])
    assert not support.all_of(FLOAT64)
    assert support.floats == ["float32", "bfloat16"]


@pytest.mark.parametrize("form", ["corr2d", "module"])
def test_a_plain_form_asks_for_one_channel_and_nothing_else(form: str) -> None:
    for case in (*suites.registry()["handpicked"](1, 0), *suites.registry()["hidden"](1, 0)):
        fitted = fit(case, form)
        if isinstance(case.padding, str) or case.x[0] == 0:
            assert fitted is None
        else:
            assert fitted is not None
            assert fitted.single_channel
            assert fitted.bias is (form == "module")
            assert fitted.w[2:] == case.w[2:]
            assert not config(fitted)
        assert fit(case, "conv2d") is case


def test_the_configuration_holds_what_differs_from_the_default() -> None:
    assert config(SMALL) == {}
    assert config(SMALL.but(stride=(2, 2), dilation=(1, 2))) == {"stride": 2, "dilation": [1, 2]}
    assert config(SMALL.but(padding=(1, 1, 1, 1))) == {"padding": 1}
    assert config(SMALL.but(padding=(1, 1, 0, 0))) == {"padding": [1, 0]}
    assert config(SMALL.but(padding=(1, 0, 0, 2))) == {"padding": [1, 0, 0, 2]}
    assert config(SMALL.but(padding="same")) == {"padding": "same"}
    assert config(FEATURES["groups"]) == {"groups": 2}
    assert json.loads(json.dumps(config(FEATURES["stride by axis"]))) == {"stride": [1, 2]}
    doc = inspect.getdoc(functional.conv2d) or ""
    for case in FEATURES.values():
        assert all(name in doc for name in config(case))


def test_a_case_is_cut_to_what_is_fixed_in_a_target() -> None:
    case = Case.parse("x=2,4,9,8 w=6,2,3,2 groups=2 bias data=small")
    fixed = {"stride": [2, 1], "padding": "valid", "dilation": [1, 2], "groups": [3], "kernel": [2, 3]}
    cut = with_fixed(case, fixed)
    assert str(cut) == (
        "x=2,6,9,8 w=9,2,2,3 stride=2,1 padding=valid dilation=1,2 groups=3 bias dtype=float32 data=small"
    )
    assert cut is not None
    assert with_fixed(cut, fixed) == cut
    assert with_fixed(case, {}) == case
    assert with_fixed(case, {"kernel": [10, 1]}) is None
    assert with_fixed(case.but(data="onnx:basic"), fixed) is None
    support = Support(frozenset(needs(cut)), {}, "conv2d", fixed=fixed)
    assert support.all_of(cut)
    assert not support.all_of(cut.but(stride=(1, 1)))


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("plain", "plain"),
        ("f(x, w, {'s': s})", "\"f(x, w, {'s': s})\""),
        ("it's $HOME", "'it'\"'\"'s $HOME'"),
        ("a b", "'a b'"),
    ],
)
def test_a_line_for_a_shell_is_read_as_it_is_meant(word: str, line: str) -> None:
    assert shell_line([word]) == line
    assert shlex.split(line) == [word]
