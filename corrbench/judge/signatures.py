"""Call expressions that a signature admits: what each parameter is, told by its name and its default."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

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
AMBIGUOUS = {"filters", "kernel", "kernels"}  # names of a number or a size, or of the kernel itself


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
        roles = {key: role({"name": key}, ("s", "p", "d", "groups", "k")) or "1" for key in parameter["keys"]}
        return ["{" + ", ".join(f"{key!r}: {one}" for key, one in roles.items()) + "}"]
    if what in ("s", "p", "d"):
        if parameter["default"] == "str":
            loud = parameter["value"].strip("'\"").isupper()
            return [("'VALID'" if loud else "'valid'"), ("'SAME'" if loud else "'same'")] if what == "p" else []
        pair = f"({what}h, {what}w)"
        if parameter["default"] in ("tuple", "list"):
            return [pair, what]
        return [what, pair] if parameter["required"] else [what]
    if what == "b":
        if parameter["default"] in ("float", "int"):
            return ["b[0]"]
        return ["b", "b[:, None]", "b[None, None, None, :]", "b[0]"] if parameter["required"] else ["b"]
    if what == "k":
        return ["k", "(kh, kw)", "(k, k)"]
    return [what]


def calls(looks: dict[str, Any]) -> Iterator[str]:
    """Calls of a function that its signature admits, the likeliest first."""
    parameters = looks["parameters"]
    if not parameters:
        yield "f(x, w)"
        return
    roles = given_roles(parameters)
    chosen = roles and written(parameters, roles)
    if not chosen:
        return
    yield from expressions("f", parameters, chosen)
    if any(options and not one["required"] for one, options in zip(parameters, chosen, strict=True)):
        least = [options if one["required"] else [] for one, options in zip(parameters, chosen, strict=True)]
        yield from expressions("f", parameters, least)


def written(parameters: list[dict[str, Any]], roles: list[str]) -> list[list[str]] | None:
    """How each argument may be written; None where one that is required cannot be."""
    found = [value(one, what) if what else [] for one, what in zip(parameters, roles, strict=True)]
    missing = any(one["required"] and not options for one, options in zip(parameters, found, strict=True))
    return None if missing else found


def given_roles(parameters: list[dict[str, Any]]) -> list[str] | None:
    """The role of each parameter of a function; None where there are not two for input and kernel."""
    rest = ("b", "s", "p", "d", "groups", "out", "k", "lambda z: z")
    if len(parameters) < 2:
        return None
    before = ["out"] if len(parameters) > 2 and role(parameters[0], ("w", "x", "out")) == "out" else []
    named = [role(one, ("w", "x")) for one in parameters[len(before) :][:2]]
    first = ["w", "x"] if named[0] == "w" and named[1] != "w" else ["x", "w"]
    after = parameters[len(before) + 2 :]
    return before + first + ["dict" if one["keys"] else role(one, rest) for one in after]


def layers(looks: dict[str, Any]) -> Iterator[str]:
    """Ways of making a layer that its constructor admits, the likeliest first."""
    parameters = looks["parameters"]
    plain = [made_of(one) for one in parameters]
    names = {one["name"] for one in parameters}

    def kernel(those: set[str]) -> list[str]:
        """The roles with what has one of these names for the kernel itself."""
        return ["w" if one["name"] in those else what for one, what in zip(parameters, plain, strict=True)]

    variants = [kernel({"w", "W"})]  # which is no width there
    if names & AMBIGUOUS:
        variants.append(kernel(AMBIGUOUS))
    for roles in variants:
        if chosen := written(parameters, roles):
            yield from expressions("C", parameters, chosen)


def made_of(parameter: dict[str, Any]) -> str:
    """What a constructor's parameter is; empty where its name tells nothing."""
    found = role(parameter, ("cin", "cout", "k", "s", "p", "d", "groups"))
    if found or parameter["name"] not in ("b", "bias", "use_bias"):
        return found or role(parameter, ("w", "lambda z: z"))
    return "bias" if parameter["default"] == "bool" or parameter["name"] == "use_bias" else "b"


def expressions(name: str, parameters: list[dict[str, Any]], chosen: list[list[str]]) -> Iterator[str]:
    """Call expressions with every way of writing each argument, at most two dozens."""
    used = [(one, options) for one, options in zip(parameters, chosen, strict=True) if options]
    for picked in itertools.islice(itertools.product(*(options for _, options in used)), 24):
        text, by_name = [], False
        for place, ((one, _), argument) in enumerate(zip(used, picked, strict=True)):
            by_name |= one["by_name"] or parameters[place]["name"] != one["name"]
            text.append(f"{one['name']}={argument}" if by_name or (place > 2 and not one["required"]) else argument)
        arrow = " -> out" if "out" in picked else ""
        yield f"{name}({', '.join(text)}){arrow}"
