"""`python -m corrbench`."""

import sys
from pathlib import Path

# Python looks in the current folder first, where a file may be named like a module of ours or of Python's own. Targets
# are looked for there all the same: in their own process.
if sys.path[0] in ("", str(Path.cwd())):
    del sys.path[0]

from corrbench.cli import main

if __name__ == "__main__":
    main(prog_name="corrbench")
