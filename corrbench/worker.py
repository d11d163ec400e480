"""How is a target called? The child process: loads one target, calls it as told, says what it saw.

This file is sent to the child as text and imports nothing of ours, so that a child may run in any environment and
a target finds no judge beside it. No expected value ever comes here. Frames on the two private descriptors are
``length:8 | JSON | arrays``; see `corrbench.remote` for the other end.
"""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import hashlib
import importlib
import importlib.util
import inspect
import json
import math
import os
import random
import struct
import sys
import threading
import time
import traceback
import warnings

import numpy as np

torch = None  # loaded on demand: a numpy target needs none

BITS = {"bfloat16": "int16"}  # element types that numpy lacks travel as their bits
WATCHED = (
    "torch.allclose", "torch.equal", "torch.isclose", "torch.testing.assert_close", "torch.autograd.gradcheck",
    "torch.manual_seed", "torch.empty", "numpy.allclose", "numpy.array_equal", "numpy.testing.assert_allclose",
    "numpy.testing.assert_array_equal", "math.isclose", "time.perf_counter", "time.time", "time.monotonic", "gc.collect",
    "builtins.print", "builtins.abs", "builtins.all", "builtins.max", "os.write", "os.read", "json.dumps", "sys.exit",
)  # fmt: skip


class Unloadable(Exception):
    """The target cannot be had; the message is for a person."""


# ---- the channel


class Channel:
    """Frames of JSON and arrays over two descriptors, spoken by this process only."""

    def __init__(self, read: int, write: int) -> None:
        self.reader = os.fdopen(read, "rb", buffering=1 << 16)
        self.write_fd = write
        self.pid = os.getpid()
        self.os_write, self.dumps = os.write, json.dumps  # as they are before any target is loaded

    def receive(self) -> tuple[dict, list[np.ndarray]]:
        size = self.reader.read(8)
        if len(size) < 8:
            os._exit(0)
        head = json.loads(self.reader.read(struct.unpack("<Q", size)[0]))
        arrays = []
        for dtype, shape in head["arrays"]:
            array = np.empty(shape, BITS.get(dtype, dtype))
            self.reader.readinto(memoryview(array.reshape(-1)).cast("B") if array.size else bytearray())
            arrays.append(array)
        return head, arrays

    def send(self, head: dict, blobs: list[bytes]) -> None:
        if os.getpid() != self.pid:  # a forked copy must not speak
            os._exit(0)
        text = self.dumps(head).encode()
        for part in (struct.pack("<Q", len(text)) + text, *blobs):
            view = memoryview(part)
            while view:
                view = view[self.os_write(self.write_fd, view) :]


# ---- loading


def resolve(spec: str) -> object:
    """The object that ``pkg.mod:attr`` or ``path/file.py:attr`` names."""
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
            module = importlib.util.module_from_spec(module_spec)
            sys.modules.setdefault(name, module)
            module_spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
        found = module
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


