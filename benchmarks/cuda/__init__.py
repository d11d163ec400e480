"""What does a CUDA device say? One command for a machine that is borrowed for minutes, without network.

It needs nothing but the standard library where it is started, and runs everything in the environment of a Python that
has torch, without installing there. `python -m benchmarks.cuda --help`.
"""
