"""The signature of a target: what the judge needs to know to find out how it is called."""

from __future__ import annotations

import contextlib
import inspect
import re
import sys
from typing import Any

from .library import Words

SOURCE = 1 << 16  # characters of source that are looked through


def signature(target: Any, form: str) -> Words:
    """The parameters of a target, or of what makes it; the arrays that its module knows; whether it can be bound."""
    with contextlib.suppress(TypeError, ValueError):
        found = inspect.signature(target)
        parameters = [one for one in found.parameters.values() if one.kind is not one.VAR_KEYWORD]
        text = source(target)
        return {
            "text": f"{getattr(target, '__name__', '?')}{found}"[:300],
            "parameters": [
                {"name": one.name, "required": one.default is one.empty and one.kind is not one.VAR_POSITIONAL,
                 "by_name": one.kind is one.KEYWORD_ONLY, "default": type(one.default).__name__,
                 "value": repr(one.default)[:40], "keys": keys(text, one.name)}
                for one in parameters[:32]
            ],
            "uses": uses(target), "makes": isinstance(target, type), "binds": binds(found, form),
        }  # fmt: skip
    return {"text": "", "parameters": [], "uses": uses(target), "makes": isinstance(target, type), "binds": True}


def source(target: Any) -> str:
    """The source of a target, as far as it can be had."""
    with contextlib.suppress(Exception):
        return inspect.getsource(target)[:SOURCE]
    return ""


def keys(text: str, name: str) -> list[str]:
    """The keys that a dictionary of this name is asked for in a source."""
    name = re.escape(name)
    found = re.findall(rf"\b{name}\s*\[\s*['\"](\w+)['\"]\s*\]|\b{name}\.get\(\s*['\"](\w+)['\"]", text)
    return list(dict.fromkeys(one or other for one, other in found))[:16]


def uses(target: Any) -> list[str]:
    """Which of torch and numpy the module of a target has imported, itself or a name of theirs."""
    module = sys.modules.get(getattr(target, "__module__", "") or "")
    around = getattr(inspect.unwrap(target), "__globals__", None) or vars(module or object())
    text = source(target)
    found = set()
    for value in list(around.values()):
        home = getattr(value, "__name__", "") if inspect.ismodule(value) else getattr(value, "__module__", "")
        found.add(str(home or "").partition(".")[0])
    return [name for name in ("torch", "numpy") if name in found or re.search(rf"\bimport {name}\b", text)]


def binds(found: inspect.Signature, form: str) -> bool:
    """Whether the form's simplest call fits a signature."""
    try:
        found.bind((1, 1), 0) if form == "module" else found.bind(0, 0)
    except TypeError:
        return False
    return True
