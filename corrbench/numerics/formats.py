"""Facts of the number formats: precision, range, unit roundoff and size of each element type."""

PRECISION = {"float64": 53, "float32": 24, "tf32": 11, "float16": 11, "bfloat16": 8}  # bits, the leading one included
TOP_EXPONENT = {"float64": 1023, "float32": 127, "tf32": 127, "float16": 15, "bfloat16": 127}  # of the largest number
BYTES = {"float64": 8, "int64": 8, "complex64": 8, "complex128": 16, "float32": 4, "int32": 4, "float16": 2,
         "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1}  # fmt: skip
for _table in (PRECISION, TOP_EXPONENT):
    _table["complex128"], _table["complex64"] = _table["float64"], _table["float32"]

UNIT = {name: 2.0**-bits for name, bits in PRECISION.items()}  # unit roundoff: half the distance from 1 to the next
MIN_NORMAL = {name: 2.0 ** (1 - top) for name, top in TOP_EXPONENT.items()}
MIN_SUBNORMAL = {name: 2 * UNIT[name] * least for name, least in MIN_NORMAL.items()}
MAX = {name: (2 - 2 * UNIT[name]) * 2.0**top for name, top in TOP_EXPONENT.items()}
