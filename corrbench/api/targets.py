"""Functions and classes as targets: by the name under which a module has them, or written to a file of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from typing import Any, TypedDict, Unpack

from corrbench.target import Given


class Options(TypedDict, total=False):
    """The fields of `corrbench.runner.by_item.Request` beside the target, written out for those who check types."""

    profile: str
    checks: Sequence[str]
    suites: Sequence[str]
    baseline: str
    form: str
    arrays: str
    accuracy: str
    device: str
    sanitize: str
    sandbox: str
    python: str
    compile: bool
    timeout: float
    memory: float
    call: str
    layer: str
    params: str
    backward: str
    layout: str
    output: str
    kernels: str
    result: str
    dtypes: str
    flip: bool
    strict: bool
    no_guess: bool


@dataclass(frozen=True, slots=True)
class Adapted:
    """A target with the convention in which it is called; stands wherever a target may be given.

    Attributes:
        target: ``pkg.mod:attr`` or ``path/to/file.py:attr``.
        options: how it is called, named as the options of `corrbench verify`.
    """

    target: str
    options: dict[str, Any] = field(default_factory=dict)


Target = str | Callable[..., Any] | Adapted


def adapt(target: str | Callable[..., Any], **options: Unpack[Options]) -> Adapted:
    """A target in its own convention: ``adapt(conv_forward, call="f(x, w, b, dict(stride=s, pad=p))[0]")``.

    Args:
        target: a name as the command line takes it, or the function or class.
        options: call, layer, params, backward, layout, output, flip, kernels, result, arrays and the others.

    Raises:
        ValueError: the object cannot be found by a name; or an option is none of its choices, or contradicts another.
        TypeError: no such option.
    """
    name = target if isinstance(target, str) else place(target)
    known = Options.__annotations__
    if unknown := [option for option in options if option not in known]:
        raise TypeError(f"no option {unknown[0]!r}; there are: {', '.join(known)}")
    called: dict[str, Any] = {key: value for key, value in options.items() if key in Given.__dataclass_fields__}
    try:
        Given(**called)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return Adapted(name, dict(options))


def place(thing: Callable[..., Any]) -> str:
    """``pkg.mod:name`` of a function or class, or ``path/to/file.py:name`` where its module is not on the path.

    Raises:
        ValueError: a module does not have it under its name, or is no file.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    found: Any = sys.modules.get(module or "")
    for part in (name or "?").split("."):
        found = getattr(found, part, None)
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    if found is not thing or not module or not name or (module == "__main__" and file is None):
        raise ValueError(
            f"{thing!r} cannot be found by a name, and the process that judges it has to: define it at the top of a "
            'module, or name it, as "pkg.mod:attr" or "path/to/file.py:attr"'
        )
    return f"{module}:{name}" if file is None or _found(module) == file else f"{os.path.relpath(file)}:{name}"


def named(target: Target) -> tuple[str, dict[str, Any]]:
    """The name of a target, and the options that come with it. What no module has is written to a file.

    Raises:
        ValueError: it can be neither named nor written.
    """
    if isinstance(target, Adapted):
        return target.target, dict(target.options)
    if isinstance(target, str):
        return target, {}
    if not callable(target):
        raise ValueError(f"a target is a name, a function or a class, not {type(target).__name__}: {target!r:.60}")
    try:
        return place(target), {}
    except ValueError:
        from corrbench.api.objects import saved

        return saved(target), {}


def _found(module: str) -> str | None:
    """The file that another process with the same path would import; None if it would find none."""
    if module == "__main__":
        return None
    spec: ModuleSpec | None = None
    names = module.split(".")
    for end in range(1, len(names) + 1):
        path = spec.submodule_search_locations if spec else None
        finders = (find for finder in sys.meta_path if (find := getattr(finder, "find_spec", None)))
        spec = next((found for find in finders if (found := find(".".join(names[:end]), path))), None)
        if spec is None:
            return None
    return spec.origin if spec else None
