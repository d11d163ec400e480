"""``--compile``: the target under torch.compile.

TorchDynamo gives up on a function that it has compiled too often, and then calls it as it is without a word. So its
limit is raised above what is asked between two fresh starts, which the judge orders, and passing it is an error. So it
does with a function that raised while it was traced: after an exception all begins anew.
"""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import sysconfig
from typing import Any

from . import library
from .library import Unloadable

LIMIT = 512  # times that one function may be compiled before all is forgotten, at the judge's word


class NotCompiled(Exception):
    """TorchDynamo left the target as it is."""


class Compiled:
    """torch.compile, made ready."""

    def __init__(self) -> None:
        """Raises:
        Unloadable: a compiler or Python's headers are missing.
        """
        if library.torch is None:
            raise Unloadable("--compile is torch.compile: give --arrays torch")
        asked = os.environ.get("CXX", "")
        found = [name for name in (*shlex.split(asked)[:1], "g++", "clang++", "c++") if shutil.which(name)]
        if not found or (asked and not shutil.which(shlex.split(asked)[0])):
            missing = f"CXX={asked} is not there" if asked else "there is no g++ or clang++ on PATH"
            raise Unloadable(f"--compile needs a C++ compiler, and {missing}: install g++, or say in CXX where one is")
        headers = sysconfig.get_path("include")
        if not os.path.exists(os.path.join(headers, "Python.h")):
            raise Unloadable(
                f"--compile needs Python's headers, and there is no Python.h in {headers}: install them (python3-dev)"
            )
        os.environ.setdefault("CXX", found[0])
        dynamo: Any = importlib.import_module("torch._dynamo.config")
        word = (
            "recompile" if hasattr(dynamo, "recompile_limit") else "cache_size"
        )  # older releases have the older names
        setattr(dynamo, f"{word}_limit", LIMIT)
        setattr(dynamo, f"accumulated_{word}_limit", LIMIT)
        for name in ("fail_on_recompile_limit_hit", "fail_on_cache_limit_hit"):
            if hasattr(dynamo, name):
                setattr(dynamo, name, True)
        inductor: Any = importlib.import_module("torch._inductor.config")
        inductor.compile_threads = 1  # in this process: no others are left running
        self.counters: Any = importlib.import_module("torch._dynamo.utils").counters
        functorch: Any = importlib.import_module("torch._functorch.config")
        if hasattr(functorch, "donated_buffer"):  # else a graph could be differentiated only once
            functorch.donated_buffer = False

    def wrap(self, target: Any, *, makes: bool) -> Any:
        """The function compiled; or if it `makes` modules, as a class does, these compiled in place, names and all."""
        if not (makes or isinstance(target, type)):
            return library.torch.compile(target, dynamic=None)

        def made(*given: Any, **words: Any) -> Any:
            module = target(*given, **words)
            if not isinstance(module, library.torch.nn.Module):
                raise TypeError("torch.compile takes functions and modules, and this is neither")
            module.compile(dynamic=None)
            return module

        return made

    def forget(self) -> None:
        """Begin anew, as if nothing had been compiled."""
        library.torch._dynamo.reset()
        self.counters.clear()

    def must_have_compiled(self) -> None:
        """To be asked after a call.

        Raises:
            NotCompiled: since all was forgotten nothing has been compiled, and calls have been made as they are.
        """
        if not self.counters["stats"]["calls_captured"]:
            raise NotCompiled(
                "torch.compile compiled nothing of it, and called it as it is (graph breaks, or disabled)"
            )
