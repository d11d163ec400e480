"""The probe of what a target supports: one small call for each feature, element type and mode; no value is compared."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from corrbench.case import DTYPES, Case
from corrbench.convention import EXTENT, PLAIN, Convention
from corrbench.judge import boundary, convention_search
from corrbench.judge.calls import Call, case_operands
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.protocol import Reply
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.support import BASES, EXTENSIONS, Pace, Support, exception, features, needs, refusal, with_fixed
from corrbench.target import Spec, artefact

MODES = {"backward": "gx", "double": "ggx", "jvp": "t", "vmap": "y"}  # and the output that shows it
SILENT = {
    "backward": "the result carries no autograd graph: forward only",
    "double": "gradients carry no graph",
    "jvp": "the result carries no tangent",
    "vmap": "no result",
}
# What autograd says of a gradient that does not fit its operand: that is wrong, where another error is a refusal.
MISFIT = re.compile(r"invalid gradient|incorrect number of gradients|\b(shape|size|dimension)s?\b", re.IGNORECASE)
UNFIXED = {"bias", "empty batch"}  # what is asked for even of one whose arguments are fixed
SIDES = (17, 49, 125)  # of planes on which the pace is measured
PLAIN_ENOUGH = 0.03  # seconds that stand out from those of the wire
AGAIN, LONG_ENOUGH = 12, 0.3  # calls, and seconds, by which a cost is known to be the target's, not a busy machine's
ENOUGH = 2  # deaths after which the rest counts as taken, and is left to the checks


@dataclass(slots=True)
class Answers:
    """What a target has answered so far. Refused is unsupported; anything else is for the checks to judge."""

    trial: Trial
    takes: set[str] = field(default_factory=set)
    refuses: dict[str, str] = field(default_factory=dict)
    answers: int = 0  # calls that returned something
    deaths: int = 0

    def call(self, call: Call) -> Reply | None:
        """One call; None where the target's process did not survive it, or has died too often to be asked."""
        if self.deaths >= ENOUGH:
            return None
        try:
            return self.trial.calls([call], ends=False)[0]
        except Died:
            self.deaths += 1
            return None

    def ask(self, name: str, case: Case) -> None:
        """Whether it takes a feature, on the simplest case that asks for it."""
        if undeclared := self.trial.spec.undeclared(needs(case)):
            self.refuses[name] = undeclared
            return
        reply = self.call(Call(case=case, arrays=self.trial.operands(case)))
        self.answers += reply is not None and not reply.raised
        said = refusal(reply.raised, case) if reply and reply.raised else ""
        if said:
            self.refuses[name] = said
        else:
            self.takes.add(name)

    def ask_features(self, base: Case) -> None:
        """Which arguments it takes, of those that its call can express."""
        convention, fixed = self.trial.support.convention, self.trial.support.fixed
        self.takes |= needs(base) if fixed and self.takes else set()
        for name, case in features(BASES[0].but(dtype=base.dtype) if fixed else base).items():
            if name in EXTENSIONS or name in self.takes:
                continue
            fitted = convention.fit(case)
            fitted = with_fixed(fitted, fixed) if fitted is not None else None
            if fixed and (fitted is None or name not in UNFIXED):
                self.refuses[name] = f"not among what is fixed in the model: {shown(fixed)}"
            elif fitted is None or name not in needs(fitted):
                self.refuses[name] = "the call does not express it"
            else:
                self.ask(name, fitted)

    def pace(self, base: Case) -> Pace:
        """What it costs: the fastest of some calls, on planes that get larger until the cost stands out. A machine that
        is busy with other things makes calls take long too, but not a dozen in a row.
        """
        seconds: dict[str, float] = {}
        for name, mode, channels in (("element", "forward", 1), ("product", "forward", 4), ("backward", "backward", 1)):
            if mode == "backward" and mode not in self.takes:
                continue
            for side in SIDES:
                plane = Case(x=(1, channels, side, side + 2), w=(1, channels, 3, 3), dtype=base.dtype, data="small")
                case = self.trial.support.convention.fit(plane)
                if case is None or not self.takes >= needs(case):
                    break
                call = Call(case=case, arrays=self.trial.drawn(case, mode), mode=mode)
                times: list[float] = []
                again = 1 if Pace(**seconds).slow else AGAIN  # what it is known to be needs no more calls to be told
                while len(times) < min(2, again) or (
                    min(times) > PLAIN_ENOUGH and len(times) < again and sum(times) < LONG_ENOUGH
                ):  # fmt: skip
                    if self.call(call) is None:
                        return Pace()
                    times.append(self.trial.remote.elapsed)
                seconds[name] = min(times) / (case.macs if name == "product" else math.prod(case.out))
                if min(times) > PLAIN_ENOUGH:
                    break
        return Pace(**seconds)

    def ask_mode(self, mode: str, base: Case) -> None:
        """Whether it can be differentiated in a mode; a graph that is not there is no error."""
        convention = self.trial.support.convention
        if reason := unasked(mode, convention):
            self.refuses[mode] = reason
            return
        if mode != "backward" and self.trial.spec.compile:  # of the others it calls some as they are, without a word
            self.refuses[mode] = "torch.compile compiles the call and its first derivative only"
            return
        if undeclared := self.trial.spec.undeclared({mode}):
            self.refuses[mode] = undeclared
            return
        names = case_operands(base)
        extra = {"backward": ["g"], "double": ["g", *("v" + n for n in names)], "jvp": ["t" + n for n in names]}
        arrays = self.trial.operands(base, extra.get(mode, ()))
        if mode == "vmap":
            arrays["x"] = np.stack([arrays["x"], arrays["x"]])
        reply = self.call(Call(case=base, arrays=arrays, mode=mode))
        if reply is None or (not reply.raised and {MODES[mode], MODES[mode].replace("x", "w")} & reply.outputs.keys()):
            self.takes.add(mode)
        elif mode == "backward" and self.misfits(reply, base):
            self.takes.add(mode)  # there is a backward pass, and it is wrong
        elif reply.raised:
            self.refuses[mode] = exception(reply.raised)
        else:
            self.refuses[mode] = SILENT[mode]

    def misfits(self, reply: Reply, base: Case) -> bool:
        """Whether a backward pass gives what does not fit, or cannot be made for a result of another shape."""
        if reply.raised:
            return bool(MISFIT.search(reply.raised["message"]))
        y = reply.outputs.get("y")
        return y is not None and y.shape != tuple(self.trial.support.convention.shape("y", base))


