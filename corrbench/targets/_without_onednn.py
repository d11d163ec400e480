"""A switch: importing it turns oneDNN off in torch's process, for a backward pass chooses its implementation anew."""

from __future__ import annotations

import torch

torch.backends.mkldnn.set_flags(False)  # type: ignore[no-untyped-call]
__version__ = f"{torch.__version__} without oneDNN"
