"""The plan of a run: jobs from a target, checks and cases; pure, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import prod

from corrbench import checks, suites
from corrbench.case import INTEGERS, Case, there_are
from corrbench.checks import Outline
from corrbench.convention import options
from corrbench.numerics import external_cases, inputs
from corrbench.suites._constants import Constants
from corrbench.support import Support
from corrbench.target import PROFILES, Spec

SUITES = (
    "article", "handpicked", "pairwise", "common", "ordinary", "dispatch", "counts", "planes", "records", "networks",
    "hidden", "source",
)  # fmt: skip
BORDERED = ("contract", "values", "memory", "determinism")  # families that leave a border as it was drawn
PATIENCE = (24.0, 100.0, 1000.0)  # seconds in all that the calls of one which takes long may take, in each profile
ELEMENTS, PRODUCTS = 60, 4000  # of a case that one which takes long is asked as it is
OVERHEAD = 2e-3  # seconds of the judge's for a call
CALLS = {  # of checks that make many
    "state.many": 120, "gradients.gradcheck": 400, "state.arguments": 30, "state.sequence": 9, "use.ways": 18,
    "use.threads": 16, "use.script": 20, "fuzz.search": 60, "relations.laws": 8, "memory.views": 12,
    "fuzz.crossed": 100,
    "source.calls": 300, "gradients.subsets": 8, "gradients.alone": 9, "state.modes": 26, "state.gradients": 6,
}  # fmt: skip
FIRST = ("contract.result", "values.exact", "gradients.first", "memory.views", "contract.globals", "state.sequence")
LONG = (  # seconds for one case: what a millisecond finds is not kept waiting for them
    "use.script", "use.fork", "use.checkpoint", "fuzz.search", "fuzz.crossed", "gradients.gradcheck", "values.large",
    "gradients.large", "determinism.flag", "determinism.repeats", "module.training", "source.calls",
)  # fmt: skip
# in a row: what one judge imports for them, or starts to ask a library, the other one need not
LOADING = ("campaign.case", "gradients.samples", "gradients.forward", "gradients.gradcheck")
NARROW = {"far", "reversed", "expanded", "expanded_all"}  # layouts that not every operand can have
FEW_LAYOUTS = 3  # of which a check speaks that would not know what to do with any other
PLAIN = ("small", "unit")  # data of floats that a check can be asked with if it can be with the other
SEARCHES = ("fuzz.search", "fuzz.crossed")  # which begin at a case and go on to others
ORDER = (
    "float32",
    "float64",
    "bfloat16",
    "float16",
    "int64",
    "complex64",
    "int32",
    "uint8",
    "int8",
    "int16",
    "complex128",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One check on one case."""

    check: str
    case: Case
    seed: int

    @property
    def key(self) -> str:
        """What makes two jobs the same job, as text for the record."""
        return f"{self.check} | {self.case} | {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some jobs for one target; the unit that an executor hands out."""

    spec: Spec
    support: Support
    jobs: tuple[Job, ...]


def prepare(profile: str, seed: int, names: Iterable[str] = SUITES) -> None:
    """Make the cases of suites, which then are there when a run is planned."""
    for name in names:
        suites.made(name, PROFILES.index(profile), seed)


def outline(
    spec: Spec, support: Support, profile: str, seed: int, names: Iterable[str] = SUITES,
    constants: Constants | None = None,
) -> Outline:  # fmt: skip
    """What the checks plan from; `constants` are those of the target's source."""
    thorough, names = PROFILES.index(profile), list(names)
    dtypes = [dtype for dtype in ORDER if dtype in support.takes]
    cases = suites.bases(names, support, thorough, seed)
    large = suites.bases(["large"], support, thorough, seed) if "networks" in names else []
    failed = suites.bases(["regressions"], support, thorough, seed) if "networks" in names else []
    source = suites.read(names, constants, support, thorough, seed) if constants else []
    if support.pace.slow:
        source = [case for case in source if support.pace.seconds(case) < PATIENCE[thorough] / 500]
        failed = [case for case in failed if support.pace.seconds(case) < PATIENCE[thorough] / 500]
        cases = list(dict.fromkeys(smaller(case, support) for case in cases))
        large = [case for case in large if support.pace.seconds(case) < PATIENCE[thorough] / 100]
    own = [case for case in cases if inputs.external(case) and external_cases.sample(case.data).case == case]
    return Outline(
        bases=[case.but(data="small") for case in cases], support=support, thorough=thorough, seed=seed,
        arrays=spec.arrays, device=spec.device, dtypes=dtypes, own=own,
        large=large, failed=failed, source=source,
    )  # fmt: skip


