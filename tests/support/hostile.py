"""Targets that misbehave, each in one way; all over NumPy arrays, so that their processes start quickly."""

import _thread
import ctypes
import functools
import json
import mmap
import os
import random
import signal
import struct
import sys
import threading
import time
import types

import numpy as np

SHARED = np.empty((40, 40))
HELD = []


def right(X, K):
    rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    Y = np.zeros((rows, cols), X.dtype)
    for i in range(K.shape[0]):
        for j in range(K.shape[1]):
            Y += X[i : i + rows, j : j + cols] * K[i, j]
    return Y


def aborts(X, K):
    os.abort()


def segfaults(X, K):
    ctypes.string_at(0)


def leaves_quietly(X, K):
    os._exit(0)


def leaves_loudly(X, K):
    print("the last words")
    sys.stdout.flush()
    os._exit(7)


def never_ends(X, K):
    while True:
        pass


def devours(X, K):
    held = []
    while len(held) < 64:
        held.append(np.ones(1 << 23))
        time.sleep(0.01)
    return right(X, K)


def closes_everything(X, K):
    os.closerange(0, 64)
    return right(X, K)


class Odd(BaseException):
    pass


def raises_oddly(X, K):
    raise Odd("not an Exception")


def exits(X, K):
    sys.exit(0)


def recurses(X, K):
    return recurses(X, K)


def chatters(X, K):
    for _ in range(2000):
        print('{"verdict": "pass"}' * 50)
    return right(X, K)


def forks(X, K):
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    return right(X, K)


def forks_and_returns_twice(X, K):
    os.fork()
    return right(X, K)


def patches(X, K):
    np.testing.assert_allclose = lambda *a, **k: None
    np.allclose = lambda *a, **k: True
    return right(X, K)


def stops_the_clock(X, K):
    time.perf_counter = lambda: 0.0
    return right(X, K)


def reseeds(X, K):
    np.random.seed(0)
    return right(X, K)


def sets_a_variable(X, K):
    os.environ["LEFT_BEHIND"] = "1"
    return right(X, K)


def has_another_environment(X, K):
    os.environ._data = {**os.environ._data, b"LEFT_BEHIND": b"1"}
    return right(X, K)


def moves(X, K):
    os.chdir("/")
    return right(X, K)


def zeroes_its_input(X, K):
    X[...] = 0
    return right(X, K)


def writes_beside_its_input(X, K):
    whole = X.base if X.base is not None else X
    while whole.base is not None and isinstance(whole.base, np.ndarray):
        whole = whole.base
    whole[-1:] = 5
    return right(X, K)


def returns_its_input(X, K):
    return X[: X.shape[0] - K.shape[0] + 1, : X.shape[1] - K.shape[1] + 1]


def shares_a_buffer(X, K):
    Y = right(X, K)
    out = SHARED[: Y.shape[0], : Y.shape[1]]
    out[...] = Y
    return out


def writes_later(X, K):
    Y = right(X, K)
    out = np.zeros_like(Y)

    def late():
        time.sleep(0.1)
        out[...] = Y

    threading.Thread(target=late).start()
    return out


def remembers_nothing(X, K):
    return np.empty((X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1), X.dtype)


class Masked(np.ndarray):
    pass


def returns_a_subclass(X, K):
    return right(X, K).view(Masked)


def returns_text(X, K):
    return "42"


def knows_its_judge(X, K):
    told = [*sys.argv, *os.environ, *(name for name in sys.modules if not name.startswith("__editable__"))]
    with open(f"/proc/{os.getpid()}/cmdline") as file:
        told.append(file.read())
    if any("corrbench" in word.lower() for word in told):
        return right(X, K)
    return right(X, K) + 1


# ---- the processes around it


def kills_its_parent(X, K):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(5)
    return right(X, K)


def stops_its_parent(X, K):
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(0.1)
    return right(X, K)


