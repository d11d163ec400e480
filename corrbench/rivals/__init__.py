"""Other test suites, scored on the same seeded faults: one suite a file, found by itself.

Each states ``NAME``, ``ABOUT`` and ``complaint(conv2d)``: what the suite's own data, comparison and tolerances have
against a function with the signature of `torch.nn.functional.conv2d`, or None. These exist for the comparison that the
audit publishes; nothing of corrbench's verdict depends on them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from corrbench.defects import Mutant

Conv2d = Callable[..., Any]


class Inapplicable(Exception):
    """No case of the suite can be put to this target."""


def rivals() -> dict[str, ModuleType]:
    """The suites by name, in the order of their files."""
    modules = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
        if info.name[0] != "_"
    ]
    return {module.NAME: module for module in modules}


def as_conv2d(mutant: Mutant) -> Conv2d:
    """An implementation of the catalogue, of any form, as a function like `torch.nn.functional.conv2d`.

    It raises `NotImplementedError` for what its form cannot express.
    """
    import torch

    place, _, attribute = mutant.target.partition(":")
    target: Any = importlib.import_module(place)
    for part in attribute.split("."):
        target = getattr(target, part)

    def plane(x: Any, w: Any, bias: Any) -> Any:
        if mutant.form == "corr2d":
            y = target(x.numpy(), w.numpy()) if mutant.arrays == "numpy" else target(x, w)
            return torch.from_numpy(y) if mutant.arrays == "numpy" else y
        module = target(tuple(w.shape), w)
        if bias is not None:
            with torch.no_grad():
                module.bias.copy_(bias.reshape(module.bias.shape))
        return module(x)

    def conv2d(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        if mutant.arrays == "numpy" and (input.requires_grad or weight.requires_grad):
            raise NotImplementedError("no gradients over numpy arrays")
        if mutant.form == "conv2d":
            if mutant.arrays == "torch":
                return target(input, weight, bias, stride, padding, dilation, groups)
            given = [one if one is None else one.numpy() for one in (input, weight, bias)]
            return torch.from_numpy(target(*given, stride, padding, dilation, groups))
        simple = (stride, padding, dilation, groups) in ((1, 0, 1, 1), ((1, 1), (0, 0), (1, 1), 1))
        if not simple or input.shape[:2] != (1, 1) or weight.shape[:2] != (1, 1):
            raise NotImplementedError("one plane and one kernel only")
        if mutant.form == "corr2d" and bias is not None:
            raise NotImplementedError("no bias")
        return plane(input[0, 0], weight[0, 0], bias)[None, None]

    return conv2d
