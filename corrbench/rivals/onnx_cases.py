"""ONNX's backend tests of Conv in two dimensions: the node tests, and those converted from PyTorch's."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from corrbench.rivals import Conv2d, Inapplicable, Missing

NAME = "ONNX backend tests"
ABOUT = "the two-dimensional Conv cases of onnx.backend.test, with their own data and tolerances"
WANTED = re.compile(r"test_(basic_conv_with|conv_with_(strides|autopad)|Conv2d|operator_conv$)")


@cache
def cases() -> list[Any]:
    """The suite's cases.

    Raises:
        Missing: onnx is not installed.
    """
    try:
        from onnx.backend.test.loader import load_model_tests
    except ImportError:
        raise Missing("pip install 'corrbench[rivals]'") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the definitions of unrelated tests
        kinds = ("node", "pytorch-converted", "pytorch-operator")
        return [case for kind in kinds for case in load_model_tests(kind=kind) if WANTED.match(case.name)]


def complaint(conv2d: Conv2d) -> str | None:
    """What the suite has against an implementation, None for nothing."""
    import numpy as np

    asked = 0
    for case in cases():
        for model, inputs, outputs in problems(case):
            try:
                y = answer(conv2d, model, inputs)
            except NotImplementedError:
                continue
            asked += 1
            try:
                np.testing.assert_allclose(y, outputs[0], rtol=case.rtol, atol=case.atol)
            except AssertionError as error:
                return f"{case.name}: {str(error).strip().splitlines()[0]}"
    if not asked:
        raise Inapplicable("it takes none of the cases")
    return None


def problems(case: Any) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """Model, inputs and outputs of every data set of a case."""
    import onnx
    from onnx import numpy_helper

    if case.model_dir is None:
        for inputs, outputs in case.data_sets:
            yield case.model, list(inputs), list(outputs)
        return
    model = onnx.load(str(Path(case.model_dir, "model.onnx")))
    for folder in sorted(Path(case.model_dir).glob("test_data_set*")):
        found = {
            kind: [
                numpy_helper.to_array(onnx.TensorProto.FromString(file.read_bytes()))
                for file in sorted(folder.glob(f"{kind}_*.pb"))
            ]
            for kind in ("input", "output")
        }
        yield model, found["input"], found["output"]


def answer(conv2d: Conv2d, model: Any, inputs: list[Any]) -> Any:
    """The result of a model of one Conv node, by `conv2d`."""
    import numpy as np
    import torch
    from onnx import helper, numpy_helper

    graph = model.graph
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    names = [one.name for one in graph.input if one.name not in stored]
    values = stored | dict(zip(names, inputs, strict=False))
    (node,) = graph.node
    operands = [torch.from_numpy(np.array(values[name])) for name in node.input]
    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    stride, dilation = tuple(said.get("strides", (1, 1))), tuple(said.get("dilations", (1, 1)))
    top, left, bottom, right = said.get("pads", (0, 0, 0, 0))
    if said.get("auto_pad", b"NOTSET") == b"SAME_LOWER":
        sizes = zip(operands[0].shape[2:], operands[1].shape[2:], stride, dilation, strict=True)
        needed = [max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n) for n, k, s, d in sizes]
        (top, left), (bottom, right) = [-(-n // 2) for n in needed], [n // 2 for n in needed]
    if (top, left) != (bottom, right):  # conv2d has no argument for it
        operands[0] = torch.nn.functional.pad(operands[0], (left, right, top, bottom))
        top = left = 0
    return conv2d(*operands, stride=stride, padding=(top, left), dilation=dilation, groups=said.get("group", 1)).numpy()