def jobs(shape: Outline, only: str = "", case: str = "") -> list[Job]:
    """All jobs, the most telling first: checks take turns, small cases before large ones.

    Args:
        shape: what the checks plan from.
        only: a check's name or family.
        case: the text of one case to ask instead of the planned ones.

    Raises:
        ValueError: no such check or case.
    """
    chosen = select(only)
    if case:
        asked = fitting(known(case), shape.support)
        left = {} if only in chosen else unfit(asked, shape, only)
        return [Job(check=name, case=asked, seed=shape.seed) for name in chosen if name not in left]
    if shape.support.convention.structured:
        chosen = {name: one for name, one in chosen.items() if name.partition(".")[0] in BORDERED}
    queues: list[tuple[float, int, Job]] = []
    for rank, (name, found) in enumerate(chosen.items()):
        planned = list(dict.fromkeys(c for c in found.plan(shape) if shape.support.all_of(c)))
        lead = 0.0 if name in FIRST else 0.25 if name in LONG else 0.02
        for index, one in enumerate(planned):
            late = 1.0 if one.macs > checks.LIGHT else 0.0
            turn = 0.0 if name in LOADING and not late else index / len(planned)
            queues.append((lead + late + turn, rank, Job(check=name, case=one, seed=shape.seed)))
    return afforded([job for _, _, job in sorted(queues, key=lambda entry: entry[:2])], shape)


def unfit(case: Case, shape: Outline, only: str = "") -> dict[str, str]:
    """The checks that a case is not for, each with the reason: what a check plans says which element types, data and
    batches it has a question about. One that is named alone is asked all the same.

    Raises:
        ValueError: no such check.
    """
    chosen, full = select(only), replace(shape, thorough=len(PROFILES) - 1)
    if only in chosen:
        return {}
    found = {name: _unfit(case, list(one.plan(full))) for name, one in chosen.items()}
    found |= {name: "it looks for cases of its own" for name in found if name in SEARCHES}
    return {name: said for name, said in found.items() if said}


def _unfit(case: Case, planned: list[Case]) -> str:
    """Why a check with this plan has nothing to ask about a case; empty if it has."""
    if not planned:
        return "nothing of it can be asked of such a target"
    types, data = {one.dtype for one in planned}, {_kind(one) for one in planned if one.dtype == case.dtype}
    if case.dtype not in types:
        return f"it asks about {', '.join(name for name in ORDER if name in types)}, not {case.dtype}"
    if _kind(case) not in data and case.x[0]:  # of an empty batch data are of no matter
        return f"it asks with data {', '.join(sorted(data))}, not {_kind(case)}"
    if not case.x[0] and all(one.x[0] for one in planned):
        return "it does not ask about empty batches"
    known = {layout for one in planned for layout in inputs.layouts(one).values()} | {"contiguous"}
    other = set(inputs.layouts(case).values()) - known
    if other and (len(known) <= FEW_LAYOUTS or other & NARROW):
        return f"it does not ask about operands that lie {', '.join(sorted(other))} in memory"
    return ""


def _kind(case: Case) -> str:
    """The name of its data; one name for plain floats, for all that is natural, and for what another suite brings."""
    if inputs.external(case):
        return "another suite's"
    if case.data in PLAIN:
        return "small" if case.dtype in INTEGERS else " and ".join(PLAIN)
    return case.data if case.data in inputs.FILLS else "natural"


