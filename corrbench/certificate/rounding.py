"""The rounding of a target, from its fingerprint: a model that predicts every bit, and the bound that it allows."""

from __future__ import annotations

from corrbench.certificate.lines import Known, Line
from corrbench.fingerprint import words
from corrbench.fingerprint.asking import Cell, Target
from corrbench.fingerprint.cells import FRESH, fingerprint
from corrbench.fingerprint.found import Found, Kind
from corrbench.judge.client import NotLoaded
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial

DTYPES = ("float32", "float64", "float16", "bfloat16")  # whose roundings are told apart
TERMS, OUTPUTS = 600, 20_000  # of a case whose model is found in seconds
SAYS = "how each result is rounded, and a bound for this order of summation"
BOUND = "the tests below hold each error against the bound of all orders"


def examine(trial: Trial) -> Line:
    """The line on rounding: a model is recovered by asking, and held to fresh data that it has not seen."""
    case = trial.case.but(layout="")
    size = case.out[0] * case.out[1] * case.out[2] * case.out[3]
    if case.dtype not in DTYPES:
        return unexamined(f"{case.dtype} has no roundings that are told apart")
    if case.terms > TERMS or size > OUTPUTS:
        return unexamined(f"no model was sought: {case.terms} products for each of {size} outputs are many")
    target = Target(trial.spec, trial.remote, trial.support.convention)
    try:
        return told(fingerprint(Cell(target, case), trial.seed))
    except (Died, NotLoaded) as death:
        return unexamined(f"no model was found: {getattr(death, 'message', '') or death}")


def told(found: Found) -> Line:
    """What a fingerprint says of rounding."""
    if found.kind is not Kind.TREE:
        share = f" ({found.share:.1%} of the outputs predicted)" if found.kind is Kind.PARTIAL else ""
        return unexamined(f"no model predicts every bit{share}: {found.kind}, {found.said}")
    depth = max(model.sharp for _, model in found.classes)
    evidence = (
        f"its model predicts every bit of {found.outputs} outputs of {FRESH} inputs that it was not made from"
        f"{', with a bias of zero' if found.case.bias else ''}: {words.told(found)}; products pass {depth} roundings "
        f"at most, so that |error| ≤ γ({depth})·A, in place of γ({found.case.terms})·A"
    )
    return Line(name="rounding", says=SAYS, known=Known.PREDICTED, evidence=evidence, inputs=FRESH)


def unexamined(said: str) -> Line:
    """The line where there is no model."""
    return Line(name="rounding", says=SAYS, known=Known.UNEXAMINED, evidence=f"{said}; {BOUND}")
