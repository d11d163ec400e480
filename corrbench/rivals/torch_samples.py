"""PyTorch's operator samples for conv2d, compared at its default tolerances."""

from __future__ import annotations

from typing import Any

from corrbench.numerics.external_cases import torch_operator
from corrbench.rivals import Conv2d, Inapplicable

NAME = "PyTorch samples"
ABOUT = "the OpInfo samples of nn.functional.conv2d in four real types, torch.testing.assert_close at its defaults"
DTYPES = ("float32", "float64", "bfloat16", "float16")


def samples(dtype: str, *, requires_grad: bool) -> list[Any]:
    """The samples with a batch; those without are the same ones again."""
    import torch

    made = torch_operator().sample_inputs("cpu", getattr(torch, dtype), requires_grad=requires_grad)
    return [sample for sample in made if sample.input.dim() == 4]


def complaint(conv2d: Conv2d) -> str | None:
    """What the samples have against an implementation, None for nothing."""
    import torch

    asked = 0
    for name in DTYPES:
        for sample in samples(name, requires_grad=False):
            given = (sample.input, *sample.args)
            try:
                y = conv2d(*given, **sample.kwargs)
            except NotImplementedError:
                continue
            asked += 1
            try:
                torch.testing.assert_close(y, torch.nn.functional.conv2d(*given, **sample.kwargs))
            except AssertionError as error:
                return f"{name} {tuple(sample.input.shape)} {sample.kwargs}: {str(error).splitlines()[0]}"
    if not asked:
        raise Inapplicable("it takes none of the samples")
    return None
