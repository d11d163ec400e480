"""Global state that a target must leave as it was: watched, and put back."""

from __future__ import annotations

import contextlib
import inspect
import os
import random
import sys
from hashlib import blake2b
from types import ModuleType
from typing import Any

import numpy as np

from . import library

WATCHED = (
    "torch.allclose", "torch.equal", "torch.isclose", "torch.testing.assert_close", "torch.autograd.gradcheck",
    "torch.manual_seed", "torch.empty", "torch.zeros", "torch.from_numpy", "torch.get_rng_state",
    "torch.get_default_dtype", "torch.is_grad_enabled", "numpy.allclose", "numpy.array_equal", "numpy.empty",
    "numpy.zeros", "numpy.full", "numpy.asarray", "numpy.ascontiguousarray", "numpy.frombuffer",
    "numpy.testing.assert_allclose", "numpy.testing.assert_array_equal", "numpy.random.get_state", "numpy.geterr",
    "random.getstate", "hashlib.blake2b", "math.isclose", "time.perf_counter", "time.time", "time.monotonic",
    "gc.collect", "builtins.print", "builtins.abs", "builtins.all", "builtins.max", "os.write", "os.read", "os.environ",
    "os.getcwd", "os.getpid", "os.listdir", "json.dumps", "json.loads", "sys.exit",
)  # fmt: skip
SETTINGS = {  # name: (read, write)
    "default dtype": ("get_default_dtype", "set_default_dtype"),
    "gradient mode": ("is_grad_enabled", "set_grad_enabled"),
    "thread count": ("get_num_threads", "set_num_threads"),
    "deterministic algorithms": ("are_deterministic_algorithms_enabled", "use_deterministic_algorithms"),
    "float32 matmul precision": ("get_float32_matmul_precision", "set_float32_matmul_precision"),
    "anomaly mode": ("is_anomaly_enabled", None),
    "inference mode": ("is_inference_mode_enabled", None),
}
SWITCHES = (
    "backends.cuda.matmul.allow_tf32", "backends.cudnn.allow_tf32", "backends.cudnn.benchmark",
    "backends.cudnn.deterministic", "backends.cudnn.enabled",
    "backends.cuda.matmul.allow_fp16_reduced_precision_reduction",
    "backends.cuda.matmul.allow_bf16_reduced_precision_reduction", "backends.mkldnn.enabled", "backends.nnpack.enabled",
)  # fmt: skip
# variables that libraries set when parts of them load
LIBRARY = ("TORCH", "_TORCH", "PYTORCH", "KMP_", "TRITON", "CUDA_MODULE")

# What this file calls, as it is before any target is loaded.
environ, getcwd, chdir, modules = os.environ, os.getcwd, os.chdir, sys.modules
get_state, set_state, getstate, setstate = np.random.get_state, np.random.set_state, random.getstate, random.setstate
geterr, float64 = np.geterr, np.float64


def smallest_survives() -> bool:
    """Whether subnormal numbers are kept (flush-to-zero and denormals-are-zero off)."""
    return float(float64(5e-324) * float64(1.0)) != 0.0


def digest(*parts: object) -> str:
    """A short stand-in for state that is long."""
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def foreign(now: Any, was: Any) -> bool:
    """Whether a function was replaced, other than by torch wrapping its own (as torch._dynamo does when it loads)."""
    code = getattr(now, "__code__", None)
    own = (
        library.torch is not None
        and code is not None
        and code.co_filename.startswith(os.path.dirname(library.torch.__file__) + os.sep)
    )
    return not (own and inspect.unwrap(now) is inspect.unwrap(was))


def numpy_generator() -> str:
    """The state of NumPy's global generator, in short."""
    state: Any = get_state(legacy=False)
    return digest(state["state"]["key"].tobytes(), state["state"]["pos"])


def parts(owner: Any, path: str) -> list[tuple[str, Any, str, Any]]:
    """The functions of a module or class of this package, those of its classes included, as `World` watches them."""
    found = []
    for name, value in list(vars(owner).items()):
        if inspect.isfunction(value) or (isinstance(owner, ModuleType) and callable(value)):
            found.append((f"{path}.{name}", owner, name, value))
        if inspect.isclass(value) and value.__module__ == path:
            found += parts(value, f"{path}.{name}")
    return found


