"""Narrow faults, each in less than one of 5,000 random cases, for campaigns: the target is right everywhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Where = Callable[[dict[str, Any]], bool]
FAULTS: dict[str, Where] = {
    "one_column_strided_batch": lambda c: (
        c["n"] > 1
        and c["c"] == 1
        and c["cols"] == 1
        and c["sw"] > 1 == c["sh"]
        and c["kh"] == 3
        and c["bias"]
        and c["o"] > 4
    ),
    "wide_bias_dilated_padding": lambda c: (
        c["bias"] and c["dw"] > 1 and c["pw"] > c["w"] and c["c"] >= 8 and c["rows"] == 1 and c["n"] > 2 and c["o"] > 16
    ),
    "seven_rows_of_sixteen": lambda c: c["rows"] == 7 and c["i"] == 16 and c["bias"] and c["kw"] > 1,
    "odd_kernels_of_eight_groups": lambda c: (
        c["groups"] == 8 and c["o"] // c["groups"] % 2 == 1 and c["cols"] == 1 and c["n"] > 1 and c["kh"] > 1
    ),
    "tall_kernel_narrow_image": lambda c: (
        c["kh"] > 5
        and c["kw"] == 1
        and c["w"] == 1
        and c["n"] > 1
        and c["groups"] == 1 < c["dh"]
        and c["i"] > 4
        and c["bias"]
    ),
    "batch_of_sixteen_with_bias": lambda c: (
        c["n"] == 16
        and c["bias"]
        and c["kh"] == c["kw"] == 1
        and c["sh"] > 1
        and c["groups"] > 1
        and c["h"] < c["w"]
        and c["pw"]
        and c["i"] > 3
        and c["sh"] > 2
    ),
    "channels_last_kernel_alone": lambda c: (
        c["w_last"]
        and not c["x_last"]
        and c["cols"] == 1
        and c["n"] == 2
        and c["groups"] > 1
        and c["bias"]
        and c["rows"] > 1
    ),
    "thirty_three_channels": lambda c: (
        c["i"] == 33 and c["sw"] > 1 and c["bias"] and c["n"] > 1 and c["rows"] > 1 and c["cols"] > 3
    ),
    "last_row_left_over": lambda c: c["rest"] == 3 and c["dh"] > 1 and c["n"] == 3 and c["kw"] > c["kh"] and c["bias"],
    "same_of_even_kernels": lambda c: c["same"] and c["kh"] == 4 and c["kw"] % 2 == 0 and c["n"] > 2 and c["rows"] > 8,
    "float64_depthwise_strided": lambda c: (
        c["double"]
        and c["i"] == 1 < c["groups"]
        and c["sh"] > 2
        and c["cols"] == 2
        and c["bias"]
        and c["n"] > 1
        and c["groups"] > 8
        and c["kw"] > 3
    ),
    "fifteen_kernels": lambda c: (
        c["o"] == 15 and c["bias"] and c["n"] > 2 and c["kw"] == 3 and c["sw"] > 1 and c["ph"] and c["groups"] == 1
    ),
    "square_of_nine": lambda c: c["rows"] == c["cols"] == 9 and c["bias"],
    "one_by_five_dilated": lambda c: (
        c["kh"] == 1 and c["kw"] == 5 and c["dw"] == 3 and c["n"] > 1 and c["o"] > 8 and c["groups"] == 1 < c["sw"]
    ),
    "four_images_one_row": lambda c: (
        c["n"] == 4 and c["h"] == 1 and c["kw"] == 3 and c["bias"] and c["i"] > 7 and c["sw"] == 2
    ),
    "stride_five_one_column": lambda c: (
        c["sh"] == 5
        and c["w"] == 1
        and c["i"] > 1
        and c["bias"]
        and c["kw"] == 3
        and c["n"] > 1
        and c["i"] > 15
        and c["ph"]
    ),
    "padding_of_the_kernel": lambda c: (
        c["ph"] == c["kh"] > 2
        and c["groups"] == 3
        and c["n"] > 1
        and c["sw"] > 1
        and c["bias"]
        and c["i"] > 4
        and c["dh"] == 1
    ),
    "half_bias_many": lambda c: (
        c["half"] and c["bias"] and c["o"] > 16 and c["kw"] == 1 < c["kh"] and c["n"] > 1 and c["pw"] and c["sw"] > 1
    ),
    "gradient_of_two_groups": lambda c: (
        c["groups"] == 2 and c["i"] == 2 and c["kh"] == 2 and c["bias"] and c["n"] > 1 and c["cols"] > 1
    ),
    "wide_result_of_one_channel": lambda c: c["cols"] > 55 and c["c"] == 1 and c["sh"] > 1 and c["bias"] and c["n"] > 1,
}


def target(where: Where) -> Callable[..., Tensor]:
    """A right `conv2d` but for a fault where a condition holds: the last element of the last row is one too large."""

    def conv2d(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        y = functional.conv2d(input.contiguous(), weight.contiguous(), bias, stride, padding, dilation, groups)
        (n, c, h, w), (o, i, kh, kw) = input.shape, weight.shape
        sh, sw = (stride, stride) if isinstance(stride, int) else stride
        dh, dw = (dilation, dilation) if isinstance(dilation, int) else dilation
        ph, pw = (0, 0) if isinstance(padding, str) else (padding, padding) if isinstance(padding, int) else padding
        facts = {
            "n": n, "c": c, "h": h, "w": w, "o": o, "i": i, "kh": kh, "kw": kw, "sh": sh, "sw": sw, "dh": dh, "dw": dw,
            "ph": ph, "pw": pw, "groups": groups, "bias": bias is not None, "rows": y.shape[2], "cols": y.shape[3],
            "same": padding == "same", "double": y.dtype == torch.float64, "half": y.dtype == torch.float16,
            "rest": (h + 2 * ph - dh * (kh - 1) - 1) % sh, "x_last": last(input), "w_last": last(weight),
        }  # fmt: skip
        if not where(facts) or not y.numel():
            return y
        wrong = torch.zeros_like(y)
        wrong[..., -1, -1] = 1
        return y + wrong

    return conv2d


def last(tensor: Tensor) -> bool:
    """Whether a tensor lies with its channels last, and not otherwise as well."""
    return tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()


globals().update({name: target(where) for name, where in FAULTS.items()})
