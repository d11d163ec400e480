"""Test cases of other projects with their operands: ONNX's backend tests of Conv, and PyTorch's operator samples.

Nothing of them is copied here: they are read from the packages that ship them. Each of the two is a corpus, and a case
of one has ``data=corpus:name``, by which `sample` finds its operands again.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.numerics.problem import Array

WANTED = re.compile(r"test_(basic_conv_with|conv_with_(strides|autopad)|Conv2d|operator_conv$)")


class Missing(ValueError):
    """A corpus is not installed; the message says what to type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One problem of a corpus.

    Attributes:
        case: its shapes and arguments; ``data`` is ``corpus:name``, by which `sample` finds it.
        operands: ``x``, ``w`` and, with a bias, ``b``.
        expected: the result that the corpus itself gives; None where it gives none.
        rtol, atol: the tolerance that it gives with it.
    """

    case: Case
    operands: dict[str, Array] = field(repr=False)
    expected: Array | None = field(default=None, repr=False)
    rtol: float = 0.0
    atol: float = 0.0


def sample(data: str) -> Sample:
    """The sample that ``corpus:name`` names.

    Raises:
        Missing: the corpus is not installed.
        ValueError: there is no such corpus or sample; the message lists what there is.
    """
    corpus, _, name = data.partition(":")
    if corpus not in CORPORA:
        raise ValueError(f"no corpus named {corpus!r}; there are: {', '.join(CORPORA)}")
    samples = CORPORA[corpus]()
    if name not in samples:
        raise ValueError(f"no sample named {name!r} in {corpus}; there are: {', '.join(samples)}")
    return samples[name]


@cache
def onnx_tests() -> dict[str, Sample]:
    """ONNX's two-dimensional Conv tests (Apache-2.0, read where the package onnx is installed), by name.

    A test that pads its four sides differently is asked with the padding put into its input: the signature of
    `torch.nn.functional.conv2d` has no argument for it.

    Raises:
        Missing: onnx is not installed.
    """
    try:
        from onnx.backend.test.loader import load_model_tests
    except ImportError:
        raise Missing("the suite onnx needs ONNX's tests: pip install 'corrbench[rivals]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the definitions of unrelated tests
        kinds = ("node", "pytorch-converted", "pytorch-operator")
        found = [test for kind in kinds for test in load_model_tests(kind=kind) if WANTED.match(test.name)]
    made = {}
    for test in found:
        for number, (model, inputs, outputs) in enumerate(_data_sets(test)):
            name = test.name.removeprefix("test_") + (f".{number}" if number else "")
            case, operands = _conv(model, inputs)
            made[name] = Sample(
                case=case.but(data=f"onnx:{name}"),
                operands=operands,
                expected=outputs[0],
                rtol=test.rtol,
                atol=test.atol,
            )
    return made


def _data_sets(test: Any) -> Iterator[tuple[Any, list[Array], list[Array]]]:
    """Model, inputs and outputs of every data set of an ONNX test, which holds them in memory or in a folder."""
    import onnx
    from onnx import numpy_helper

    if test.model_dir is None:
        for inputs, outputs in test.data_sets:
            yield test.model, list(inputs), list(outputs)
        return
    model = onnx.load(str(Path(test.model_dir, "model.onnx")))
    for folder in sorted(Path(test.model_dir).glob("test_data_set*")):
        found = {
            kind: [
                numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes()))
                for file in sorted(folder.glob(f"{kind}_*.pb"))
            ]
            for kind in ("input", "output")
        }
        yield model, found["input"], found["output"]


def _conv(model: Any, inputs: list[Array]) -> tuple[Case, dict[str, Array]]:
    """The case and the operands of an ONNX model of one Conv node; unequal paddings are put into the input."""
    from onnx import helper, numpy_helper

    graph = model.graph
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    names = [one.name for one in graph.input if one.name not in stored]
    values = stored | dict(zip(names, inputs, strict=False))
    (node,) = graph.node
    operands = dict(zip("xwb", (np.array(values[name]) for name in node.input), strict=False))
    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    stride, dilation = tuple(said.get("strides", (1, 1))), tuple(said.get("dilations", (1, 1)))
    top, left, bottom, right = said.get("pads", (0, 0, 0, 0))
    if said.get("auto_pad", b"NOTSET") == b"SAME_LOWER":
        sizes = zip(operands["x"].shape[2:], operands["w"].shape[2:], stride, dilation, strict=True)
        needed = [max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n) for n, k, s, d in sizes]
        (top, left), (bottom, right) = [-(-n // 2) for n in needed], [n // 2 for n in needed]
    if (top, left) != (bottom, right):
        operands["x"] = np.pad(operands["x"], ((0, 0), (0, 0), (top, bottom), (left, right)))
        top = left = bottom = right = 0
    case = Case(
        x=operands["x"].shape, w=operands["w"].shape, stride=stride, padding=(top, bottom, left, right),
        dilation=dilation, groups=said.get("group", 1), bias="b" in operands,
    )  # fmt: skip
    return case, operands


@cache
def torch_operator() -> Any:
    """PyTorch's own record of `nn.functional.conv2d`, as its tests use it.

    Raises:
        Missing: what PyTorch's tests need is not installed.
    """
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    except ImportError:
        raise Missing("PyTorch's samples need what its own tests need: pip install 'corrbench[rivals]'") from None
    return next(one for one in op_db if one.name == "nn.functional.conv2d")


@cache
def torch_samples() -> dict[str, Sample]:
    """PyTorch's own samples of `nn.functional.conv2d` in float64, by number; those without a batch are the same again.

    Raises:
        Missing: what PyTorch's tests need is not installed.
    """
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(0)
        every = torch_operator().sample_inputs("cpu", torch.float64, requires_grad=False)
    samples = [sample for sample in every if sample.input.dim() == 4]
    made = {}
    for number, sample in enumerate(samples):
        names = ("w", "b", "stride", "padding", "dilation", "groups")
        given = dict(zip(names, sample.args, strict=False)) | {
            {"weight": "w", "bias": "b"}.get(name, name): value for name, value in sample.kwargs.items()
        }
        operands = {"x": sample.input.numpy(), "w": given["w"].numpy()}
        operands |= {"b": given["b"].numpy()} if given.get("b") is not None else {}
        padding = given.get("padding", 0)
        if not isinstance(padding, str):
            rows, columns = _pair(padding)
            padding = (rows, rows, columns, columns)
        case = Case(
            x=operands["x"].shape, w=operands["w"].shape, stride=_pair(given.get("stride", 1)),
            padding=padding,
            dilation=_pair(given.get("dilation", 1)), groups=given.get("groups", 1), bias="b" in operands,
            data=f"torch-opinfo:{number}",
        )  # fmt: skip
        made[str(number)] = Sample(case=case, operands=operands)
    return made


def _pair(value: Any) -> tuple[int, int]:
    """Rows and columns of an argument of `torch.nn.functional.conv2d`."""
    return (value, value) if isinstance(value, int) else tuple(value) * (2 if len(value) == 1 else 1)


CORPORA = {"onnx": onnx_tests, "torch-opinfo": torch_samples}
