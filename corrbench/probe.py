"""What does this target take? One small call for each feature, element type and mode, judged by nothing."""

from __future__ import annotations

from corrbench import inputs
from corrbench.case import DTYPES
from corrbench.remote import Died, Remote, Reply
from corrbench.target import EXTENSIONS, FEATURES, SMALL, Spec, Support, fit, refusal
from corrbench.trial import Call, Trial

MODES = ("backward", "double", "jvp", "vmap")


def probe(spec: Spec, remote: Remote) -> Support:
    """Ask for one feature at a time. Refused is unsupported; anything else, a crash included, is for the checks to judge.

    Raises:
        NotLoaded: the target cannot be loaded.
    """
    loaded = remote.load()
    form = loaded["form"]
    takes: set[str] = set()
    refuses: dict[str, str] = {}
    trial = Trial("probe", SMALL, 0, spec, Support(frozenset(), {}, form), remote)

    def attempt(name: str, call: Call, told: str = "") -> Reply | None:
        try:
            reply = trial.calls([call], settle=False)[0]
        except Died:
            takes.add(name)
            return None
        said = refusal(reply.raised, call.case) if reply.raised else told
        if said:
            refuses[name] = said
        else:
            takes.add(name)
        return reply

    base = fit(SMALL, form)
    assert base is not None
    for dtype in DTYPES:
        case = base.but(dtype=dtype)
        if spec.arrays == "numpy" and dtype == "bfloat16":
            refuses[dtype] = "numpy has no bfloat16"
        else:
            attempt(dtype, Call(case=case, arrays=trial.operands(case)))
    if form == "module":
        takes.add("bias")
    main = next((dtype for dtype in ("float32", "float64", *DTYPES) if dtype in takes), "float32")
    base = base.but(dtype=main)
    if form == "conv2d":
        for name, feature in FEATURES.items():
            if name not in EXTENSIONS:
                case = feature.but(dtype=main)
                attempt(name, Call(case=case, arrays=trial.operands(case)))
    elif form == "corr2d":
        refuses["conv2d's arguments"] = "the form corr2d has no bias, stride, padding, dilation or groups"
    if spec.arrays == "torch":
        for mode in MODES if main.startswith("float") else ():
            ask_mode(trial, mode, base, takes, refuses)
    return Support(frozenset(takes), refuses, form, loaded.get("version", ""))


def ask_mode(trial: Trial, mode: str, base: object, takes: set[str], refuses: dict[str, str]) -> None:
    """Whether the target can be differentiated in a mode; a graph that is not there is no error, it is forward only."""
    from corrbench.case import Case

    assert isinstance(base, Case)
    names = ("x", "w", "b") if base.bias else ("x", "w")
    extra = {"backward": ("g",), "double": ("g", *("v" + n for n in names)), "jvp": tuple("t" + n for n in names)}.get(
        mode, ()
    )
    arrays = trial.operands(base, extra)
    if trial.form == "module" and mode in ("jvp", "vmap"):
        refuses[mode] = "asked of functions only: a module's parameters carry no tangent"
        return
    if mode == "vmap":
        arrays["x"] = inputs.np.stack([arrays["x"], arrays["x"]])
        if trial.form == "corr2d":
            refuses[mode] = "asked of the form conv2d only"
            return
    try:
        reply = trial.calls([Call(case=base, arrays=arrays, mode=mode)], settle=False)[0]
    except Died:
        takes.add(mode)
        return
    wanted = {"backward": "gx", "double": "ggx", "jvp": "t", "vmap": "y"}[mode]
    if reply.raised:
        refuses[mode] = (
            f"{reply.raised['type']}: {reply.raised['message'].splitlines()[0][:160] if reply.raised['message'] else ''}"
        )
    elif (
        wanted in reply.outputs
        or (mode == "double" and "ggw" in reply.outputs)
        or (mode == "backward" and "gw" in reply.outputs)
    ):
        takes.add(mode)
    else:
        refuses[mode] = {"backward": "the result carries no autograd graph: forward only", "double": "gradients carry no graph",
                         "jvp": "the result carries no tangent", "vmap": "no result"}[mode]  # fmt: skip
