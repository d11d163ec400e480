"""corrbench: verification and benchmarks for 2-D cross-correlation and convolution."""

__version__ = "0.1.0"
