"""The record: a file of every step as it comes, an index, and all of it as one archive."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.cuda.place import ROOT, Outcome, Place
from benchmarks.cuda.steps import Step

SCHEMA = "corrbench-cuda/1"
LAST = 60  # lines of what a step printed that are kept


class Record:
    """A folder of what was done, whole after each step."""

    def __init__(self, folder: Path, there: Place, budget: float, began: float | None = None) -> None:
        """Begin it, of what began at a time of `time.monotonic`; now if none is given."""
        self.began = time.monotonic() if began is None else began
        self.folder, self.there, self.budget = folder, there, budget
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():  # of an earlier run
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        self.rows: list[dict[str, Any]] = []
        self.failed = False
        self.write()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def left_out(self, step: Step, why: str) -> None:
        """Note what is not done."""
        self.rows.append({"step": step.name, "about": step.about, "state": "left out", "why": why, "seconds": 0.0})
        self.write()

    def add(self, step: Step, outcome: Outcome) -> None:
        """Note what became of a step, with the end of what it printed."""
        state = "done" if outcome.code in step.good else "out of time" if outcome.code is None else "failed"
        self.failed |= step.must and state != "done"
        text = self.anonymous(outcome.printed)
        lines = [line for line in text.splitlines() if line.strip()]
        (self.folder / f"{step.name}.log").write_text("\n".join(lines[-LAST:]) + "\n", encoding="utf-8")
        self.rows.append({
            "step": step.name, "about": step.about, "state": state, "exit code": outcome.code,
            "seconds": round(outcome.seconds, 1), "last line": lines[-1][:300] if lines else "",
        })  # fmt: skip
        self.clean(step.name)
        self.write()

    def close(self) -> int:
        """Write the archive. Returns the exit code of the whole: 2 where no step was done."""
        self.write()
        shutil.make_archive(str(self.folder), "gztar", self.folder)
        if not any(row["state"] == "done" for row in self.rows):
            return 2
        return int(self.failed)

    def anonymous(self, text: str) -> str:
        """The same without the places of this machine."""
        for path, word in (
            (str(self.there.scratch), "SCRATCH"), (str(self.folder.resolve()), "REPORT"), (self.there.python, "PYTHON"),
            (str(Path(self.there.python).resolve().parent.parent), "PREFIX"), (str(ROOT), "."),
            (str(Path.home()), "~"),
        ):  # fmt: skip
            text = text.replace(path, word) if len(path) > 3 else text
        return text

    def clean(self, step: str) -> None:
        """Leave no place of this machine in the files of a step, and of runs what is not a pass."""
        for file in self.folder.glob(f"{step}.json"):
            made = json.loads(file.read_text(encoding="utf-8"))
            if str(made.get("schema", "")).startswith("corrbench-run/") or "judged" in made:
                made["results"] = [one for one in made["results"] if one["status"] not in ("pass", "skipped")]
                file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        for file in (*self.folder.glob(f"{step}.*"), *self.folder.glob(f"{step}/**/*")):
            if file.suffix in (".json", ".md", ".log"):
                text = file.read_text(encoding="utf-8")
                if (clean := self.anonymous(text)) != text:
                    file.write_text(clean, encoding="utf-8")

    def write(self) -> None:
        """The index, for programs and for people."""
        facts = {key: value for key, value in self.there.facts.items() if key != "modules"}
        made = {
            "schema": SCHEMA, "device": self.there.device, "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": self.there.commit, "budget": self.budget, "seconds": round(self.elapsed, 1), "facts": facts,
            "steps": self.rows,
        }  # fmt: skip
        (self.folder / "record.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        (self.folder / "README.md").write_text(page(made), encoding="utf-8")


def page(made: dict[str, Any]) -> str:
    """The index as Markdown."""
    facts, rehearsed, commit = made["facts"], made["device"] == "cpu", made["commit"][:8] or "not known"
    built = f"CUDA {facts['cuda']}" if facts["cuda"] else "the CPU only"
    lines = [
        "# What a device said" if not rehearsed else "# A rehearsal on the CPU: nothing here is of a CUDA device",
        "",
        f"- {made['when']}, commit {commit}, {made['seconds']:.0f} s of {made['budget']:.0f} s.",
        f"- Python {facts['python']}, torch {facts['torch']}, built for {built}, NumPy {facts['numpy']}.",
        f"- Devices: {'; '.join(facts['devices']) or 'none'}.",
        *([f"- cuDNN {facts['cudnn']}; {facts['driver']}."] if facts.get("driver") else []),
        "",
        "| step | what it asks | state | seconds | last line |",
        "|---|---|---|---:|---|",
    ]
    for row in made["steps"]:
        said = str(row.get("why") or row.get("last line", "")).replace("|", "\\|")
        lines.append(f"| {row['step']} | {row['about']} | {row['state']} | {row['seconds']:.0f} | {said} |")
    return "\n".join(lines) + "\n"
