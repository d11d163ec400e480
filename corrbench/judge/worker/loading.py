"""Loading: the object that a spec names, and the form in which it is called."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

from . import artefacts
from .extraction import NotExtractable, Undefined, extract
from .library import Unloadable
from .sources import ENDS, parts

LIMIT = 20.0  # seconds that a file may take for its own statements before it is taken for a program
NESTED = 80.0  # seconds after which not even a module that it imports is waited for


class TooLong(BaseException):
    """The statements of a file took longer than they may; no handler of the file's own is meant to see it."""


def resolve(spec: str, undo: Callable[[], object], died: str = "") -> tuple[Any, str]:
    """The object that ``pkg.mod:attr``, ``path/file.py:attr`` or ``path/file.ipynb:attr`` names, or a function that
    calls an artefact, and what there is to say of how it was had.

    A file is imported. Only if that fails, and `undo` has put back what it changed, the target is taken out of it; that
    is the first thing tried with a notebook. `died` says what became of a process that imported the file.
    """
    if (load := artefacts.loader(spec)) is not None:
        return load(spec), ""
    place, colon, attribute = spec.rpartition(":")
    if not colon or not place or not attribute:
        raise Unloadable(f"{spec!r} is not of the form pkg.mod:attr or path/to/file.py:attr")
    note = ""
    if place.endswith(ENDS):
        module, note = from_file(spec, place, attribute, undo, died)
    else:
        try:
            module = importlib.import_module(place)
        except BaseException as error:
            raise reason(error, spec, place) from None
    found = reach(module, spec, place, attribute)
    if not callable(found):
        there = f"; its method can be named: {spec}.forward" if callable(getattr(found, "forward", None)) else ""
        kind = type(found).__name__
        kind = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
        raise Unloadable(f"it is {kind}, which cannot be called{there}")
    return found, note


def from_file(spec: str, place: str, attribute: str, undo: Callable[[], object], died: str) -> tuple[Any, str]:
    """The module of a file, or as much of it as the target needs, and what there is to say of that."""
    if not os.path.exists(place):
        raise Unloadable(f"no such file: {place}")
    if not died and (module := in_package(place, undo)) is not None:
        return module, ""
    sys.path.insert(0, os.path.dirname(os.path.abspath(place)))
    name, why = attribute.partition(".")[0], died
    failed, final = Unloadable(), False
    ways = ("part",) if died else ("part", "whole") if place.endswith(".ipynb") else ("whole", "part")
    for way in ways:
        module, own = blank(place)
        try:
            if way == "part":
                with named(place):
                    count = extract(parts(place), name, vars(module))
                return module, told(place, why, name, count)
            with named(place), limited():
                if own is not None:
                    own.exec_module(module)
                else:
                    for part in parts(place):
                        exec(compile(part.tree, part.name, "exec", dont_inherit=True), vars(module))
            return module, ""
        except BaseException as error:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
            why = f"importing it {deed(error)}"
            # The first reason is the one: what the whole file does matters only where it is that which is wanted.
            failed, final = failed if final else reason(error, spec, place), type(error) is not NotExtractable
        undo()
    raise failed


def in_package(place: str, undo: Callable[[], object]) -> ModuleType | None:
    """The module of a file in a package, imported as the package's, so that its relative imports work; None if it is in
    none, or cannot be had so: then the file is tried alone.
    """
    folder, file = os.path.split(os.path.abspath(place))
    names = [file.removesuffix(".py")]
    while os.path.isfile(os.path.join(folder, "__init__.py")) and os.path.basename(folder).isidentifier():
        folder, parent = os.path.split(folder)
        names.insert(0, parent)
    if len(names) == 1 or not file.endswith(".py") or not names[-1].isidentifier() or names[-1] == "__init__":
        return None
    before, dotted = set(sys.modules), ".".join(names)
    sys.path.insert(0, folder)
    try:
        with limited():
            module = importlib.import_module(dotted)
        if os.path.samefile(getattr(module, "__file__", None) or folder, place):
            return module
    except BaseException:  # another way is tried, and says why it fails
        pass
    sys.path.remove(folder)
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == names[0]:
            del sys.modules[name]
    undo()
    return None


def blank(place: str) -> tuple[ModuleType, Any]:
    """A module for a file, of which nothing is executed yet, and what loads it; None for a notebook."""
    name = os.path.splitext(os.path.basename(place))[0]
    name = "main" if name == "__main__" else name  # what is for the program is not executed
    found = importlib.util.spec_from_file_location(name, place)
    module = importlib.util.module_from_spec(found) if found is not None else ModuleType(name)
    module.__file__ = os.path.abspath(place)
    sys.modules.setdefault(name, module)
    return module, found.loader if found is not None else None


