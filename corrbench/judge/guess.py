"""Guessing: the calling convention of code whose signature, containers or shapes are not those of a form.

Known conventions are tried with a few exact cases, on which no two of them agree. Values never start it, and what was
assumed is always said.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from corrbench.case import Case
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.protocol import Reply
from corrbench.judge.sandbox import Died
from corrbench.judge.trial import Trial
from corrbench.support import BASES, Support
from corrbench.target import Spec, words

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
ROLES = {  # what a parameter is, by its name
    "x": r"x|x_?\w{0,4}|inputs?|input_\w+|ima?ge?s?|imgs?|im|in|inp|a|a_prev|a_slice_prev|data|src|source|signal|mat\w*|arr\w*|feature\w*|fmap|volume|batch|u",  # noqa: E501
    "w": r"w|w_?\d?|weights?|k|kernels?|ker|kern|filters?|filt|filter_\w+|f|h|mask|template|theta|stencil|conv_kernel",
    "b": r"b|bias|biases|beta|b0|offset",
    "s": r"s|strides?|step|steps|stride_\w+|subsample",
    "p": r"p|pad|pads|padding|zero_pad\w*|pad_\w+|padding_\w+",
    "d": r"d|dilations?|dil|rate|dilation_rate|atrous_rate",
    "groups": r"groups?|n_groups|num_groups",
    "out": r"out|dst|dest|destination|result|res|output|y",
    "k": r"k|f|kernel_size|ksize|k_size|filter_size|size|kernel|filter_shape|kernel_shape|field|window",
    "cin": r"cin|c_in|in_channels?|input_channels?|in_c|in_ch|n_in|channels_in|in_planes|inputs?|depth|channels?|"
           r"input_depth|in_features|n_channels|num_channels|input_dim|in_dim|nin|ic",
    "cout": r"cout|c_out|out_channels?|output_channels?|out_c|out_ch|n_out|channels_out|out_planes|outputs?|"
            r"n_filters|num_filters|n_kernels|num_kernels|filters|out_features|output_dim|out_dim|nout|oc|n_f|units",
    "lambda z: z": r"activation|act|act_fn|activation_fn|nonlinearity|activation_function|fn|func",
}  # fmt: skip
AXES = {"sh": r"stride_?(h|y|rows?)|s_?h|row_stride|dy", "sw": r"stride_?(w|x|cols?)|s_?w|col_stride|dx",
        "ph": r"pad(ding)?_?(h|y|rows?)|p_?h", "pw": r"pad(ding)?_?(w|x|cols?)|p_?w",
        "kh": r"k_?h|kernel_h(eight)?|filter_h(eight)?|hh|f_?h|kernel_rows", "kw": r"k_?w|kernel_w(idth)?|filter_w(idth)?|ww|f_?w|kernel_cols"}  # noqa: E501  # fmt: skip
BROKEN = ("NameError", "UnboundLocalError", "RecursionError")  # what no convention is to blame for
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
        import shlex

        return shlex.join(words(self.options))


def settled(spec: Spec, remote: Remote, loaded: dict[str, Any]) -> tuple[Spec, str]:
    """The spec with the convention that its target has, and what is said of that; as it is where the form fits.

    Raises:
        NotLoaded: its signature does not fit, and no convention that is known does; or several do.
    """
    if not spec.lenient:
        return spec, ""
    looks = loaded["signature"]
    declared = any(getattr(spec, name) for name in ("call", "layer", "layout", "output", "flip", "kernels", "params"))
    try:
        plain = survey(spec, remote, BASES)
    except Died:
        return spec, ""  # that is for the checks to judge
    if plain.shaped or declared:
        if declared and not plain.shaped and plain.said.startswith("call:"):
            raise NotLoaded(f"the call as it is given does not fit: {plain.said[5:].strip()}; {signature(looks)}")
        return spec, ""
    found: list[Fit] = []
    if not spec.no_guess:
        try:
            found = search(spec, remote, looks)
        except Died as death:
            plain.said = plain.said or death.message
    best = chosen(found)
    if best is not None:
        return replace(spec, **best.options), f"assumed: {best.line or 'its form'}" + (
            "; every result is right if the kernel is turned by a half turn (--flip)"
            if best.flipped > best.right
            else ""
        )
    if looks["binds"] and not found and (plain.said.startswith(BROKEN) or spec.no_guess):
        return replace(spec, form=loaded["form"]), ""  # no way of calling it helps
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
    return f"{said}; of the conventions that were tried none fits; say how it is called, such as {' or '.join(lines)}"


def chosen(found: list[Fit]) -> Fit | None:
    """The convention that fits best, the first of equals; None where none does, or two that differ do."""
    if not found:
        return None
    best = max(found, key=lambda fit: (fit.right, fit.flipped, fit.shaped))
    equal = [fit for fit in found if (fit.right, fit.flipped, fit.shaped) == (best.right, best.flipped, best.shaped)]
    meanings = {(fit.options.get("layout", ""), fit.options.get("output", "")) for fit in equal}
    if best.right and len(meanings) > 1:
        return None
    return equal[0] if best.shaped else None


def survey(spec: Spec, remote: Remote, cases: tuple[Case, ...], *, judge: bool = False) -> Fit:
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
        asked = case.but(dtype="float64") if spec.arrays == "list" else case
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
        where, first = reply.raised["where"], reply.raised["message"].splitlines()[:1]
        ours = where.startswith(("<convention>", "process.")) or not where
        told = f"{reply.raised['type']}: {''.join(first)[:160]}"
        fit.said = fit.said or ("call: " if ours else "") + told
        return
    output, case, convention = reply.outputs.get("y"), trial.case, trial.support.convention
    kinds = ("torch.Tensor", "numpy.ndarray") if trial.spec.arrays == "torch" else ("numpy.ndarray",)
    if output is None or output.values is None or output.type not in kinds[: 1 if judge else 2]:
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
    ways = list(layers(looks) if looks["makes"] else calls(looks))
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
        if fit.shaped:
            found.append(fit)
        for name in [name for name in OUTPUTS if name in fit.extents]:
            other = attempt(spec, remote, options | {"output": name})
            found += [other] if other.shaped else []
    return found


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


# ---- expressions from signatures


def role(parameter: dict[str, Any], among: tuple[str, ...]) -> str:
    """What a parameter is, of these roles; empty where its name tells nothing."""
    name = parameter["name"].lower().strip("_")
    for axis, pattern in AXES.items():
        if re.fullmatch(pattern, name) and (axis[0] in among or axis[0] == "k"):
            return axis
    return next((one for one in among if re.fullmatch(ROLES[one], name)), "")


def value(parameter: dict[str, Any], what: str) -> list[str]:
    """How an argument may be written; none where it cannot."""
    if parameter["keys"]:
        inner = []
        for key in parameter["keys"]:
            named = {"name": key, "keys": [], "default": "int", "value": "1", "required": True}
            chosen = role(named, ("s", "p", "d", "groups", "k"))
            inner.append(f"{key!r}: {chosen or '1'}")
        return ["{" + ", ".join(inner) + "}"]
    if what in ("s", "p", "d"):
        if parameter["default"] == "str":
            loud = parameter["value"].strip("'\"").isupper()
            return [("'VALID'" if loud else "'valid'"), ("'SAME'" if loud else "'same'")] if what == "p" else []
        pair = f"({what}h, {what}w)"
        return (
            [pair, what]
            if parameter["default"] in ("tuple", "list")
            else [what, pair]
            if parameter["required"]
            else [what]
        )
    if what == "b":
        if parameter["default"] in ("float", "int"):
            return ["b[0]"]
        return ["b", "b[:, None]", "b[None, None, None, :]", "b[0]"] if parameter["required"] else ["b"]
    if what == "k":
        return ["k", "(kh, kw)", "(k, k)"]
    return [what]


def calls(looks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Calls of a function that its signature admits, the likeliest first."""
    parameters = looks["parameters"]
    if not parameters:
        yield {"call": "f(x, w)"}
        return
    roles = given_roles(parameters)
    if roles is None:
        return
    written = [value(one, what) if what else [] for one, what in zip(parameters, roles, strict=True)]
    chosen = [options[:] for options in written]
    for one, options in zip(parameters, chosen, strict=True):
        if not options and one["required"]:
            return
    yield from expressions("f", parameters, roles, chosen)
    if any(options and not one["required"] for one, options in zip(parameters, chosen, strict=True)):
        least = [options if one["required"] else [] for one, options in zip(parameters, chosen, strict=True)]
        yield from expressions("f", parameters, roles, least)


