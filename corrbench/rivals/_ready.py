"""The imports that other suites need, made once by the process that theirs are forked from."""

from __future__ import annotations

import contextlib
import warnings

from corrbench.numerics.external_cases import Missing, onnx_tests, torch_operator

warnings.simplefilter("ignore")
for load in (onnx_tests, torch_operator):
    with contextlib.suppress(Missing):
        load()
