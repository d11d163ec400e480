"""Global state that a target must leave as it was: watched, and put back."""

from __future__ import annotations

import contextlib
import ctypes
import locale
import os
import random
import sys
from types import ModuleType
from typing import Any

import numpy as np

from . import library
from .watched_names import Functions, others

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
setlocale = locale.setlocale
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


def digest(*parts: object) -> str:
    """A short stand-in for state that is long."""
    return f"{hash(parts) & (1 << 64) - 1:016x}"


def numpy_generator() -> str:
    """The state of NumPy's global generator, in short."""
    if MEMORY and get_bit_generator() is own_generator:
        return digest(string_at(MEMORY, TWISTER))
    return digest(repr(get_state(legacy=False)))


class World:
    """Global state that a target must leave as it was. `own` are the modules of this package.

    The functions that tell it, and the modules they are in, are bound here: before the target is loaded.
    """

    def __init__(self, own: list[ModuleType]) -> None:
        self.functions = Functions(own)
        torch = self.torch = library.torch
        self.settings = {
            name: (getattr(torch, reader), getattr(torch, writer) if writer else None)
            for name, (reader, writer) in (SETTINGS.items() if torch else ())
        }
        self.switches = {path: reach(torch, path) for path in (SWITCHES if torch else ())}
        self.whole = others()
        hooked = vars(modules["torch.nn.modules.module"]) if torch else {}
        self.hooks = [held for name, held in hooked.items() if name.startswith(HOOKS) and isinstance(held, dict)]
        self.top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None) if torch else None
        self.kernels = getattr(modules.get("torch.library"), "_impls", frozenset[str]())
        self.generators = (torch.get_rng_state, torch.set_rng_state) if torch else None
        self.known = -1
        self.encoded: dict[bytes, bytes] | None = None
        self.digest = ""
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
            "environment variables": self.variables(),
            "working directory": getcwd(),
            "locale": setlocale(locale.LC_ALL),
            "standard streams": (id(sys.stdout), id(sys.stderr)),
            "replaced functions": self.functions.replaced(),
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

    def variables(self) -> str:
        """The environment in short. Most of the time it is as it was, and then it is not read one by one."""
        encoded = getattr(environ, "_data", None)  # what `environ` keeps, in CPython; whoever replaces it is noticed
        if encoded is None or encoded != self.encoded:
            self.encoded = dict(encoded or {})
            self.digest = digest(*sorted(i for i in environ.items() if not i[0].startswith(LIBRARY)))
        return self.digest

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
        setlocale(locale.LC_ALL, self.before["locale"])
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
        self.functions.restore()
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
