"""How large are the errors of results and gradients, over the commits?

`track_error` is the largest error over the error allowed. `track_bits_short` is 64 less the effective bits, so that
smaller is better, which is what asv assumes: 40 is the 24 bits of float32, and one more is a bit lost.
"""

from __future__ import annotations

from . import calls, cases, judged


class _Tracked:
    param_names = ("implementation", "shape", "dtype", "device", "array")
    version = "1"

    def setup(self, table: judged.Table, *key: str) -> None:
        """Skip what is not implemented. What could not be judged fails: asv takes a NaN for "skipped"."""
        found = table[key]
        if isinstance(found, Exception):
            raise found
        self.found = found

    def track_error(self, table: judged.Table, *key: str) -> float:
        return self.found.share

    def track_bits_short(self, table: judged.Table, *key: str) -> float:
        return self.found.short

    track_error.unit = "of the bound"  # type: ignore[attr-defined]
    track_bits_short.unit = "bits of 64"  # type: ignore[attr-defined]


class Result(_Tracked):
    params = (
        calls.IMPLEMENTATIONS,
        (cases.ARTICLE, "edges 512x512*31x31", "ResNet-18 3x3"),
        cases.DTYPES,
        cases.DEVICES,
        ("y",),
    )

    def setup_cache(self) -> judged.Table:
        return judged.table(self.params)

    setup_cache.timeout = 300  # type: ignore[attr-defined]


class Gradient(_Tracked):
    params = (
        calls.LAYERED,
        (cases.ARTICLE, "ResNet-50 1x1", "MobileNet depthwise 3x3"),
        ("float32", "bfloat16"),
        cases.DEVICES,
        ("x", "w"),
    )

    # asv tells caches apart by the line that they are made in: each class has its own.
    def setup_cache(self) -> judged.Table:
        return judged.table(self.params)

    setup_cache.timeout = 300  # type: ignore[attr-defined]