def recognise(target: object) -> str:
    """The form that the signature shows: corr2d, conv2d or module."""
    if isinstance(target, type):
        return "module"
    try:
        names = list(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return "conv2d"  # builtins such as torch.conv2d have no signature
    others = {"bias", "stride", "padding", "dilation", "groups"} & set(names[2:])
    return "conv2d" if others or len(names) > 2 or "input" in names[:1] or names[:1] == ["args"] else "corr2d"


# ---- operands in memory


def strides_of(layout: str, shape: tuple[int, ...]) -> tuple[list[int], int, int]:
    """(strides in elements, offset, elements of storage) for an operand of `shape` laid out as named."""
    rank = len(shape)
    order = list(range(rank))
    step, gap, offset = [1] * rank, [0] * rank, 0
    if layout == "transposed":
        order[-2:] = order[-1], order[-2]
    elif layout == "channels_last" and rank == 4:
        order = [0, 2, 3, 1]
    elif layout == "batch_last":
        order = [*order[1:], 0]
    elif layout == "step":
        step[-1] = 2
    elif layout == "rows":
        gap[-1] = 3
        offset = 2
    elif layout == "channels":
        step[max(0, rank - 3)] = 2
        offset = 1
    elif layout == "batch":
        gap[0], step[0] = 1, 2
    elif layout == "offset":
        offset = 3
    strides, size = [0] * rank, 1
    for axis in reversed(order):
        strides[axis] = size * step[axis]
        size *= max(1, shape[axis]) * step[axis] + gap[axis]
    if layout == "expanded":
        strides[0] = 0
    elif layout == "expanded_all":
        strides = [0] * rank
    elif layout == "lonely":  # an axis of length one may have any stride
        strides = [7 if length == 1 else stride for length, stride in zip(shape, strides)]
        size = max(size, 8)
    elif layout == "reversed":
        strides[-1] = -strides[-1]
        offset = max(0, shape[-1] - 1)
    return strides, offset, size + offset + 4


class Operand:
    """One array as the target sees it, with the whole storage it lies in."""

    def __init__(self, values: np.ndarray, dtype: str, layout: str, arrays: str, device: str) -> None:
        self.values, self.dtype, self.arrays = values, dtype, arrays
        poison = 0x7FC0 if dtype == "bfloat16" else (np.nan if values.dtype.kind in "fc" else 77)
        if layout == "contiguous":
            self.storage, strides, offset = values.copy(), None, 0
        else:
            strides, offset, size = strides_of(layout, values.shape)
            self.storage = np.full(size, poison, values.dtype)
            view = np.lib.stride_tricks.as_strided(
                self.storage[offset:], values.shape, [s * values.itemsize for s in strides]
            )
            view[...] = values
            if not np.array_equal(view, values, equal_nan=view.dtype.kind in "fc"):
                raise Unloadable(f"corrbench: data do not fit the layout {layout!r}")
        if arrays == "numpy":
            self.array = self.storage if strides is None else view
            return
        kind = getattr(torch, dtype)
        whole = torch.from_numpy(self.storage)
        self.tensor = (whole.view(kind) if dtype in BITS else whole).to(device)
        self.array = self.tensor if strides is None else self.tensor.as_strided(values.shape, strides, offset)

    def refill(self, values: np.ndarray) -> None:
        """New values in the same memory."""
        self.values = values
        if self.arrays == "numpy":
            self.array[...] = values
        else:
            fresh = torch.from_numpy(values)
            with torch.no_grad():
                self.array.detach().copy_(fresh.view(self.array.dtype) if self.dtype in BITS else fresh)

    def bytes(self) -> bytes:
        """Every byte of the storage, gaps included."""
        if self.arrays == "numpy":
            return self.storage.tobytes()
        return bits(self.tensor.detach()).tobytes()


def bits(tensor: object) -> np.ndarray:
    """A CPU numpy array with the tensor's values, bfloat16 as its bits."""
    plain = tensor.detach().cpu()
    if plain.is_conj() or plain.is_neg():
        plain = plain.resolve_conj().resolve_neg()
    if plain.dtype == torch.bfloat16:
        plain = plain.contiguous().view(torch.int16)
    return plain.numpy()


def span(array: object) -> tuple[int, int]:
    """First and past-the-last address of the memory an array lies in."""
    if isinstance(array, np.ndarray):
        return np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)
    storage = array.untyped_storage()
    return (storage.data_ptr(), storage.data_ptr() + storage.nbytes())


# ---- what must not change


