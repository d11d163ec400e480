"""corrbench: verification and benchmarks for 2-D cross-correlation and convolution."""


def __getattr__(name: str) -> str:
    """``__version__``: that of the distribution, which has it from the tag; looked up when asked for, as that is slow."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import metadata

    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:
        return "0+unknown"  # a checkout that nobody has installed
