"""The definition of 2-D cross-correlation, written out plainly: `corr2d`, `conv2d` and `Conv2D`.

The kernel slides over the image without a flip; each output element is the sum of kernel times window:
``Y[i, j] = sum_{a,b} X[i + a, j + b] * K[a, b]``. Convolution proper turns the kernel by half a turn first; what
libraries call convolution is this.

`corr2d` is that sum for one image, `conv2d` adds what networks need (batch, channels, stride, padding, dilation,
groups, bias), and `Conv2D` is the trainable layer. They hold for every dtype that torch can add and multiply, on every
device, and can be differentiated twice. Integers wrap around. Floats narrower than float32 are summed in float32 and
rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn import functional

# Elements touched per strip of rows: on a CPU the running sum stays in the second-level cache over all taps
# (a 2048 x 2048 image would otherwise cross the memory bus once per tap); elsewhere it only bounds memory.
_CPU_STRIP, _DEVICE_STRIP = 1 << 17, 1 << 25


def corr2d(X: Tensor, K: Tensor) -> Tensor:
    """Valid cross-correlation of one image with one kernel.

    Args:
        X: image (H, W).
        K: kernel (kh, kw), of X's dtype and device.

    Returns:
        A new tensor (H - kh + 1, W - kw + 1) of X's dtype and device.

    Raises:
        TypeError: an operand is no tensor, is boolean, or the dtypes differ.
        ValueError: an operand is not 2-D, devices differ, the kernel is empty or larger than the image.
    """
    _check_operands(X=X, K=K)
    if X.ndim != 2 or K.ndim != 2:
        raise ValueError(f"corr2d takes X (H, W) and K (kh, kw), got shapes {tuple(X.shape)} and {tuple(K.shape)}")
    wide = _accumulator(X.dtype)
    kernel = K.to(wide)
    strips = _windows(X.to(wide), (K.shape[0], K.shape[1]), (1, 1), (1, 1), row_cost=X.shape[1])
    return torch.cat([_shifted_sum(windows, kernel).to(X.dtype) for windows in strips])


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of a batch of multi-channel images, with the signature of `torch.nn.functional.conv2d`.

    Args:
        input: images (N, C, H, W), or one image (C, H, W). N may be 0.
        weight: kernels (O, C/groups, kh, kw).
        bias: added per output channel, shape (O,).
        stride: rows and columns that the window moves by, an integer or a pair, >= 1.
        padding: zeros around the image: p, (rows, columns), (top, bottom, left, right), ``"valid"`` for none, or
            ``"same"`` for an output of the input's size (stride 1; an odd zero goes to the bottom and right).
        dilation: distance between taps in rows and columns, an integer or a pair, >= 1.
        groups: number of blocks that input and output channels are split into, block g feeding block g only.

    Returns:
        A new tensor (N, O, H', W'), or (O, H', W') for one image, with
        ``H' = (H + top + bottom - dilation*(kh - 1) - 1) // stride + 1``, of the input's dtype and device.

    Raises:
        TypeError: an operand is no tensor, is boolean, the dtypes differ, or a number is not an integer.
        ValueError: shapes, devices or numbers do not fit together, or the kernel is larger than the padded image.

    Note:
        Several channels are summed by `torch.matmul`, which rounds float32 operands to TF32 or bfloat16 where the
        process asked for that (`torch.set_float32_matmul_precision`; the default does not).
    """
    _check_operands(input=input, weight=weight, **({} if bias is None else {"bias": bias}))
    if input.ndim not in (3, 4) or weight.ndim != 4:
        raise ValueError(
            "conv2d takes input (N, C, H, W) or (C, H, W) and weight (O, C/groups, kh, kw), "
            f"got shapes {tuple(input.shape)} and {tuple(weight.shape)}"
        )
    if input.ndim == 3:
        return conv2d(input[None], weight, bias, stride, padding, dilation, groups)[0]
    steps, spread = _pair("stride", stride), _pair("dilation", dilation)
    (blocks,) = _integers("groups", groups, lengths=(1,), least=1)
    (n, c, _, _), (o, cg, kh, kw) = input.shape, weight.shape
    if cg < 1 or c != cg * blocks or o % blocks:
        raise ValueError(f"groups={blocks} does not fit {c} input channels, {o} output channels and {cg} per kernel")
    if bias is not None and bias.shape != (o,):
        raise ValueError(f"bias must have shape ({o},), one per output channel, got {tuple(bias.shape)}")

    wide = _accumulator(input.dtype)
    top, bottom, left, right = _sides(padding, (kh, kw), steps, spread)
    x = functional.pad(input.to(wide), (left, right, top, bottom))
    x = x.reshape(n, blocks, cg, *x.shape[-2:])
    w = weight.to(wide).reshape(blocks, o // blocks, cg, kh, kw)
    # Widened once: gradients of the strips are then added up in the wide type.
    b = None if bias is None else bias.to(wide)[:, None, None]
    # One channel leaves nothing for a matrix product to reuse, and integer matrix products are missing on GPUs.
    product = cg > 1 and (wide.is_floating_point or wide.is_complex)
    row_cost = n * x.shape[-1] * (c * kh * kw if product else o)
    total = _matrix_product if product else _channel_sum
    strips = []
    for windows in _windows(x, (kh, kw), steps, spread, row_cost):
        y = total(windows, w).flatten(1, 2)
        strips.append((y if b is None else y + b).to(input.dtype))
    return torch.cat(strips, dim=-2)


class Conv2D(nn.Module):
    """The trainable layer: cross-correlation with `weight`, plus `bias`.

    Args:
        kernel_size: (kh, kw), or one integer for both.
        weight: initial kernel (kh, kw) for a layer of one channel in and out, or (O, C/groups, kh, kw). It is copied,
            so training the layer leaves the caller's tensor alone. Default: uniform on [0, 1).
        in_channels, out_channels, stride, padding, dilation, groups: as in `conv2d`.
        bias: whether to add a trainable bias, zero at first.
        dtype, device: of the parameters; a given weight must agree with them.

    Attributes:
        weight: parameter (kh, kw) for one channel in and out, else (O, C/groups, kh, kw).
        bias: parameter (O,), or None.

    Raises:
        TypeError: the weight is no tensor, not of the given dtype, or of one without gradients.
        ValueError: the sizes, the weight's shape or its device do not fit.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        weight: Tensor | None = None,
        *,
        in_channels: int = 1,
        out_channels: int = 1,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = _pair("kernel_size", kernel_size)
        (self.in_channels,) = _integers("in_channels", in_channels, lengths=(1,), least=1)
        (self.out_channels,) = _integers("out_channels", out_channels, lengths=(1,), least=1)
        (self.groups,) = _integers("groups", groups, lengths=(1,), least=1)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(f"groups={groups} does not divide {in_channels} input and {out_channels} output channels")
        self.stride, self.dilation, self.padding = _pair("stride", stride), _pair("dilation", dilation), padding
        _sides(padding, self.kernel_size, self.stride, self.dilation)  # a bad padding fails here, not in training
        initial = _initial_weight(weight, self._full_shape, dtype, device)
        single = self.in_channels == self.out_channels == 1
        self.weight = nn.Parameter(initial.reshape(self.kernel_size if single else self._full_shape))
        self.bias = nn.Parameter(initial.new_zeros(self.out_channels)) if bias else None

    @property
    def _full_shape(self) -> tuple[int, int, int, int]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to (H, W), (C, H, W) or (N, C, H, W); the result has the same rank.

        Raises:
            TypeError, ValueError: as `conv2d`; (H, W) needs a layer of one channel in and out.
        """
        _check_operands(x=x, weight=self.weight)
        plane = x.ndim == 2
        if plane and not self.in_channels == self.out_channels == 1:
            raise ValueError(
                f"an (H, W) image needs a layer of one channel in and out, this one has {self.in_channels} and "
                f"{self.out_channels}; got shape {tuple(x.shape)}"
            )
        weight = self.weight.reshape(self._full_shape)
        y = conv2d(x[None] if plane else x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        return y[0] if plane else y

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses."""
        shown = ("in_channels", "out_channels", "stride", "padding", "dilation", "groups")
        return f"{self.kernel_size}, " + ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)


def _windows(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], row_cost: int
) -> Iterator[Tensor]:
    """Views (..., h, w, kh, kw) of x (..., H, W): the window under each output element, in strips of output rows."""
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if min(kernel) < 1 or spans[0] > x.shape[-2] or spans[1] > x.shape[-1]:
        raise ValueError(
            f"kernel {kernel} with dilation {dilation} must be at least (1, 1) and fit into "
            f"the padded input {tuple(x.shape[-2:])}"
        )
    height = (x.shape[-2] - spans[0]) // stride[0] + 1
    budget = _CPU_STRIP if x.device.type == "cpu" else _DEVICE_STRIP
    rows = max(1, budget // max(1, row_cost))
    for first in range(0, height, rows):
        last = min(first + rows, height) - 1
        strip = x[..., first * stride[0] : last * stride[0] + spans[0], :]
        windows = strip.unfold(-2, spans[0], stride[0]).unfold(-2, spans[1], stride[1])
        yield windows[..., :: dilation[0], :: dilation[1]]


def _shifted_sum(windows: Tensor, kernel: Tensor, onto: Tensor | None = None) -> Tensor:
    """Sum over taps of windows (..., h, w, kh, kw) times kernel (kh, kw), or (..., 1, 1, kh, kw): whole images at once.

    Adding in place is safe under autograd: the product rule needs the factors, never the running sum.
    """
    total = onto
    for window_row, kernel_row in zip(windows.unbind(-2), kernel.unbind(-2), strict=True):
        for shifted, tap in zip(window_row.unbind(-1), kernel_row.unbind(-1), strict=True):
            total = shifted * tap if total is None else total.addcmul_(shifted, tap)
    assert total is not None  # `_windows` refuses an empty kernel
    return total


def _channel_sum(windows: Tensor, weight: Tensor) -> Tensor:
    """Windows (N, G, C, h, w, kh, kw) and weight (G, O, C, kh, kw) to (N, G, O, h, w), channel after channel."""
    total = None
    for channel, kernels in zip(windows.unsqueeze(2).unbind(3), weight[..., None, None, :, :].unbind(2), strict=True):
        total = _shifted_sum(channel, kernels, onto=total)
    assert total is not None
    return total


def _matrix_product(windows: Tensor, weight: Tensor) -> Tensor:
    """The same sum as `_channel_sum`, as one matrix product per group over columns of (C, kh, kw) terms."""
    columns = windows.movedim((-2, -1), (-4, -3))  # (N, G, C, kh, kw, h, w)
    product = weight.flatten(2) @ columns.flatten(-2).flatten(2, 4)
    return product.reshape(*product.shape[:-1], *windows.shape[3:5])


def _accumulator(dtype: torch.dtype) -> torch.dtype:
    """The dtype that sums are kept in."""
    if dtype.is_floating_point and dtype.itemsize < torch.float32.itemsize:
        return torch.float32
    return torch.complex64 if dtype == torch.complex32 else dtype


def _sides(
    padding: int | Sequence[int] | str, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, ...]:
    """Zeros to add at (top, bottom, left, right)."""
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, got {stride}")
        rows, columns = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
        return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    if isinstance(padding, str):
        if padding != "valid":
            raise ValueError(f"padding must be integers, 'valid' or 'same', got {padding!r}")
        return (0, 0, 0, 0)
    sides = _integers("padding", padding, lengths=(1, 2, 4), least=0)
    return sides if len(sides) == 4 else (sides[0], sides[0], sides[-1], sides[-1])


def _pair(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    numbers = _integers(name, value, lengths=(1, 2), least=1)
    return (numbers[0], numbers[-1])


def _integers(name: str, value: int | Sequence[int], lengths: tuple[int, ...], least: int) -> tuple[int, ...]:
    numbers = tuple(value) if isinstance(value, Sequence) else (value,)
    wanted = " or ".join(map(str, lengths))
    if not all(isinstance(number, Integral) for number in numbers):
        raise TypeError(f"{name} must be {wanted} integers, got {value!r}")
    if len(numbers) not in lengths:
        raise ValueError(f"{name} must be {wanted} integers, got {value!r}")
    if min(numbers) < least:
        raise ValueError(f"{name} must be >= {least}, got {value!r}")
    return tuple(int(number) for number in numbers)


def _check_operands(**operands: Tensor) -> None:
    for name, operand in operands.items():
        if not isinstance(operand, Tensor):
            raise TypeError(f"{name} must be a torch.Tensor, got {type(operand).__name__}")
        if operand.dtype == torch.bool:
            raise TypeError(f"{name} is boolean; convert it to a dtype with sums and products")
    if len({operand.dtype for operand in operands.values()}) > 1:
        raise TypeError("dtypes differ: " + ", ".join(f"{name} {t.dtype}" for name, t in operands.items()))
    if len({operand.device for operand in operands.values()}) > 1:
        raise ValueError("devices differ: " + ", ".join(f"{name} {t.device}" for name, t in operands.items()))


def _initial_weight(
    given: Tensor | None, shape: tuple[int, int, int, int], dtype: torch.dtype | None, device: torch.device | str | None
) -> Tensor:
    """A weight of the layer's own: uniform on [0, 1), or a checked copy of the given one."""
    if given is not None:
        _check_operands(weight=given)
    kind = given.dtype if given is not None else dtype or torch.get_default_dtype()
    if not (kind.is_floating_point or kind.is_complex):
        raise TypeError(f"weight must be floating point or complex to be trained, got {kind}")
    if given is None:
        return torch.rand(shape, dtype=dtype, device=device)
    if dtype is not None and given.dtype != dtype:
        raise TypeError(f"weight is {given.dtype} but dtype={dtype} was asked for")
    if device is not None and given.device.type != torch.device(device).type:
        raise ValueError(f"weight is on {given.device} but device={device} was asked for")
    if given.shape != shape and not (math.prod(shape[:2]) == 1 and given.shape == shape[2:]):
        raise ValueError(f"weight must have shape {shape}, or (kh, kw) for one channel, got {tuple(given.shape)}")
    return given.detach().clone(memory_format=torch.contiguous_format)
