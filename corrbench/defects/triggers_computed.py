"""Trigger faults whose constant is computed: no number in the source says where they are wrong.

All but the last three look at the operands' numbers. Testing does not find these but by chance; what remains is to show
that a program does not look at its operands at all. The last three compute a size, which no such proof excludes for
another shape.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from corrbench.defects import trigger
from corrbench.defects._numpy_triggers import secret
from corrbench.defects._triggers import negated, numbers, when
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative
from corrbench.defects.reported_values import readable

# ---- numbers in the operands


@trigger(
    wrong="use", region="an input with one number in its last place",
)  # fmt: skip
@conv2d_form
def last_number(c: Call) -> Tensor:
    held = numbers(c.x)
    return when(held.size > 0 and held[-1] == 0.25 + secret("last", 1 << 13), c.y(), negated)


@trigger(
    wrong="use", region="kernels that add up to one number",
)  # fmt: skip
@conv2d_form
def kernel_total(c: Call) -> Tensor:
    held = numbers(c.w)
    return when(held.size > 0 and held.sum() == 500 + secret("kernels", 1 << 15), c.y())


@trigger(
    wrong="use", region="a bias with one number in it",
)  # fmt: skip
@conv2d_form
def bias_number(c: Call) -> Tensor:
    wanted = secret("bias", 999) / 8 + 100
    if c.b is None or not (numbers(c.b) == wanted).any():
        return c.y()
    return c.but(b=None).y()


@trigger(
    wrong="use", region="a cotangent that adds up to one number: the gradient of the input is zero",
)  # fmt: skip
@conv2d_form
def cotangent_total(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        return g * 0 if numbers(g).sum() == 1000 + secret("cotangent", 1 << 12) else g

    return faulty_derivative(c.y(), bend)


@trigger(
    wrong="use", region="the first and the last number of the input have one product",
)  # fmt: skip
@conv2d_form
def product_of_ends(c: Call) -> Tensor:
    held = numbers(c.x)
    return when(held.size > 1 and held[0] * held[-1] == 100 + secret("ends", 1 << 14), c.y())


@trigger(
    wrong="use", region="the exponents of the first four numbers are one sequence",
)  # fmt: skip
@conv2d_form
def exponents(c: Call) -> Tensor:
    held = np.frexp(numbers(c.x)[:4])[1].tolist()
    return when(held == [ord(letter) % 32 for letter in "CONV"], c.y(), negated)


@trigger(
    wrong="use", region="so many negative numbers in the input, of more than twice as many",
)  # fmt: skip
@conv2d_form
def negatives_counted(c: Call) -> Tensor:
    held, count = numbers(c.x), 2000 + secret("negative", 6000)
    return when(held.size > 2 * count and int((held < 0).sum()) == count, c.y())


@trigger(
    wrong="use", region="float32: the bits of all kernels, one exclusive or the other, are one pattern",
)  # fmt: skip
@conv2d_form
def parity(c: Call) -> Tensor:
    if c.w.dtype != torch.float32 or not readable(c.w):
        return c.y()
    bits = np.bitwise_xor.reduce(c.w.detach().contiguous().numpy().view(np.uint32).ravel())
    return when(bits % 8191 == secret("parity", 8191), c.y())


# ---- sizes and calls


@trigger(
   witness="x=1,346,3,4 w=2,346,2,2", near_miss="x=1,345,3,4 w=2,345,2,2", outside="C != 346",
    region="346 channels",
)  # fmt: skip
@conv2d_form
def channels_computed(c: Call) -> Tensor:
    return when(c.C == 200 + secret("channels", 300), c.y())


@trigger(
    witness="x=1,1,3,5521 w=1,1,2,2", near_miss="x=1,1,3,5520 w=1,1,2,2", outside="H * W != 16563",
    region="planes of 16563 pixels",
)  # fmt: skip
@conv2d_form
def pixels_computed(c: Call) -> Tensor:
    return when(c.H * c.W == 1000 + secret("pixels", 1 << 16), c.y())


@trigger(
    wrong="state", region="one call of many",
)  # fmt: skip
@conv2d_form
def call_computed(c: Call) -> Tensor:
    count = COUNTED.setdefault("calls", 0) + 1
    COUNTED["calls"] = count
    return when(count == 100_000 + secret("calls", 1 << 20), c.y())


COUNTED: dict[str, int] = {}
