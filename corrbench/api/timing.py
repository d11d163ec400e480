"""`compare` and `bench`: which of two targets is faster, and how fast some are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corrbench import cli
from corrbench.api import options, progress
from corrbench.api.targets import Target, named

if TYPE_CHECKING:
    from corrbench.timing.bench import Bench
    from corrbench.timing.paired import PairedComparison


class Comparison:
    """Two targets timed in turn. It is true unless b is slower, wrong while it was timed, or cannot be told.

    Attributes:
        record: a case each, with times and the change with its interval.
        names: the two targets.
    """

    def __init__(self, record: PairedComparison, names: tuple[str, str]) -> None:
        self.record, self.names = record, names

    @property
    def changes(self) -> dict[str, float]:
        """By case the change of time from a to b: -0.5 is half the time."""
        return {one.case: one.change for one in self.record.cases}

    def __bool__(self) -> bool:
        from corrbench.timing.significance import Verdict

        bad = self.record.having(Verdict.SLOWER, Verdict.FAILED, Verdict.INCONCLUSIVE)
        return not (bad or self.record.wrong or self.record.unfit)

    def __repr__(self) -> str:
        from corrbench.render.compare import summary

        return f"<Comparison of {self.names[1]} with {self.names[0]}: {summary(self.record)}>"

    def _repr_html_(self) -> str:
        from corrbench.render import compare, notebook

        heads = (compare.HEADS[0], *self.names, *compare.HEADS[3:])
        return notebook.table(heads, map(compare.cells, self.record.cases))


class Measurement:
    """Targets timed beside each other.

    Attributes:
        record: what ``corrbench bench --json`` writes is made from it.
    """

    def __init__(self, record: Bench) -> None:
        self.record = record

    def __repr__(self) -> str:
        from corrbench.render import bench

        return f"<Measurement {bench.summary(self.record)}>"

    def __str__(self) -> str:
        from corrbench.render import bench, captured

        return captured.captured(lambda console: bench.show(console, self.record))

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def compare(a: Target, b: Target, *, watch: bool = True, **given: Any) -> Comparison:
    """Time b against a, sample by sample in turn, as ``corrbench compare`` does.

    Args:
        a: a function, a class or a name, as of `corrbench.verify`.
        b: another one.
        watch: whether the progress is shown.
        **given: the options of ``corrbench compare`` by the same names: ``case``, ``backward``, ``tolerance`` in per
            cent.

    Raises:
        ValueError: one of them cannot be timed; the message says why.
        TypeError: no such option.
    """
    from corrbench.timing import requests

    names: list[str] = []
    own: dict[str, Any] = {}
    for target in (a, b):
        name, called = named(target)
        names.append(name)
        own |= called
    said = options.read("compare", own | given, names)
    first, second = cli.spec(names[0], said), cli.spec(names[1], said)
    asked = {name: said[name] for name in ("backward", "tolerance", "seed")}
    with progress.shown("compare", quiet=not watch) as (step, _):
        return Comparison(requests.compare(first, second, said["cases"], step, **asked), (names[0], names[1]))


def bench(*targets: Target, watch: bool = True, **given: Any) -> Measurement:
    """Time targets beside each other, PyTorch's conv2d and what the machine can do, as ``corrbench bench`` does.

    Args:
        *targets: functions, classes or names, as of `corrbench.verify`.
        watch: whether the progress is shown.
        **given: the options of ``corrbench bench`` by the same names: ``suite``, ``case``, ``backward``, ``limit``,
            ``seed``.

    Raises:
        ValueError: one of them, or the machine, cannot be measured; the message says why.
        TypeError: no such option.
    """
    from corrbench.api.request import seconds
    from corrbench.timing import requests

    names: list[str] = []
    own: dict[str, Any] = {}
    for target in targets:
        name, called = named(target)
        names.append(name)
        own |= called
    said = options.read("bench", own | given, names)
    specs = {name: cli.spec(name, said) for name in names}
    asked = {"backward": said["backward"], "seed": said["seed"], "device": said["device"] or ""}
    asked["limit"] = seconds(said["limit"], "--limit")
    with progress.shown("bench", quiet=not watch) as (step, _):
        return Measurement(requests.measure(specs, said["suite"], said["cases"], step, **asked))
