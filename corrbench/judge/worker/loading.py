"""Loading: the object that a spec names, and the form in which it is called."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from typing import Any

from . import artefacts
from .library import Unloadable


def resolve(spec: str) -> Any:
    """The object that ``pkg.mod:attr`` or ``path/file.py:attr`` names, or a function that calls an artefact."""
    if (load := artefacts.loader(spec)) is not None:
        return load(spec)
    place, colon, attribute = spec.rpartition(":")
    if not colon or not place or not attribute:
        raise Unloadable(f"{spec!r} is not of the form pkg.mod:attr or path/to/file.py:attr")
    try:
        if place.endswith(".py"):
            if not os.path.exists(place):
                raise Unloadable(f"no such file: {place}")
            sys.path.insert(0, os.path.dirname(os.path.abspath(place)))
            name = os.path.splitext(os.path.basename(place))[0]
            module_spec = importlib.util.spec_from_file_location(name, place)
            assert module_spec is not None
            assert module_spec.loader is not None
            module = importlib.util.module_from_spec(module_spec)
            sys.modules.setdefault(name, module)
            module_spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        found: Any = module
        for part in attribute.split("."):
            found = getattr(found, part)
    except Unloadable:
        raise
    except SyntaxError as error:
        raise Unloadable(f"{place} does not parse: line {error.lineno}: {error.msg}") from None
    except ModuleNotFoundError as error:
        raise Unloadable(f"no module named {error.name!r} (while loading {spec!r}, in {os.getcwd()})") from None
    except AttributeError as error:
        raise Unloadable(f"{place} has no {attribute!r}: {error}") from None
    except BaseException as error:
        raise Unloadable(f"importing {place} raised {type(error).__name__}: {error}") from None
    if not callable(found):
        raise Unloadable(f"{spec!r} is a {type(found).__name__}, which cannot be called")
    return found


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
    """The file that a loaded target's module came from; empty where it has none."""
    place = target.rpartition(":")[0]
    found = place if place.endswith(".py") else getattr(sys.modules.get(place), "__file__", None) or ""
    return os.path.abspath(found) if found else ""


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
