"""The module of a file in an ordinary script is what it is in the target's process: a package's, or the file alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from corrbench.judge.plain import of_file


@pytest.mark.parametrize(
    ("package", "text", "said"),
    [
        ("", "from .. import near\nvalue = near.value", "pack.inner.mod 7"),
        ("raise OSError", "value = 8", "mod 8"),
        (None, "value = 9", "mod 9"),
    ],
    ids=["relative import", "package that fails", "no package"],
)
def test_a_file_is_imported_as_its_package_has_it(tmp_path: Path, package: str | None, text: str, said: str) -> None:
    inner = tmp_path / "pack" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "pack" / "near.py").write_text("value = 7\n")
    (inner / "mod.py").write_text(text)
    if package is not None:
        (tmp_path / "pack" / "__init__.py").write_text(package)
        (inner / "__init__.py").write_text("")
    lines = ["import sys", *of_file(inner / "mod.py"), "print(module.__name__, module.value)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == said, done.stderr
