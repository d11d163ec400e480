"""What users may rely on: few names, each documented, where they have always been."""

from __future__ import annotations

import ast
import inspect
import shutil
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from packaging.version import Version

import corrbench
from corrbench.cli import main

# everything else may change without notice
PUBLIC = {
    "corrbench": {
        "Run",
        "__version__",
        "adapt",
        "assert_right",
        "bench",
        "bound",
        "cases",
        "check",
        "compare",
        "exact",
        "verify",
    },
    "corrbench.reference": {"Conv2D", "conv2d", "corr2d"},
    "corrbench.case": {"Case"},
    "corrbench.result": {"Result", "Run", "Status"},
    "corrbench.numerics.problem": {"Problem"},
    "corrbench.numerics.oracle": {"Exact", "exact"},
    "corrbench.numerics.bounds": {"bound"},
    "corrbench.target": {"Declared", "Spec", "find", "registered"},
    "corrbench.testing": {"ConvConformance", "ConvProblem", "CorrbenchWarning", "parametrize_with_checks"},
    "corrbench.runner.verify": {"Options", "verify"},
}
SIGNATURES = {
    "corrbench.reference:corr2d": ["X", "K"],
    "corrbench.reference:conv2d": ["input", "weight", "bias", "stride", "padding", "dilation", "groups"],
    "corrbench.reference:Conv2D": ["kernel_size", "weight"],
    "corrbench.numerics.oracle:exact": ["problem"],
    "corrbench.numerics.bounds:bound": ["problem", "truth", "dtype", "accuracy", "magnitude", "flush"],
    "corrbench.runner.verify:verify": ["spec", "options", "start", "progress"],
}
OPTIONS = {
    "--form", "--arrays", "--accuracy", "--device", "--python", "--profile", "--check", "--case",
    "--suite", "--seed", "--json", "--junit", "--markdown", "--github", "--report", "--baseline", "--strict-baseline",
    "--fail-fast",
    "--budget", "--executor", "--workers", "--timeout", "--memory", "--store", "--resume", "--quiet",
    "--verbose",
}  # fmt: skip


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_there_and_documented(module: str) -> None:
    found = import_module(module)
    for name in PUBLIC[module]:
        thing: Any = getattr(found, name)
        if callable(thing):
            assert inspect.getdoc(thing), name
            home = "corrbench.api." if module == "corrbench" else module
            assert thing.__module__.startswith(home), f"{name} comes from elsewhere"
    if hasattr(found, "__all__"):
        assert set(found.__all__) == PUBLIC[module]


@pytest.mark.parametrize("place", SIGNATURES)
def test_signatures_stay(place: str) -> None:
    module, _, name = place.partition(":")
    assert (
        list(inspect.signature(getattr(import_module(module), name)).parameters)[: len(SIGNATURES[place])]
        == SIGNATURES[place]
    )


def test_the_reference_has_three_names_of_its_own() -> None:
    reference = import_module("corrbench.reference")
    mine = {
        n
        for n, thing in vars(reference).items()
        if callable(thing) and thing.__module__ == reference.__name__ and n[0] != "_"
    }
    assert mine == PUBLIC["corrbench.reference"]


def test_the_reference_takes_torch_arguments_of_the_same_names() -> None:
    names = SIGNATURES["corrbench.reference:conv2d"]
    doc = torch.nn.functional.conv2d.__doc__ or ""
    assert doc.strip().replace("\n", " ").partition("->")[0].count(",") >= len(names) - 1
    assert all(name in doc for name in names)


def test_the_top_level_imports_nothing_until_it_is_asked() -> None:
    ask = "import sys; before = {*sys.modules}; import corrbench; print(dir(corrbench)); print({*sys.modules} - before)"
    done = subprocess.run(
        [sys.executable, "-c", ask],
        capture_output=True, text=True, check=True, cwd=Path(corrbench.__file__).parents[1],
    )  # fmt: skip
    names, modules = map(ast.literal_eval, done.stdout.splitlines())
    assert set(names) == PUBLIC["corrbench"]
    assert modules == {"corrbench"}


def test_the_version_is_that_of_the_distribution() -> None:
    assert str(Version(corrbench.__version__)) == corrbench.__version__, "PEP 440, in its normal form"
    try:
        installed = metadata.version("corrbench")
    except metadata.PackageNotFoundError:
        pytest.skip("corrbench is not installed")
    assert installed == corrbench.__version__


def test_a_checkout_that_nobody_has_installed_has_a_version_too(tmp_path: Path) -> None:
    (tmp_path / "corrbench").mkdir()
    shutil.copy(corrbench.__file__, tmp_path / "corrbench")
    ask = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import corrbench; print(corrbench.__version__)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0+unknown"


def test_the_version_is_that_of_the_tag(tmp_path: Path) -> None:
    """In a repository with our settings: between tags, at one, and where there is no repository."""
    pytest.importorskip("setuptools_scm")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    shutil.copy(Path(corrbench.__file__).parents[1] / "pyproject.toml", tmp_path)

    def said() -> str:
        words = [sys.executable, "-m", "setuptools_scm"]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    def git(*words: str) -> None:
        known = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
        subprocess.run(["git", *known, *words], cwd=tmp_path, check=True, capture_output=True)

    assert said() == "0.1.0.dev0"
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "x")
    assert Version(said()).is_devrelease
    git("tag", "v1.2.3")
    assert said() == "1.2.3"


def test_the_command_line_keeps_its_options() -> None:
    context = click.Context(main)
    assert {"audit", "verify"} <= set(main.list_commands(context))
    command = main.get_command(context, "verify")
    assert command is not None
    assert {option for parameter in command.params for option in parameter.opts if option.startswith("--")} >= set(
        OPTIONS
    )
