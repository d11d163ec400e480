"""The devices that a test computes on: the CPU everywhere, and CUDA where there is a device."""

from __future__ import annotations

import pytest
import torch

LACKING = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = [
    pytest.param("cpu", id="device-cpu"),
    pytest.param("cuda", id="device-cuda", marks=[pytest.mark.cuda, LACKING]),
]
