"""PyTorch's operator samples for conv2d, with gradcheck and gradgradcheck in slow mode besides."""

from __future__ import annotations

from corrbench.rivals import Conv2d, torch_samples

NAME = "PyTorch samples, gradcheck"
ABOUT = "the same, then torch.autograd.gradcheck and gradgradcheck (slow mode, float64) on every sample"


def complaint(conv2d: Conv2d) -> str | None:
    """What samples and gradient checks have against an implementation, None for nothing."""
    import torch

    said = torch_samples.complaint(conv2d)
    if said:
        return said
    for sample in torch_samples.samples("float64", requires_grad=True):
        operands = [sample.input, *(one for one in sample.args if one is not None)]
        try:
            if not conv2d(*operands, **sample.kwargs).requires_grad:
                continue  # forward only
            for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
                check(lambda *given, s=sample: conv2d(*given, **s.kwargs), operands)
        except NotImplementedError:
            continue
        except RuntimeError as error:
            return f"{tuple(sample.input.shape)} {sample.kwargs}: {str(error).splitlines()[0]}"
    return None
