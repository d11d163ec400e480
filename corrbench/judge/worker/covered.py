"""Coverage: from which line of the target's own files to which a call goes. A pass of its own, no verdict needs it.

The interpreter follows the call itself, by `sys.monitoring` from Python 3.12 on, by `sys.settrace` before that.
coverage.py is not asked: to it an exception that leaves a condition is a way past the condition, and a branch that
nobody took would count.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import Any

from .caller import Caller
from .calls import failure, run_steps
from .library import Array, Words

Arcs = dict[str, set[tuple[int, int]]]  # file -> (line before, line); 0 before the first, -1 after the last
ENTRY, EXIT = 0, -1
FRESH = "fresh"  # in place of a mode: no call, a module is made without a weight


def run_covered(request: Words, arrays: list[Array], caller: Caller) -> Words:
    """Each call of a request by itself: whether it raised, and how it went through these files."""
    files = {os.path.realpath(name): name for name in request["files"]}
    means, said = "", []
    for step in request["steps"]:
        tracer = Fine(files) if request["fine"] else follower(files)
        means = tracer.means
        with tracer:
            raised = made_afresh(step, caller) if step["mode"] == FRESH else None
            if step["mode"] != FRESH:
                raised = run_steps({"steps": [step]}, arrays, caller)[0]["steps"][0]["raised"]
        found = {files[file]: sorted(map(list, arcs)) for file, arcs in tracer.arcs().items() if file in files}
        said.append({"raised": raised, "arcs": found})
    return {"means": means, "steps": said}


def made_afresh(step: Words, caller: Caller) -> Words | None:
    """Make a module without a weight, as its user begins; what it raised."""
    try:
        caller.target(tuple(step["sizes"][name] for name in ("kh", "kw")))
    except BaseException as error:
        return failure(error)
    finally:
        caller.world.forgive_draws()
    return None


def follower(files: dict[str, str]) -> Traced | Monitored:
    """What follows a call through files, by their real paths."""
    return Monitored(files) if hasattr(sys, "monitoring") else Traced(files)


class Own:
    """What both ways of the interpreter's share: which files are the target's, and the steps in them."""

    def __init__(self, files: dict[str, str]) -> None:
        self.found: Arcs = {file: set() for file in files}
        self.known: dict[str, set[tuple[int, int]] | None] = {}

    def steps(self, code: CodeType) -> set[tuple[int, int]] | None:
        """Where the steps in a function's file are noted; None if it is not the target's."""
        name = code.co_filename
        if name not in self.known:
            self.known[name] = self.found.get(os.path.realpath(name))
        return self.known[name]

    def arcs(self) -> Arcs:
        """How it went."""
        return self.found


class Traced(Own):
    """By `sys.settrace`."""

    means = "sys.settrace"

    def __enter__(self) -> Traced:
        sys.settrace(self.entered)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def entered(self, frame: FrameType, event: str, _: Any) -> Any:
        """A function begins; what follows its lines, if it is the target's."""
        steps = self.steps(frame.f_code)
        if steps is None or event != "call":
            return None
        last, raised = ENTRY, False

        def stepped(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal last, raised
            if event == "line":
                steps.add((last, frame.f_lineno))
                last, raised = frame.f_lineno, False
            elif event == "exception":
                raised = True
            elif event == "return" and not raised:
                steps.add((last, EXIT))
            return stepped

        return stepped


class Fine(Traced):
    """By `sys.settrace`, instruction by instruction: where a line holds what may run or not, such as a conditional
    expression, it tells which did. Such a spot is noted as a step from minus its line to its column.
    """

    def entered(self, frame: FrameType, event: str, arg: Any) -> Any:
        """As above; a function's instructions are followed too, from Python 3.11 on."""
        stepped, steps = super().entered(frame, event, arg), self.steps(frame.f_code)
        if stepped is None or steps is None or not hasattr(frame.f_code, "co_positions"):
            return stepped
        spots = [(-(place[0] or 0), place[2] or 0) for place in frame.f_code.co_positions()]
        frame.f_trace_opcodes = True

        def followed(frame: FrameType, event: str, arg: Any) -> Any:
            if event == "opcode":
                steps.add(spots[frame.f_lasti // 2])
            else:
                stepped(frame, event, arg)
            return followed

        return followed


class Monitored(Own):
    """By `sys.monitoring`."""

    means = "sys.monitoring"

    def __enter__(self) -> Monitored:
        self.monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        events = self.monitoring.events
        self.tool = next(one for one in (1, 3, 4, 0, 2) if self.monitoring.get_tool(one) is None)
        self.monitoring.use_tool_id(self.tool, "lines")
        self.last: dict[int, int] = {}
        self.own: list[CodeType] = []
        for event, noted in (
            (events.PY_START, self.entered),
            (events.LINE, self.stepped),
            (events.PY_RETURN, self.left),
        ):
            self.monitoring.register_callback(self.tool, event, noted)
        self.monitoring.set_events(self.tool, events.PY_START)
        return self

    def __exit__(self, *_: object) -> None:
        for code in self.own:
            self.monitoring.set_local_events(self.tool, code, 0)
        self.monitoring.set_events(self.tool, 0)
        self.monitoring.free_tool_id(self.tool)

    def entered(self, code: CodeType, _: int) -> Any:
        """A function begins."""
        if self.steps(code) is None:
            return self.monitoring.DISABLE
        self.last[id(sys._getframe(1))] = ENTRY
        if code not in self.own:
            self.own.append(code)
            events = self.monitoring.events
            self.monitoring.set_local_events(self.tool, code, events.LINE | events.PY_RETURN)
        return None

    def stepped(self, code: CodeType, line: int) -> None:
        """A line begins."""
        steps, frame = self.steps(code), id(sys._getframe(1))
        if steps is not None:
            steps.add((self.last.get(frame, ENTRY), line))
            self.last[frame] = line

    def left(self, code: CodeType, _: int, __: object) -> None:
        """A function returns."""
        steps, frame = self.steps(code), id(sys._getframe(1))
        if steps is not None:
            steps.add((self.last.pop(frame, ENTRY), EXIT))
