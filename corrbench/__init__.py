"""corrbench: verification and benchmarks for 2-D cross-correlation and convolution."""


def __getattr__(name: str) -> object:
    """``adapt``, and ``__version__``, which the distribution has from the tag; had when they are asked for."""
    if name == "adapt":
        from corrbench.testing import adapt

        return adapt
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import metadata

    try:
        return metadata.version(__name__)
    except metadata.PackageNotFoundError:
        return "0+unknown"  # a checkout that nobody has installed
