"""Which implementations of a library ran: read from what it prints where its own log is switched on."""

from __future__ import annotations

from collections import Counter

from corrbench.judge.client import Remote

LOGS = "ONEDNN_VERBOSE=1"  # of oneDNN, which PyTorch, TensorFlow and others compute with
HEADS = ("onednn_verbose", "dnnl_verbose")


def implementations(remote: Remote) -> Counter[str]:
    """How often each ran since the last time, by direction and name; empty where nothing is logged."""
    return parsed(remote.child.drained()) if remote.child is not None else Counter()


def parsed(text: str) -> Counter[str]:
    """The implementations in the log of oneDNN, whose lines are
    ``onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx2,forward_training,…``.
    """
    found: Counter[str] = Counter()
    for line in text.splitlines():
        words = line.split(",")
        if words[0] not in HEADS or "exec" not in words:
            continue
        what = words[words.index("exec") + 2 :]
        if len(what) > 2 and what[0] in ("convolution", "deconvolution"):
            found[f"{what[2]} {what[1]}"] += 1
    return found