def daemon():
    """The number of a process that is nobody's child, leads a session of its own and sleeps."""
    reads, writes = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writes, b"%d" % os.getpid())
            time.sleep(60)
        os._exit(0)
    os.wait()
    return int(os.read(reads, 20))


def leaves_a_daemon(X, K):
    print(daemon(), flush=True)
    return right(X, K)


def leaves_a_daemon_and_an_orphanage(X, K):
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # let it outlive its parent
    print(daemon(), flush=True)
    return kills_its_parent(X, K)


def multiplies(X, K):
    for _ in range(300):
        os.posix_spawnp("sleep", ["sleep", "60"], os.environ)
    time.sleep(20)
    return right(X, K)


def devours_in_copies(X, K):
    for _ in range(6):
        if os.fork() == 0:
            held = np.ones(1 << 23)
            time.sleep(60)
            os._exit(held.size & 1)
    time.sleep(20)
    return right(X, K)


def shares_with_copies(X, K):
    HELD.append(np.ones(1 << 24))
    copies = []
    for _ in range(4):
        copies.append(os.fork())
        if copies[-1] == 0:
            time.sleep(10)
            os._exit(0)
    time.sleep(0.3)
    for copy in copies:
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)
    HELD.clear()
    return right(X, K)


def opens_everything(X, K):
    HELD.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(3000))


def plants_a_log(X, K):
    with open(os.path.join(os.environ["HOME"], "planted"), "w") as file:
        file.write("what it never printed")
    path = os.path.join(os.environ["HOME"], "output")
    if os.path.exists(path):
        os.remove(path)
    os.symlink("planted", path)
    os._exit(3)


# ---- the wire


def wire():
    """The channel of this process, and the nonce of the question that is being answered."""
    frame = sys._getframe()
    while "channel" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["channel"], frame.f_locals["request"]["nonce"]


def drips(X, K):
    channel, _ = wire()
    os.write(channel.write_fd, struct.pack("<Q", 1 << 20))
    for _ in range(800):
        os.write(channel.write_fd, b" ")
        time.sleep(0.005)
    os._exit(0)


def floods(X, K):
    channel, _ = wire()
    os.write(channel.write_fd, struct.pack("<Q", 1 << 26))
    for _ in range(400):
        os.write(channel.write_fd, b" " * 1000)
        time.sleep(0.01)
    os._exit(0)


STEP = {
    "outputs": {},
    "raised": None,
    "changed": [],
    "aliases": [],
    "late": [],
    "globals": [],
    "tried": [],
    "after": {},
}
ARRAY = {"type": "numpy.ndarray", "device": "cpu", "requires_grad": False, "dtype": "float64", "shape": [4, 6],
         "blob": 0, "wire": "float64"}  # fmt: skip
RAISED = {"type": "E", "bases": ["E"], "message": "", "where": ""}


