"""Whatever of a target's the interpreter would run by itself once a call has returned: it is put away at once.

A tracer, a profiler, a handler of signals with its timer or a callback of the garbage collector could complete a
result while it is being read. All are set aside before that, and named among the changes of global state. So are
limits that were lowered, within which nobody could go on.
"""

from __future__ import annotations

import contextlib
import gc
import resource
import signal
import sys
from typing import Any

from .residues import own

# as they are before any target is loaded
gettrace, settrace, getprofile, setprofile = sys.gettrace, sys.settrace, sys.getprofile, sys.setprofile
getsignal, setsignal, getitimer, setitimer = signal.getsignal, signal.signal, signal.getitimer, signal.setitimer
getinterval, setinterval = sys.getswitchinterval, sys.setswitchinterval
enabled, enable, disable, threshold, set_threshold = (
    gc.isenabled, gc.enable, gc.disable, gc.get_threshold, gc.set_threshold
)  # fmt: skip
collected: Any = gc.callbacks
finders: Any = sys.meta_path
NUMBERS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
STOPPED = (0.0, 0.0)
TOOLS = range(6)
LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_STACK, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE)
getlimit, setlimit, getdepth, setdepth = (
    resource.getrlimit, resource.setrlimit, sys.getrecursionlimit, sys.setrecursionlimit
)  # fmt: skip
monitoring: Any = getattr(sys, "monitoring", None)
if monitoring is not None:
    tool_of, follow, register, release = (
        monitoring.get_tool, monitoring.set_events, monitoring.register_callback, monitoring.free_tool_id
    )  # fmt: skip
    EVENTS = [event for name, event in vars(monitoring.events).items() if name.isupper() and event]


def tools() -> tuple[object, ...]:
    """Who follows what runs by `sys.monitoring`, from Python 3.12 on."""
    return tuple(map(tool_of, TOOLS)) if monitoring is not None else ()


def foreign(value: Any) -> bool:
    """Whether a function or an object is the target's own, not a library's that was imported meanwhile."""
    code = getattr(value, "__code__", None) or getattr(getattr(value, "__func__", None), "__code__", None)
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    return own(code.co_filename if code is not None else getattr(module, "__file__", None) or "")


class Listeners:
    """Those that there are before a target is loaded; a tracer of ours may come later."""

    def __init__(self) -> None:
        self.handlers = tuple(map(getsignal, NUMBERS))
        self.callbacks: list[Any] = list(collected)
        self.finders: list[Any] = list(finders)
        self.collecting, self.threshold, self.interval = enabled(), threshold(), getinterval()
        self.depth, self.limits = getdepth(), tuple(map(getlimit, LIMITS))
        self.timers: tuple[int, ...] = ()  # that a file set as it was imported
        self.heard: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Take who follows now for ours."""
        self.trace, self.profile, self.tools = gettrace(), getprofile(), tools()

    def settle(self) -> None:
        """Once the target is loaded: put away what follows, but for handlers and timers of its own, which stay."""
        self.handlers = tuple(map(getsignal, NUMBERS))
        self.timers = tuple(timer for timer in TIMERS if getitimer(timer) != STOPPED)
        self.put_away()

    def taken(self) -> list[str]:
        """Those that were put away since the last time, in words."""
        heard, self.heard = self.heard, []
        return list(dict.fromkeys(heard))

    def put_away(self) -> None:
        """Put away those that were not there before."""
        self._limits()
        self._followers()
        self._signals()
        self._garbage()

    def _limits(self) -> None:
        if getdepth() < self.depth:
            setdepth(self.depth)
            self.heard.append("depth of recursion lowered")
        limits = tuple(map(getlimit, LIMITS))
        if limits != self.limits:
            for kind, now, was in zip(LIMITS, limits, self.limits, strict=True):
                if now[0] != was[0] and (was[0] == resource.RLIM_INFINITY or 0 <= now[0] < was[0]):
                    self.heard.append("a limit of the process lowered (setrlimit)")
                    with contextlib.suppress(ValueError, OSError):  # what it gave up for good is gone
                        setlimit(kind, (was[0], now[1]))
            self.limits = tuple(map(getlimit, LIMITS))

    def _followers(self) -> None:
        if gettrace() is not self.trace:
            settrace(self.trace)
            self.heard.append("trace function of the interpreter")
        if getprofile() is not self.profile:
            setprofile(self.profile)
            self.heard.append("profile function of the interpreter")
        for tool, (now, was) in enumerate(zip(tools(), self.tools, strict=True)):
            if now is not None and now == was:
                continue
            # a tool whose number was given back is called all the same
            heard = [call for event in EVENTS if (call := register(tool, event, None)) is not None]
            if now is not None:
                follow(tool, 0)
                release(tool)
            if heard or now is not None:
                self.heard.append(f"sys.monitoring, tool {tool}")

    def _signals(self) -> None:
        for timer in TIMERS:
            if timer not in self.timers and getitimer(timer) != STOPPED:
                setitimer(timer, 0)
                self.heard.append("a timer that sends signals")
        handlers = tuple(map(getsignal, NUMBERS))
        if handlers != self.handlers:
            for number, now, was in zip(NUMBERS, handlers, self.handlers, strict=True):
                if now != was and now is not None and was is not None and (not callable(now) or foreign(now)):
                    setsignal(number, was)
                    self.heard.append(f"handler of signal {number} ({signal.strsignal(number)})")
        if getinterval() != self.interval:
            setinterval(self.interval)
            self.heard.append("interval at which threads take turns")

    def _garbage(self) -> None:
        lists: tuple[tuple[list[Any], list[Any], str], ...] = (
            (collected, self.callbacks, "callbacks of garbage collection"),
            (finders, self.finders, "finders of modules (sys.meta_path)"),
        )
        for held, was, name in lists:
            if held != was:
                fresh = [one for one in held if not any(one is old for old in was) and foreign(one)]
                if fresh:
                    held[:] = [one for one in held if not any(one is new for new in fresh)]
                    self.heard.append(name)
        if enabled() != self.collecting or threshold() != self.threshold:
            (enable if self.collecting else disable)()
            set_threshold(*self.threshold)
            self.heard.append("how garbage is collected")
