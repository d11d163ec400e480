"""Seeded faults of kernels in Triton, and a right one: masks, offsets, blocks that write the same memory.

On the CPU they are run by Triton's interpreter, one program after the other, so that a race never shows there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect, honest


def run(x: Tensor, k: Tensor, fault: str) -> Tensor:
    """Valid correlation of float32 planes by the kernel with a fault.

    Raises:
        NotImplementedError: another element type.
        ValueError: the kernel is larger than the image.
    """
    if x.dtype != torch.float32:
        raise NotImplementedError(f"made for float32, not {x.dtype}")
    if x.shape[0] < k.shape[0] or x.shape[1] < k.shape[1]:
        raise ValueError(f"the kernel {tuple(k.shape)} is larger than the image {tuple(x.shape)}")
    from corrbench.defects import _triton_kernel

    shape = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    y = (torch.zeros if fault == "race" else torch.empty)(shape, dtype=x.dtype, device=x.device)
    _triton_kernel.launch(x, k, y, fault)
    return y


@honest(form="corr2d", needs="triton", region="a kernel in Triton: right")
def triton_kernel(x: Tensor, k: Tensor) -> Tensor:
    return run(x, k, "")


@defect(
    form="corr2d", needs="triton", check="values", witness="x=1,1,6,9 w=1,1,2,4", near_miss="x=1,1,6,9 w=1,1,2,3",
    outside="kw <= 3",
    region="kernels of more than three columns: the mask of the taps ends after the third",
)  # fmt: skip
def triton_mask_too_narrow(x: Tensor, k: Tensor) -> Tensor:
    return run(x, k, "masks")


@defect(
    form="corr2d", needs="triton", check="memory", wrong="use",
    region="elements 2^31 places and more from the first: their offset wraps in 32 bits",
)  # fmt: skip
def triton_offset_in_32_bits(x: Tensor, k: Tensor) -> Tensor:
    return run(x, k, "offsets")


@defect(
    form="corr2d", needs="triton", device="cuda", check="values", wrong="value",
    region="kernels of two rows and more: a program for each row of taps, and what one adds while another does is lost",
)  # fmt: skip
def triton_blocks_race(x: Tensor, k: Tensor) -> Tensor:
    return run(x, k, "race")