class World:
    """Global state that a target must leave as it was. `own` are the modules of this package.

    The functions that tell it, and the modules they are in, are bound here: before the target is loaded.
    """

    def __init__(self, own: list[ModuleType]) -> None:
        owners = {path: modules.get(path.rpartition(".")[0]) for path in WATCHED}
        self.modules = {module.__name__: module for module in owners.values() if module is not None}
        self.functions = [
            (path, owner, name, getattr(owner, name))
            for (path, owner), name in zip(owners.items(), (path.rpartition(".")[2] for path in WATCHED), strict=True)
            if hasattr(owner, name)
        ]
        for module in own:
            self.functions += parts(module, module.__name__)
        torch = self.torch = library.torch
        self.settings = {
            name: (getattr(torch, reader), getattr(torch, writer) if writer else None)
            for name, (reader, writer) in (SETTINGS.items() if torch else ())
        }
        self.switches = {path: reach(torch, path) for path in (SWITCHES if torch else ())}
        self.generators = (torch.get_rng_state, torch.set_rng_state) if torch else None
        self.settle()

    def settle(self) -> None:
        """What is, is what must be left."""
        self.before = self.read()
        self.environ = dict(environ)
        self.folder = getcwd()
        self.streams = sys.stdout, sys.stderr
        self.generator = self.generators[0]() if self.generators else None
        self.seed = self.torch.initial_seed() if self.generators else 0
        self.numpy_generator = get_state()
        self.python_generator = getstate()

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "random state of random": hash(getstate()),
            "random state of numpy": numpy_generator(),
            "floating-point error handling of numpy": repr(geterr()),
            "flush-to-zero": not smallest_survives(),
            "environment variables": digest(sorted(i for i in environ.items() if not i[0].startswith(LIBRARY))),
            "working directory": getcwd(),
            "standard streams": (id(sys.stdout), id(sys.stderr)),
            "replaced functions": [
                *(f"module {name}" for name, module in self.modules.items() if modules.get(name) is not module),
                *(
                    path
                    for path, owner, name, was in self.functions
                    if (now := getattr(owner, name, None)) is not was and foreign(now, was)
                ),
            ],
        }
        if self.generators:
            state["random state of torch"] = digest(self.generators[0]().numpy().tobytes())
        for name, (reader, _) in self.settings.items():
            state[name] = str(reader())
        for path, (owner, name) in self.switches.items():
            with contextlib.suppress(Exception):
                state[path] = str(getattr(owner, name))
        return state

    def changes(self) -> list[str]:
        """What differs from the start, in words; puts it back."""
        now = self.read()
        if now == self.before:
            return []
        said = []
        for name, was in self.before.items():
            if now.get(name) != was:
                shown = "" if isinstance(was, str) and len(was) == 16 else f" ({was} -> {now.get(name)})"
                said.append(", ".join(now[name]) + " replaced" if name == "replaced functions" else name + shown)
        self.restore()
        return said

    def forgive_draws(self) -> None:
        """Put the random generators back: whoever makes a layer draws its first weights. A new seed is no draw."""
        if self.generators:
            if self.torch.initial_seed() != self.seed:
                return
            self.generators[1](self.generator)
        set_state(self.numpy_generator)
        setstate(self.python_generator)

    def restore(self) -> None:
        modules.update(self.modules)
        for _, owner, name, was in self.functions:
            if getattr(owner, name, None) is not was:
                setattr(owner, name, was)
        environ.clear()
        environ.update(self.environ)
        chdir(self.folder)
        sys.stdout, sys.stderr = self.streams
        set_state(self.numpy_generator)
        setstate(self.python_generator)
        if self.generators:
            self.torch.set_flush_denormal(False)
            self.generators[1](self.generator)
        for name, (reader, writer) in self.settings.items():
            if writer and str(reader()) != self.before[name]:
                text = self.before[name]
                value = {"True": True, "False": False}.get(text, text)
                value = getattr(self.torch, text[6:]) if text.startswith("torch.") else value
                writer(int(value) if name == "thread count" else value)
        for path, (owner, name) in self.switches.items():
            with contextlib.suppress(Exception):
                if str(getattr(owner, name)) != self.before[path]:
                    setattr(owner, name, self.before[path] == "True")
        self.before = self.read()


def reach(torch: Any, path: str) -> tuple[Any, str]:
    """The setting of torch at a dotted path, as its owner and its name there."""
    *way, name = path.split(".")
    found: Any = torch
    for part in way:
        found = getattr(found, part, None)
    return found, name
