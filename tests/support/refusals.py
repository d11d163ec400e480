"""A limit on what a refusal may cost: what only needs parsing is refused before anything is run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

LIMIT = 2.0  # seconds of processor, those of ended children included: a busy machine does not count


@contextmanager
def within_two_seconds() -> Iterator[None]:
    """Fails where what is done inside takes longer."""
    began = sum(os.times()[:4])
    yield
    assert sum(os.times()[:4]) - began < LIMIT
