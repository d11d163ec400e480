"""What a user may have meant by a file without a name, or with one that is not in it."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from pathlib import Path

from corrbench.environment import definitions

LIKELY = re.compile(r"conv|corr|filter|xcorr", re.IGNORECASE)
WIDE = 80  # characters of a signature that are shown
MANY = 20  # definitions that are listed
NEAR = 0.6  # how alike names must be, from 0 to 1, of which one may be meant for the other


class Unnamed(ValueError):
    """A file without a name that is in it; the message says what there is to name."""


def chosen(place: str, command: str = "corrbench verify") -> str:
    """The one function or class of a file that looks like a convolution.

    Raises:
        Unnamed: there is none or more than one, or the file cannot be read.
    """
    found = [node for node in nodes(place) if node.name[0] != "_"]
    if not found:
        raise Unnamed(f"{place} defines no function and no class at its top")
    likely = [node.name for node in found if looks(node)]
    if len(likely) == 1:
        return likely[0]
    ordered = sorted(found, key=lambda node: (not LIKELY.search(node.name), not looks(node)))
    lines = [f"  {signature(node)}" for node in ordered[:MANY]]
    lines += [f"  and {len(ordered) - MANY} more"] * (len(ordered) > MANY)
    raise Unnamed(
        f"which one of {place}? Type for example: {command} {place}:{ordered[0].name}\nIt has:\n" + "\n".join(lines)
    )


def checked(place: str, attribute: str, *, foreign: bool = False) -> None:
    """Refuse a file that is not there or does not parse, and a name that is not in it, as far as that can be told
    without running it.

    Args:
        place: the file.
        attribute: the name.
        foreign: whether another interpreter loads it, which may parse more.

    Raises:
        Unnamed: it is not there; the message says what is.
    """
    name = attribute.partition(".")[0]
    try:
        if definitions.may_have(Path(place), name):
            return
        there = dict.fromkeys(node.name for node in definitions.nodes(Path(place)))
    except FileNotFoundError:
        raise Unnamed(f"no such file: {place}") from None
    except SyntaxError as error:
        if not foreign:
            raise Unnamed(f"{place} does not parse: line {error.lineno}: {error.msg}") from None
        return
    except (OSError, ValueError):
        return  # the process that loads it says why
    alike = {one.lower(): one for one in there}
    near = [repr(alike[one]) for one in get_close_matches(name.lower(), alike, 2, NEAR)]
    public = [one for one in there if one[0] != "_"]
    more = f" and {len(public) - MANY} more" if len(public) > MANY else ""
    raise Unnamed(
        f"{place} has no {attribute!r}"
        + (f"; did you mean {' or '.join(near)}?" if near else ".")
        + (f" It has: {', '.join(public[:MANY])}{more}" if public else " It defines no function and no class")
    )


def nodes(place: str) -> list[definitions.Definition]:
    """The functions and classes of a file, the last of each name.

    Raises:
        Unnamed: it cannot be read.
    """
    try:
        return list({node.name: node for node in definitions.nodes(Path(place))}.values())
    except SyntaxError as error:
        raise Unnamed(f"{place} does not parse: line {error.lineno}: {error.msg}") from None
    except FileNotFoundError:
        raise Unnamed(f"no such file: {place}") from None
    except OSError as error:
        raise Unnamed(f"cannot read {place}: {error.strerror}") from None
    except ValueError as error:
        raise Unnamed(str(error)) from None


def looks(node: definitions.Definition) -> bool:
    """Whether it looks like a convolution: by its name, or as it takes two arguments or more."""
    given = arguments(node)
    count = len([*given.posonlyargs, *given.args]) if given else 0
    return bool(LIKELY.search(node.name)) or count >= 2


def arguments(node: definitions.Definition) -> ast.arguments | None:
    """What it is called with, without `self`; None for a class whose `__init__` is another's."""
    if not isinstance(node, ast.ClassDef):
        return node.args
    made = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
    if not made:
        return None
    given = made[-1].args
    first = bool(given.posonlyargs)
    return ast.arguments(
        given.posonlyargs[1:], given.args if first else given.args[1:], given.vararg, given.kwonlyargs,
        given.kw_defaults, given.kwarg, given.defaults,
    )  # fmt: skip


def signature(node: definitions.Definition) -> str:
    """As it is written, on one line."""
    given = arguments(node)
    said = f"{node.name}({ast.unparse(given)})" if given else node.name
    said = f"class {said}" if isinstance(node, ast.ClassDef) else said
    return said if len(said) <= WIDE else said[: WIDE - 4] + " ..."
