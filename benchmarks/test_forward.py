"""How fast is each implementation here and now? ``pytest benchmarks/`` prints the table and checks what it timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.history import cases


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in asv, and because threads that wait for each other on a busy machine have times of their own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("device", cases.DEVICES)
@pytest.mark.parametrize("implementation", [*cases.IMPLEMENTATIONS, cases.ORACLE])
@pytest.mark.parametrize("shape", cases.SHAPES)
def test_forward(benchmark: Any, implementation: str, shape: str, device: str) -> None:
    try:
        call = cases.prepare(implementation, shape, device)
    except NotImplementedError as reason:
        pytest.skip(str(reason))
    benchmark.group = shape
    result = benchmark(call)
    if implementation != cases.ORACLE:
        assert cases.share_of_bound(result, shape) <= 1
