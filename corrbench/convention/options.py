"""Options read: the convention of a form with what a user said of it, or what is wrong with that."""

from __future__ import annotations

import ast
import builtins
from functools import cache
from typing import Any

from corrbench.case import DTYPES, there_are
from corrbench.convention import ARGUMENTS, BORDERS, EVERYTHING, EXTENT, KERNELS, OUTPUTS, Convention

OTHERS = ("f", "C", "x", "w", "k", "kh", "kw", "cin", "cout", "H", "W", "n", "np", "torch")  # that may be mentioned


@cache
def of(
    form: str, call: str = "", layer: str = "", params: str = "", layout: str = "", output: str = "",
    kernels: str = "", flip: bool = False, backward: str = "",
) -> Convention:  # fmt: skip
    """The convention of a form with what was said of it.

    Raises:
        ValueError: an expression that cannot be read, an unknown name or letter, options that contradict each other;
            the message says what is allowed.
    """
    words: dict[str, Any] = {"flip": flip, "by_hand": bool(backward), "spelled": not (call or layer)}
    if form in ("corr2d", "module"):
        words |= {"x": "HW", "w": "HW", "y": "HW", "says": frozenset[str]()}
        words |= {"parameters": True, "keeps_bias": True} if form == "module" else {}
    if call and layer:
        raise ValueError("--call and --layer contradict each other: a function is called, a layer is made first")
    if params and not layer:
        raise ValueError("--params names parameters of a layer: say how it is made, --layer 'C(cin, cout, k)'")
    if call or layer:
        names = mentioned(call or layer, "--call" if call else "--layer")
        words |= said(names, params if layer else "")
        words["parameters"] = bool(layer)
        if "k" in names and not {"kh", "kw"} & names:
            kernels += ",square"
    if layout:
        words |= dict(zip("xwy", letters(layout), strict=True))
    if output:
        words |= extent(output, words.get("says", EVERYTHING))
    chosen = tuple(dict.fromkeys(kernels.replace(",", " ").split()))
    if unknown := [word for word in chosen if word not in KERNELS]:
        raise ValueError(f"no kernels {unknown[0]!r}; there are: {', '.join(KERNELS)}")
    return Convention(**words, kernels=chosen)


def said(names: set[str], params: str) -> dict[str, Any]:
    """What a call expresses that mentions these names; `params` are those of a layer."""
    says = {feature for name in names for feature in ARGUMENTS.get(name, ())}
    kept = len(split(params)) > 1 and not names & {"b", "bias"}  # a bias that every layer of the kind has
    return {"says": frozenset({*says, "empty batch", *(["bias"] if kept else [])}), "keeps_bias": kept}


def extent(output: str, says: frozenset[str]) -> dict[str, Any]:
    """The output and the border that are meant.

    Raises:
        ValueError: there are none such; the message says what there is.
    """
    size, _, border = output.partition(":")
    if size not in OUTPUTS or (border or "zero") not in BORDERS:
        raise ValueError(
            f"no output {output!r}; there are {', '.join(OUTPUTS)}, with a border: same:{', same:'.join(BORDERS)}"
        )
    if size == "valid" and border:
        raise ValueError(f"output {output!r}: valid results have no border; say valid, or same:{border}")
    if size == "full" and border == "interior":
        raise ValueError("output 'full:interior': full results have no interior; say same:interior")
    if size != "valid":
        says -= {*EXTENT, "padding='same'", "padding='valid'"}
    if border not in ("", "zero"):
        says -= {"stride", "stride by axis", "dilation", "dilation by axis"}
    return {"output": size, "border": border or "zero", "says": says}


def letters(layout: str) -> tuple[str, str, str]:
    """The axes of input, kernel and result; the result's follow the input's where they are not given.

    Raises:
        ValueError: they are no such axes.
    """
    parts = layout.replace(" ", "").split(",")
    example = "write the axes of input and kernel, such as NCHW,OIHW, NHWC,HWIO, HWC,HWIO or HW,HW"
    if len(parts) not in (2, 3):
        raise ValueError(f"no layout {layout!r}: {example}")
    for part, axes in zip(parts, ("NCHW", "OIHW", "NCHW"), strict=False):
        if not set("HW") <= set(part) <= set(axes) or len(set(part)) != len(part):
            raise ValueError(f"no layout {part!r} of letters {axes}, each once, H and W always: {example}")
    x, w = parts[:2]
    if len(parts) == 3:
        return x, w, parts[2]
    if "O" not in w:
        return x, w, x.replace("C", "")
    return x, w, x if "C" in x else w.replace("O", "C").replace("I", "")


def parsed(text: str, option: str) -> ast.expr:
    """The syntax tree of an expression; it is evaluated in the target's process only.

    Raises:
        ValueError: it is none.
    """
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"{option} {text!r} is no Python expression: {error.msg}") from None


def mentioned(text: str, option: str) -> set[str]:
    """The names of a call expression that are not bound within it.

    Raises:
        ValueError: it is no expression, or mentions what there is not; the message lists what there is.
    """
    call, arrow, out = text.partition("->")
    tree = parsed(call, option)
    bound = {arg.arg for node in ast.walk(tree) if isinstance(node, ast.Lambda) for arg in node.args.args}
    bound |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - bound
    known = {*ARGUMENTS, *OTHERS, *([out.strip()] if arrow else ())}
    unknown = sorted(name for name in names - known if not hasattr(builtins, name))
    if unknown:
        raise ValueError(
            f"{option} {text!r} mentions {unknown[0]!r}; there are f (the target), x, w, b, the numbers s p d groups, "
            "sh sw ph pw dh dw, k kh kw cin cout H W n, and np and torch"
        )
    if option == "--layer" and not names & {"C", "f"}:
        raise ValueError(f"--layer {text!r} makes nothing: call C, as in 'C(cin, cout, k)'")
    if option == "--call" and not {"x", "w"} <= names:
        raise ValueError(f"--call {text!r} has to mention both x and w, the input and the kernel")
    if option == "--call" and "f" not in names:
        raise ValueError(f"--call {text!r} calls no target: f stands for it, as in 'f(x, w)'")
    return names


def attributes(text: str) -> str:
    """A gradient expression whose parts that begin with a dot, such as ``.dW``, are taken from the layer."""
    return ", ".join(f"layer{part}" if part.startswith(".") else part for part in split(text))


def split(text: str) -> list[str]:
    """An expression's parts at its outer commas."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and not depth:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in (*parts, text[start:].strip()) if part]


def dtypes(text: str) -> str:
    """Element types as a user lists them, separated by blanks.

    Raises:
        ValueError: there is none of a name.
    """
    words = text.replace(",", " ").split()
    if unknown := [word for word in words if word not in DTYPES]:
        raise ValueError(f"no element type {unknown[0]!r}; {there_are(unknown[0], DTYPES)}: {', '.join(DTYPES)}")
    return " ".join(words)