def given_roles(parameters: list[dict[str, Any]]) -> list[str] | None:
    """The role of each parameter of a function; None where there are not two for input and kernel."""
    rest = ("b", "s", "p", "d", "groups", "out", "k", "lambda z: z")
    named = [role(one, ("w", "x")) for one in parameters[:2]]
    if len(parameters) < 2:
        return None
    first = ["w", "x"] if named[0] == "w" and named[1] != "w" else ["x", "w"]
    return first + ["dict" if one["keys"] else role(one, rest) for one in parameters[2:]]


def layers(looks: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Ways of making a layer that its constructor admits, the likeliest first."""
    parameters = looks["parameters"]
    roles = []
    for one in parameters:
        arrays_first = role(one, ("cin", "cout", "k", "s", "p", "d", "groups"))
        if one["name"] in ("W", "w", "weight", "weights", "kernel", "filters", "kernels") and not arrays_first:
            arrays_first = "w"
        if not arrays_first and one["name"] in ("b", "bias", "use_bias"):
            arrays_first = "bias" if one["default"] == "bool" or one["name"] == "use_bias" else "b"
        roles.append(arrays_first or role(one, ("w", "lambda z: z")))
    variants = [roles]
    if "W" in [one["name"] for one in parameters] or "w" in [one["name"] for one in parameters]:
        variants = [["w" if one["name"] in ("w", "W") else what for one, what in zip(parameters, roles, strict=True)]]
    if any(one["name"] in ("filters", "kernel", "kernels") for one in parameters):
        variants.append(["w" if one["name"] in ("filters", "kernel", "kernels") else what
                         for one, what in zip(parameters, roles, strict=True)])  # fmt: skip
    for these in variants:
        chosen = [value(one, what) if what else [] for one, what in zip(parameters, these, strict=True)]
        if any(one["required"] and not options for one, options in zip(parameters, chosen, strict=True)):
            continue
        for made in expressions("C", parameters, these, chosen):
            yield {"layer": made["call"]}


def expressions(
    name: str, parameters: list[dict[str, Any]], roles: list[str], chosen: list[list[str]]
) -> Iterator[dict[str, Any]]:
    """Call expressions with every way of writing each argument, at most two dozens."""
    used = [(one, what, options) for one, what, options in zip(parameters, roles, chosen, strict=True) if options]
    for picked in itertools.islice(itertools.product(*(options for _, _, options in used)), 24):
        text, by_name = [], False
        for place, ((one, _, _), argument) in enumerate(zip(used, picked, strict=True)):
            by_name |= one["by_name"] or parameters[place]["name"] != one["name"]
            text.append(f"{one['name']}={argument}" if by_name or (place > 2 and not one["required"]) else argument)
        arrow = " -> out" if "out" in picked else ""
        yield {"call": f"{name}({', '.join(text)}){arrow}"}
