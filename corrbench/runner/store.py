"""The record of a run: results as JSON lines, appended as they come, so that an interrupted run resumes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from corrbench.analysis.run_files import sealed, unsealed
from corrbench.result import PACE, SCHEMA
from corrbench.support import Pace

FOLDER = ".corrbench"  # where records are, unless told otherwise


class BadStore(ValueError):
    """The file cannot be used; the message says why and what to do."""


@dataclass(slots=True)
class Store:
    """One run's file: a header, then a line for each job with its results, and one for the end of the run.

    A line counts once it is whole. What follows the last line break (a run killed while writing) is cut off; a line
    that cannot be read is left where it is and its job is done again.
    """

    path: Path
    header: dict[str, Any]
    done: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def create(cls, path: Path, header: dict[str, Any]) -> Store:
        """A new file; an old one is kept beside it, see `previous`.

        Raises:
            BadStore: it cannot be written.
        """
        store = cls(path, header)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.parent.name == FOLDER:  # nobody wants it in a commit
                unheed(path.parent)
            if path.is_file() and not path.is_symlink():
                lock(path)
                if path.stat().st_size:
                    path.replace(previous(path))
            if path.is_symlink() or path.is_file():  # a link that lies there is replaced, never followed
                path.unlink()
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            lock(path)
        except OSError as error:
            raise BadStore(f"cannot write {path}: {error.strerror}; give another place with --store") from None
        store._write([{"schema": SCHEMA, "header": header}])
        return store

    @classmethod
    def resume(cls, path: Path, header: dict[str, Any], seed: int | None = None) -> Store:
        """An earlier run's file, to be continued with the seed it began with.

        Raises:
            BadStore: it is not there, of another schema version, or belongs to another command, or to another seed
                than the one that is asked for.
        """
        if path.is_symlink():
            raise BadStore(f"{path} is a link, which no record is; remove it, or give another place with --store")
        try:
            lock(path)
            raw = path.read_bytes()
        except OSError as error:
            raise BadStore(f"nothing to resume: {path}: {error.strerror}") from None
        whole, _, rest = raw.rpartition(b"\n")
        lines = whole.split(b"\n")
        first = unsealed(lines[0], first=True) if lines else None
        if first is None or not isinstance(first.get("header"), dict):
            raise BadStore(
                f"{path} does not begin with a header; it is left as it is. Run without --resume to start anew"
            )
        if first.get("schema") != SCHEMA:
            raise BadStore(
                f"{path} was written with schema {first.get('schema')!r}, this is {SCHEMA!r}; "
                "run without --resume to start anew"
            )
        old = first["header"]
        other = [key for key in header if key != "seed" and old.get(key) != header[key]]
        if other:
            said = "; ".join(f"{key} was {old.get(key)!r}, is {header[key]!r}" for key in other)
            raise BadStore(f"{path} belongs to another command: {said}")
        if seed not in (None, old.get("seed")):
            raise BadStore(f"{path} belongs to a run with --seed {old['seed']}: give that seed, or none")
        store = cls(path, old)
        if rest:
            store.notes.append(f"{path}: the last line was cut off in mid-write; its job is done again")
            os.truncate(path, len(whole) + 1)
        for number, line in enumerate(lines[1:], 2):
            record = unsealed(line)
            if record is not None and "run" in record:  # a whole run that is gone on with all the same
                continue
            if record is None or not _done(record):
                store.notes.append(f"{path}:{number}: not readable, left as it is; its job is done again")
            else:
                store.done[record["job"]] = record["results"]
        return store

    def pace(self, measured: Pace) -> Pace:
        """The pace of the target that the run was planned with, which is recorded: a machine is not as busy each time.

        Raises:
            BadStore: the file cannot be written.
        """
        if PACE in self.done:
            said = {key: value for one in self.done[PACE] for key, value in one.items() if isinstance(value, float)}
            return Pace(**{one.name: said.get(one.name, 0.0) for one in fields(Pace)})
        self.append([(PACE, [asdict(measured)])])
        return measured

    def append(self, done: Iterable[tuple[str, list[dict[str, Any]]]]) -> None:
        """Record jobs with their results.

        Raises:
            BadStore: the file cannot be written (a full disk); what was recorded before is whole.
        """
        fresh = [(key, results) for key, results in done if key not in self.done]
        self._write([{"job": key, "results": results} for key, results in fresh])
        self.done.update(fresh)

    def close(self, summary: dict[str, Any]) -> None:
        """Record that the run has come to its end, with what there is to say of it beside its results.

        Raises:
            BadStore: the file cannot be written.
        """
        self._write([{"run": summary}])
        unlock(self.path)

    def _write(self, records: list[dict[str, Any]]) -> None:
        text = "".join(sealed(record) + "\n" for record in records).encode()
        try:
            size = self.path.stat().st_size
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            try:
                if os.write(file, text) != len(text):
                    os.truncate(self.path, size)
                    raise OSError(28, "no space left on device")
            finally:
                os.close(file)
        except OSError as error:
            raise BadStore(
                f"cannot write {self.path}: {error.strerror}. What was recorded before is whole: "
                "make room and run the same command with --resume"
            ) from None


def previous(path: Path) -> Path:
    """Where the record of the run before is kept: ``a1b2.1.jsonl`` beside ``a1b2.jsonl``."""
    return path.with_name(f"{path.stem}.1{path.suffix}")


def unheed(folder: Path) -> None:
    """Have git leave a folder out; what lies there under that name, a link too, is left alone."""
    with suppress(FileExistsError):
        descriptor = os.open(folder / ".gitignore", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w") as file:
            file.write("*\n")


_locks: dict[str, int] = {}  # files of records that this process writes, with the descriptors that hold their locks


def lock(path: Path) -> None:
    """Let no other run write the file until this process ends or says so.

    Raises:
        BadStore: another one does.
        OSError: it is not there, or cannot be opened.
    """
    unlock(path)
    held = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if stat.S_ISREG(os.fstat(held).st_mode):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise BadStore(
            f"{path} is being written by another run; wait for it, or give another place with --store"
        ) from None
    _locks[os.path.realpath(path)] = held


def unlock(path: Path) -> None:
    """Let others write the file."""
    held = _locks.pop(os.path.realpath(path), None)
    if held is not None:
        os.close(held)


def replace_file(path: Path, text: str) -> None:
    """Write a file anew beside its place, and put it there when it is whole. A link there is replaced, not followed.

    Raises:
        OSError: it cannot be written; what was there before is as it was.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with fresh.open("x", encoding="utf-8") as file:
            file.write(text)
        if path.exists() and not path.is_symlink():
            fresh.chmod(path.stat().st_mode & 0o777)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def digest(data: bytes) -> str:
    """A short name for some bytes, such as those of a command, of which a record's file is called."""
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def unwritable(path: Path, *, parents: bool = False) -> str:
    """Why a file cannot be written; empty if it can. With `parents`, folders that are not there will be made."""
    above = path.parents if parents else path.parents[:1]
    place = path if path.exists() else next((folder for folder in above if folder.exists()), None)
    if place is None:
        return "no such folder"
    if place is not path and not place.is_dir():
        return "Not a directory"
    return "" if os.access(place, os.W_OK) else "no permission"


def _done(record: dict[str, Any]) -> bool:
    """Whether a record is that of a job with its results."""
    results = record.get("results")
    return (
        isinstance(record.get("job"), str) and isinstance(results, list) and all(isinstance(r, dict) for r in results)
    )
