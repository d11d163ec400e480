"""One call as a campaign makes it, alone or many in one request: a result with its gradients, every element judged."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from corrbench.checks.gradients import gradients, verdicts
from corrbench.checks.manners import BACKWARD, FORWARD, PLAIN, Manner, manner
from corrbench.checks.values import verdict
from corrbench.judge.calls import Call, case_operands
from corrbench.judge.protocol import Reply
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial, conclude
from corrbench.numerics.inputs import WHOLE
from corrbench.result import Result, Status

NAME = "campaign.case"
FIRST, MOST = 8, 64  # calls in the first request, and at most in one
SHARE = 0.2  # of the time that one call may take
ALONE = "; right when it is asked alone"  # how the message of a failure ends that shows only among other calls


@dataclass(frozen=True, slots=True)
class Question:
    """The call of a trial, and its manner."""

    call: Call
    how: Manner = PLAIN


def question(trial: Trial) -> Question:
    """What a trial asks. Its manner, and which operands want a gradient, follow from the case."""
    case = trial.case
    if not trial.differentiable:
        how = manner(trial, FORWARD)
        way: dict[str, Any] = {"way": how.way} if how.way else {}
        return Question(Call(case=case, arrays=trial.operands(), options=way), how)
    how, by_hand = manner(trial, BACKWARD), trial.support.convention.by_hand
    options: dict[str, Any] = {"repeat": 2} if by_hand else {"way": how.way} if how.way else {}
    grad = None
    if how == PLAIN and not by_hand and not trial.support.convention.parameters:
        names = case_operands(case)
        subsets = [None, None, *(some for size in range(1, len(names)) for some in combinations(names, size))]
        grad = subsets[zlib.crc32(str(case).encode()) // 64 % len(subsets)]
    arrays = trial.operands(extra=("g",))
    return Question(Call(case=case, arrays=arrays, mode="backward", grad=grad, options=options), how)


def judged(trial: Trial, asked: Question, reply: Reply) -> Iterator[Result]:
    """One result for the values and one for each gradient that was asked for."""
    if reply.raised:
        yield trial.raised(reply.raised, trial.case)
        return
    arrays, told = asked.call.arrays, f"; called {asked.how.how}" if asked.how.how else ""
    problem = trial.problem(arrays=arrays)
    results = [verdict(trial, trial.expected(problem), trial.values(reply))]
    if asked.call.mode == "backward":
        wanted = asked.call.grad or case_operands(trial.case)
        problems = {name: one for name, one in gradients(problem, arrays["g"]).items() if name[1:] in wanted}
        results += verdicts(trial, reply, problems)
    for result in results:
        result.message += told if result.finding else ""
        if result.numbers.array:  # what is known of these questions holds of their answers here
            values = "values.exact" if trial.case.data in WHOLE else "values.bound"
            result.check = values if result.numbers.array == "y" else "gradients.first"
        yield result


def alone(trial: Trial) -> Iterator[Result]:
    """The results of one trial by itself."""
    asked = question(trial)
    reply = trial.calls([asked.call], threads=asked.how.threads)[0]
    yield from judged(trial, asked, reply)


def together(trials: list[Trial]) -> list[list[Result]]:
    """The results of many trials of one target, their calls made in as few requests as their threads allow.

    What is wrong among others is asked once more by itself; a request that the process did not survive is halved until
    the call is found that ends it.
    """
    asked = [question(trial) for trial in trials]
    found: dict[int, list[Result]] = {}
    for threads in sorted({one.how.threads for one in asked}):
        places = [place for place, one in enumerate(asked) if one.how.threads == threads]
        while places:
            size = at_once(trials[0])
            for place, answer in answers(trials, asked, places[:size], threads):
                found[place] = concluded(trials[place], asked[place], answer)
            places = places[size:]
    return [found[place] for place in range(len(trials))]


def at_once(trial: Trial) -> int:
    """How many calls are made in one request: so many that it takes a small part of the time that one may take."""
    pace = trial.remote.pace
    return max(1, min(MOST, int(SHARE * trial.spec.timeout / pace))) if pace else FIRST


def answers(
    trials: list[Trial], asked: list[Question], places: list[int], threads: int
) -> Iterable[tuple[int, Reply | Died]]:
    """What came of the calls at some places; `Died` for one that ended its process."""
    calls, first = [asked[place].call for place in places], trials[places[0]]
    try:
        replies = first.answers(calls, threads=threads, seldom=True)  # global state is looked at after the last one
        if (changed := replies[-1].globals) and len(places) > 1:
            replies = first.answers(calls, threads=threads)
            if not any(reply.globals for reply in replies):
                replies[-1].globals = changed  # what is done once in a process is some call's of these
    except Died as death:
        if len(places) == 1:
            return [(places[0], confirmed(death, first, calls, threads))]
        half = len(places) // 2
        return [*answers(trials, asked, places[:half], threads), *answers(trials, asked, places[half:], threads)]
    return zip(places, replies, strict=True)


def confirmed(death: Died, trial: Trial, calls: list[Call], threads: int) -> Reply | Died:
    """A death that shows once more; one that ran out of time is given all its time again, for the machine may have been
    busy with something else.
    """
    if death.status is not Status.TIMEOUT:
        return death
    trial.remote.hung = 0
    try:
        return trial.answers(calls, threads=threads)[0]
    except Died as again:
        return again


def concluded(trial: Trial, asked: Question, answer: Reply | Died) -> list[Result]:
    """The results of a trial; those of a wrong one from asking it again by itself, if it is wrong then too."""

    def run(trial: Trial) -> Iterator[Result]:
        if isinstance(answer, Died):
            raise answer
        trial.take(asked.call, answer, trial.violations)
        yield from judged(trial, asked, answer)

    results = conclude(trial, run)
    if isinstance(answer, Died) or not any(result.finding for result in results):
        return results
    again = Trial(trial.check, trial.case, trial.seed, trial.spec, trial.support, trial.remote)
    once_more = conclude(again, alone)
    if any(result.finding for result in once_more):
        return once_more
    for result in results:
        result.message += ALONE if result.finding else ""
    return results
