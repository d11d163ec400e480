"""``--compile``: the target under torch.compile.

TorchDynamo gives up on a function that it has compiled too often, and then calls it as it is without a word. So its
limit is raised above what is asked between two fresh starts, which the judge orders, and passing it is an error.
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
        dynamo = importlib.import_module("torch._dynamo.config")
        names = {"recompile_limit", "cache_size_limit", "accumulated_recompile_limit", "accumulated_cache_size_limit"}
        for name in names & set(dir(dynamo)):  # older releases have the older names
            setattr(dynamo, name, LIMIT)
        for name in {"fail_on_recompile_limit_hit", "fail_on_cache_limit_hit"} & set(dir(dynamo)):
            setattr(dynamo, name, True)
        inductor: Any = importlib.import_module("torch._inductor.config")
        inductor.compile_threads = 1  # in this process: no others are left running
        functorch: Any = importlib.import_module("torch._functorch.config")
        if hasattr(functorch, "donated_buffer"):  # else a graph could be differentiated only once
            functorch.donated_buffer = False

    def wrap(self, target: Any) -> Any:
        """The function compiled; or the class, whose modules are compiled in place, names and all."""
        if not isinstance(target, type):
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