def smaller(case: Case, support: Support) -> Case:
    """A case of the same features for a target that takes long: fewer samples, channels and positions."""
    few = prod(case.out) <= ELEMENTS and case.macs <= PRODUCTS
    if few or not support.pace.slow or inputs.external(case):
        return case
    each, kernels = min(case.w[1], 3), min(case.w[0] // case.groups, 2)
    groups = min(case.groups, 3)
    out = [size if size <= 4 else 4 + size % 2 for size in case.out[2:]]
    rest = [
        (length + sum(sides) - step * (k - 1) - 1) % s
        for length, sides, step, k, s in zip(
            case.x[2:], (case.sides[:2], case.sides[2:]), case.dilation, case.w[2:], case.stride, strict=True
        )
    ]
    lengths = [
        (size - 1) * s + step * (k - 1) + 1 + over - sum(sides)
        for size, s, step, k, over, sides in zip(
            out, case.stride, case.dilation, case.w[2:], rest, (case.sides[:2], case.sides[2:]), strict=True
        )
    ]
    try:
        made = case.but(
            x=(min(case.x[0], 2), each * groups, *lengths), w=(kernels * groups, each, *case.w[2:]), groups=groups
        )
    except ValueError:  # the padding alone makes the result larger
        return case
    return made if support.convention.expresses(made) and support.all_of(made) else case


def afforded(jobs: list[Job], shape: Outline) -> list[Job]:
    """The jobs that a target which takes long manages in the time of a profile, the most telling first."""
    pace, left = shape.support.pace, PATIENCE[shape.thorough]
    if not pace.slow:
        return jobs
    chosen = []
    for job in jobs:
        cost = calls_of(job.check) * (OVERHEAD + pace.seconds(job.case, backward=job.check.startswith("gradients.")))
        if cost <= left / 50:
            chosen.append(job)
            left -= cost
    return chosen


def calls_of(check: str) -> int:
    """About how many calls a check makes."""
    return CALLS.get(check, 1)


def known(text: str) -> Case:
    """The case of a text.

    Raises:
        ValueError: it has none, or names a fill or a layout that does not exist; the message lists them.
    """
    case = Case.parse(text)
    if inputs.external(case):
        own = external_cases.sample(case.data).case
        if case.but(dtype=own.dtype, layout="") != own:
            raise ValueError(f"data={case.data} are the operands of another case: {own}")
    else:
        try:
            inputs.of(case)
        except KeyError as error:
            raise ValueError(error.args[0]) from None
    for operand, layout in inputs.layouts(case).items():
        if operand not in ("x", "w", "b", "g") or layout not in inputs.LAYOUTS:
            raise ValueError(
                f"no layout {operand}:{layout}; write x, w, b or g, a colon, and one of {', '.join(inputs.LAYOUTS)}"
            )
    return case


def fitting(case: Case, support: Support) -> Case:
    """The same case, if a call of the target can express it.

    Raises:
        ValueError: it cannot; the message gives the part that it can.
    """
    convention = support.convention
    if convention.expresses(case):
        return case
    part = convention.fit(case)
    if part is not None and not case.bias and part.but(bias=False) == case:
        return part
    how = f"the form {support.form}" if convention == options.of(support.form) else "the call"
    plane = "it has one plane, one kernel" + (" and no bias" if support.form == "corr2d" else "")
    raise ValueError(
        f"{how} cannot express the case {str(case)!r}"
        + (f": {plane}" if convention.x == "HW" else "")
        + (f"; ask --case {str(part)!r}" if part is not None else "")
    )


def select(only: str) -> dict[str, checks.Check]:
    """The checks of a name or a family, all for the empty string.

    Raises:
        ValueError: there is none of that name; the message lists them.
    """
    registered = checks.registry()
    chosen = {name: c for name, c in registered.items() if not only or name == only or name.startswith(only + ".")}
    if not chosen:
        names = dict.fromkeys([*(name.partition(".")[0] for name in registered), *registered])
        raise ValueError(f"no check or family named {only!r}; {there_are(only, names)}: {', '.join(registered)}")
    return chosen


def batches(spec: Spec, support: Support, todo: Iterable[Job], size: int = 24) -> Iterator[Batch]:
    """The jobs in batches, made as they are asked for; the first ones small, so that a finding shows soon, and those of
    large cases too, so that judges finish together.
    """
    count, chosen = 2, list[Job]()
    for job in todo:
        chosen.append(job)
        if len(chosen) >= count or job.case.macs > checks.LIGHT:
            yield Batch(spec=spec, support=support, jobs=tuple(chosen))
            count, chosen = min(size, count + 2), []
    if chosen:
        yield Batch(spec=spec, support=support, jobs=tuple(chosen))
