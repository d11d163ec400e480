"""corrbench: verification and benchmarks for 2-D cross-correlation and convolution."""


def __getattr__(name: str) -> str:
    """``__version__``, which the distribution has from the tag; looked up when asked for, since that takes a while."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import metadata

    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:
        return "0+unknown"  # a checkout that nobody has installed
