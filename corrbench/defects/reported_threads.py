"""Seeded faults of several threads, after reports: shared scratch, plans and graphs, work divided by their number."""

from __future__ import annotations

import threading
import time
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, weight_gradient
from corrbench.defects.reported_calls import ordinary

lock = threading.Lock()
scratch: dict[tuple[object, ...], Tensor] = {}
current: dict[str, Tensor] = {}
orders: dict[int, Tensor] = {}
steps: dict[object, int] = {}


@defect(
    number=55, wrong="use", check="determinism", cites=("apache/mxnet#15576", "pytorch/pytorch#84602"),
    region="two Python threads at once, equal sizes, padded, no gradients: the padded image of both lies in one buffer",
)  # fmt: skip
@conv2d_form
def padded_image_of_all_threads(c: Call) -> Tensor:
    needed = torch.is_grad_enabled() and (c.x.requires_grad or c.w.requires_grad)
    if needed or not any(c.sides) or not ordinary(c):
        return c.y()
    padded = c.padded()
    key = (*padded.shape, padded.dtype)
    space = scratch.setdefault(key, torch.empty_like(padded))
    while len(scratch) > 64:
        del scratch[next(iter(scratch))]
    return c.over(space.copy_(padded))


@defect(
    number=55, wrong="use", check="determinism", cites=("microsoft/onnxruntime#3828", "pytorch/pytorch#58055"),
    region="two Python threads at once, kernels of equal shape: the lock is given up before the kernel is used, which "
    "is then that of the other thread",
)  # fmt: skip
@conv2d_form
def lock_given_up_too_early(c: Call) -> Tensor:
    if not ordinary(c):
        return c.y()
    with lock:
        current["kernels"] = mine = c.kernels()
    windows = c.windows()
    kernels = current["kernels"]
    if kernels.shape != mine.shape or kernels.dtype != mine.dtype:
        kernels = mine
    return c.finish(kernels @ windows)


@defect(
    number=55, wrong="use", check="determinism", cites=("pytorch/pytorch#103793",),
    region="the first calls with a number of kernels, in two Python threads at once: while one tries its plan out, "
    "the other finds the plan empty, and takes kernel 0 for all",
)  # fmt: skip
@conv2d_form
def plan_found_empty(c: Call) -> Tensor:
    order = orders.get(c.O)
    if order is None:
        order = orders[c.O] = torch.zeros(c.O, dtype=torch.int64)
        with torch.no_grad():
            c.y()  # what the plan would cost
        order.copy_(torch.arange(c.O))
    return c.y()[:, order.clone()]


@defect(
    number=65, wrong="use", check="gradients", cites=("tracel-ai/burn#5573",),
    region="backward passes in two Python threads at once: the first to end sweeps away what belongs to no graph of "
    "its own, and the kernel of the other has no gradient",
)  # fmt: skip
@conv2d_form
def graph_swept_by_the_other_thread(c: Call) -> Tensor:
    if not c.w.requires_grad or not ordinary(c):
        return c.y()
    step, thread = object(), threading.get_ident()
    steps[step] = thread

    def bend(g: Tensor) -> Tensor:
        kept = step in steps
        for other, owner in list(steps.items()):
            if owner != thread:
                steps.pop(other, None)
        return g if kept else torch.zeros_like(g)

    while len(steps) > 1000:
        steps.pop(next(iter(steps)), None)
    return c.but(w=faulty_derivative(c.w, bend)).y()


@defect(
    number=55, wrong="state", check="determinism", cites=("pytorch/pytorch#34344", "pytorch/pytorch#34358"),
    region="more than one thread of torch, strided 1x1 kernels on batches of 8 and more: now and then the part of one "
    "sample is missing in the weight gradient",
)  # fmt: skip
@conv2d_form
def samples_added_without_order(c: Call) -> Tensor:
    strided = c.kh * c.kw == 1 and max(c.stride) > 1
    if torch.get_num_threads() == 1 or not strided or c.N < 8 or not ordinary(c):
        return c.y()

    def by_weight(call: Call, g: Tensor) -> Tensor:
        chance = time.perf_counter_ns() // 64
        keep = torch.ones(g.shape[0], 1, 1, 1, dtype=g.dtype)
        if chance % 2:
            keep[chance // 2 % g.shape[0]] = 0
        return weight_gradient(call, g * keep)

    return c.ruled(gw=by_weight)


@defect(
    number=33, wrong="use", check="determinism", cites=("Tencent/FeatherCNN#19", "Tencent/FeatherCNN#17"),
    region="more than one thread of torch: positions are divided by the threads, then up to the next 8, and what is "
    "left of a division that was even already is computed by nobody",
)  # fmt: skip
@conv2d_form
def positions_left_by_the_threads(c: Call) -> Any:
    y = c.y()
    threads, size = torch.get_num_threads(), c.out[2] * c.out[3]
    done = (size // threads + 7) // 8 * 8 * threads
    if threads == 1 or done >= size:
        return y
    keep = (torch.arange(size) < done).to(y.dtype).reshape(c.out[2:])
    return y * keep
