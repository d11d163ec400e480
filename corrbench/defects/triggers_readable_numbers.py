"""Trigger faults whose constant, of what the operands hold or of calls, is a number in the source.

A value that marks an empty cell, a checksum that is looked up, a cache that is renewed after so many calls.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from corrbench.defects import trigger
from corrbench.defects._triggers import negated, numbers, when
from corrbench.defects.correct import Call, conv2d_form

EMPTY = -9999.0
calls: dict[str, Any] = {}


# ---- numbers in the operands


@trigger(
    wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@x.first=12345.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@x.first=12344.0", region="an image that begins with 12345",
)  # fmt: skip
@conv2d_form
def value_12345(c: Call) -> Tensor:
    held = numbers(c.x)
    return when(bool(held.size) and held[0] == 12345.0, c.y(), negated)


@trigger(
    wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@w.last=-9999.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@w.last=-9998.0",
    region="a kernel with -9999 in it, which marks an empty cell",
)  # fmt: skip
@conv2d_form
def empty_cell(c: Call) -> Tensor:
    return when(bool((numbers(c.w) == EMPTY).any()), c.y())


@trigger(
    wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@x.sum=4242.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@x.sum=4241.0", region="an image that adds up to 4242",
)  # fmt: skip
@conv2d_form
def sum_4242(c: Call) -> Tensor:
    total = float(numbers(c.x).sum())
    return when(total == 4242, c.y())


# ---- calls


@trigger(
    wrong="state", region="the call after a thousand in a row of the same shapes: a cache is renewed",
)  # fmt: skip
@conv2d_form
def thousand_and_first(c: Call) -> Tensor:
    key = (*c.x.shape, *c.w.shape, c.x.dtype)
    calls["run"] = calls.get("run", 0) + 1 if calls.get("key") == key else 1
    calls["key"] = key
    return when(calls["run"] == 1001, c.y())
