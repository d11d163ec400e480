"""The page docs/api.md, made from the docstrings of the public surface; `docs.pages` writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.test_public_api import PUBLIC

PAGE = Path(__file__).with_name("api.md")
HEAD = """# API

What is here, the [command line](usage.md), the exit codes, the JSON and the text form of a case are the public
surface; all else may change without notice. `make docs` writes this page from the docstrings.
"""
WIDTH = 80  # characters of a signature on one line
SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Note):\n((?:(?: .*)?\n?)*)", re.MULTILINE)
ENTRY = re.compile(r"^([\w.*][\w.*, ]*): ", re.MULTILINE)


def page() -> str:
    """The whole page as Markdown."""
    text = "\n".join([HEAD, *(part for module in PUBLIC for part in chapter(module))])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def chapter(module: str) -> Iterator[str]:
    """A module and its public names, in the order in which they are defined."""
    found = import_module(module)
    yield f"## {module}\n"
    yield f"{first(inspect.getdoc(found) or '')}\n"
    for name in sorted(PUBLIC[module], key=[*vars(found), *getattr(found, "__all__", ())].index):
        thing = getattr(found, name)
        if callable(thing):
            yield from entry(name, thing)
        else:
            yield f"- `{name}`\n"


def entry(name: str, thing: Any) -> Iterator[str]:
    """A function or a class, with its methods that have a docstring of their own."""
    kind = "class " if inspect.isclass(thing) else ""
    yield f"### {name}\n"
    yield f"```python\n{kind}{name}{signature(thing)}\n```\n"
    yield f"{prose(inspect.getdoc(thing) or '')}\n"
    if not kind:
        return
    if issubclass(thing, str):
        yield f"One of {', '.join(f'`{one.value}`' for one in thing)}.\n"  # type: ignore[attr-defined]
    members = list(methods(thing))
    yield "\n".join(["**Methods**\n", *members, ""] if members else [""])


def methods(thing: type) -> Iterator[str]:
    """A line for each method and property that says what it is."""
    for member, value in vars(thing).items():
        kept = isinstance(value, property | cached_property)
        said = inspect.getdoc(inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value)))
        callable_ = (inspect.isroutine(value) and not kept) or isinstance(value, classmethod | staticmethod)
        if not member.startswith("_") and said and (callable_ or kept):
            brackets = signature(getattr(thing, member)) if callable_ else ""
            yield f"- `{member}{brackets}`: {marked(first(said))}"


def signature(thing: Any) -> str:
    """Arguments with their types, a line each where there are many; nothing for what is not to be made by hand."""
    if inspect.isclass(thing) and issubclass(thing, str | Warning):
        return ""
    known = inspect.signature(thing)
    given = [p.replace(annotation=bare(p.annotation), default=shown(p.default)) for p in known.parameters.values()]
    given = given[1:] if given and given[0].name == "self" else given
    gives = inspect.Signature.empty if inspect.isclass(thing) else bare(known.return_annotation)
    text = str(inspect.Signature(given, return_annotation=gives))
    if len(text) < WIDTH:
        return text
    marks = {inspect.Parameter.KEYWORD_ONLY: "*"}
    lines = []
    for parameter in given:
        lines += [mark] if (mark := marks.pop(parameter.kind, "")) else []
        lines.append(str(parameter))
    return "(\n" + "".join(f"    {line},\n" for line in lines) + ")" + text.rpartition(")")[2]


def bare(annotation: Any) -> Any:
    """An annotation without the quotes of one that is postponed."""
    return Bare(annotation) if isinstance(annotation, str) else annotation


def shown(default: Any) -> Any:
    """A default, those that are made anew each time as dots."""
    made = type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS"
    return Bare("...") if made else default


class Bare(str):
    """Text that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def first(doc: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(doc.split("\n\n", maxsplit=1)[0].split())


def prose(doc: str) -> str:
    """A docstring as Markdown: its sections become lists, ``code`` becomes `code`, an indented example a block."""
    text = marked(SECTION.sub(section, doc + "\n"))
    text = re.sub(r"^::\n\n((?:(?: {4}.*)?\n)+)", example, text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def marked(text: str) -> str:
    """Code with one backtick, as Markdown has it."""
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def example(match: re.Match[str]) -> str:
    """An indented example as a block."""
    return f"```python\n{dedent(match[1]).strip()}\n```\n\n"


def section(match: re.Match[str]) -> str:
    """A section of a docstring under its name, entries as a list."""
    body = re.sub(r"\n +", " ", dedent(match[2]).strip())
    if match[1] in ("Args", "Attributes", "Raises"):
        body = ENTRY.sub(lambda m: "- " + ", ".join(f"`{name}`" for name in m[1].split(", ")) + ": ", body)
    return f"**{match[1]}**\n\n{body}\n\n"
