"""The facts of number formats are those that torch and NumPy know."""

from __future__ import annotations

import pytest
import torch

from corrbench.case import COMPLEX, DTYPES, FLOATS
from corrbench.numerics import formats


@pytest.mark.parametrize("dtype", FLOATS + COMPLEX)
def test_facts_are_torchs(dtype: str) -> None:
    known = torch.finfo(getattr(torch, dtype))
    assert 2 * formats.UNIT[dtype] == known.eps == 2.0 ** (1 - formats.PRECISION[dtype])
    assert formats.MIN_NORMAL[dtype] == known.smallest_normal
    assert formats.MIN_SUBNORMAL[dtype] == known.smallest_normal * known.eps
    assert formats.MAX[dtype] == known.max
    assert 2.0 ** formats.TOP_EXPONENT[dtype] < known.max


def test_every_element_type_has_a_size() -> None:
    assert {name: getattr(torch, name).itemsize for name in DTYPES} == formats.BYTES
