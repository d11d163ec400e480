"""What a campaign found, for a terminal and as Markdown, and the draft of a finding for every cause."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from corrbench.target import shell_line

if TYPE_CHECKING:
    from rich.console import Console

    from corrbench.analysis.campaigns import Campaign, Cause


def verdict(found: Campaign) -> str:
    """The last line."""
    word = "FOUND" if found.fresh else "NOTHING FOUND" if found.asked > found.unsupported else "NOTHING JUDGED"
    text = f"{word} {found.target}: {count(found)} in {found.asked} cases, {found.rate:.0f} a second; seed {found.seed}"
    return f"{text}; ended by {found.stopped}" if found.stopped else text


def count(found: Campaign) -> str:
    """How many causes, in words."""
    known = len(known_causes(found))
    text = f"{len(found.fresh)} cause{'s' * (len(found.fresh) != 1)}"
    return f"{text} and {known} known" if known else text


def known_causes(found: Campaign) -> Counter[str]:
    """How often each known finding was met."""
    met = Counter(found.known)
    for cause in found.causes:
        if cause.smallest.numbers.known:
            met[cause.smallest.numbers.known] += cause.met
    return met


def show(console: Console, found: Campaign) -> None:
    """Every cause with its smallest case, and which implementations ran."""
    from rich.markup import escape

    for number, cause in enumerate(found.causes, 1):
        console.print(f"  {number}. {escape(str(cause.smallest.case))}", soft_wrap=True)
        console.print(f"     {escape(cause.smallest.message)}", soft_wrap=True)
        known = f"known as {cause.smallest.numbers.known}; " if cause.smallest.numbers.known else ""
        console.print(f"     {known}met {cause.met} times, first after {cause.first:.0f} s", soft_wrap=True)
        console.print(f"     {escape(cause.smallest.reproduce)}", soft_wrap=True)
    if found.known:
        console.print("Known: " + ", ".join(f"{name} ({n})" for name, n in found.known.most_common()), soft_wrap=True)
    if found.ran:
        console.print("Implementations that ran: " + ", ".join(f"{name} {n}" for name, n in found.ran.most_common()))


def markdown(found: list[Campaign]) -> str:
    """The page of a campaign: a table, and every cause."""
    from corrbench.environment import facts

    fresh, known = sum(len(one.fresh) for one in found), {name for one in found for name in known_causes(one)}
    new = f"{fresh} new cause{'s' * (fresh != 1)}" if fresh else "no new cause"
    total = f"{sum(one.asked for one in found)} cases of {len(found)} target{'s' * (len(found) != 1)}"
    lines = [
        "# Campaign", "", f"**{total}: {new}, {len(known)} known.**", "",
        "Random cases of everything crossed with everything, on one machine; see METHODOLOGY.md. A cause is what comes",
        "down to the same smallest case; known ones are written up below `findings/`.", "",
        f"Processor: {facts.processor()}.", "",
        "| target | searched | cases | a second | refused | causes | last new one after | known | implementations |",
        "|---|--:|--:|--:|--:|--:|--:|---|---|",
    ]  # fmt: skip
    for one in found:
        newest = f"{one.newest:.0f} s" if one.causes else "none"
        ran = ", ".join(f"{name} {n}" for name, n in one.ran.most_common()) or "it does not tell"
        met = ", ".join(f"{name} {n}" for name, n in known_causes(one).most_common())
        lines.append(
            f"| {one.target} | {one.seconds:.0f} s | {one.asked} | {one.rate:.0f} | {one.unsupported} | "
            f"{len(one.causes)} | {newest} | {met} | {ran} |"
        )
    for one in found:
        lines += ["", f"## {one.target}", "", f"{verdict(one)}."]
        for number, cause in enumerate(one.causes, 1):
            name = f"; known as `{cause.smallest.numbers.known}`" if cause.smallest.numbers.known else ""
            said = f"{number}. `{cause.smallest.case}`: {inline(cause.smallest.message)} (met {cause.met} times{name})."
            lines += ["", said, ""]
            lines += [f"   `{cause.smallest.reproduce}`"]
    return "\n".join(lines) + "\n"


def drafts(found: Campaign) -> Iterator[tuple[str, str]]:
    """For every cause a name and the draft of its finding; whether it is known upstream stays for a person to say."""
    for number, cause in enumerate(found.fresh, 1):
        name = re.sub(r"[^a-z0-9]+", "-", found.target.lower()).strip("-")
        yield f"{name}-{number}", draft(found, cause)


def draft(found: Campaign, cause: Cause) -> str:
    """One finding as a page."""
    from corrbench.environment import facts

    case, machine = cause.smallest.case, facts.processor()
    words = [
        case.dtype,
        f"stride {case.stride}",
        f"padding {case.sides}",
        f"dilation {case.dilation}",
        f"groups {case.groups}",
    ]
    lines = [
        f"# {found.target}: {inline(cause.smallest.message)[:100]}", "",
        f"target: {found.target}", f"processor: {machine}", "upstream: to be looked up", "",
        f"**Definition.** The cross-correlation of an input {case.x} with kernels {case.w}, {', '.join(words)}.", "",
        f"**What it gives.** {inline(cause.smallest.message)}.", "",
        f"**Where.** The smallest case found: `{case}`; met {cause.met} times in {found.asked} random cases.", "",
        "```sh", cause.smallest.reproduce or shell_line(["corrbench", "verify", found.target]), "```",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def inline(text: str) -> str:
    """A message on one line, without a mark of Markdown's."""
    return " ".join(text.split()).replace("|", "\\|")
