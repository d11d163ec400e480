"""The same examples on every run (others: `pytest --hypothesis-profile=search`), and the marker `first`."""

from collections import Counter

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=1000)
settings.load_profile("same")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what comes after the first N parameters of a test that is marked ``first(N)``."""
    met: Counter[str] = Counter()
    for item in items:
        if marked := item.get_closest_marker("first"):
            name = item.nodeid.partition("[")[0]
            met[name] += 1
            if met[name] > marked.args[0]:
                item.add_marker("slow")
