"""An answer is taken only in the form agreed upon."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from corrbench.judge import protocol
from corrbench.judge.protocol import Broken

RAISED = {"type": "ValueError", "bases": ["ValueError"], "message": "no", "where": "a.py:1"}
FACTS = {name: {"raised": RAISED} for name in ("given", "fresh", "round_trip", "moves", "modes", "training")}
ARRAY = {"type": "numpy.ndarray", "device": "cpu", "requires_grad": False, "dtype": "float32", "shape": [2, 2],
         "blob": 0, "wire": "float32"}  # fmt: skip


def step(**changes: Any) -> dict[str, Any]:
    findings: dict[str, Any] = {name: [] for name in protocol.FINDINGS}
    return {"outputs": {}, "raised": None, "after": {}} | findings | changes


def test_words_need_the_nonce() -> None:
    assert protocol.words(b'{"a": 1, "nonce": "n"}', "n") == {"a": 1}
    with pytest.raises(Broken, match="not to this question"):
        protocol.words(b'{"a": 1, "nonce": "m"}', "n")


def test_a_module_shows_every_fact() -> None:
    assert protocol.facts({"facts": FACTS}) == FACTS
    for name in FACTS:
        with pytest.raises(Broken):
            protocol.facts({"facts": {n: f for n, f in FACTS.items() if n != name}})
    with pytest.raises(Broken):
        protocol.facts({"facts": FACTS | {"modes": {"same": "yes", "same again": True}}})
    with pytest.raises(Broken):
        protocol.facts({"facts": FACTS | {"training": {"loss": 10**400, "weight": [], "bias": []}}})


LOOKS = {"text": "f(x)", "parameters": [], "uses": ["numpy"], "makes": False, "binds": True}


def test_loading_gives_a_known_form_or_a_reason() -> None:
    good = {
        "form": "corr2d",
        "file": "/ops.py",
        "version": "1",
        "at_load": [],
        "note": "",
        "signature": LOOKS,
        "fixed": {"stride": [2, 1], "padding": "same"},
    }
    assert protocol.loaded(good) == good
    assert protocol.loaded({"unloadable": "no"}) == {"unloadable": "no"}
    for bad in (
        good | {"form": "other"},
        good | {"at_load": "none"},
        good | {"note": None},
        good | {"fixed": {"stride": 2}},
        {},
        {"unloadable": None},
    ):
        with pytest.raises(Broken):
            protocol.loaded(bad)


def test_arrays_follow_the_words_in_order() -> None:
    values = np.arange(8, dtype=np.float32)
    rest = bytearray(values.tobytes())

    def read(size: int) -> bytearray:
        part, rest[:size] = rest[:size], b""
        return part

    steps = [step(outputs={"y": ARRAY}), step(raised=RAISED), step(outputs={"y": ARRAY | {"blob": 1}})]
    first, second, third = protocol.replies({"steps": steps}, 3, 64, read)
    np.testing.assert_array_equal(first.outputs["y"].values, values[:4].reshape(2, 2))
    np.testing.assert_array_equal(third.outputs["y"].values, values[4:].reshape(2, 2))
    assert second.raised == RAISED
    with pytest.raises(Broken, match="more memory"):
        protocol.replies({"steps": steps}, 3, 31, read)


@pytest.mark.parametrize("text", ["\ud800", "\x00\x1b[2J", "a" * 100_000])
def test_text_can_be_shown_and_stored(text: str) -> None:
    (one,) = protocol.replies({"steps": [step(globals=[text])]}, 1, 0, bytearray)
    said = one.globals[0]
    assert len(said) <= protocol.TEXT
    assert said.isprintable()
    assert json.loads(json.dumps(said).encode()) == said


def test_names_begin_no_line_of_their_own() -> None:
    evil = "Odd\n::error file=a::b"
    answer = {"unloadable": "one\ntwo"}
    assert protocol.loaded(answer)["unloadable"] == "one\ntwo"
    raised = {"type": evil, "bases": [evil], "message": "one\ntwo", "where": evil}
    found = protocol.agreed({evil: raised}, {str: protocol.RAISED}, "a step")
    ((name, said),) = found.items()
    assert said["message"] == "one\ntwo"
    assert {name, said["type"], *said["bases"], said["where"]} == {"Odd ::error file=a::b"}
