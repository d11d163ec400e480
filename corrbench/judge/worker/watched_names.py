"""Functions that the target shares with its watchers, and names of others' modules: nobody is to replace them."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from operator import is_, itemgetter
from types import ModuleType
from typing import Any

from . import library

WATCHED = (
    "torch.allclose", "torch.equal", "torch.isclose", "torch.testing.assert_close", "torch.autograd.gradcheck",
    "torch.manual_seed", "torch.empty", "torch.zeros", "torch.from_numpy", "torch.get_rng_state",
    "torch.get_default_dtype", "torch.is_grad_enabled", "numpy.allclose", "numpy.array_equal", "numpy.empty",
    "numpy.zeros", "numpy.full", "numpy.asarray", "numpy.ascontiguousarray", "numpy.frombuffer",
    "numpy.testing.assert_allclose", "numpy.testing.assert_array_equal", "numpy.random.get_state", "numpy.geterr",
    "random.getstate", "hashlib.blake2b", "math.isclose", "time.perf_counter", "time.time", "time.monotonic",
    "gc.collect", "builtins.print", "builtins.__import__", "builtins.abs", "builtins.all", "builtins.max",
    "os.write", "os.read", "os.environ", "os.getcwd", "os.getpid", "os.listdir", "json.dumps", "json.loads",
    "zlib.crc32", "sys.exit",
)  # fmt: skip
WHOLE = (
    "torch.nn.functional",
    "torch.nn",
    "torch.autograd",
    "torch.linalg",
    "torch.fft",
    "torch",
    "numpy",
    "builtins",
    "math",
)  # modules none of whose names may be given another value

# What this file calls, as it is before any target is loaded.
modules, get_referents = sys.modules, gc.get_referents
Table = tuple[Any, Callable[[Any], Sequence[Any]]]


class Functions:
    """The functions that must stay what they are: those of `WATCHED`, and all of the modules `own`."""

    def __init__(self, own: list[ModuleType]) -> None:
        owners = {path: modules.get(path.rpartition(".")[0]) for path in WATCHED}
        self.modules = {module.__name__: module for module in owners.values() if module is not None}
        self.each = [
            (path, owner, name, getattr(owner, name))
            for (path, owner), name in zip(owners.items(), (path.rpartition(".")[2] for path in WATCHED), strict=True)
            if hasattr(owner, name)
        ]
        for module in own:
            self.each += parts(module, module.__name__)
        self.tables = tables(self.each)
        self.values = flat(self.tables)

    def replaced(self) -> list[str]:
        """Modules and functions that somebody put others in the place of."""
        found = [f"module {name}" for name, module in self.modules.items() if modules.get(name) is not module]
        now: list[Any] = []
        with contextlib.suppress(KeyError):
            now = flat(self.tables)
            if same(now, self.values):
                return found
        strange = [
            path
            for path, owner, name, was in self.each
            if (held := getattr(owner, name, None)) is not was and foreign(held, was)
        ]
        if now and not strange:
            self.values = now  # torch has wrapped its own as a part of it loaded
        return found + strange

    def restore(self) -> None:
        """Put back what was replaced."""
        modules.update(self.modules)
        for _, owner, name, was in self.each:
            if getattr(owner, name, None) is not was:
                setattr(owner, name, was)


class Names:
    """The names of a module that are its users': functions and classes, with the values that they have."""

    def __init__(self, module: ModuleType) -> None:
        self.path, self.held = module.__name__, vars(module)
        self.names = tuple(name for name, value in self.held.items() if callable(value) and not name.startswith("__"))
        self.values = tuple(self.held[name] for name in self.names)
        self.every = tuple(self.held.values())

    def renamed(self) -> list[str]:
        """Names that have another value now, other than torch gives them when parts of it load."""
        if len(self.held) >= len(self.every) and all(map(is_, self.held.values(), self.every)):
            return []  # new names come after the others, and are nobody's yet
        found = [f"{self.path}.{name}" for name, was in zip(self.names, self.values, strict=True)
                 if (now := self.held.get(name)) is not was and foreign(now, was)]  # fmt: skip
        if not found:
            self.every = tuple(self.held.values())
        return found

    def restore(self) -> None:
        for name, value in zip(self.names, self.values, strict=True):
            if self.held.get(name) is not value and foreign(self.held.get(name), value):
                self.held[name] = value


def others() -> list[Names]:
    """The names of the modules of `WHOLE` that are loaded."""
    return [Names(modules[name]) for name in WHOLE if name in modules]


def same(now: Sequence[Any], was: Sequence[Any]) -> bool:
    """Whether these are the very same objects."""
    return len(now) == len(was) and all(map(is_, now, was))


def foreign(now: Any, was: Any) -> bool:
    """Whether a function was replaced, other than by torch wrapping its own (as torch._dynamo does when it loads)."""
    code = getattr(now, "__code__", None)
    own = (
        library.torch is not None
        and code is not None
        and code.co_filename.startswith(os.path.dirname(library.torch.__file__) + os.sep)
    )
    return not (own and inspect.unwrap(now) is inspect.unwrap(was))


def parts(owner: Any, path: str) -> list[tuple[str, Any, str, Any]]:
    """The functions of a module or class of this package, those of its classes included, as `World` watches them; of a
    module also the modules that it uses.
    """
    found = []
    for name, value in list(vars(owner).items()):
        used = isinstance(owner, ModuleType) and (callable(value) or isinstance(value, ModuleType))
        if inspect.isfunction(value) or used:
            found.append((f"{path}.{name}", owner, name, value))
        if inspect.isfunction(value) and value.__module__ == path:
            found.append((f"{path}.{name}.__code__", value, "__code__", value.__code__))
        if inspect.isclass(value) and value.__module__ == path:
            found += parts(value, f"{path}.{name}")
    return found


def of_all(functions: Sequence[Any]) -> Sequence[Any]:
    """What functions are made of. To read `__code__` of each is an event for every hook of the interpreter's."""
    return get_referents(*functions)


def flat(tables: list[Table]) -> list[Any]:
    """All that the tables hold now."""
    return [*chain.from_iterable([read(held) for held, read in tables])]


def tables(functions: list[tuple[str, Any, str, Any]]) -> list[Table]:
    """What holds the functions that `World` watches, each with what reads all of them at once: one by one they take
    four times as long.
    """
    own = tuple(owner for _, owner, name, _ in functions if name == "__code__")
    owned: dict[int, tuple[Any, list[str]]] = {}
    for _, owner, name, _ in functions:
        if name != "__code__":
            owned.setdefault(id(owner), (owner, []))[1].append(name)
    return [(vars(owner), itemgetter(names[0], *names)) for owner, names in owned.values()] + [(own, of_all)]
