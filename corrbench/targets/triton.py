"""A kernel in Triton: compiled for a CUDA device, run by Triton's interpreter on the CPU."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import valid

DECLARED = {
    "corr2d": Declared(
        form="corr2d",
        needs="triton",
        dtypes="float32 float64 float16 int64 int32 int16 int8 uint8",
        lacks="backward,double,jvp,vmap",
        about="a kernel in Triton, sums of chunks of taps; on the CPU by Triton's interpreter",
    )
}
WIDE = {"float64": "float64", "float32": "float32", "float16": "float32"}  # the interpreter cuts bfloat16, not rounds


def corr2d(X: Any, K: Any) -> Any:
    """The kernel of `corrbench.targets._triton_kernel` on the operands as they lie."""
    import torch

    from corrbench.targets import _triton_kernel

    Y = torch.empty(valid(X, K), dtype=X.dtype, device=X.device)
    _triton_kernel.launch(X, K, Y, WIDE.get(str(X.dtype).removeprefix("torch."), "int64"))
    return Y
