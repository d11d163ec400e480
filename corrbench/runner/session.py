"""What does one command do? Targets found, executor opened, runs made, witnesses asked, baseline applied."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from corrbench import suites, target
from corrbench.analysis import baseline
from corrbench.result import Run
from corrbench.runner import executors, plan, store, verify
from corrbench.target import Spec

WITNESSES = ("scipy.correlate2d", "scipy.convolve2d", "torch.corr2d")


class Refused(ValueError):
    """The command cannot be carried out; the message is for the user."""


def run(
    names: list[str], given: dict[str, Any], watch: verify.Progress | None, *, crosscheck: bool
) -> tuple[list[Run], list[Run]]:
    """The runs for the named targets, and those of the witnesses.

    Raises:
        Refused: unknown name, executor, check or case; a record that cannot be used; nothing loaded.
    """
    try:
        specs = [spec(name, given) for name in names]
        options = read(given)
        known = baseline.Baseline.load(Path(given["baseline"])) if given.get("baseline") else baseline.Baseline()
        with executors.opened(given["executor"], options.workers) as start:
            if options.seed is None and not options.resume:  # one seed for all that the command judges
                options = replace(options, seed=verify.secret_seed())
            runs = [_one(one, options, start, watch) for one in specs]
            for made in runs:
                if made.problem:
                    raise Refused(f"{made.target}: {made.problem}")
                known.apply(made)
            same = replace(options, seed=runs[0].seed)
            extras = [_witness(name, same, start, watch) for name in WITNESSES] if crosscheck else []
            return runs, extras
    except (baseline.BadBaseline, executors.Unavailable, store.BadStore, target.UnknownTarget, ValueError) as error:
        raise Refused(str(error)) from None


def spec(name: str, given: dict[str, Any]) -> Spec:
    """The Spec of a name with the options of the command."""
    keys = ("form", "arrays", "accuracy", "device", "python", "timeout", "memory")
    return target.find(name, **{key: given[key] for key in keys if given.get(key) not in (None, "")})


def read(given: dict[str, Any]) -> verify.Options:
    """The options of the command, read.

    Raises:
        ValueError: a budget that is no time, or an unknown suite, check or case.
    """
    suites.select(given["suites"])
    plan.select(given["check"])
    if given["case"]:
        plan.known(given["case"])
    options = verify.Options(
        profile=given["profile"], check=given["check"], case=given["case"], seed=given["seed"],
        fail_fast=given["fail_fast"],
        budget=seconds(given["budget"]), resume=given["resume"], store=Path(given["store"]) if given["store"] else None,
    )  # fmt: skip
    if given["suites"]:
        options = replace(options, suites=tuple(given["suites"]))
    return replace(options, workers=given["workers"]) if given["workers"] else options


def seconds(text: str) -> float:
    """``90s``, ``10m`` or ``1h`` in seconds; 0 for the empty string.

    Raises:
        ValueError: none of these.
    """
    if not text:
        return 0.0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not match:
        raise ValueError(f"--budget {text!r} is no time: write 90s, 10m or 1h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def _one(one: Spec, options: verify.Options, start: executors.Start, watch: verify.Progress | None) -> Run:
    if options.store is None and not options.case:  # one case is asked again sooner than it is looked up
        options = replace(options, store=verify.default_store(one, options))
    made = verify.verify(one, options, start, watch)
    made.environment = verify.summary_environment() | made.environment
    return made


def _witness(name: str, options: verify.Options, start: executors.Start, watch: verify.Progress | None) -> Run:
    """A witness on the article's cases only."""
    narrow = replace(
        options, profile="quick", check="values", case="", suites=("article",), store=None, budget=0.0, resume=False
    )
    return verify.verify(target.find(name), narrow, start, watch)
