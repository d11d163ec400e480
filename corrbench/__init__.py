"""corrbench: verification and benchmarks for 2-D cross-correlation and convolution.

::

    import corrbench

    run = corrbench.verify(corr2d, profile="quick")   # judge a function, a class, or a name such as "ops.py:corr2d"
    run                                               # in a notebook it shows itself; bool(run), run.verdict
    run.causes[0].smallest.operands                   # the numbers on which it is wrong
    print(run.causes[0].smallest.snippet())           # a few lines of Python that fail without corrbench
    run.to_html("report.html")

    corrbench.check(corr2d, dtypes="float32")         # AssertionError with the first cause
    corrbench.assert_right(y, x, w, stride=2)         # one result that is there, of any framework
    corrbench.exact(x, w), corrbench.bound(x, w)      # what is right, and how far off an honest result may be
    corrbench.compare(a, b), corrbench.bench(a)       # which is faster, and how fast
    corrbench.cases("article")                        # the cases of a suite

Options are those of the command line by the same names: ``--suite article --seed 1`` is ``suite="article", seed=1``.
"""

TYPE_CHECKING = False  # as typing has it, which need not be imported for it
if TYPE_CHECKING:
    from corrbench.api.results import assert_right, bound, cases, exact
    from corrbench.api.runs import Run
    from corrbench.api.targets import adapt
    from corrbench.api.timing import bench, compare
    from corrbench.api.verification import check, verify

    __version__: str

_HOME = {  # where each name comes from; it is imported when it is asked for
    "adapt": "targets", "assert_right": "results", "bench": "timing", "bound": "results", "cases": "results",
    "check": "verification", "compare": "timing", "exact": "results", "Run": "runs", "verify": "verification",
}  # fmt: skip
__all__ = [
    "Run", "__version__", "adapt", "assert_right", "bench", "bound", "cases", "check", "compare", "exact", "verify",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """What is public, when it is asked for, and ``__version__``, which the distribution has from the tag."""
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.api.{_HOME[name]}"), name)
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import metadata

    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:
        return "0+unknown"  # a checkout that nobody has installed


def __dir__() -> list[str]:
    return sorted(__all__)
