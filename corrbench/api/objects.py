"""What a notebook or a prompt defines, as a file: the source of a function or class and of the names that it uses.

The process that calls a target has nothing of the process in which it was defined. So its definition goes into a file
under ``.corrbench/objects``, with those that it uses; what has no source, or is no plain value, goes there pickled by
value (cloudpickle). The file is a target like any other: the commands that findings give work in a shell.
"""

from __future__ import annotations
import __future__

import ast
import base64
import builtins
import hashlib
import inspect
import linecache
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

PLAIN = (int, float, complex, str, bytes, bool, type(None))
Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def saved(thing: Callable[..., Any], folder: Path | None = None) -> str:
    """Write a function, a class or another object that can be called to a file, and return the target's name.

    Raises:
        ValueError: it has no source and cannot be pickled.
    """
    name = getattr(thing, "__name__", type(thing).__name__)
    name = name if str(name).isidentifier() else "target"
    text = Written().of(name, thing)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    place = (folder or Path(".corrbench", "objects")) / f"{name}-{digest}.py"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    except OSError:  # a folder that may not be written
        place = Path(tempfile.mkdtemp(prefix="corrbench-")) / place.name
        place.write_text(text, encoding="utf-8")
    return f"{place}:{name}"


@dataclass(slots=True)
class Written:
    """A module in the making: what it imports, the values and the definitions that one object needs."""

    imports: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    future: bool = False

    def of(self, name: str, thing: Any) -> str:
        """The text of the module.

        Raises:
            ValueError: see `saved`.
        """
        if not self._defined(name, thing):
            self.parts.append(pickled(name, thing))
        first = ["from __future__ import annotations"] if self.future else []
        head = f'"""{name}, as it was defined in a session that corrbench judged it from."""'
        return "\n".join([head, "", *first, *dict.fromkeys(self.imports), "", *self.parts]) + "\n"

    def _defined(self, name: str, thing: Any) -> bool:
        """Add a definition with all that it uses, if its source is there."""
        found = source(thing)
        if found is None or found[1].name != name:
            return False
        text, node, namespace, futuristic = found
        self.seen.add(name)
        self.future = self.future or futuristic
        used = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)]
        for other in dict.fromkeys(used):
            if other in namespace and other not in self.seen and namespace[other] is not vars(builtins).get(other, ...):
                self.seen.add(other)
                self._used(other, namespace[other])
        self.parts.append(text)
        return True

    def _used(self, name: str, value: Any) -> None:
        """Add what a definition uses under a name."""
        if isinstance(value, ModuleType) and value.__name__ != "__main__":
            self.imports.append(f"import {value.__name__} as {name}")
        elif (home := importable(value)) is not None:
            self.imports.append(f"from {home} import {value.__qualname__} as {name}")
        elif plain(value):
            self.parts.append(f"{name} = {value!r}")
        elif not self._defined(name, value):
            self.parts.append(pickled(name, value))


def source(thing: Any) -> tuple[str, Node, dict[str, Any], bool] | None:
    """The lines that define a function or a class, as they were typed, the names around it, and whether its annotations
    are postponed; None without any.

    What a closure holds is not in the source, so it has none.
    """
    inner = getattr(thing, "py_func", None) or (inspect.unwrap(thing) if callable(thing) else thing)
    methods = [one for one in vars(inner).values() if isinstance(one, FunctionType)] if inspect.isclass(inner) else []
    function = next((one for one in methods if one.__code__.co_filename[-11:] != "dataclasses.py"), inner)
    if not isinstance(function, FunctionType) or (function is inner and inner.__closure__):
        return None
    code, lines = function.__code__, linecache.getlines(function.__code__.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return None
    for node in reversed(tree.body):
        if isinstance(node, Node) and node.name == getattr(inner, "__name__", ""):
            start = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            postponed = bool(code.co_flags & __future__.annotations.compiler_flag)
            if start <= code.co_firstlineno <= (node.end_lineno or start):
                return "".join(lines[start - 1 : node.end_lineno]), node, function.__globals__, postponed
    return None


def importable(value: Any) -> str | None:
    """The module that another process can import a function or class from; None if there is none."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    known = sys.modules.get(module or "")
    if module in (None, "__main__") or not isinstance(name, str) or not name.isidentifier():
        return None
    return module if getattr(known, name, None) is value and getattr(known, "__file__", None) else None


def plain(value: Any) -> bool:
    """Whether what is written of a value gives it back."""
    if isinstance(value, list | tuple | set) and type(value) in (list, tuple, set):
        return all(map(plain, value))
    if type(value) is dict:
        return all(plain(key) and plain(item) for key, item in value.items())
    return type(value) in PLAIN and not (isinstance(value, float | complex) and "n" in repr(value))  # nan, inf


def pickled(name: str, value: Any) -> str:
    """A line that has a value from its pickle.

    Raises:
        ValueError: it cannot be pickled.
    """
    try:
        import cloudpickle

        text = base64.b64encode(cloudpickle.dumps(value)).decode()
    except ImportError:
        raise ValueError(
            f"{name} has no source here; with cloudpickle it can be judged: pip install cloudpickle"
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever an object does when it is pickled
        raise ValueError(
            f"{name} has no source and cannot be pickled ({type(error).__name__}: {error}): write it to a file, and "
            f"name that: path/to/file.py:{name}"
        ) from None
    return f'{name} = __import__("pickle").loads(__import__("base64").b64decode("{text}"))'
