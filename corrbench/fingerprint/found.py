"""What became of one cell: its kind, its models, and how much of fresh data they predicted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from corrbench.case import Case
from corrbench.fingerprint.model import Model
from corrbench.fingerprint.regions import Region
from corrbench.fingerprint.transforms import Transform


class Kind(StrEnum):
    """What a cell turned out to be."""

    TREE = "tree"  # every bit predicted
    PARTIAL = "partial"  # a model, and not every bit
    TRANSFORM = "transform"
    UNKNOWN = "unknown"  # neither a tree nor a transform that is known
    CHANGING = "not a function"
    REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class Found:
    """The fingerprint of one cell.

    Attributes:
        case, threads: which cell.
        kind: what it is.
        classes: the outputs of each model; of a tree they are all outputs.
        share: of the outputs of fresh inputs that were predicted to the bit.
        outputs: how many were compared.
        transform: which, of a transform.
        said: why it is no more than that.
        calls, seconds: what the probes took, the prediction aside.
    """

    case: Case
    threads: int = 1
    kind: Kind = Kind.UNKNOWN
    classes: list[tuple[Region, Model]] = field(default_factory=list)
    share: float = 0.0
    outputs: int = 0
    transform: Transform | None = None
    said: str = ""
    calls: int = 0
    seconds: float = 0.0

    @property
    def model(self) -> Model | None:
        """That of the first class."""
        return self.classes[0][1] if self.classes else None

    @property
    def hash(self) -> str:
        """The same for cells whose outputs are computed alike, element for element."""
        if self.kind is Kind.TREE:
            parts: Any = [[region.to_json(), model.hash] for region, model in self.classes]
        else:
            parts = [self.kind, self.transform.to_json() if self.transform else None]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        classes = [
            {"where": region.to_json(), "model": model.to_json(), "hash": model.hash} for region, model in self.classes
        ]
        return {
            "case": str(self.case), "threads": self.threads, "kind": str(self.kind), "hash": self.hash,
            "share": self.share, "outputs": self.outputs, "classes": classes,
            "transform": self.transform.to_json() if self.transform else None, "said": self.said,
            "calls": self.calls, "seconds": round(self.seconds, 4),
        }  # fmt: skip

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Found:
        """Read it back.

        Raises:
            KeyError, ValueError, TypeError: it is none.
        """
        case = Case.parse(said["case"])
        classes = [(Region.from_json(one["where"], case.out), Model.from_json(one["model"])) for one in said["classes"]]
        named = Transform(**said["transform"]) if said["transform"] else None
        return cls(
            case=case, threads=said["threads"], kind=Kind(said["kind"]), classes=classes, share=said["share"],
            outputs=said["outputs"], transform=named, said=said["said"], calls=said["calls"], seconds=said["seconds"],
        )  # fmt: skip
