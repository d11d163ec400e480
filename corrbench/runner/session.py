"""The work of one `corrbench verify`: runs made, reference implementations asked beside them, baseline applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from corrbench import suites
from corrbench.analysis.baseline import Baseline, shipped
from corrbench.judge import sanitizer
from corrbench.result import Run
from corrbench.runner import executors, plan, secret_seed, verify
from corrbench.runner.store import BadStore, Store, unwritable
from corrbench.target import Spec, find

REFERENCES = ("scipy.correlate2d", "scipy.convolve2d", "torch.corr2d")  # those of the cross-check, a differential test


def run(
    specs: Sequence[Spec], options: verify.Options, known: Baseline | None, executor: str,
    watch: verify.Progress | None, *, crosscheck: bool,
) -> tuple[list[Run], list[Run]]:  # fmt: skip
    """The runs for the targets, and those of the reference implementations.

    Without a baseline (None) what corrbench itself knows of a registered target is applied.

    Raises:
        ValueError: unknown executor, check or case; a baseline or a record that cannot be used; nothing loaded.
    """
    records = [refused(spec, options, known) for spec in specs]
    with executors.opened(executor, options.workers) as start:
        if options.seed is None and not options.resume:  # one seed for all that the command judges
            options = replace(options, seed=secret_seed())
        runs = []
        for spec, (path, resumed) in zip(specs, records, strict=True):
            hidden = replace(spec, hides=str(path.absolute())) if path else spec
            made = verify.verify(hidden, replace(options, store=path), start, watch, resumed=resumed)
            if made.problem:
                raise ValueError(f"{made.target}: {made.problem}")
            accept(known, spec, made)
            runs.append(made)
            if made.stopped == verify.INTERRUPTED:
                return runs, []
        narrow = replace(
            options, profile="quick", check="values", case="", suites=("article",), store=None, budget=0.0,
            resume=False, seed=runs[0].seed,
        )  # fmt: skip
        extras = [verify.verify(find(name), narrow, start, watch) for name in REFERENCES] if crosscheck else []
        return runs, extras


def accept(known: Baseline | None, spec: Spec, made: Run) -> None:
    """Apply a baseline to a run, or what is known of a registered target, if it is of this release."""
    found = shipped(spec.name) if known is None and spec.name else known
    if found is None:
        return
    if known is not None:
        found.apply(made)
    elif said := found.meant_elsewhere(made):
        made.notes.append(said)
    else:
        found.apply(made)
        made.fixed = []  # what a processor shows is not what every one does, and nobody asked whether it is gone


def refused(spec: Spec, options: verify.Options, known: Baseline | None) -> tuple[Path | None, Store | None]:
    """The file of a run's record, and the record if it is gone on with; what can be refused before anything runs is.

    Raises:
        ValueError: compute-sanitizer is asked for and not there; no such suite, check or case; a baseline of another
            target; a record that cannot be gone on with, or that cannot be written.
    """
    sanitizer.command(spec.sanitize)
    suites.select(options.suites)
    plan.select(options.check)
    if options.case:
        plan.known(options.case)
    if known is not None:
        known.meant_for(spec.name or spec.target)
    if options.store is None and not options.case:  # one case is asked again sooner than it is looked up
        options = replace(options, store=verify.default_store(spec, options))
    if options.store and (said := unwritable(options.store, parents=True)):
        raise BadStore(f"cannot write {options.store}: {said}; give another place with --store")
    return options.store, verify.record(spec, options, 0) if options.resume else None
