"""What would run by itself while a result is read is put away, also where its number was given back."""

from __future__ import annotations

from typing import Any

import pytest

from corrbench.judge.worker import listeners

LINE, RETURN = 1, 2


class Monitoring:
    """As much of `sys.monitoring` as is asked: it exists from Python 3.12 on."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.calls: dict[tuple[int, int], Any] = {}
        self.followed: dict[int, int] = {}

    def register(self, tool: int, event: int, call: Any) -> Any:
        was = self.calls.pop((tool, event), None)
        if call is not None:
            self.calls[tool, event] = call
        return was

    def follow(self, tool: int, events: int) -> None:
        self.followed[tool] = events

    def release(self, tool: int) -> None:
        self.names.pop(tool, None)


@pytest.fixture
def monitoring(monkeypatch: pytest.MonkeyPatch) -> Monitoring:
    made = Monitoring()
    words = {"monitoring": made, "tool_of": made.names.get, "register": made.register, "follow": made.follow,
             "release": made.release, "EVENTS": [LINE, RETURN]}  # fmt: skip
    for name, value in words.items():
        monkeypatch.setattr(listeners, name, value, raising=False)
    return made


@pytest.mark.parametrize("given_back", [False, True])
def test_who_follows_is_put_away(monitoring: Monitoring, *, given_back: bool) -> None:
    watching = listeners.Listeners()
    monitoring.names[4] = "theirs"
    monitoring.follow(4, LINE)
    monitoring.register(4, LINE, print)
    if given_back:
        monitoring.release(4)
    watching.put_away()
    assert watching.taken() == ["sys.monitoring, tool 4"]
    assert not monitoring.calls
    assert not monitoring.names
    watching.put_away()
    assert not watching.taken()


def test_who_was_there_before_follows_on(monitoring: Monitoring) -> None:
    monitoring.names[5] = "ours"
    monitoring.register(5, RETURN, print)
    watching = listeners.Listeners()
    watching.put_away()
    assert not watching.taken()
    assert monitoring.calls == {(5, RETURN): print}