@contextlib.contextmanager
def named(place: str) -> Iterator[None]:
    """For as long as a file is executed it is the program, without arguments."""
    before, sys.argv = sys.argv, [place]
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise `TooLong` in what takes longer than it may, but not in the middle of the import of another module: not
    every one can be imported once more. A file that sets an alarm of its own keeps it.
    """
    began = time.monotonic()

    def ring(_number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 1.0)  # and once more, should it be swallowed
        while frame is not None and time.monotonic() - began < NESTED:
            if frame.f_code.co_name == "_find_and_load" and frame.f_code.co_filename.startswith("<frozen importlib"):
                return
            frame = frame.f_back
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGALRM) is ring:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def reach(module: Any, spec: str, place: str, attribute: str) -> Any:
    """The attribute of a module at a dotted path."""
    found = module
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            if error.name != part or error.obj is not found:  # a module that looks for it, and fails at something else
                raise reason(error, spec, place) from None
            there = {name.lower(): name for name in vars(found)} if hasattr(found, "__dict__") else {}
            near = [repr(there[name]) for name in difflib.get_close_matches(part.lower(), there, 2, 0.75)]
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise Unloadable(f"{place} has no {attribute!r}{hint}") from None
        except BaseException as error:
            raise reason(error, spec, place) from None
    return found


# ---- in words


def reason(error: BaseException, spec: str, place: str) -> Unloadable:
    """Why the import of a target failed."""
    if isinstance(error, SyntaxError) and (not place.endswith(ENDS) or error.filename == os.path.abspath(place)):
        return Unloadable(f"{place} does not parse: line {error.lineno}: {error.msg}")
    if isinstance(error, ModuleNotFoundError) and error.name:
        said = f"no module named {error.name!r} (while loading {spec!r}, in {os.getcwd()})"
        return Unloadable(f"{said}; if another environment has it, give its interpreter with --python")
    if isinstance(error, Undefined):
        return Unloadable(f"{place} has no {spec.rpartition(':')[2]!r}")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(("<", "process."))]
    package = place.partition(".")[0]
    own = [os.path.abspath(place)] if place.endswith(ENDS) else [f"/{package}/", f"/{package}.py"]
    theirs = [f for f in frames if any(part in f.filename for part in own)]
    inner = (theirs or frames)[-1:]
    at = "".join(f" ({os.path.basename(frame.filename)}:{frame.lineno})" for frame in inner)
    said = f": {error}" if not isinstance(error, TooLong) else ""
    return Unloadable(f"importing {place} {deed(error, whole=False)}{said}{at}")


def deed(error: BaseException, *, whole: bool = True) -> str:
    """What an import did, but for its message unless it is wanted `whole`."""
    if isinstance(error, TooLong):
        return f"took more than {LIMIT:g} s"
    said = str(error).strip().splitlines()[:1] if whole and not isinstance(error, SystemExit) else []
    return f"raised {type(error).__name__}" + "".join(f" ({line[:100]})" for line in said)


def told(place: str, why: str, name: str, count: int) -> str:
    """That a target was taken out of its file, which is not what a user may take for granted."""
    uses = "" if not count else " and the definition it uses" if count == 1 else f" and the {count} definitions it uses"
    because = f": {why}; " if why else ": "
    taken = f"{'were' if count else 'was'} taken out of {'its cells' if place.endswith('.ipynb') else 'it'}"
    return f"{os.path.basename(place)} was not run{because}{name}{uses} {taken}"


# ---- what a target is


def prepare(needs: str, environ: str) -> None:
    """Set the variables and import the library that an adapter needs."""
    os.environ.update(word.partition("=")[::2] for word in environ.split())
    if needs:
        try:
            importlib.import_module(needs)
        except ImportError as error:
            raise Unloadable(
                f"{needs} is not installed in this environment ({error}); install it, "
                "or name the interpreter of an environment that has it: --python PATH"
            ) from None


def recognise(target: Any) -> str:
    """The form that the signature shows: corr2d, conv2d or module."""
    if isinstance(target, type):
        return "module"
    try:
        names = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return "conv2d"  # builtins such as torch.conv2d have no signature
    others = {"bias", "stride", "padding", "dilation", "groups"} & set(names[2:])
    return "conv2d" if others or len(names) > 2 or "input" in names[:1] or names[:1] == ["args"] else "corr2d"


def origin(target: str) -> str:
    """The file that a target's module is to come from, found before anything of it runs; empty where there is none."""
    place = target.rpartition(":")[0]
    names = place.split(".")
    if place.endswith(ENDS):
        return os.path.abspath(place)
    if artefacts.loader(target) is not None or not all(name.isidentifier() for name in names):
        return ""
    where: Any = None
    file: str | None = None
    for count in range(1, len(names) + 1):
        found = (finder.find_spec(".".join(names[:count]), where) for finder in sys.meta_path)
        spec = next(filter(None, found), None)
        if spec is None:
            return ""
        where, file = spec.submodule_search_locations, spec.origin if spec.has_location else None
    return os.path.abspath(file) if file else ""


def version(*places: str) -> str:
    """Version of the library under test: of the first of these modules, or the packages they are in, that has one."""
    for place in places:
        whole = place.partition(":")[0]
        package = whole.partition(".")[0]
        for name in (whole, package):
            if found := getattr(sys.modules.get(name), "__version__", ""):
                return str(found)
        if package in sys.modules:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                return importlib.metadata.version(package)
    return ""
