"""What must a target leave as it was? Global state, watched and put back."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import random
import sys
from typing import Any

import numpy as np

from . import library

WATCHED = (
    "torch.allclose", "torch.equal", "torch.isclose", "torch.testing.assert_close", "torch.autograd.gradcheck",
    "torch.manual_seed", "torch.empty", "numpy.allclose", "numpy.array_equal", "numpy.testing.assert_allclose",
    "numpy.testing.assert_array_equal", "math.isclose", "time.perf_counter", "time.time", "time.monotonic",
    "gc.collect", "builtins.print", "builtins.abs", "builtins.all", "builtins.max", "os.write", "os.read",
    "json.dumps", "sys.exit",
)  # fmt: skip
SETTINGS = {  # name: (read, write)
    "default dtype": ("get_default_dtype", "set_default_dtype"),
    "gradient mode": ("is_grad_enabled", "set_grad_enabled"),
    "thread count": ("get_num_threads", "set_num_threads"),
    "deterministic algorithms": ("are_deterministic_algorithms_enabled", "use_deterministic_algorithms"),
    "float32 matmul precision": ("get_float32_matmul_precision", "set_float32_matmul_precision"),
    "anomaly mode": ("is_anomaly_enabled", None),
}
SWITCHES = (
    "backends.cuda.matmul.allow_tf32", "backends.cudnn.allow_tf32", "backends.cudnn.benchmark",
    "backends.cudnn.deterministic", "backends.mkldnn.enabled", "backends.nnpack.enabled",
)  # fmt: skip


def lookup(path: str) -> Any:
    """The function at a dotted path, None where there is none."""
    module, _, name = path.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


def smallest_survives() -> bool:
    """Whether subnormal numbers are kept (flush-to-zero and denormals-are-zero off)."""
    return float(np.float64(5e-324) * np.float64(1.0)) != 0.0


def digest(*parts: object) -> str:
    """A short stand-in for state that is long."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


LIBRARY = ("TORCH", "PYTORCH", "KMP_", "TRITON", "CUDA_MODULE")  # variables that libraries set when parts of them load


def foreign(now: Any, was: Any) -> bool:
    """Whether a function was replaced, other than by torch wrapping its own (as torch._dynamo does when it loads)."""
    if now is was:
        return False
    code = getattr(now, "__code__", None)
    own = (
        library.torch is not None
        and code is not None
        and code.co_filename.startswith(os.path.dirname(library.torch.__file__) + os.sep)
    )
    return not (own and inspect.unwrap(now) is inspect.unwrap(was))


def numpy_generator() -> str:
    """The state of NumPy's global generator, in short."""
    state: Any = np.random.get_state(legacy=False)
    return digest(state["state"]["key"].tobytes(), state["state"]["pos"])


class World:
    """Global state that a target must leave as it was."""

    def __init__(self) -> None:
        self.functions = {path: lookup(path) for path in WATCHED}
        self.before = self.read()
        self.environ = dict(os.environ)
        self.folder = os.getcwd()
        self.streams = sys.stdout, sys.stderr
        self.generator = library.torch.get_rng_state() if library.torch else None
        self.numpy_generator = np.random.get_state()
        self.python_generator = random.getstate()

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "random state of random": hash(random.getstate()),
            "random state of numpy": numpy_generator(),
            "floating-point error handling of numpy": repr(np.geterr()),
            "flush-to-zero": not smallest_survives(),
            "environment variables": digest(sorted(i for i in os.environ.items() if not i[0].startswith(LIBRARY))),
            "working directory": os.getcwd(),
            "standard streams": (id(sys.stdout), id(sys.stderr)),
            "replaced functions": [path for path, was in self.functions.items() if was and foreign(lookup(path), was)],
        }
        if library.torch:
            state["random state of torch"] = digest(library.torch.get_rng_state().numpy().tobytes())
            state["inference mode"] = library.torch.is_inference_mode_enabled()
            for name, (getter, _) in SETTINGS.items():
                state[name] = str(getattr(library.torch, getter)())
            for path in SWITCHES:
                with contextlib.suppress(Exception):
                    state[path] = str(reach(path))
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

    def restore(self) -> None:
        for path, was in self.functions.items():
            if was is not None and lookup(path) is not was:
                module, _, name = path.rpartition(".")
                setattr(sys.modules[module], name, was)
        os.environ.clear()
        os.environ.update(self.environ)
        os.chdir(self.folder)
        sys.stdout, sys.stderr = self.streams
        np.random.set_state(self.numpy_generator)
        random.setstate(self.python_generator)
        if library.torch:
            library.torch.set_flush_denormal(False)
            library.torch.set_rng_state(self.generator)
            for name, (getter, setter) in SETTINGS.items():
                if setter and str(getattr(library.torch, getter)()) != self.before[name]:
                    text = self.before[name]
                    value = {"True": True, "False": False}.get(text, text)
                    value = getattr(library.torch, text[6:]) if text.startswith("torch.") else value
                    getattr(library.torch, setter)(int(value) if name == "thread count" else value)
        self.before = self.read()


def reach(path: str) -> Any:
    """The setting of torch at a dotted path."""
    found: Any = library.torch
    for part in path.split("."):
        found = getattr(found, part)
    return found
