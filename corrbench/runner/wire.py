"""Values that cross from a judge's process to the user's: as JSON, read back by their types, never as a program."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from corrbench.case import Case
from corrbench.result import Result


class Unreadable(ValueError):
    """What came is not of the type that was expected; the message says in what."""


def encode(value: Any) -> Any:
    """A value of dataclasses, collections, texts and numbers as JSON types."""
    if isinstance(value, Case):
        return str(value)
    if isinstance(value, Result):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: encode(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(encode(item) for item in value)
    return value


def decode(value: Any, kind: Any) -> Any:
    """The value of a type that `encode` was given.

    Raises:
        Unreadable: it is none.
    """
    try:
        return _decode(value, kind)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(f"no {getattr(kind, '__name__', kind)}: {type(error).__name__}: {error}") from None


def _decode(value: Any, kind: Any) -> Any:
    if kind is Any or kind is object:
        return value
    if kind is Case:
        return Case.parse(value)
    if kind is Result:
        return Result.from_json(value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _one_of(value, inner)
    if origin in (list, set, frozenset) and isinstance(value, list):
        return origin(_decode(item, inner[0]) for item in value)
    if origin is tuple and isinstance(value, list):
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_decode(item, one) for item, one in zip(value, kinds, strict=True))
    if origin is dict and isinstance(value, dict):
        return {_decode(key, inner[0]): _decode(item, inner[1]) for key, item in value.items()}
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        hints = _hints(kind)
        return kind(**{name: _decode(item, hints[name]) for name, item in value.items()})
    if kind is float and type(value) in (int, float):
        return float(value)
    if kind in (None, NoneType) and value is None:
        return None
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise TypeError(f"{type(value).__name__} where {kind} is due")


def _one_of(value: Any, kinds: tuple[Any, ...]) -> Any:
    """The value in the first of several types that it fits."""
    for kind in kinds:
        try:
            return _decode(value, kind)
        except (TypeError, ValueError):
            continue
    raise TypeError(f"{type(value).__name__} where one of {kinds} is due")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
