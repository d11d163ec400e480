"""The same examples on every run; to look for new ones: `pytest --hypothesis-profile=search`."""

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("search", max_examples=1000)
settings.load_profile("same")