def lookup(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


def smallest_survives() -> bool:
    """Whether subnormal numbers are kept (flush-to-zero and denormals-are-zero off)."""
    return float(np.float64(5e-324) * np.float64(1.0)) != 0.0


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


def digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


LIBRARY = ("TORCH", "PYTORCH", "KMP_", "TRITON", "CUDA_MODULE")  # variables that libraries set when parts of them load


def foreign(now: object, was: object) -> bool:
    """Whether a function was replaced, other than by torch wrapping its own (as torch._dynamo does when it loads)."""
    if now is was:
        return False
    code = getattr(now, "__code__", None)
    own = torch is not None and code is not None and code.co_filename.startswith(os.path.dirname(torch.__file__) + os.sep)
    return not (own and inspect.unwrap(now) is inspect.unwrap(was))


class World:
    """Global state that a target must leave as it was."""

    def __init__(self) -> None:
        self.functions = {path: lookup(path) for path in WATCHED}
        self.before = self.read()
        self.environ = dict(os.environ)
        self.folder = os.getcwd()
        self.streams = sys.stdout, sys.stderr
        self.generator = torch.get_rng_state() if torch else None
        self.numpy_generator = np.random.get_state()
        self.python_generator = random.getstate()

    def read(self) -> dict[str, object]:
        state = {
            "random state of random": digest(random.getstate()),
            "random state of numpy": digest(np.random.get_state()[1].tobytes(), np.random.get_state()[2]),
            "floating-point error handling of numpy": repr(np.geterr()),
            "flush-to-zero": not smallest_survives(),
            "environment variables": digest(sorted(i for i in os.environ.items() if not i[0].startswith(LIBRARY))),
            "working directory": os.getcwd(),
            "standard streams": (id(sys.stdout), id(sys.stderr)),
            "replaced functions": [path for path, was in self.functions.items() if was and foreign(lookup(path), was)],
        }
        if torch:
            state["random state of torch"] = digest(torch.get_rng_state().numpy().tobytes())
            state["inference mode"] = torch.is_inference_mode_enabled()
            for name, (getter, _) in SETTINGS.items():
                state[name] = str(getattr(torch, getter)())
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
        if torch:
            torch.set_flush_denormal(False)
            torch.set_rng_state(self.generator)
            for name, (getter, setter) in SETTINGS.items():
                if setter and str(getattr(torch, getter)()) != self.before[name]:
                    text = self.before[name]
                    value = {"True": True, "False": False}.get(text, text)
                    value = getattr(torch, text[6:]) if text.startswith("torch.") else value
                    getattr(torch, setter)(int(value) if name == "thread count" else value)
        self.before = self.read()


def reach(path: str) -> object:
    found = torch
    for part in path.split("."):
        found = getattr(found, part)
    return found


# ---- calling


class Caller:
    """Calls the target in its form."""

    def __init__(self, spec: dict) -> None:
        global torch
        if spec["arrays"] == "torch":
            try:
                import torch as loaded
            except ImportError:
                raise Unloadable("torch is not installed here: give --arrays numpy, or install torch") from None
            torch = loaded
            import torch.autograd.forward_ad
            import torch.testing

            torch.set_num_threads(1)
        self.arrays, self.device = spec["arrays"], spec.get("device", "cpu")
        if torch and self.device != "cpu" and not torch.cuda.is_available():
            raise Unloadable(f"device {self.device!r} asked for, but torch sees no CUDA device here")
        self.world = World()
        self.target = resolve(spec["target"])
        self.at_load = self.world.changes()
        self.world = World()
        self.form = spec.get("form") or recognise(self.target)
        self.made: dict[str, Operand] = {}
        self.module = None

    def call(self, x: object, w: object, b: object, config: dict) -> object:
        if self.form == "corr2d":
            return self.target(x, w)
        if self.form == "conv2d":
            return self.target(x, w, b, **config) if b is not None else self.target(x, w, **config)
        return self.module(x)

    def build(self, operands: dict[str, Operand]) -> dict[str, object]:
        """The arrays to call with; for a module, one is made and the parameters are its own."""
        arrays = {name: operand.array for name, operand in operands.items()}
        if self.form == "module":
            self.module = self.target(tuple(arrays["w"].shape), arrays["w"])
            weight = getattr(self.module, "weight", None)
            arrays["w"] = weight if weight is not None else arrays["w"]
            bias = getattr(self.module, "bias", None)
            if "b" in arrays and bias is not None:
                with torch.no_grad():
                    bias.copy_(arrays["b"].reshape(bias.shape))
                arrays["b"] = bias
        return arrays


def describe(value: object, blobs: list[bytes]) -> dict:
    """What the target gave back, its bytes appended to `blobs`."""
    kind = type(value)
    info = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    if torch and isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        info |= {"device": value.device.type, "requires_grad": value.requires_grad}
        array = bits(value.to_dense() if value.layout is not torch.strided else value)
    elif isinstance(value, (np.ndarray, np.generic)):
        array, dtype = np.asarray(value), str(np.asarray(value).dtype)
        info |= {"device": "cpu", "requires_grad": False}
    else:
        return info
    if array.dtype.kind not in "fciub":
        return info
    info |= {"dtype": dtype, "shape": list(array.shape), "blob": len(blobs), "wire": str(array.dtype)}
    blobs.append(np.ascontiguousarray(array).tobytes())
    return info


def pollute(shapes: list[tuple[int, ...]], caller: Caller, dtype: str) -> None:
    """Leave NaN in freed memory of the sizes that the target is about to ask for."""
    held = []
    for shape in shapes:
        for _ in range(3):
            if caller.arrays == "torch":
                block = torch.empty(shape, dtype=getattr(torch, dtype), device=caller.device)
                held.append(block.fill_(float("nan")) if dtype[0] in "fbc" else block.fill_(77))
            else:
                held.append(np.full(shape, np.nan if dtype[0] in "fc" else 77, dtype=BITS.get(dtype, dtype)))
    del held


def make(name: str, step: dict, arrays: list[np.ndarray], caller: Caller) -> Operand:
    values, layout = arrays[step["arrays"][name]], step.get("layout", {}).get(name, "contiguous")
    kept = caller.made.get(name)
    if step.get("reuse") and kept is not None and kept.values.shape == values.shape and kept.dtype == step["dtype"]:
        kept.refill(values)
        return kept
    return Operand(values, step["dtype"], layout, caller.arrays, caller.device)


def differentiate(step: dict, y: object, leaves: dict, given: dict) -> dict[str, object]:
    """Gradients of ⟨y, g⟩, and with tangents in `given` the gradients of ⟨gradients, tangents⟩."""
    wanted = list(leaves)
    if not y.requires_grad:
        return {}
    again = step["mode"] == "double"
    if again:
        given["g"].requires_grad_(True)
    if step.get("accumulate"):
        for _ in range(step["accumulate"]):
            y.backward(given["g"], retain_graph=True)
        return {"g" + name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    grads = torch.autograd.grad(
        y, [leaves[name] for name in wanted], given["g"], create_graph=again, allow_unused=True, retain_graph=True
    )
    out = {"g" + name: grad for name, grad in zip(wanted, grads) if grad is not None}
    if again:
        pairs = [(out["g" + n], given["v" + n]) for n in wanted if "g" + n in out and out["g" + n].requires_grad]
        if not pairs:
            return out
        names = [*wanted, "g"]
        seconds = torch.autograd.grad(
            [a for a, _ in pairs], [*leaves.values(), given["g"]], [v for _, v in pairs], allow_unused=True
        )
        out |= {"gg" + name: value for name, value in zip(names, seconds) if value is not None}
    return out


def perform(step: dict, arrays: list[np.ndarray], caller: Caller, blobs: list[bytes]) -> tuple[dict, dict]:
    """One call. Returns what is said of it, and the live objects to look at once more at the end."""
    mode = step.get("mode", "forward")
    names = [name for name in step["arrays"] if name in ("x", "w", "b")]
    given = {name: make(name, step, arrays, caller) for name in step["arrays"]}
    caller.made |= given
    said: dict = {"outputs": {}}
    if caller.form == "module" and not step.get("reuse"):
        caller.module = None
    before = {name: operand.bytes() for name, operand in given.items()}
    live = {name: operand.array for name, operand in given.items()}
    if caller.form == "module":
        fresh = {name: operand for name, operand in given.items() if name in names}
        if caller.module is None or not step.get("keep_module"):
            live |= caller.build(fresh)
        else:
            live["w"], live["b"] = caller.module.weight, caller.module.bias
    if mode in ("backward", "double"):
        for name in step.get("grad", names):
            if live[name].is_leaf:
                live[name].requires_grad_(True)
    if step.get("out"):
        pollute([tuple(step["out"]), *(tuple(live[n].shape) for n in names)], caller, step["dtype"])
    start = time.perf_counter()
    y, extra = None, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if mode == "jvp":
            forward_ad = torch.autograd.forward_ad
            with forward_ad.dual_level():
                duals = {n: forward_ad.make_dual(live[n], live["t" + n]) if "t" + n in live else live[n] for n in names}
                dual = caller.call(duals["x"], duals["w"], duals.get("b"), step["config"])
                y, tangent = forward_ad.unpack_dual(dual)
                extra = {} if tangent is None else {"t": tangent}
        elif mode == "vmap":
            call = lambda x: caller.call(x, live["w"], live.get("b"), step["config"])  # noqa: E731
            y = torch.func.vmap(call)(live["x"])
        else:
            y = caller.call(live["x"], live["w"], live.get("b"), step["config"])
            if mode in ("backward", "double") and isinstance(y, torch.Tensor):
                leaves = {name: live[name] for name in step.get("grad", names)}
                for leaf in leaves.values():
                    leaf.grad = None
                extra = differentiate(step, y, leaves, live)
    said["seconds"] = time.perf_counter() - start
    results = {"y": y, **extra}
    for name, value in results.items():
        said["outputs"][name] = describe(value, blobs)
    said["changed"] = [name for name, operand in given.items() if operand.bytes() != before[name]]
    return said, {"operands": given, "outputs": results, "blobs": {n: o.get("blob") for n, o in said["outputs"].items()}}


def failure(error: BaseException) -> dict:
    """An exception as words; the innermost frame that is not ours tells whose it is."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = frames[-1] if frames else None
    return {
        "type": type(error).__name__,
        "bases": [kind.__name__ for kind in type(error).__mro__],
        "message": str(error)[:2000],
        "where": f"{os.path.basename(inner.filename)}:{inner.lineno}" if inner else "",
    }


def overlaps(held: list[dict], said: list[dict]) -> None:
    """Note outputs that share memory with an operand or with an earlier output."""
    spans: list[tuple[int, int, str]] = []
    for index, (live, words) in enumerate(zip(held, said)):
        if not live:
            continue
        for name, operand in live["operands"].items():
            low, high = span(operand.array)
            spans.append((low, high, f"operand {name}" + (f" of call {index + 1}" if len(held) > 1 else "")))
        words["aliases"] = []
        for name, value in live["outputs"].items():
            if not isinstance(value, np.ndarray) and not (torch and isinstance(value, torch.Tensor)):
                continue
            with contextlib.suppress(Exception):
                low, high = span(value)
                for first, past, whose in spans:
                    if low < past and first < high:
                        words["aliases"].append(f"{name} shares memory with {whose}")
                if name == "y":
                    spans.append((low, high, f"the result of call {index + 1}"))


def run_steps(request: dict, arrays: list[np.ndarray], caller: Caller) -> tuple[dict, list[bytes]]:
    """All calls of one request, their results held to the end."""
    said: list[dict] = []
    held: list[dict] = []
    blobs: list[bytes] = []
    threads = request.get("threads", 1)
    if torch and threads != 1:
        torch.set_num_threads(threads)
        caller.world.before["thread count"] = str(threads)
    before_threads = threading.active_count()
    for step in request["steps"]:
        live: dict = {}
        try:
            words, live = perform(step, arrays, caller, blobs)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            words = {"raised": failure(error), "outputs": {}}
        words["globals"] = caller.world.changes()
        said.append(words)
        held.append(live)
    if threading.active_count() > before_threads:
        time.sleep(0.2)  # give a late writer its chance to be seen
    overlaps(held, said)
    for words, live in zip(said, held):
        again: list[bytes] = []
        for name, index in live.get("blobs", {}).items():
            if index is not None:
                describe(live["outputs"][name], again)
                if again and again[-1] != blobs[index]:
                    words.setdefault("late", []).append(name)
    if torch and threads != 1:
        torch.set_num_threads(1)
        caller.world.before["thread count"] = "1"
    return {"steps": said}, blobs


def inspect_module(request: dict, arrays: list[np.ndarray], caller: Caller) -> tuple[dict, list[bytes]]:
    """What a module shows of itself: parameters, state, moves, training."""
    weight, x = (torch.from_numpy(array) for array in arrays[:2])
    size = tuple(weight.shape)
    facts: dict = {}
    blobs: list[bytes] = []

    def attempt(name: str, look: object) -> None:
        try:
            facts[name] = look()
        except (Exception, SystemExit) as error:
            facts[name] = {"raised": failure(error)}

    def numbers(tensor: object) -> list[float]:
        return [float(v) for v in tensor.detach().reshape(-1).tolist()]

    def given() -> dict:
        module = caller.target(size, weight.clone())
        names = {name: list(p.shape) for name, p in module.named_parameters()}
        return {"parameters": names, "trainable": [n for n, p in module.named_parameters() if p.requires_grad],
                "state": list(module.state_dict()), "is_module": isinstance(module, torch.nn.Module),
                "weight": numbers(module.weight), "bias": numbers(module.bias), "dtype": str(module.weight.dtype)}  # fmt: skip

    def fresh() -> dict:
        one, two = caller.target(size), caller.target(size)
        return {"shape": list(one.weight.shape), "same": bool(torch.equal(one.weight, two.weight)),
                "trainable": [n for n, p in one.named_parameters() if p.requires_grad],
                "low": float(one.weight.min()), "high": float(one.weight.max()), "bias": numbers(one.bias)}  # fmt: skip

    def round_trip() -> dict:
        one, two = caller.target(size, weight.clone()), caller.target(size)
        with torch.no_grad():
            one.bias.fill_(0.25)
        two.load_state_dict(one.state_dict())
        return {"same": bool(torch.equal(one(x), two(x)))}

    def moves() -> dict:
        module = caller.target(size, weight.clone()).to(torch.float64)
        return {"dtype": str(module(x.double()).dtype), "weight": str(module.weight.dtype)}

    def modes() -> dict:
        module = caller.target(size, weight.clone())
        train = module.train()(x)
        return {"same": bool(torch.equal(train, module.eval()(x))), "same again": bool(torch.equal(train, module(x)))}

    def training() -> dict:
        module = caller.target(size)
        x_train, y_train = (torch.from_numpy(array) for array in arrays[2:4])
        optimiser = torch.optim.SGD(module.parameters(), lr=request["rate"])
        for _ in range(request["steps"]):
            optimiser.zero_grad()
            loss = ((module(x_train) - y_train) ** 2).mean()
            loss.backward()
            optimiser.step()
        return {"loss": float(loss), "weight": numbers(module.weight), "bias": numbers(module.bias)}

    torch.manual_seed(request["seed"])
    for look in (given, fresh, round_trip, moves, modes, training):
        attempt(look.__name__, look)
    caller.world.restore()
    return {"facts": facts}, blobs


def children() -> int:
    """Forked copies of this process that still run."""
    mine, count = open("/proc/self/cmdline", "rb").read(), 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{entry}/stat") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if int(parent) == os.getpid() and state != "Z" and file.read() == mine:
                        count += 1
    return count


def quiet_allocator() -> None:
    """Keep freed blocks in the process, large ones too, so that stale contents can be met again."""
    with contextlib.suppress(Exception):
        libc = ctypes.CDLL(None)
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD


def serve(read: int, write: int) -> None:
    """Answer requests until the channel closes."""
    channel = Channel(read, write)
    quiet_allocator()
    caller: Caller | None = None
    while True:
        request, arrays = channel.receive()
        blobs: list[bytes] = []
        try:
            if request["op"] == "load":
                caller = Caller(request["spec"])
                answer = {"form": caller.form, "at_load": caller.at_load, "version": version(request["spec"]["target"])}
            elif request["op"] == "steps":
                answer, blobs = run_steps(request, arrays, caller)
            elif request["op"] == "module":
                answer, blobs = inspect_module(request, arrays, caller)
            else:
                answer = {"children": children()}
        except Unloadable as error:
            answer = {"unloadable": str(error)}
        answer["nonce"] = request["nonce"]
        channel.send(answer, blobs)


def version(spec: str) -> str:
    """Version of the package that the target comes from, where it has one."""
    module = sys.modules.get(spec.partition(":")[0].partition(".")[0])
    return str(getattr(module, "__version__", ""))
