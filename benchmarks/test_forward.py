"""The speed of each implementation here and now: ``pytest benchmarks/`` prints the table and checks what it timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.history import calls, cases, judged


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in asv, and because threads that wait for each other on a busy machine have times of their own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("device", cases.DEVICES)
@pytest.mark.parametrize("implementation", [*calls.IMPLEMENTATIONS, calls.ORACLE])
@pytest.mark.parametrize("shape", cases.EDGES)
def test_forward(benchmark: Any, implementation: str, shape: str, device: str) -> None:
    result = measured(benchmark, shape, implementation, shape, device)
    if implementation != calls.ORACLE:
        assert judged.judge(result, shape).share <= 1


@pytest.mark.parametrize("device", cases.DEVICES)
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("implementation", calls.LAYERED)
@pytest.mark.parametrize("layer", cases.LAYERS)
def test_layer(benchmark: Any, implementation: str, layer: str, direction: str, device: str) -> None:
    result = measured(benchmark, f"{layer}, {direction}", implementation, layer, device, "float32", direction)
    arrays = {"y": result} if direction == "forward" else dict(zip("xw", result, strict=True))
    for of, array in arrays.items():
        assert judged.judge(array, layer, of=of).share <= 1, of


def measured(benchmark: Any, group: str, *what: str) -> Any:
    try:
        call = calls.prepare(*what)
    except NotImplementedError as reason:
        pytest.skip(str(reason))
    benchmark.group = group
    return benchmark(call)
