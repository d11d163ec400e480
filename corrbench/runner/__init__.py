"""Many questions to one target: planned, handed out, recorded."""

import secrets
from collections.abc import Callable

Step = Callable[[int, int, str], None]  # told of progress: done, in all, what is being done


def secret_seed() -> int:
    """A seed that no target can know beforehand."""
    return secrets.randbits(48)
