"""The page says what the run says, and nothing that a target says becomes part of the page."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrbench.analysis.causes import Digest
from corrbench.analysis.run_diff import Change
from corrbench.case import Case
from corrbench.numerics.comparison import Expected
from corrbench.numerics.diagnose import chart
from corrbench.numerics.problem import Problem
from corrbench.render import html, plots
from corrbench.result import Figures, Result, Run, Status

CASES = [f"x=1,2,{5 + n},{6 + n} w=3,2,3,3 stride=2 padding=1 dtype=float32 data=unit" for n in range(6)]
RIGHT = "x=1,2,8,9 w=3,2,3,3 dtype=float32 data=unit"


def finding(text: str, check: str = "values.bound", **words: Any) -> Result:
    """A result whose last column is wrong, judged as a trial judges it."""
    case, rng = Case.parse(text), np.random.default_rng(3)
    problem = Problem.of_case(case, rng.random(case.x, "f4"), rng.random(case.w, "f4"))
    expected = Expected(problem, case.dtype)
    got = expected.truth.rounded(case.dtype).copy()
    got[..., -1] += 1
    judged = expected.compare(got)
    numbers = Figures(**judged.numbers, map=chart(judged.wrong, judged.numbers["at"]))
    command = f"corrbench verify t.py:conv2d --check {check} --case '{text}' --seed 1"
    found = Result(
        check=check, case=case, status=Status.FAIL, message=judged.message, numbers=numbers, reproduce=command
    )
    return replace(found, **words)


def passed(text: str = RIGHT, ratio: float = 0.25, **words: Any) -> Result:
    numbers = Figures(array="y", tier="bound", ratio=ratio, bits=22.5, elements=9, rounded=0.5, wrong=0,
                      at=[0, 0, 0, 0], got=1.0, exact=1.0, off=0.0, allowed=1.0)  # fmt: skip
    return replace(Result(check="values.bound", case=Case.parse(text), status=Status.PASS, numbers=numbers), **words)


def run(results: list[Result], **words: Any) -> Run:
    made = Run(target="t.py:conv2d", form="conv2d", seed=1, results=results, planned=len(results), judged=len(results))
    return replace(made, environment={"torch": "2.13"}, **words)


def wrong() -> Run:
    return run([*map(finding, CASES), *(passed(RIGHT.replace("9 w", f"{n} w")) for n in range(9, 20))])


def written(runs: list[Run], extras: Sequence[Run] = (), change: Change | None = None) -> str:
    return html.write(list(map(Digest, runs)), extras, change)


class Page(HTMLParser):
    """Elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.attributes: list[tuple[str, str]] = []
        self.said: dict[str, list[str]] = {}
        self.open = [""]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.attributes += [(name, value or "") for name, value in attrs]
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.said.setdefault(self.open[-1], []).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said.get(tag, [])) for tag in self.said if tag not in ("script", "style"))

    @property
    def data(self) -> dict[str, Any]:
        [text] = [text for text in self.said["script"] if text.startswith("{")]
        found: dict[str, Any] = json.loads(text)
        return found


# ---- what it says


def test_the_verdict_and_its_cause_come_first() -> None:
    page = written([wrong()])
    body = page[page.index("<body>") :]
    order = ["FAIL", "6 findings in 17 questions, which look like one cause", "wrong where", 'id="findings1"',
             "Accuracy", "Checks", 'id="results"', "Environment"]  # fmt: skip
    places = [body.index(words) for words in order]
    assert places == sorted(places)
    assert wrong().results[0].reproduce.replace("'", "&#39;") in body


def test_a_pass_says_how_near_the_bound_it_came() -> None:
    said = Page(written([run([passed(), passed(ratio=0.875)])])).text
    assert "No finding in 2 questions; the worst error is 0.875 times what its bound allows." in said
    assert "Findings" not in said


def test_nothing_judged_is_no_pass() -> None:
    said = Page(written([run([], problem="t.py:1: no such thing")])).text
    assert "ERROR" in said
    assert "t.py:1: no such thing" in said


def test_the_table_holds_every_result() -> None:
    made = wrong()
    data = Page(written([made])).data
    lists, columns = data["lists"], data["columns"]
    assert {len(column) for column in columns.values()} == {len(made.results)}
    for row, result in enumerate(made.results):
        assert lists["check"][columns["check"][row]] == result.check
        head, tail = lists["head"][columns["head"][row]], lists["tail"][columns["tail"][row]]
        assert f"{head} dtype={tail}" == str(result.case)
        assert lists["message"][columns["message"][row]] == result.message
        assert columns["cause"][row] == int(result.finding)
        assert columns["ratio"][row] == pytest.approx(result.numbers.over_bound, rel=0.01)
    assert data["commands"] == [["corrbench verify t.py:conv2d", " --seed 1"]]
    assert data["odd"] == {}
    assert data["shortened"] == 0


