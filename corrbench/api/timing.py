"""`compare` and `bench`: which of two targets is faster, and how fast some are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from corrbench.api import options, progress
from corrbench.api.targets import Target, named

if TYPE_CHECKING:
    from corrbench.timing.bench import Bench
    from corrbench.timing.paired import PairedComparison

FILES = ("json_file", "markdown", "plot", "report", "quiet")


def compare(a: Target, b: Target, *, watch: bool = True, **given: Any) -> PairedComparison:
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
    from corrbench import cli
    from corrbench.commands import compare as command

    names: list[str] = []
    own: dict[str, Any] = {}
    for target in (a, b):
        name, said = named(target)
        names.append(name)
        own |= said
    params = options.read(command.compare, own | given, names, but=FILES)
    with progress.shown("compare", quiet=not watch) as (step, _):
        asked = cli.taken(command.Asked, params)
        return command.compared(cli.spec(names[0], params), cli.spec(names[1], params), asked, step)


def bench(*targets: Target, watch: bool = True, **given: Any) -> Bench:
    """Time targets beside each other, PyTorch's conv2d and what the machine can do, as ``corrbench bench`` does.

    Args:
        *targets: functions, classes or names, as of `corrbench.verify`.
        watch: whether the progress is shown.
        **given: the options of ``corrbench bench`` by the same names: ``suite``, ``case``, ``backward``, ``seed``.

    Raises:
        ValueError: one of them, or the machine, cannot be measured; the message says why.
        TypeError: no such option.
    """
    from corrbench import cli
    from corrbench.commands import bench as command

    names: list[str] = []
    own: dict[str, Any] = {}
    for target in targets:
        name, said = named(target)
        names.append(name)
        own |= said
    params = options.read(command.bench, own | given, names, but=FILES)
    with progress.shown("bench", quiet=not watch) as (step, _):
        asked = cli.taken(command.Asked, params)
        return command.measured({name: cli.spec(name, params) for name in names}, asked, step)
