"""Artefacts: targets that are no Python. Which kind does a target's name say, and who loads it?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .library import Words
from .model import load_model
from .program import load_program
from .shared_library import load_symbol

KINDS: tuple[tuple[str, Callable[[str], Any]], ...] = (  # what a name looks like; `corrbench.target` knows the same
    (r"cmd:", load_program),
    (r".*\.(so(\.\d+)*|dylib):[^:/]*$", load_symbol),
    (r".*\.onnx(:\w*)?$", load_model),
)


def fixed(target: Any) -> Words:
    """What an artefact has once and for all, such as a model its stride; nothing for what is no artefact."""
    return dict(getattr(target, "fixed_in_it", {}))


def loader(spec: str) -> Callable[[str], Any] | None:
    """What makes a function of an artefact of this name; None for the name of something in Python."""
    return next((load for form, load in KINDS if re.match(form, spec, re.DOTALL)), None)
