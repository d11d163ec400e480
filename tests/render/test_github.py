"""What GitHub is told: one annotation a cause, at the right line, and never a command that a target has written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from corrbench.analysis.causes import Digest
from corrbench.case import Case
from corrbench.cli import main
from corrbench.environment import definitions
from corrbench.gate import Gate
from corrbench.judge.target_process import environment
from corrbench.render import gate as gates
from corrbench.render import github
from corrbench.result import Result as Answer
from corrbench.result import Run, Status
from corrbench.target import Spec
from tests.support import small_targets

CASE = "x=1,1,5,6 w=1,1,2,3 dtype=float64 data=small"
ONE = ["--arrays", "numpy", "--workers", "1", "--seed", "3", "--check", "values.exact", "--case", CASE]
HOSTILE = (
    "lost\r\n::add-mask::e\n  ::error::owned\n::stop-commands::x ##[add-mask]e, f: 1%0A::debug::<b>`|\x1b[2J\ud800"
)
COMMAND = re.compile(r"^\s*::([a-z-]+)|##\[([a-z-]+)", re.IGNORECASE)  # what the runner takes for a command


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def obeyed(log: str) -> list[str]:
    """The commands that the runner obeys in a log, those between a stop and its token left out."""
    found, token = [], ""
    for line in re.split(r"\r\n|\r|\n", log):
        if token:
            token = "" if line.strip() == f"::{token}::" else token
        elif line.strip().startswith("::stop-commands::"):
            token = line.strip().removeprefix("::stop-commands::")
        elif match := COMMAND.search(line):
            found.append(match[1] or match[2])
    assert not token, "commands are never heeded again"
    return found


def decoded(note: str) -> tuple[dict[str, str], str]:
    """Properties and message of an annotation, as the runner reads it."""

    def plain(text: str, more: dict[str, str]) -> str:
        for code, character in ({"%0D": "\r", "%0A": "\n"} | more | {"%25": "%"}).items():
            text = text.replace(code, character)
        return text

    words, _, message = note.removeprefix("::error ").partition("::")
    pairs = (word.partition("=") for word in words.split(","))
    return {key: plain(value, {"%3A": ":", "%2C": ","}) for key, _, value in pairs}, plain(message, {})


def run(*findings: Answer) -> Run:
    return Run(target="a.py:f", form="corr2d", seed=1, results=list(findings), planned=9, judged=9)


def finding(message: str, check: str = "contract.result", status: Status = Status.FAIL) -> Answer:
    return Answer(
        check=check, case=Case.parse(CASE), status=status, message=message, reproduce="corrbench verify a.py:f"
    )


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, [*words])


# ---- escaping


def test_an_annotation_is_one_line_that_says_what_was_meant() -> None:
    note = github.Note(title="a, b: 100%\n", message="x\r\ny, z: 50%0A", place=("src/a,b:c.py", 7))
    text = str(note)
    assert text == "::error file=src/a%2Cb%3Ac.py,line=7,title=a%2C b%3A 100%25%0A::x%0D%0Ay, z: 50%250A"
    assert decoded(text) == ({"file": "src/a,b:c.py", "line": "7", "title": "a, b: 100%\n"}, "x\r\ny, z: 50%0A")


def test_without_a_place_there_is_no_empty_property() -> None:
    assert str(github.Note(title="t", message="m")) == "::error title=t::m"


def test_hostile_words_make_no_command_and_no_markup() -> None:
    made = run(finding(HOSTILE))
    [note] = github.notes([Digest(made)], {})
    assert len(str(note).splitlines()) == 1
    assert obeyed(str(note)) == ["error"]
    str(note).encode()
    page = github.summary([Digest(made)])
    assert "<b>" not in page
    assert not [line for line in page.splitlines() if line.lstrip().startswith("::")]
    assert obeyed(f"corrbench: {github.quoted(HOSTILE)}") == []


def test_hostile_words_of_a_target_on_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its messages, what it prints, and its refusals."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    words = "##[add-mask]a\\n::add-mask::b\\r::error::c"
    source = f"print('{words}', flush=True)\ndef corr2d(X, K):\n    print('{words}', flush=True)\n"
    raising = small_targets.write(tmp_path, source + f"    raise ValueError('{words}')\n")
    done = typed("verify", raising, *ONE, "--no-guess", "--github")
    assert done.exit_code == 1
    assert "##[add-mask]a" in done.output, "the report shows it, where it is not heeded"
    assert obeyed(done.output) == ["error"]
    refusing = small_targets.write(tmp_path, source + f"    raise NotImplementedError('{words}')\n")
    done = typed("verify", refusing, *ONE, "-v", "--github")
    assert done.exit_code == 2
    assert set(obeyed(done.output)) <= {"error"}
    unloadable = small_targets.write(tmp_path, f"raise RuntimeError('{words}')\n")
    done = typed("verify", unloadable, *ONE, "--github")
    assert done.exit_code == 2
    assert obeyed(done.output) == ["error"]
    assert "##[" not in done.stderr
    page = (tmp_path / "summary.md").read_text()
    assert page.count("## corrbench") == 3, "each command adds to it"
    assert not [line for line in page.splitlines() if line.lstrip().startswith("::")]


def test_a_target_is_not_told_where_a_step_speaks_to_github(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ENV", "/tmp/env")
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "x")
    assert not [name for name in environment(Spec(target="a:b"), "/tmp") if name.startswith(("GITHUB", "ACTIONS"))]


# ---- what is said, and where


def test_an_annotation_is_at_the_def_of_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pkg").mkdir()
    target = small_targets.write(tmp_path / "pkg", "\n\n" + small_targets.FLIPPED)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path / "pkg")
    done = typed("verify", "target.py:corr2d", *ONE, "--github", "--markdown", "report.md")
    assert done.exit_code == 1
    [note] = [line for line in done.output.splitlines() if line.startswith("::error")]
    properties, message = decoded(note)
    line = Path(target.partition(":")[0]).read_text().splitlines().index("def corr2d(X, K):") + 1
    assert properties == {"file": "pkg/target.py", "line": str(line), "title": "target.py:corr2d: values.exact"}
    assert "looks as if the kernel was flipped" in message
    assert message.splitlines()[-1].startswith("corrbench verify target.py:corr2d ")
    assert Path("report.md").read_text().startswith("# Correctness report")


def test_a_right_target_has_no_annotation_but_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = typed("verify", small_targets.write(tmp_path, small_targets.RIGHT), *ONE, "--github")
    assert done.exit_code == 0
    assert obeyed(done.output) == []
    assert "**pass**" in (tmp_path / "summary.md").read_text()


def test_with_json_on_standard_output_annotations_go_elsewhere(tmp_path: Path) -> None:
    done = typed("verify", small_targets.write(tmp_path, small_targets.FLIPPED), *ONE, "--github", "--json", "-")
    assert json.loads(done.stdout)["verdict"] == "fail"
    assert obeyed(done.stderr) == ["error"]


def test_a_summary_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary.md"))
    done = typed("verify", small_targets.write(tmp_path, small_targets.RIGHT), *ONE, "--github")
    assert done.exit_code == 2
    assert "GITHUB_STEP_SUMMARY" in done.stderr


@pytest.mark.parametrize(("causes", "shown"), [(3, 3), (10, 10), (11, 10), (40, 10)])
def test_no_more_annotations_than_github_shows(causes: int, shown: int) -> None:
    names = [f"contract.{chr(97 + n % 26)}{n // 26 * 'z'}" for n in range(causes)]
    found = github.notes([Digest(run(*(finding("wrong", check=name) for name in names)))], {})
    assert len(found) == shown
    if causes > github.MOST:
        assert found[-1].message.startswith(f"{causes - 9} groups of findings more")


def test_what_could_not_be_judged_is_told_as_well() -> None:
    broken = run(finding("corrbench itself failed", status=Status.ERROR))
    assert [note.message.splitlines()[0] for note in github.notes([Digest(broken)], {})] == ["corrbench itself failed"]
    lost = Run(target="a.py:f", form="", seed=1, problem="no such file: a.py")
    assert "no such file" in github.notes([Digest(lost)], {"a.py:f": ("a.py", 1)})[0].message


def test_a_gate_says_each_thing_that_is_worse() -> None:
    gate = Gate(target="a.py:f", base="main", head="HEAD", runs=[run(), run(finding("wrong"))],
                worse=[finding("wrong " + HOSTILE)], refused={"groups": "no"}, accuracy={"float32": 2.0},
                instructions={CASE: (100.0, 130.0)})  # fmt: skip
    found = github.gate_notes(gate, ("a.py", 3))
    assert [note.message.split(":")[0].split()[0] for note in found] == ["wrong", "no", "less", "heavier"]
    assert "+30.00% instructions" in found[-1].message
    assert {note.place for note in found} == {("a.py", 3)}
    page = gates.markdown(gate)
    assert "<b>" not in page
    assert "`corrbench verify a.py:f`" in page
    assert not [line for line in page.splitlines() if line.lstrip().startswith("::")]


def test_a_gate_that_cannot_judge_says_so(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.RIGHT)
    done = typed("gate", "--base", "main", target, "--github")
    assert done.exit_code == 2
    assert obeyed(done.output) == ["error"]


# ---- where a function is


def test_functions_are_found_without_importing(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "raise SystemExit\n@wraps\ndef f(): ...\nif True:\n    class C:\n        def g(self): ...\n"
        "try:\n    from x import y\nexcept ImportError:\n    pass\nelse:\n    def y(): ...\ndef f(): ...\n"
    )
    assert definitions.definitions(path) == {"f": 13, "C": 5, "y": 12}
    assert definitions.where("a.py:C.g", tmp_path) == (path, 6)
    assert definitions.where("a:f", tmp_path) == (path, 13)
    assert definitions.where("a.py:none", tmp_path) == (path, 1)


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    from fast import f\nexcept ImportError:\n    def f(): ...\n",
        "try:\n    import fast\nexcept* ImportError:\n    def f(): ...\n",
        "match 1:\n    case 1:\n        x = lambda: 1\n        def f(): ...\n",
        "for _ in range(1):\n    with open('a'):\n      if _:\n        def f(): ...\n",
        "if 1: pass\nelif 2: pass\nelse:\n    def f(): ...\n",
        "class f: ...\nif 1:\n    x = 1\n    def f(): ...\n    def g():\n        def f(): ...\n",
    ],
)
def test_definitions_in_any_branch_belong_to_the_module(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.py"
    path.write_text(text)
    assert definitions.where("a.py:f", tmp_path) == (path, 4)


@pytest.mark.parametrize(("text", "line"), [("x = 1\ndef f(:\n", 2), ("\0", 1), ("(" * 5000, 1), ("x = '\xff'", 1)])
def test_what_does_not_parse_has_a_place(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(text.encode("latin-1"))
    assert definitions.where("a.py:f", tmp_path) == (path, line)


def test_modules_are_looked_for_here_and_in_src(tmp_path: Path) -> None:
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    path = tmp_path / "src" / "pkg" / "__init__.py"
    path.write_text("\nf = 1\ndef g(): ...\n")
    assert definitions.where("pkg:g", tmp_path) == (path, 3)
    assert definitions.where("pkg.more:g", tmp_path) is None
    assert definitions.where("torch", tmp_path) is None
