"""Guessing: the calling convention of code whose signature, containers or shapes are not those of a form.

Known conventions are tried with a few exact cases, on which no two of them agree. Values never start it, and what was
assumed is always said.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any

from corrbench.case import Case
from corrbench.convention.options import mentioned
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.protocol import FEIGNED, Reply
from corrbench.judge.signatures import calls, layers
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.support import BASES, Support, exception
from corrbench.target import Spec, artefact, shell_line, words

# Exact cases, and one with an even kernel, which tells how an uneven border is shared out.
CASES = (
    Case(x=(2, 3, 7, 9), w=(4, 3, 3, 3), data="small"),
    Case(x=(2, 3, 8, 9), w=(4, 3, 3, 5), data="small"),
    Case(x=(2, 3, 7, 9), w=(4, 3, 2, 4), data="small"),
)
LAYOUTS = (
    "NCHW,OIHW", "HW,HW", "CHW,OIHW", "NHWC,HWIO", "NHWC,OHWI", "HWC,HWIO", "HWC,OHWI", "CHW,IHW", "HWC,HWI",
    "NHW,HW", "HWN,HW", "HW,OHW", "HW,OHW,HWC", "HW,HWO,HWC", "NHW,OHW,NCHW", "NHW,OHW,NHWC", "NCHW,IOHW",
)  # fmt: skip
OUTPUTS = (
    "same", "same-lower", "full", "same:edge", "same-lower:edge", "same:reflect", "same-lower:reflect", "same:wrap",
    "same-lower:wrap", "same:interior", "same-lower:interior",
)  # fmt: skip
PARAMS = (  # where layers keep weight and bias
    "weight,bias", "W,b", "w,b", "weights,biases", "weights,bias", "kernel,bias", "filters,biases", "filters,bias",
    "conv.weight,conv.bias",
)  # fmt: skip
# what no convention is to blame for
BROKEN = ("NameError", "UnboundLocalError", "RecursionError", "NotImplementedError", "OSError", "FileNotFoundError",
          "PermissionError", "ProcessLookupError", "KeyError", "ZeroDivisionError")  # fmt: skip
MOST = 900  # calls that are tried


@dataclass(slots=True)
class Fit:
    """How well a convention fits: results right on how many cases, of the right shape on how many, right if flipped."""

    options: dict[str, Any]
    right: int = 0
    shaped: int = 0
    flipped: int = 0
    said: str = ""
    extents: set[str] = field(default_factory=set)

    @property
    def line(self) -> str:
        """The options as they are typed."""
        return shell_line(words(self.options))


def settled(spec: Spec, remote: Remote, loaded: dict[str, Any]) -> tuple[Spec, str]:
    """The spec with the convention that its target has, and what is said of that; as it is where the form fits.

    Raises:
        NotLoaded: its signature does not fit, and no convention that is known does; or several do.
    """
    if not spec.lenient or artefact(spec.target):
        return spec, ""
    wanted, spec = spec, replace(spec, compile=False)  # what is compiled is called alike, and takes longer
    looks = loaded["signature"]
    declared = any(getattr(spec, name) for name in ("call", "layer", "layout", "output", "params"))
    try:
        plain = survey(spec, remote, BASES)
        if not plain.shaped and plain.said.startswith(("TypeError", "NotImplementedError")):
            plain = survey(spec, remote, BASES, dtype="float64")
    except Died:
        return wanted, ""  # that is for the checks to judge
    if plain.shaped or declared:
        if declared and not plain.shaped and plain.said.startswith("call:"):
            raise NotLoaded(f"the call as it is given does not fit: {plain.said[5:].strip()}; {signature(looks)}")
        if plain.shaped and spec.layer and not spec.no_guess:
            kept = with_bias(spec, remote, attempt(spec, remote, {}), {})
            return replace(wanted, **kept.options), f"assumed: {kept.line}" if kept.options else ""
        return wanted, ""
    found: list[Fit] = []
    if not spec.no_guess:
        try:
            found = search(spec, remote, looks)
        except Died as death:
            plain.said = plain.said or death.message
    best = chosen(found)
    if best is not None:
        return replace(wanted, **best.options), f"assumed: {best.line or 'its form'}" + (
            "; every result is right if the kernel is turned by a half turn (--flip)"
            if best.flipped > best.right
            else ""
        )
    if looks["binds"] and not found and (plain.said.startswith(BROKEN) or spec.no_guess):
        return replace(wanted, form=loaded["form"]), ""  # no way of calling it helps
    near = sorted(found, key=lambda fit: -fit.shaped)[:3]
    raise NotLoaded(unknown(looks, spec, plain, near))


def signature(looks: dict[str, Any]) -> str:
    """The signature, as it is said."""
    return f"the signature is {looks['text']}" if looks["text"] else "it has no signature"


def unknown(looks: dict[str, Any], spec: Spec, plain: Fit, near: list[Fit]) -> str:
    """Why nothing is judged, what was tried, and what to type."""
    said = f"how it is called is not known: {signature(looks)}"
    if plain.said:
        said += f"; called in its form it said: {plain.said.removeprefix('call: ')}"
    if several := " or ".join(fit.line for fit in near if fit.right and fit.right == near[0].right):
        return f"{said}; several conventions fit, give one: {several}"
    if spec.no_guess:
        return f"{said}; say how it is called, for example --call 'f(x, w)' (--no-guess)"
    lines = [fit.line for fit in near] or (
        ["--layer 'C(cin, cout, k)'"] if looks["makes"] else ["--call 'f(x, w, b, s, p)[0]' --arrays numpy"]
    )
    return (
        f"{said}; of the conventions that were tried none fits; say how it is called, such as {' or '.join(lines)}"
        + ("; --no-guess judges it as it stands" if looks["binds"] else "")
    )


def chosen(found: list[Fit]) -> Fit | None:
    """The convention that fits best, the first of equals; None where none does, or two that differ do."""
    inside = [fit for fit in found if "interior" in fit.options.get("output", "")]  # right whatever the border is
    bordered = {(fit.options.get("layout"), fit.right) for fit in found if fit not in inside}
    found = [fit for fit in found if fit not in inside or (fit.options.get("layout"), fit.right) not in bordered]
    if not found:
        return None
    best = max(found, key=lambda fit: (fit.right, fit.flipped, fit.shaped))
    equal = [fit for fit in found if (fit.right, fit.flipped, fit.shaped) == (best.right, best.flipped, best.shaped)]
    outputs = {fit.options.get("output", "") for fit in equal}
    meanings = {(fit.options.get("layout", ""), fit.options.get("output", "").replace("-lower", "")) for fit in equal}
    if best.right and len(meanings) > 1:
        return None
    if best.right and len(outputs) > 1:  # only even kernels would tell
        equal[0].options |= {"kernels": "odd"}
    return equal[0] if best.shaped else None


def survey(spec: Spec, remote: Remote, cases: tuple[Case, ...], *, judge: bool = False, dtype: str = "float32") -> Fit:
    """How a target answers the cases in the convention of a spec."""
    fit = Fit({})
    try:
        loaded = remote.adapt(spec)
    except (NotLoaded, ValueError) as error:
        fit.said = f"call: {error}"
        return fit
    if "unloadable" in loaded:
        fit.said = f"call: {loaded['unloadable']}"
        return fit
    convention = spec.convention(loaded["form"])
    for case in dict.fromkeys(one for case in cases if (one := convention.fit(case))):
        asked = case.but(dtype="float64" if spec.arrays == "list" else dtype)
        trial = Trial("guess", asked, 0, spec, Support(frozenset(), {}, loaded["form"], said=convention), remote)
        arrays = trial.operands()
        reply = trial.calls([Call(case=asked, arrays=arrays)], ends=False, into=[])[0]
        judged(fit, trial, reply, arrays, judge=judge)
        if judge and not fit.shaped and not fit.extents:
            break
    return fit


def judged(fit: Fit, trial: Trial, reply: Reply, arrays: dict[str, Any], *, judge: bool) -> None:
    """Note what one answer tells."""
    if reply.raised:
        where = reply.raised["where"]
        ours = where.startswith(("<convention>", "process.")) or not where
        fit.said = fit.said or ("call: " if ours else "") + exception(reply.raised)
        return
    output, case, convention = reply.outputs.get("y"), trial.case, trial.support.convention
    kinds = ("torch.Tensor", "numpy.ndarray") if trial.spec.arrays == "torch" else ("numpy.ndarray",)
    if output is None or output.values is None or output.type.removeprefix(FEIGNED) not in kinds[: 1 if judge else 2]:
        fit.said = fit.said or f"call: it returns a {output.type if output else 'nothing'}"
        return
    if output.shape != convention.shape("y", case):
        fit.said = fit.said or f"its result has shape {list(output.shape)}, not {list(convention.shape('y', case))}"
        if judge:
            fit.extents |= {
                name for name in OUTPUTS
                if (other := replace(trial.spec, output=name).convention(trial.form)).shape(
                    "y", other.fit(case) or case) == output.shape
            }  # fmt: skip
        return
    if not judge and trial.spec.arrays == "torch" and output.type != "torch.Tensor":
        fit.said = fit.said or "call: it returns a numpy.ndarray for tensors"
        return
    fit.shaped += 1
    if judge and output.values.shape == case.out:
        fit.right += trial.expected(trial.problem(arrays=arrays)).compare(output.values).right
        turned = arrays | {"w": arrays["w"][..., ::-1, ::-1]}
        fit.flipped += trial.expected(trial.problem(arrays=turned)).compare(output.values).right


def search(spec: Spec, remote: Remote, looks: dict[str, Any]) -> list[Fit]:
    """Every convention whose results have the right shape."""
    found: list[Fit] = []
    kinds = arrays(spec, looks)
    option, admitted = ("layer", layers) if looks["makes"] else ("call", calls)
    ways = [{option: text} for text in admitted(looks)]
    for kind in kinds:
        fit = attempt(spec, remote, {"arrays": kind})
        if looks["binds"] and fit.shaped:
            return [fit]
    for tried, (how, kind, layout) in enumerate(itertools.product(ways, kinds, LAYOUTS)):
        if tried > MOST or any(fit.right == len(CASES) for fit in found):
            break
        options = how | {"arrays": kind} if kind != "torch" else dict(how)
        options |= {"layout": layout} if layout != LAYOUTS[0] else {}
        fit = attempt(spec, remote, options)
        if "[" not in options.get("call", "")[-3:] and fit.said.startswith("call: it returns a builtins.tuple"):
            options = options | {"call": options["call"] + "[0]"}
            fit = attempt(spec, remote, options)
        if "layer" in options:
            fit = with_bias(spec, remote, fit, options)
        if fit.shaped:
            found.append(fit)
        for name in [name for name in OUTPUTS if name in fit.extents]:
            other = attempt(spec, remote, options | {"output": name})
            found += [other] if other.shaped else []
    return found


def with_bias(spec: Spec, remote: Remote, fit: Fit, options: dict[str, Any]) -> Fit:
    """The same layer with its parameters named, where it keeps a bias of its own that has to be set; else as it was."""
    named = replace(spec, **options)
    if named.params or mentioned(named.layer, "--layer") & {"b", "bias"}:
        return fit
    if not fit.shaped and "--params" not in fit.said:
        return fit
    tried = (attempt(spec, remote, options | {"params": params}) for params in PARAMS)
    return next((one for one in tried if one.shaped and one.shaped >= fit.shaped), fit)


def attempt(spec: Spec, remote: Remote, options: dict[str, Any]) -> Fit:
    """How one convention fits."""
    fit = survey(replace(spec, **options), remote, CASES, judge=True)
    fit.options = options
    return fit


def arrays(spec: Spec, looks: dict[str, Any]) -> tuple[str, ...]:
    """The kinds of arrays to try: what the module knows."""
    if spec.arrays != "torch":
        return (spec.arrays,)
    return {("torch",): ("torch",), ("numpy",): ("numpy", "list"), (): ("list", "numpy")}.get(
        tuple(looks["uses"]), ("torch", "numpy")
    )
