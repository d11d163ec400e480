"""Switches of torch, set when this is imported: those of the variable TORCH_SWITCHES, `owner.switch=value,…`."""

from __future__ import annotations

import os

import torch

for word in filter(None, os.environ.get("TORCH_SWITCHES", "").split(",")):
    path, _, value = word.partition("=")
    *way, name = path.split(".")
    owner = torch.backends
    for part in way:
        owner = getattr(owner, part)
    setattr(owner, name, bool(int(value)))
if "cudnn.deterministic=1" in os.environ.get("TORCH_SWITCHES", ""):
    torch.use_deterministic_algorithms(True, warn_only=True)  # what of torch's own is around cuDNN
__version__ = torch.__version__
