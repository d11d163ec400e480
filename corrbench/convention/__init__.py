"""Conventions: how an implementation lays out its arrays, treats borders, and what of a case its call can say.

The judge speaks one language: NCHW and OIHW, cross-correlation, zeros around. A `Convention` translates what it hands
to a target and what it gets back, so that neither the oracle nor a check knows of it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from corrbench.case import Case, PaddingMode, Pair, Sides

if TYPE_CHECKING:
    from corrbench.numerics.problem import Array

OUTPUTS = ("valid", "same", "same-lower", "full")
BORDERS = ("zero", "edge", "reflect", "wrap", "interior")
KERNELS = ("odd", "square", "3x3")
EXTENT = ("padding", "padding by axis", "four-sided padding")  # what a target with borders of its own takes by itself
ARGUMENTS = {  # what a call expression may mention, and the features that it then has
    "b": ("bias",), "bias": ("bias",), "s": ("stride",), "p": ("padding",), "d": ("dilation",), "groups": ("groups",),
    "sh": ("stride", "stride by axis"), "sw": ("stride", "stride by axis"),
    "ph": ("padding", "padding by axis"), "pw": ("padding", "padding by axis"),
    "dh": ("dilation", "dilation by axis"), "dw": ("dilation", "dilation by axis"),
}  # fmt: skip
EVERYTHING = frozenset(
    {*itertools.chain(*ARGUMENTS.values()), "padding='same'", "padding='valid'", "empty batch", "four-sided padding"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """What lies between the judge's problem and the target's call.

    Attributes:
        x, w, y: the axes of input, kernel and result, letters of NCHW, OIHW and NCHW; an axis that is not there has
            length one in every case.
        output: how large the result is, one of `OUTPUTS`; ``same-lower`` puts an odd border row at the top.
        border: what is around the image, one of `BORDERS`; ``interior`` computes the inside and leaves the rest.
        flip: whether the target turns its kernel by a half turn, as convolution in mathematics does.
        kernels: restrictions of the kernel, of `KERNELS`.
        says: the features that a call can express.
        parameters: whether weight and bias are an object's, made before it is called.
        keeps_bias: whether there is a bias in every case.
        by_hand: whether the target brings a backward pass of its own.
        spelled: whether arguments are given as `torch.nn.functional.conv2d` has them.
    """

    x: str = "NCHW"
    w: str = "OIHW"
    y: str = "NCHW"
    output: str = "valid"
    border: str = "zero"
    flip: bool = False
    kernels: tuple[str, ...] = ()
    says: frozenset[str] = EVERYTHING
    parameters: bool = False
    keeps_bias: bool = False
    by_hand: bool = False
    spelled: bool = True

    @property
    def structured(self) -> bool:
        """Whether the border repeats the image: the problem is then that of the enlarged image."""
        return self.border in ("edge", "reflect", "wrap")

    @property
    def pads(self) -> bool:
        """Whether the target puts zeros around by itself."""
        return self.output != "valid" and self.border == "zero"

    # ---- cases

    def sides(self, case: Case) -> tuple[int, int, int, int]:
        """Rows and columns (top, bottom, left, right) around the image of a case that this output needs."""
        found: list[int] = []
        for size, step in zip(case.w[2:], case.dilation, strict=True):
            total = step * (size - 1)
            least, most = total // 2, total - total // 2
            found += {"valid": (0, 0), "same": (least, most), "same-lower": (most, least)}.get(
                self.output, (total, total)
            )
        return found[0], found[1], found[2], found[3]

    def fit(self, case: Case) -> Case | None:
        """The part of a case that a call can express; None where nothing is left."""
        if self == PLAIN:
            return case
        geometry = self._geometry(case)
        shapes = self._shapes(case)
        if geometry is None or shapes is None:
            return None
        (n, c, height, width), (o, each, kh, kw) = shapes
        stride, dilation, padding = geometry
        if self.output == "valid" and not isinstance(case.padding, str) and "padding" not in self.says:
            height, width = height + sum(case.padding[:2]), width + sum(case.padding[2:])
        if self.output != "full" and padding != "same":
            height, width = max(height, dilation[0] * (kh - 1) + 1), max(width, dilation[1] * (kw - 1) + 1)
        try:
            made = case.but(
                x=(n, c, height, width), w=(o, each, kh, kw), stride=stride, dilation=dilation, groups=c // each,
                padding=padding, bias=self.keeps_bias or (case.bias and "bias" in self.says),
            )  # fmt: skip
            sides = self.sides(made)
            if self.pads:
                made = made.but(padding=sides)
            if self.structured:
                made = made.but(x=(n, c, height + sum(sides[:2]), width + sum(sides[2:])))
        except ValueError:
            return None
        return made if self.expresses(made) else None

    def _shapes(self, case: Case) -> tuple[tuple[int, int, int, int], tuple[int, int, int, int]] | None:
        """The shapes of input and kernel, without the axes and the channels that a call does not have."""
        (n, _, height, width), (o, each, kh, kw) = case.x, case.w
        if n == 0 and not ("N" in self.x and "empty batch" in self.says):
            return None
        groups = case.groups if "groups" in self.says else 1
        if "C" not in self.x or "I" not in self.w:
            each = groups = 1
        o = o - o % groups or groups if "O" in self.w else 1
        return (n if "N" in self.x else 1, each * groups, height, width), (o, each, *self._kernel(kh, kw))

    def _geometry(self, case: Case) -> tuple[Pair, Pair, Sides | PaddingMode] | None:
        """Stride, dilation and padding as a call can give them; None where it cannot give a padding by its word."""
        stride = case.stride if "stride" in self.says else (1, 1)
        dilation = case.dilation if "dilation" in self.says else (1, 1)
        stride = stride if "stride by axis" in self.says else (stride[0], stride[0])
        dilation = dilation if "dilation by axis" in self.says else (dilation[0], dilation[0])
        if isinstance(case.padding, str):
            said = self.output == "valid" and f"padding={case.padding!r}" in self.says
            return (stride, dilation, case.padding) if said else None
        if self.output != "valid" or "padding" not in self.says:
            return stride, dilation, (0, 0, 0, 0)
        by_axis = "padding by axis" in self.says
        return stride, dilation, case.padding if by_axis else (max(case.padding),) * 4

    def expresses(self, case: Case) -> bool:
        """Whether a call can say all of a case."""
        if self == PLAIN:
            return True
        (n, c, height, width), (o, each, kh, kw) = case.x, case.w
        axes = (n == 1 or "N" in self.x) and (o == 1 or "O" in self.w)
        axes &= (c == 1 or "C" in self.x) and (each == 1 or "I" in self.w)
        axes &= c == each or "groups" in self.says
        axes &= (c == 1 or "C" not in self.x) or "I" in self.w
        own = self.pads or isinstance(case.padding, str)
        for name, pair in (("stride", case.stride), ("dilation", case.dilation), ("padding", case.sides[::2])):
            if pair[0] != pair[1] and f"{name} by axis" not in self.says and not (name == "padding" and own):
                return False
        says = (case.stride == (1, 1) or "stride" in self.says) and (case.dilation == (1, 1) or "dilation" in self.says)
        says &= case.bias in ({True, not self.spelled} if self.keeps_bias else {False, "bias" in self.says})
        if self.output == "valid":
            says &= (not any(case.sides) and case.padding != "same") or "padding" in self.says
        elif self.pads:
            says &= case.padding == self.sides(case)
        else:
            says &= not any(case.sides)
        if self.structured:
            top, bottom, left, right = self.sides(case)
            height, width = height - top - bottom, width - left - right
            says &= height > max(top, bottom) and width > max(left, right)
        return axes and says and self._kernel(kh, kw) == (kh, kw)

    def _kernel(self, kh: int, kw: int) -> tuple[int, int]:
        """The nearest kernel that is allowed."""
        if "3x3" in self.kernels:
            return 3, 3
        if "square" in self.kernels:
            kh = kw = min(kh, kw)
        if "odd" in self.kernels:
            kh, kw = kh - (kh % 2 == 0), kw - (kw % 2 == 0)
        return kh, kw

    # ---- arrays

    def letters(self, name: str) -> str:
        """The axes of an array by its name in a call: x, w, y, g, the gradients gx, tangents tx and so on."""
        return {"x": self.x, "w": self.w, "b": "O"}.get(name[-1], self.y)

    def shape(self, name: str, case: Case) -> tuple[int, ...]:
        """The shape that an array of a case has for the target."""
        role = name[-1]
        if role == "b":
            return (case.w[0],)
        if role == "w":
            sizes = dict(zip("OIHW", case.w, strict=True))
        elif role == "x":
            sizes = dict(zip("NCHW", case.x, strict=True))
            if self.structured:
                top, bottom, left, right = self.sides(case)
                sizes |= {"H": case.x[2] - top - bottom, "W": case.x[3] - left - right}
        else:
            sizes = dict(zip("NCHW", case.out, strict=True))
            if self.border == "interior":
                sizes |= {"H": case.x[2], "W": case.x[3]}
        return tuple(sizes[letter] for letter in self.letters(name))

    def given(self, name: str, array: Array, case: Case) -> Array:
        """An array of the judge's as the target gets it; arrays of other ranks as they are."""
        if self == PLAIN or array.ndim != 4:
            return array
        if name[-1] == "w" and self.flip:
            array = array[..., ::-1, ::-1]
        elif name[-1] == "x" and self.structured:
            top, bottom, left, right = self.sides(case)
            array = array[:, :, top : array.shape[2] - bottom, left : array.shape[3] - right]
        axes, letters = "OIHW" if name[-1] == "w" else "NCHW", self.letters(name)
        for place, letter in reversed(list(enumerate(axes))):
            if letter not in letters:
                array = array.take(0, axis=place)
        here = [letter for letter in axes if letter in letters]
        return array.transpose([here.index(letter) for letter in letters])

    def taken(self, name: str, array: Array, case: Case) -> Array:
        """An array of the target's as the judge knows it; one of another shape than it has to have as it is."""
        if self == PLAIN or name[-1] == "b" or array.shape != self.shape(name, case):
            return array
        axes, letters = "OIHW" if name[-1] == "w" else "NCHW", self.letters(name)
        here = [letter for letter in axes if letter in letters]
        array = array.transpose([letters.index(letter) for letter in here])
        for place, letter in enumerate(axes):
            if letter not in letters:
                array = array[(slice(None),) * place + (None,)]
        if name[-1] == "w" and self.flip:
            array = array[..., ::-1, ::-1]
        if name[-1] not in "xw" and self.border == "interior":
            top, _, left, _ = self.sides(case)
            array = array[:, :, top : top + case.out[2], left : left + case.out[3]]
        return array

    def enlarged(self, x: Array, case: Case) -> Array:
        """An input whose border rows and columns repeat the image within, if this convention's do."""
        if not self.structured:
            return x
        top, bottom, left, right = self.sides(case)
        whole = x.shape[2:] == case.x[2:]
        inside = x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right] if whole else x
        import numpy as np

        mode: Any = self.border
        return np.ascontiguousarray(np.pad(inside, ((0, 0), (0, 0), (top, bottom), (left, right)), mode))


PLAIN = Convention()


def sizes(case: Case) -> dict[str, int]:
    """The sizes of a case that a call expression may mention."""
    (n, cin, height, width), (cout, _, kh, kw) = case.x, case.w
    return {"kh": kh, "kw": kw, "k": kh, "cin": cin, "cout": cout, "H": height, "W": width, "n": n}