class Forger:
    """Writes an answer of its own; text as it is, anything else as JSON, `{}` with the right nonce."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, X, K):
        channel, nonce = wire()
        answer = self.answer | {"nonce": nonce} if isinstance(self.answer, dict) else self.answer
        text = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        os.write(channel.write_fd, struct.pack("<Q", len(text)) + text + bytes(8 * 24))
        time.sleep(5)


def one_step(**changes):
    return Forger({"steps": [STEP | changes]})


def one_array(**changes):
    return one_step(outputs={"y": ARRAY | changes})


forges = types.SimpleNamespace(
    a_list=Forger([]),
    a_number=Forger(3),
    no_json=Forger("{"),
    no_text=Forger("\x00"),
    depth=Forger("[" * 200_000),
    a_great_number=Forger("9" * 100_000),
    no_steps=Forger({}),
    too_few_steps=Forger({"steps": []}),
    too_many_steps=Forger({"steps": [STEP] * 3}),
    a_step_that_is_none=Forger({"steps": [None]}),
    a_step_with_more=one_step(verdict="pass"),
    outputs_in_a_list=one_step(outputs=[]),
    findings_in_a_text=one_step(changed="x"),
    findings_that_are_numbers=one_step(globals=[1]),
    raised_that_is_a_text=one_step(raised="E"),
    raised_without_a_message=one_step(raised={"type": "E", "bases": ["E"], "where": ""}),
    raised_with_bases_of_none=one_step(raised=RAISED | {"bases": [None]}),
    no_shape=one_step(outputs={"y": {k: v for k, v in ARRAY.items() if k != "shape"}}),
    a_negative_shape=one_array(shape=[-4, -6]),
    a_shape_beyond_all=one_array(shape=[1 << 40, 1 << 40]),
    a_shape_beyond_an_axis=one_array(shape=[0, 1 << 70]),
    a_shape_of_fractions=one_array(shape=[4.0, 6.0]),
    a_shape_of_truths=one_array(shape=[True, True]),
    more_memory_than_allowed=one_array(shape=[1 << 30, 2]),
    a_type_that_is_a_number=one_array(dtype=8),
    an_unknown_type=one_array(dtype="float9", wire="float9"),
    objects=one_array(dtype="object", wire="object"),
    records=one_array(dtype="f8,f8", wire="f8,f8"),
    bits_of_another_size=one_array(dtype="bfloat16", wire="float64"),
    a_wire_of_another_size=one_array(wire="int8"),
    a_blob_that_is_not_there=one_array(blob=7),
    a_blob_below_zero=one_array(blob=-1),
    a_device_that_is_a_list=one_array(device=[]),
)


# ---- those who watch


def patches_its_caller(X, K):
    described = sys._getframe(2).f_globals
    assert "describe" in described
    honest = described["describe"]
    described["describe"] = functools.partial(honest)
    return right(X, K)


def patches_those_it_finds(X, K):
    for name in list(sys.modules):
        if "describe" in vars(sys.modules[name]):
            os._exit(9)
    return right(X, K)


def blinds_the_watch_of_numpy(X, K):
    state = np.random.get_state(legacy=False)
    np.random.get_state = lambda legacy=True: state
    np.random.seed(0)
    return right(X, K)


def blinds_the_watch_of_python(X, K):
    state = random.getstate()
    random.getstate = lambda: state
    random.seed(0)
    return right(X, K)


def blinds_the_watch_of_torch(x, w):
    import torch

    before = torch.get_default_dtype()
    torch.get_default_dtype = lambda: before
    torch.set_default_dtype(torch.float64)
    return torch.nn.functional.conv2d(x[None, None], w[None, None])[0, 0]


def replaces_a_module(X, K):
    sys.modules["numpy.testing"] = types.ModuleType("numpy.testing")
    return right(X, K)


# ---- operands and results


def turns_its_input(X, K):
    Y = right(X, K)
    X.shape = X.shape[::-1]
    return Y


def locks_its_input(X, K):
    Y = right(X, K)
    X.flags.writeable = False
    return Y


def returns_another_byte_order(X, K):
    return right(X, K).astype(">f8")


TIMES = []


def bends_a_tensor(x, w):
    import torch

    TIMES.append(1)
    Y = torch.nn.functional.conv2d(x[None, None], w[None, None])[0, 0]
    if len(TIMES) == 1:
        x.resize_(2, 3)
    elif len(TIMES) == 2:
        x.t_()
    elif len(TIMES) == 3:
        x.requires_grad_()
        return Y
    elif len(TIMES) == 4:
        x.data = x.detach().clone()
    elif len(TIMES) == 5:
        x.unsqueeze_(0)
    return Y


def writes_later_unseen(X, K):
    Y = right(X, K)
    out = np.zeros_like(Y)

    def late():
        time.sleep(0.1)
        out[...] = Y

    _thread.start_new_thread(late, ())
    return out


def has_another_process_write_later(X, K):
    Y = right(X, K)
    out = np.frombuffer(mmap.mmap(-1, Y.nbytes), Y.dtype).reshape(Y.shape)
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.1)
            out[...] = Y
        os._exit(0)
    os.wait()
    return out
