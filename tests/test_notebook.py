"""The notebook of the documentation: a real kernel runs it from the top, and each claim in it is checked by a cell."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import corrbench

ROOT = Path(corrbench.__file__).parents[1]
PAGE = ROOT / "docs" / "article.ipynb"


def sections() -> dict[str, str]:
    """The code below each heading."""
    found: dict[str, str] = {}
    for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found[list(found)[-1]] += text + "\n"
        elif text.startswith("#"):
            found[text.splitlines()[0]] = ""
    return found


def test_every_section_checks_what_it_says() -> None:
    found = sections()
    assert len(found) == 9
    for title, code in found.items():
        assert title.startswith("# ") or "assert " in code, title
        assert "plt.show()" in code or "show(" in code or "run" in code, title


def test_it_is_kept_without_results() -> None:
    cells = json.loads(PAGE.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow
def test_a_kernel_runs_it_from_the_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    book = nbformat.read(PAGE, 4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(book, timeout=900, kernel_name="python3", resources=resources).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    kinds = [kind for output in outputs for kind in output.get("data", ())]
    assert kinds.count("image/png") >= 6
    shown = [output["data"]["text/html"] for output in outputs if "text/html" in output.get("data", ())]
    assert any("FAIL" in text for text in shown)
    assert any("PASS" in text for text in shown)
