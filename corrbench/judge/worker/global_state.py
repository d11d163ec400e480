"""Global state that a target must leave as it was: watched, and put back."""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import os
import random
import sys
from operator import is_
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
    "default device": ("get_default_device", None),
}
HOOKS = "_global_"  # how the collections of torch.nn.modules.module are named that hold hooks for all modules
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
KERNELS = ("/CPU", "/CUDA", "/AutogradCPU", "/AutogradCUDA", "/Autograd", "/CompositeImplicitAutograd")
SWITCHES = (
    "backends.cuda.matmul.allow_tf32", "backends.cudnn.allow_tf32", "backends.cudnn.benchmark",
    "backends.cudnn.deterministic", "backends.cudnn.enabled",
    "backends.cuda.matmul.allow_fp16_reduced_precision_reduction",
    "backends.cuda.matmul.allow_bf16_reduced_precision_reduction", "backends.mkldnn.enabled", "backends.nnpack.enabled",
    "backends.fp32_precision", "backends.cuda.matmul.fp32_precision", "backends.cudnn.fp32_precision",
    "backends.cudnn.conv.fp32_precision", "backends.mkldnn.fp32_precision", "backends.mkldnn.matmul.fp32_precision",
    "backends.mkldnn.conv.fp32_precision",
)  # fmt: skip
# variables that libraries set when parts of them load
LIBRARY = ("TORCH", "_TORCH", "PYTORCH", "KMP_", "TRITON", "CUDA_MODULE")

# What this file calls, as it is before any target is loaded.
environ, getcwd, chdir, modules = os.environ, os.getcwd, os.chdir, sys.modules
get_state, set_state, getstate, setstate = np.random.get_state, np.random.set_state, random.getstate, random.setstate
geterr, float64 = np.geterr, np.float64
string_at = ctypes.string_at
get_bit_generator = getattr(np.random, "get_bit_generator", lambda: None)  # from NumPy 1.24 on
set_bit_generator: Any = getattr(np.random, "set_bit_generator", None)
own_generator: Any = get_bit_generator()
TWISTER = 624 * 4 + 4  # bytes of a Mersenne twister: its words and its place, where they lie in NumPy's memory
MEMORY = own_generator.ctypes.state_address if type(own_generator).__name__ == "MT19937" else 0
fegetround, fesetround = (getattr(ctypes.CDLL(None), name, None) for name in ("fegetround", "fesetround"))


def smallest_survives() -> bool:
    """Whether subnormal numbers are kept (flush-to-zero and denormals-are-zero off)."""
    return float(float64(5e-324) * float64(1.0)) != 0.0


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


def digest(*parts: object) -> str:
    """A short stand-in for state that is long."""
    return f"{hash(parts) & (1 << 64) - 1:016x}"


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
    if MEMORY and get_bit_generator() is own_generator:
        return digest(string_at(MEMORY, TWISTER))
    return digest(repr(get_state(legacy=False)))


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
        self.whole = [Names(modules[name]) for name in WHOLE if name in modules]
        hooked = vars(modules["torch.nn.modules.module"]) if torch else {}
        self.hooks = [held for name, held in hooked.items() if name.startswith(HOOKS) and isinstance(held, dict)]
        self.top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None) if torch else None
        self.kernels = getattr(modules.get("torch.library"), "_impls", frozenset[str]())
        self.generators = (torch.get_rng_state, torch.set_rng_state) if torch else None
        self.known = -1
        self.overrides: list[str] = []
        self.patched: list[str] = []
        self.now: dict[str, Any] = {}
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
            "environment variables": digest(*sorted(i for i in environ.items() if not i[0].startswith(LIBRARY))),
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
            try:
                state[name] = str(reader())
            except Exception as error:  # torch refuses to say where its older and newer interfaces were mixed
                state[name] = type(error).__name__
        state["hooks of all modules"] = str(sum(map(len, self.hooks)))
        state["hooks of saved tensors"] = str(self.top is not None and self.top(True) is not None)
        state["kernels of torch replaced"] = self.overridden()
        state["direction of rounding"] = str(fegetround() if fegetround is not None else 0)
        state["names of others' modules"] = [path for one in self.whole for path in one.renamed()]
        for path, (owner, name) in self.switches.items():
            with contextlib.suppress(Exception):
                state[path] = str(getattr(owner, name))
        return state

    def overridden(self) -> list[str]:
        """Kernels of torch's own operators that Python has put in their place since."""
        if len(self.kernels) == self.known:
            return self.overrides
        self.known = len(self.kernels)
        self.overrides = sorted(k for k in self.kernels if k.startswith("aten/") and k.endswith(KERNELS))
        return self.overrides

    def changes(self) -> list[str]:
        """What differs from the start, in words; puts it back."""
        now = self.now = self.read()
        self.patched = []
        if now == self.before:
            return []
        said = []
        own = f"{__name__.partition('.')[0]}."
        self.patched = [one.partition(".")[2] for one in now["replaced functions"] if one.startswith(own)]
        for name, was in self.before.items():
            if now.get(name) != was:
                shown = "" if isinstance(was, str) and len(was) == 16 else f" ({was} -> {now.get(name)})"
                lists = isinstance(was, list) and isinstance(now.get(name), list)
                fresh = [one for one in now[name] if one not in was] if lists else []
                said.append(", ".join(fresh or now[name]) + " replaced" if lists else name + shown)
        self.restore()
        return said

    def forgive_draws(self) -> None:
        """Put the random generators back: whoever makes a layer draws its first weights. A new seed is no draw."""
        if self.generators:
            if self.torch.initial_seed() != self.seed:
                return
            self.generators[1](self.generator)
        self._restore_numpy_generator()
        setstate(self.python_generator)

    def restore(self) -> None:
        """Put back what can be put back; what cannot be is what must be left from now on."""
        self._restore_names()
        if fesetround is not None:
            fesetround(int(self.before["direction of rounding"]))
        environ.clear()
        environ.update(self.environ)
        chdir(self.folder)
        sys.stdout, sys.stderr = self.streams
        self._restore_numpy_generator()
        setstate(self.python_generator)
        if self.generators:
            self.torch.set_flush_denormal(False)
            self.generators[1](self.generator)
            self._restore_settings()
        self.before = self.read()

    def _restore_numpy_generator(self) -> None:
        if get_bit_generator() is not own_generator:
            set_bit_generator(own_generator)
        set_state(self.numpy_generator)

    def _restore_names(self) -> None:
        modules.update(self.modules)
        for _, owner, name, was in self.functions:
            if getattr(owner, name, None) is not was:
                setattr(owner, name, was)
        for one in self.whole:
            one.restore()

    def _restore_settings(self) -> None:
        if self.before["default device"] != self.now.get("default device"):
            self.torch.set_default_device(None)
        for name, (_, writer) in self.settings.items():
            if writer and self.now.get(name) != self.before[name]:
                text = self.before[name]
                value = {"True": True, "False": False}.get(text, text)
                value = getattr(self.torch, text[6:]) if text.startswith("torch.") else value
                with contextlib.suppress(Exception):
                    writer(int(value) if name == "thread count" else value)
        for path, (owner, name) in self.switches.items():
            with contextlib.suppress(Exception):
                if str(getattr(owner, name)) != self.before[path]:
                    was = self.before[path]
                    setattr(owner, name, {"True": True, "False": False}.get(was, was))


def reach(torch: Any, path: str) -> tuple[Any, str]:
    """The setting of torch at a dotted path, as its owner and its name there."""
    *way, name = path.split(".")
    found: Any = torch
    for part in way:
        found = getattr(found, part, None)
    return found, name
