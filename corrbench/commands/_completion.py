"""Completions for the shell: names of ours, files, and functions in them, without importing what they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from glob import escape
from pathlib import Path

from click import Context, Parameter
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

Complete = Callable[[Context, Parameter, str], list[str]]
RECORDS = (".json", ".jsonl")  # how files end that hold a run


@add_completion_class
class Bash(BashComplete):
    """Bash takes a colon for the end of a word: ``a.py:f`` comes as three, and only what follows may be given back.
    So it takes an equals sign, which click wants to see no more of after an option. No space is put after what is not
    yet complete.
    """

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)", "COMPREPLY+=($value); [[ $value == *[:/=] ]] && compopt -o nospace"
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, those that a colon has parted joined again, and the one at the cursor."""
        words, incomplete = super().get_completion_args()
        joined: list[str] = []
        for word in [*words, incomplete]:
            if word == "=" and joined and joined[-1].startswith("--") and words:
                continue
            if joined and (word == ":" or joined[-1].endswith(":")):
                joined[-1] += word
            else:
                joined.append(word)
        self.kept = len(joined[-1]) - len(joined[-1].rpartition(":")[2])
        return joined[:-1], joined[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """The item without what stands before the last colon at the cursor."""
        return f"{item.type},{item.value[self.kept :]}"


def matching(words: Iterable[str], incomplete: str) -> list[str]:
    """The words that begin so."""
    return [word for word in words if word.startswith(incomplete)]


def among(words: Callable[[], Iterable[str]]) -> Complete:
    """The completion of what has names."""
    return lambda ctx, parameter, incomplete: matching(words(), incomplete)


# ---- what options and arguments name


def targets(ctx: Context, parameter: Parameter, incomplete: str) -> list[str]:
    """Registered names, Python files and notebooks, and after a file's colon its functions."""
    place, colon, begun = incomplete.partition(":")
    if colon:
        return [f"{place}:{name}" for name in matching(functions(place), begun)]
    from corrbench.target import registered

    return [*matching(registered(), incomplete), *_beside(incomplete, (".py", ".ipynb"))]


def functions(place: str) -> list[str]:
    """Names of the functions and classes of a file, or of a module below this folder, that are not private."""
    from corrbench.environment import definitions

    found = definitions.where(f"{place}:", Path())
    try:
        return [name for name in definitions.definitions(found[0]) if name[0] != "_"] if found else []
    except (OSError, SyntaxError, ValueError):
        return []


def _beside(begun: str, ends: tuple[str, ...] = (".py",)) -> Iterator[str]:
    """Folders, and files of such an end, that begin so; hidden and private ones only if their name is begun."""
    folder, slash, name = begun.rpartition("/")
    for path in sorted(Path(folder + slash).glob(f"{escape(name)}*")):
        if (name or path.name[0] not in "._") and (path.is_dir() or path.name.endswith(ends)):
            yield f"{folder}{slash}{path.name}{'/' * path.is_dir()}"


def records(ctx: Context, parameter: Parameter, incomplete: str) -> list[str]:
    """Files that may hold a run: before anything is typed those that `verify` left in .corrbench, too."""
    left = () if incomplete else _beside(".corrbench/", RECORDS)
    return [*left, *_beside(incomplete, RECORDS)]


def _checks() -> list[str]:
    from corrbench.checks import registry

    return [*dict.fromkeys(name.partition(".")[0] for name in registry()), *registry()]


def _suites() -> Iterable[str]:
    from corrbench.suites import registry

    return registry()


checks, suites = among(_checks), among(_suites)  # families of checks go before checks
executors, devices = among(lambda: ("local", "dask", "tcp://")), among(lambda: ("cpu", "cuda"))


def mutants(ctx: Context, parameter: Parameter, incomplete: str) -> list[str]:
    """What `audit --only` takes beside single names, the last of a list with commas."""
    before, comma, begun = incomplete.rpartition(",")
    families = [name for name in _checks() if "." not in name]
    return [before + comma + word for word in matching(["defect", "cheat", "trigger", "honest", *families], begun)]


def cases(ctx: Context, parameter: Parameter, incomplete: str) -> list[str]:
    """The keys of a case, and the values of those that have names for values: the last word of the text."""
    from dataclasses import fields

    from corrbench import case

    head, blank, begun = incomplete.rpartition(" ")
    key, equals, value = begun.partition("=")
    if not equals:
        used = {word.partition("=")[0] for word in head.split()}
        names = [one.name for one in fields(case.Case) if one.name not in used]
        keys = matching([name if name == "bias" else f"{name}=" for name in names], begun)
        if len(keys) != 1 or keys == ["bias"]:
            return [head + blank + word for word in keys]
        key, value = keys[0].rstrip("="), ""  # the only one: within quotes bash would close them after it
    values: Iterable[str] = case.DTYPES if key == "dtype" else ()
    if key in ("data", "layout"):
        from corrbench.numerics import inputs

        values = inputs.FILLS if key == "data" else (f"{one}:{name}" for one in "xwbg" for name in inputs.LAYOUTS)
    return [f"{head}{blank}{key}={word}" for word in matching(values, value)]
