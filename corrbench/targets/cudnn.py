"""PyTorch's convolution on a CUDA device, under the switches that choose cuDNN's algorithm and precision."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

LESS = (  # what lets torch compute in fewer bits than the operands have; the first is on by default
    "cudnn.allow_tf32", "cuda.matmul.allow_tf32", "cuda.matmul.allow_fp16_reduced_precision_reduction",
    "cuda.matmul.allow_bf16_reduced_precision_reduction",
)  # fmt: skip


def _switched(about: str, *switches: str, accuracy: str = "direct") -> Declared:
    """What lets torch compute in fewer bits is off, unless a switch says otherwise."""
    named = {word.partition("=")[0] for word in switches}
    off = [f"{name}=0" for name in LESS if name not in named]
    return Declared(
        form="conv2d",
        accuracy=accuracy,
        device="cuda",
        needs="corrbench.targets._cudnn_switches",
        environ="TORCH_SWITCHES=" + ",".join([*off, *switches]) + " CUBLAS_WORKSPACE_CONFIG=:4096:8",
        about=f"torch.nn.functional.conv2d on CUDA, {about}",
    )


DECLARED = {
    "cudnn": _switched("TF32 off"),
    "tf32": _switched("TF32 on", "cudnn.allow_tf32=1", "cuda.matmul.allow_tf32=1", accuracy="tf32"),
    "benchmark": _switched("TF32 off, the fastest algorithm by trial", "cudnn.benchmark=1"),
    "deterministic": _switched("TF32 off, deterministic algorithms only", "cudnn.deterministic=1"),
    "channels_last": _switched("TF32 off, on channels_last operands"),
    "disabled": _switched("without cuDNN", "cudnn.enabled=0"),
}


def cudnn(*args: Any, **keywords: Any) -> Any:
    """`torch.nn.functional.conv2d` as it is."""
    from torch.nn import functional

    return functional.conv2d(*args, **keywords)


tf32 = benchmark = deterministic = disabled = cudnn


def channels_last(input: Any, weight: Any, *rest: Any, **geometry: Any) -> Any:
    """`torch.nn.functional.conv2d` on operands whose channels lie side by side in memory."""
    import torch
    from torch.nn import functional

    last = torch.channels_last
    return functional.conv2d(
        input.contiguous(memory_format=last), weight.contiguous(memory_format=last), *rest, **geometry
    )