def unasked(mode: str, convention: Convention) -> str:
    """Why a mode is not asked of a convention; empty if it is."""
    if convention.structured:
        return "gradients are asked with zeros around the image only"
    if convention.by_hand and mode != "backward":
        return "the gradients are written by hand: only the first ones are asked"
    if convention.parameters and mode in ("jvp", "vmap"):
        return "asked of functions only: a module's parameters carry no tangent"
    if mode == "vmap" and convention != PLAIN:
        return "asked of the form conv2d only"
    return ""


def shown(fixed: dict[str, Any]) -> str:
    """Arguments as text."""
    return " ".join(
        f"{key}={value if isinstance(value, str) else ','.join(map(str, value))}" for key, value in fixed.items()
    )


def probe(spec: Spec, remote: Remote) -> Support:
    """Ask for one feature at a time.

    Raises:
        NotLoaded: the target cannot be loaded.
    """
    loaded = remote.load()
    fixed = loaded["fixed"] if artefact(spec.target) else {}
    spec, assumed = convention_search.settled(spec, remote, loaded)
    adapted = remote.adapt(spec) if spec is not remote.spec else loaded
    if "unloadable" in adapted:
        raise NotLoaded(adapted["unloadable"])
    form = adapted["form"]
    convention = spec.convention(form)
    support = Support(frozenset(), {}, form, said=convention, fixed=fixed)
    answers = Answers(Trial("probe", BASES[0], 0, spec, support, remote))
    dtypes = [dtype for dtype in DTYPES if spec.arrays == "torch" or dtype != "bfloat16"]
    base, fitting = BASES[0], [fitted for one in BASES if (fitted := convention.fit(one))]
    for base in dict.fromkeys(given for one in fitting if (given := with_fixed(one, fixed))):
        answers.takes, answers.refuses = set(), {}
        for dtype in dtypes:
            answers.ask(dtype, base.but(dtype=dtype))
        if answers.answers or answers.deaths:
            break
    main = next((dtype for dtype in ("float32", "float64", *DTYPES) if dtype in answers.takes), "float32")
    base = base.but(dtype=main)
    if spec.arrays == "numpy":
        answers.refuses["bfloat16"] = "numpy has no bfloat16"
    if convention.keeps_bias:
        answers.takes.add("bias")
    if convention.pads:
        answers.takes |= set(EXTENT)
    if form == "corr2d":
        answers.refuses["conv2d's arguments"] = "the form corr2d has no bias, stride, padding, dilation or groups"
    elif form != "module":
        answers.ask_features(base)
    if (spec.arrays == "torch" or convention.by_hand) and main.startswith("float"):
        for mode in MODES:
            answers.ask_mode(mode, base)
    return Support(
        frozenset(answers.takes), answers.refuses, form, " ".join(loaded.get("version", "").split())[:80],
        note="; ".join(filter(None, (loaded.get("note", ""), assumed))), file=loaded.get("file", ""),
        said=None if convention == PLAIN else convention,
        adopted={one.name: getattr(spec, one.name) for one in fields(spec)} if assumed else {}, fixed=fixed,
        pace=answers.pace(base) if not fixed else Pace(), sandbox=boundary.level(spec).to_json(),
        conduct=tuple(remote.conduct),
    )  # fmt: skip