def test_a_command_of_another_form_is_kept() -> None:
    odd = finding(CASES[1], reproduce="corrbench verify t.py:conv2d --check fuzz.search --case 'other' --seed 1")
    data = Page(written([run([finding(CASES[0]), odd])])).data
    assert data["odd"] == {"1": odd.reproduce}


def test_many_long_messages_are_shortened_and_it_is_said() -> None:
    one = finding(CASES[0], numbers=Figures())
    results = [replace(one, message=f"{n} {'words ' * 100}") for n in range(8000)]
    page = written([run(results)])
    data = Page(page).data
    assert 40 <= data["shortened"] < 400
    assert all(len(message) <= data["shortened"] for message in data["lists"]["message"])
    assert len(page) < 3_000_000


def test_infinite_and_missing_figures() -> None:
    numbers = replace(finding(CASES[0]).numbers, ratio=float("inf"), bits=float("-inf"), got="nan")
    data = Page(written([run([finding(CASES[0], numbers=numbers), passed(numbers=Figures())])])).data
    assert data["columns"]["ratio"] == ["inf", None]
    assert data["columns"]["bits"] == ["-inf", None]


def test_two_runs_say_what_changed() -> None:
    before = run([passed(case) for case in CASES])
    said = Page(written([wrong()], change=Change(before=before, after=wrong()))).text
    assert "6 new findings, 0 fixed" in " ".join(said.split())
    assert "asked in the later run only" in said


def test_several_targets_have_a_part_each() -> None:
    other = run(
        [passed()],
    )
    other.target = "other.py:corr2d"
    page = Page(written([wrong(), other], extras=[run([passed()])]))
    assert page.text.count("other.py:corr2d") >= 2
    assert "Cross-check" in page.text
    assert "reference implementations" in page.text
    assert sorted(page.data["lists"]["target"]) == ["other.py:corr2d", "t.py:conv2d"]


# ---- what it draws


def test_the_map_marks_the_wrong_elements_and_the_worst() -> None:
    result = finding(CASES[0])
    shape, worst = Case.parse(CASES[0]).out, result.numbers.at
    plane, planes, field = plots.errormap(result)
    assert (plane.rows, plane.columns) == shape[2:]
    assert plane.filled == "".join(f"M{shape[3] - 1} {row}h1v1h-1z" for row in range(shape[2]))
    assert plane.ring == (worst[3], worst[2])
    assert (planes.rows, planes.columns, planes.ring) == (1, 3, (worst[1], worst[0]))
    assert planes.filled == "M0 0h3v1h-3z"
    assert (field.rows, field.columns, field.inner) == (7, 8, (1, 1, 6, 5))
    assert field.filled.count("M") + field.hollow.count("M") == 9
    assert field.title.endswith("on the input")


def test_a_chart_of_another_array_is_drawn_without_a_field() -> None:
    result = finding(CASES[0])
    result.numbers.array = "t"
    assert [grid.kind for grid in plots.errormap(result)] == ["wrong", "wrong"]
    assert plots.errormap(passed()) == []


def test_every_comparison_is_in_the_plot() -> None:
    results = [passed(ratio=r) for r in (0.0, 1e-9, 0.5, 1.0)] + [finding(CASES[0])]
    [strip] = plots.ratios(results).strips
    assert strip.count == 5
    assert sum(int(said.partition(",")[0]) for *_, said in strip.bars) == 5
    assert sum(bad > 0 for _, _, _, bad, _ in strip.bars) == 1
    line = plots.ratios(results).line
    assert line is not None
    assert all(x >= line - 1e-9 for x, _, _, bad, _ in strip.bars if bad)
    assert plots.ratios([]).strips == []


@pytest.mark.parametrize("ratio", [1.0, 10.0, 1e9, 1e10, 1e38, float("inf"), 0.0, 1e-9])
def test_errors_that_are_all_far_off_have_a_place_on_the_axis(ratio: float) -> None:
    plot = plots.ratios([passed(ratio=ratio), passed(ratio=ratio)])
    [bar] = plot.strips[0].bars
    assert 0 <= bar[0] < 1
    assert plot.line is not None
    assert 0 < plot.line < 1, "the bound is on the axis"


def test_bits_are_marked_with_the_precision_of_the_type() -> None:
    plot = plots.bits(
        [passed(), passed(RIGHT.replace("float32", "float64"), numbers=replace(passed().numbers, bits=51.0))]
    )
    assert [strip.name for strip in plot.strips] == ["float64", "float32"]
    assert [strip.mark for strip in plot.strips] == [53 / 56, 24 / 56]


# ---- markup in a target's words

EVIL = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "</style><img src=x onerror=alert(3)>",
    "\"'><b onclick=alert(4)>",
    "<a href='javascript:alert(5)'>",
    "<!-- {{ 7 * 7 }} {% raw %} --> ${8 * 8}",
    "]]> &lt;i&gt; \u2028 \x00",
]


