"""A loop as people write it: random shapes, normal numbers, `torch.allclose` against the library."""

from __future__ import annotations

import random

from corrbench.rivals import Conv2d, Inapplicable

NAME = "allclose loop"
ABOUT = "100 random float32 cases of one plane to a few channels, torch.allclose with rtol 1e-4 and atol 1e-5"


def complaint(conv2d: Conv2d) -> str | None:
    """What the loop has against an implementation, None for nothing."""
    import torch

    rng, asked = random.Random(0), 0
    torch.manual_seed(0)
    for turn in range(100):
        plain = turn % 4 == 0  # what every form can express
        n, c, o = (1, 1, 1) if plain else (rng.randint(1, 4), rng.randint(1, 8), rng.randint(1, 8))
        k, size = rng.choice((1, 3, 5)), rng.randint(8, 32)
        arguments = {} if plain else {"stride": rng.choice((1, 2)), "padding": rng.choice((0, 1, 2))}
        x, w = torch.randn(n, c, size, size), torch.randn(o, c, k, k)
        bias = None if plain else torch.randn(o)
        try:
            y = conv2d(x.clone(), w.clone(), bias, **arguments)
        except NotImplementedError:
            continue
        asked += 1
        want = torch.nn.functional.conv2d(x, w, bias, **arguments)
        if y.shape != want.shape or not torch.allclose(y, want, rtol=1e-4, atol=1e-5):
            return f"differs on {tuple(x.shape)}, {tuple(w.shape)}, {arguments}"
    if not asked:
        raise Inapplicable("it takes none of the cases")
    return None
