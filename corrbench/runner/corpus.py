"""A corpus: the smallest case of every cause that campaigns found, one file in a folder that is kept between them."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from pathlib import Path

from corrbench.case import Case
from corrbench.result import Result
from corrbench.runner.store import unwritable

FILE = "corpus.csv"
HEAD = "corrbench-corpus/1"
COLUMNS = ("target", "case", "message")


class BadCorpus(ValueError):
    """The folder cannot be used; the message says why and what to do."""


def read(folder: Path) -> tuple[Case, ...]:
    """The cases of a folder, each once; none where there is no file yet.

    Raises:
        BadCorpus: the file is of another version, or has a line that is no case; or nothing can be written there.
    """
    path = folder / FILE
    if not path.exists():
        if said := unwritable(path, parents=True):
            raise BadCorpus(f"cannot write {path}: {said}; give another folder with --corpus")
        return ()
    try:
        head, _, text = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCorpus(f"cannot read the corpus {path}: {error}") from None
    if head.strip() != HEAD:
        raise BadCorpus(f"{path} begins with {head[:40]!r}, not {HEAD!r}: it is left as it is; give another folder")
    found = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), 3):
        try:
            found.append(Case.parse(row["case"]))
        except (KeyError, TypeError, ValueError) as error:
            raise BadCorpus(f"{path}:{number}: {error}; mend the line or take it out") from None
    return tuple(dict.fromkeys(found))


def add(folder: Path, target: str, results: list[Result]) -> None:
    """Append cases that are not there yet.

    Raises:
        BadCorpus: as `read`, or the file cannot be written; what was there is whole.
    """
    there = set(read(folder))
    fresh = [one for one in results if one.case not in there]
    path = folder / FILE
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if not path.exists():
        text.write(f"{HEAD}\n")
        writer.writerow(COLUMNS)
    writer.writerows((target, str(one.case), " ".join(one.message.split())[:200]) for one in fresh)
    size = path.stat().st_size if path.exists() else 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text.getvalue())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(path, size)  # no half of a line stays
        raise BadCorpus(f"cannot write {path}: {error.strerror}; make room, or give another folder") from None