def told(words: list[str]) -> Run:
    """A run in which words of the target stand wherever they can."""
    first = words[0]
    results = [
        finding(CASES[0], message=first, resembles=first, reproduce=first),
        finding(CASES[1], check=f"values.{words[1]}", message=words[1], resembles=first),
        finding(CASES[2], numbers=Figures(raised=words[2]), message=words[2]),
        finding(CASES[3], numbers=replace(finding(CASES[3]).numbers, got=words[3], exact=words[4])),
        Result(check=words[5], case=Case.parse(CASES[4]), status=Status.WARN, message=words[5], reproduce=words[5]),
        Result(check="gradients.first", case=Case.parse(CASES[5]), status=Status.ERROR, message=words[6]),
        passed(numbers=replace(passed().numbers, array="y" + words[1])),
    ]
    return Run(
        target=first, form=words[1], seed=1, results=results, planned=9, judged=9, arrays=words[2], device=words[3],
        profile=words[4], accuracy=words[5], stopped=words[6], environment={words[1]: first, "python": words[2]},
        unsupported={f"{word}!": word for word in words}, fixed=[{"check": first, "message": words[1]}],
    )  # fmt: skip


def test_nothing_that_a_target_says_becomes_an_element_or_an_attribute() -> None:
    plain = [f"word{n}" for n in range(len(EVIL))]
    pages = []
    for words in (plain, EVIL):
        one = told(words)
        pages.append(Page(written([one, one], extras=[one], change=Change(before=run([]), after=one))))
    tame, evil = pages
    assert evil.elements == tame.elements
    links = {value for name, value in evil.attributes if name in ("href", "src", "action", "formaction")}
    assert all(value.startswith("#") for value in links)
    assert not any(name.startswith("on") for name, _ in evil.attributes)
    assert [len(texts) for tag, texts in evil.said.items() if tag == "style"] == [1]
    for word in EVIL[:5]:
        assert word in evil.text
    assert EVIL[1] in evil.data["lists"]["message"]


def test_the_page_asks_no_server_for_anything() -> None:
    page = written([wrong()])
    assert "default-src 'none'" in page
    assert not any(words in page for words in ("http://", "https://", "@import", "url(", "<link"))


# ---- in a browser

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """
<script>
const seen = {};
const rows = () => document.querySelectorAll("#table tbody tr");
const enter = (name, value) => {
  const form = document.querySelector("#filter");
  form.elements[name].value = value;
  form.dispatchEvent(new Event("input"));
};
seen.all = rows().length;
enter("status", "fail");
seen.fail = rows().length;
enter("text", "values.bound X=1,2,6");
seen.text = rows().length;
enter("text", "");
enter("status", "");
document.querySelector("[data-sort=ratio]").click();
seen.first = rows()[0].querySelector(".status").textContent;
seen.sorted = document.querySelector("[data-sort=ratio]").parentElement.getAttribute("aria-sort");
document.querySelector("[data-sort=ratio]").click();
seen.last = rows()[0].querySelector(".status").textContent;
seen.copy = [...document.querySelectorAll(".reproduce .copy")].every((button) => !button.hidden);
seen.commands = [...document.querySelectorAll("#table .copy")].map((button) => button.title);
document.querySelector("#theme").click();
document.querySelector("#theme").click();
seen.theme = document.documentElement.dataset.theme;
seen.paper = getComputedStyle(document.body).backgroundColor;
seen.count = document.querySelector("#count").textContent;
seen.wide = document.documentElement.scrollWidth <= innerWidth;
const out = document.createElement("output");
out.textContent = JSON.stringify(seen);
document.body.append(out);
</script>
"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no chromium to open the page in")
def test_in_a_browser_the_table_is_filtered_and_sorted(tmp_path: Path) -> None:
    assert BROWSER is not None
    path = tmp_path / "page.html"
    path.write_text(written([wrong()]).replace("</body>", PROBE + "</body>"), encoding="utf-8")
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}",
         "--window-size=400,800", "--enable-logging=stderr", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = Page(done.stdout).said
    assert "output" in said, done.stderr
    seen = json.loads("".join(said["output"]))
    made = wrong()
    assert "CONSOLE" not in done.stderr, done.stderr
    assert (seen["all"], seen["fail"], seen["text"]) == (len(made.results), 6, 1)
    assert (seen["first"], seen["sorted"], seen["last"]) == ("fail", "descending", "pass")
    assert seen["copy"]
    assert sorted(seen["commands"]) == sorted(result.reproduce for result in made.findings)
    assert (seen["theme"], seen["paper"]) == ("dark", "rgb(23, 24, 26)")
    assert seen["count"] == f"{len(made.results)} of {len(made.results)} results."
    assert seen["wide"], "the page is wider than the window"
