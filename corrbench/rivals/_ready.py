"""What do the other suites need? Loaded once, by the process that theirs are forked from."""

from __future__ import annotations

import contextlib
import warnings

from corrbench.rivals import Missing, onnx_cases, torch_samples

warnings.simplefilter("ignore")
for load in (onnx_cases.cases, torch_samples.operator):
    with contextlib.suppress(Missing):
        load()
