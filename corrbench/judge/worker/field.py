"""Tensors over a prime field: torch's operators, each with its meaning for residues, caught where they are dispatched.

A tensor here has a shape, strides and an element type, and no memory: it cannot be read but by an operator.
Operators that move elements do so to the residues as they would to floats; sums and products are taken in the field;
what decides by a value, or has no meaning there, raises `Refused`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from . import library
from .field_operators import (
    DECIDING,
    DEGREES,
    FACTORIES,
    FUSED,
    IN_DOUBLE,
    MOVES,
    RANDOM,
    READS,
    SETTINGS,
    arithmetic,
    convolved,
)
from .residues import Record


@cache
def tensors() -> Any:
    """The class of tensors over the field, made once torch is there."""
    torch = library.torch

    class FieldTensor(torch.Tensor):  # type: ignore[misc, name-defined]
        """Residues behind the shape, strides and element type of an ordinary tensor."""

        __torch_function__ = torch._C._disabled_torch_function_impl

        @staticmethod
        def __new__(cls: Any, inner: Any, dtype: Any, degree: list[int], record: Record) -> Any:
            made = torch.Tensor._make_wrapper_subclass(
                cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=dtype,
                device=inner.device,
            )  # fmt: skip
            made.inner, made.degree, made.record = inner, degree, record
            return made

        def __init__(self, *_: Any) -> None:
            pass

        @classmethod
        def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            for one in (*args, *(kwargs or {}).values()):
                for part in one if isinstance(one, (list, tuple)) else (one,):
                    if isinstance(part, FieldTensor):
                        return dispatched(func, args, kwargs or {}, part.record)
            return func(*args, **(kwargs or {}))

    return FieldTensor


def mode(record: Record) -> Any:
    """A context in which what makes tensors makes such of the field."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Field(TorchDispatchMode):
        """Every operator that torch dispatches meanwhile."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return dispatched(func, args, kwargs or {}, record)

    return Field()


def dispatched(func: Any, args: Any, kwargs: Any, record: Record) -> Any:
    """What an operator returns; over ordinary tensors, such as those of indices, what it always does."""
    kind, name = tensors(), func._schema.name.partition("::")[2]
    parts = [part for one in (*args, *kwargs.values()) for part in (one if isinstance(one, (list, tuple)) else (one,))]
    if not any(isinstance(part, kind) for part in parts):
        return created(func, name, args, kwargs, record)
    if name in FACTORIES:
        like = library.torch.empty_strided(args[0].shape, args[0].stride(), dtype=args[0].dtype)
        return created(func, name, (like, *args[1:]), kwargs, record)
    record.called(name)
    plain = name.removesuffix("_")
    if name in DECIDING or plain in DECIDING:
        said = "reads a number of" if name in READS else "decides by"
        raise record.refuse("data", f"{name} {said} the operands")
    if "out" in kwargs:
        out = kwargs.pop("out")
        return written(out, computed(func, plain, args, kwargs, record), record)
    if plain in ("fill", "zero"):
        value = args[1] if len(args) > 1 else 0
        return written(args[0], constant(value, args[0], record), record)
    if plain in MOVES or name in MOVES:
        return moved(func, name, args, kwargs, record)
    made = computed(func, plain, args, kwargs, record)
    return written(args[0], made, record) if name != plain and not name.startswith("_") else made


def created(func: Any, name: str, args: Any, kwargs: Any, record: Record) -> Any:
    """A new tensor: numbers of the field, unless they are whole. What is not initialised, or drawn, is random."""
    torch, made = library.torch, func(*args, **kwargs)
    if name == "detach" or not isinstance(made, torch.Tensor) or not made.dtype.is_floating_point:
        return made
    if name in RANDOM:
        inner = torch.empty_like(made, dtype=torch.int64).random_(record.prime)
        return tensors()(inner, made.dtype, [1], record)
    if name in FACTORIES or name == "lift_fresh" or not made._is_view():
        return constant(made, made, record)
    return made


def constant(value: Any, like: Any, record: Record) -> Any:
    """Residues of constants, a number or a tensor of them, in the shape of `like`."""
    torch = library.torch
    if isinstance(value, tensors()):
        inner, degree = value.inner.expand(like.shape).clone(), value.degree[0]
    elif isinstance(value, torch.Tensor):
        plain, degree = value.detach().double().expand(like.shape), 0
        if not bool(torch.isfinite(plain).all()):
            raise record.refuse("unknown", "a constant that is not finite")
        inner = plain.long() % record.prime
        if not bool((plain == plain.round()).all()):
            numbers = [record.number(one) for one in plain.reshape(-1).tolist()]
            inner = torch.tensor(numbers, dtype=torch.int64).reshape(like.shape)
    else:
        inner, degree = torch.full(tuple(like.shape), record.number(value), dtype=torch.int64), 0
    return tensors()(inner, like.dtype, [degree], record)


def written(target: Any, made: Any, record: Record) -> Any:
    """Write a result into an existing tensor."""
    if not isinstance(target, tensors()):
        raise record.refuse("unknown", "a write into memory that was made outside of torch")
    target.inner.copy_(made.inner)
    target.degree[0] = max(target.degree[0], made.degree[0])
    return target


def highest(parts: list[Any]) -> int:
    """The highest degree among what is of the field."""
    kind = tensors()
    flat = [one for part in parts for one in (part if isinstance(part, (list, tuple)) else (part,))]
    return max((one.degree[0] for one in flat if isinstance(one, kind)), default=0)


def moved(func: Any, name: str, args: Any, kwargs: Any, record: Record) -> Any:
    """An operator that moves elements, done to the residues."""
    torch, kind = library.torch, tensors()
    if name == "_to_copy":
        dtype = kwargs.get("dtype") or args[0].dtype
        if not dtype.is_floating_point:
            raise record.refuse("data", f"a conversion of values to {str(dtype).removeprefix('torch.')}")
        return kind(args[0].inner.clone(), dtype, [args[0].degree[0]], record)
    places = {"index": 1, "index_select": 2, "gather": 2, "index_put": 1, "index_put_": 1, "take": 1, "scatter": 2}
    if name in places:
        at = args[places[name]]
        if any(isinstance(one, kind) for one in (at if isinstance(at, (list, tuple)) else (at,))):
            raise record.refuse("data", f"{name} takes an address from the operands")
    if name.startswith("index_put") and len(args) > 3 and args[3]:
        raise record.refuse("unknown", "index_put that accumulates")
    given = [of_field(one, args[0], record) for one in args] if name != "lift_fresh" else [args[0].inner]
    words = {key: value for key, value in kwargs.items() if key not in ("dtype", "layout", "device", "pin_memory")}
    found = func(given[0].double(), *given[1:], **words).long() if name in IN_DOUBLE else func(*given, **words)
    returns = func._schema.returns[0].alias_info
    dtype = next(one.dtype for part in args for one in (part if isinstance(part, (list, tuple)) else (part,))
                 if isinstance(one, kind))  # fmt: skip
    if returns is not None and returns.is_write:
        if not isinstance(args[0], kind):
            raise record.refuse("unknown", "a write into memory that was made outside of torch")
        args[0].degree[0] = max(args[0].degree[0], highest(list(args[1:])))
        return args[0]
    shared = returns is not None and isinstance(args[0], kind)
    degree = args[0].degree if shared else [highest(list(args))]
    if isinstance(found, (list, tuple)):
        return type(found)(kind(one, dtype, args[0].degree if isinstance(args[0], kind) else degree, record)
                           for one in found)  # fmt: skip
    return kind(found, dtype if found.dtype == torch.int64 else found.dtype, degree, record)


def of_field(value: Any, first: Any, record: Record) -> Any:
    """An argument of an operator on residues."""
    torch, kind = library.torch, tensors()
    if isinstance(value, kind):
        return value.inner
    if isinstance(value, torch.Tensor) and value.dtype.is_floating_point:
        return constant(value, value, record).inner
    if isinstance(value, (list, tuple)) and any(isinstance(one, torch.Tensor) for one in value):
        return [of_field(one, first, record) for one in value]
    if isinstance(value, float):
        return record.number(value)
    return value


def computed(func: Any, name: str, args: Any, kwargs: Any, record: Record) -> Any:
    """Sums and products in the field. The element type is what torch would give."""
    _torch, kind, p = library.torch, tensors(), record.prime
    if name not in arithmetic() and name not in ("div", "true_divide"):
        raise record.refuse("unknown", f"{name} has no meaning over the field")
    degrees = [one.degree[0] if isinstance(one, kind) else 0 for one in args]
    dtype = kwargs.get("dtype") or promoted(args)
    if not dtype.is_floating_point:
        raise record.refuse("unknown", f"{name} to {dtype}")
    degree = sum(degrees) if name in DEGREES else max(degrees)
    if name in ("div", "true_divide"):
        if kwargs.get("rounding_mode") or degrees[1]:
            raise record.refuse("data", "a division that rounds, or by what depends on the operands")
        args, name = (args[0], inverse(args[1], record)), "mul"
    if name == "convolution":
        found, degree = as_axiom(args, record), max(degrees[0] + degrees[1], degrees[2])
        return kind(found.contiguous(), dtype, [degree], record)
    if name in FUSED:
        degree = max(degrees[0], degrees[1] + degrees[2])
    if name == "pow":
        if (not isinstance(args[1], int) and not (isinstance(args[1], float) and args[1].is_integer())) or args[1] < 0:
            raise record.refuse("unknown", f"the power {args[1]}")
        args, degree = (args[0], int(args[1])), degrees[0] * int(args[1])
    if name == "square":
        degree = 2 * degrees[0]
    fixed = SETTINGS.get(name, ())
    given = [one if place in fixed else residue(one, record) for place, one in enumerate(args)]
    words = {key: record.number(value) if key in ("alpha", "beta", "value") else value
             for key, value in kwargs.items() if key != "dtype"}  # fmt: skip
    make = arithmetic()[name]
    if make is None:
        raise record.refuse("unknown", f"{name} has no meaning over the field")
    return kind(make(*given, **words, p=p).contiguous(), dtype, [degree], record)


def promoted(args: Any) -> Any:
    """The element type that torch gives a result of these arguments, by their own and their axes."""
    torch, found = library.torch, None
    for one in args:
        if isinstance(one, torch.Tensor):
            other: Any = torch.empty((0,) * one.dim(), dtype=one.dtype)
        elif isinstance(one, bool) or not isinstance(one, (int, float)):
            continue
        else:
            other = one
        if found is None:
            found = other
        else:
            axes = max(getattr(found, "ndim", 0), getattr(other, "ndim", 0))
            found = torch.empty((0,) * axes, dtype=torch.result_type(found, other))
    return found.dtype


def residue(value: Any, record: Record) -> Any:
    """A number or a tensor as residues."""
    torch = library.torch
    if isinstance(value, tensors()):
        return value.inner
    if isinstance(value, torch.Tensor):
        return constant(value, value, record).inner if value.dtype.is_floating_point else value % record.prime
    return record.number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def inverse(value: Any, record: Record) -> Any:
    """The inverses of constants."""
    torch, p = library.torch, record.prime
    plain = residue(value, record)
    numbers = plain.reshape(-1).tolist() if isinstance(plain, torch.Tensor) else [plain]
    if not all(numbers):
        raise record.refuse("unknown", "a division by zero")
    found = [pow(one, -1, p) for one in numbers]
    if not isinstance(plain, torch.Tensor):
        return found[0]
    inner = torch.tensor(found, dtype=torch.int64).reshape(plain.shape)
    return tensors()(inner, torch.float64, [0], record)


def as_axiom(args: Any, record: Record) -> Any:
    """`aten.convolution` by what it is documented to compute; it is told as an assumption."""
    x, w, b, stride, padding, dilation, transposed, _, groups = args
    if transposed or len(x.shape) != 4:
        raise record.refuse("unknown", "a convolution of another kind than 2-D cross-correlation")
    x, w = residue(x, record), residue(w, record)
    found = convolved(x, w, stride, padding, dilation, groups, record.prime)
    return found if b is None else (found + residue(b, record).reshape(1, -1, 1, 1)) % record.prime
