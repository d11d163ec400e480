"""Planted arithmetic is recovered as it was planted, and what is no function of its operands is told."""

from __future__ import annotations

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.fingerprint import invariances
from corrbench.fingerprint.arithmetic import Rounding
from corrbench.fingerprint.cells import fingerprint
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.tree import Tree
from tests.support import planted
from tests.support.planted import joined, order, pairwise, together

SMALL = Case(x=(1, 2, 6, 7), w=(3, 2, 3, 2))  # K = 12
K = SMALL.terms
HALVES = Tree.of(pairwise(range(K), together), K)
LANES = joined([range(k, K, 4) for k in range(4)], lambda parts: pairwise(parts, together))
FOURS = joined([range(k, k + 4) for k in range(0, K, 4)])
FIVES = joined([range(k, min(k + 5, K)) for k in range(0, K, 5)])
TAPS = [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]
NEAREST, WIDE, CUT = Rounding(24), Rounding(53), Rounding(24, "zero")
INNER = frozenset(k for k in range(K) if k % 5)
PLANTED = {  # name: (tree, exact products, accumulator, result)
    "sequential": (order(range(K), K), frozenset(), NEAREST, NEAREST),
    "backwards": (order(range(K)[::-1], K), frozenset(), NEAREST, NEAREST),
    "fused": (order(range(K), K), frozenset(range(1, K)), NEAREST, NEAREST),
    "fused_taps_first": (order(TAPS, K), frozenset(range(1, K)), NEAREST, NEAREST),
    "halves": (HALVES, frozenset(), NEAREST, NEAREST),
    "blocks": (FOURS, frozenset(), NEAREST, NEAREST),
    "fused_blocks": (FIVES, INNER, NEAREST, NEAREST),
    "lanes": (LANES, frozenset(), NEAREST, NEAREST),
    "wide": (order(range(K), K), frozenset(range(K)), WIDE, NEAREST),
    "wide_sum": (order(range(K), K), frozenset(), WIDE, NEAREST),
    "cutting": (order(range(K), K), frozenset(), CUT, NEAREST),
    "cut_at_the_end": (order(range(K), K), frozenset(range(K)), WIDE, CUT),
}


def of(name: str, case: Case = SMALL) -> Found:
    return fingerprint(planted.cell(getattr(planted, name), case), seed=5)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_sums_are_recovered(name: str) -> None:
    tree, exact, accumulator, result = PLANTED[name]
    found = of(name)
    assert (found.kind, found.share, found.said) == (Kind.TREE, 1.0, "")
    [(region, model)] = found.classes
    assert region.mask.all()
    assert (model.tree, model.exact, model.accumulator, model.result) == (tree, exact, accumulator, result)


def test_sums_that_are_rounded_differently_are_told_apart() -> None:
    found = of("wide_joints")
    assert found.kind is Kind.TREE
    assert found.model is not None
    assert found.model.tree == FOURS
    joint = found.model.tree.sums.index(next(one for one in found.model.tree.sums[:-1] if min(one) >= K))
    # the last sum is rounded to float32 in either case, and is taken to be rounded as most are
    assert [one == WIDE for one in found.model.roundings] == [number == joint for number in range(K - 1)]


@pytest.mark.parametrize(
    ("name", "dtype", "exact", "accumulator"),
    [
        ("half_products", "float16", frozenset(), NEAREST),
        ("half_sums", "float16", frozenset(), Rounding(11)),
        ("double", "float64", frozenset(), WIDE),
    ],
)
def test_other_element_types(name: str, dtype: str, exact: frozenset[int], accumulator: Rounding) -> None:
    found = of(name, SMALL.but(dtype=dtype))
    assert (found.kind, found.said) == (Kind.TREE, "")
    assert found.model is not None
    assert (found.model.exact, found.model.accumulator) == (exact, accumulator)


@pytest.mark.parametrize("terms", [(1, 1, 1), (2, 1, 1), (3, 1, 1), (1, 1, 4), (1, 5, 1)])
@pytest.mark.parametrize("name", ["sequential", "fused", "wide"])
def test_the_shortest_sums(name: str, terms: tuple[int, int, int]) -> None:
    c, kh, kw = terms
    found = of(name, Case(x=(1, c, 8, 9), w=(2, c, kh, kw)))
    assert (found.kind, found.share) == (Kind.TREE, 1.0)


@pytest.mark.parametrize(("name", "through"), [("half_rows", 24), ("half_fused", 0)])
def test_sums_in_16_bits_are_rounded_once_or_twice(name: str, through: int) -> None:
    """Few outputs show it, and then all are taken to be so."""
    case = Case(x=(1, 2, 30, 31), w=(3, 2, 3, 3), dtype="float16")
    found = of(name, case)
    assert (found.kind, found.said, len(found.classes)) == (Kind.TREE, "", 1)
    assert found.model is not None
    assert {one.through for one in found.model.roundings if one.bits == 11} == {through}
    assert Found.from_json(found.to_json()).hash == found.hash


@pytest.mark.parametrize("channels", [1, 2])
def test_float64_that_is_computed_in_float32_throughout(channels: int) -> None:
    found = of("narrow", Case(x=(1, channels, 5, 6), w=(2, channels, 1, 1), dtype="float64"))
    assert (found.kind, found.said) == (Kind.TREE, "")
    assert found.model is not None
    assert (found.model.operands, found.model.product, found.model.exact) == (NEAREST, NEAREST, frozenset())


def test_a_class_of_columns_has_a_model_of_its_own() -> None:
    found = of("last_columns")
    assert found.kind is Kind.TREE
    assert [str(region) for region, _ in found.classes] == ["columns 0–3", "columns 4 5"]
    assert [len(model.exact) for _, model in found.classes] == [K - 1, 0]


def test_a_class_of_channels_has_a_model_of_its_own() -> None:
    found = of("last_channel")
    assert found.kind is Kind.TREE
    assert [(str(region), model.tree) for region, model in found.classes] == [
        ("channels 0 1", order(range(K), K)),
        ("channel 2", HALVES),
    ]


def test_a_batch_may_be_another_order() -> None:
    one, two = of("by_batch"), of("by_batch", SMALL.but(x=(2, *SMALL.x[1:])))
    assert one.kind is two.kind is Kind.TREE
    assert one.hash != two.hash


def test_threads_may_be_another_order() -> None:
    found = [fingerprint(planted.cell(planted.OnThreads(), SMALL, threads), seed=5) for threads in (1, 2)]
    assert [one.model.tree for one in found if one.model] == [order(range(K), K), joined([range(6), range(6, K)])]
    said = invariances.matrix(planted.cell(planted.OnThreads(), SMALL), seed=5)
    assert said["threads"].startswith("2 threads: ")
    assert said["batch size"] == "yes"


def test_padding_stride_groups_and_dilation_do_not_change_a_chain() -> None:
    case = Case(x=(1, 4, 9, 8), w=(4, 2, 3, 2), groups=2, stride=(2, 1), dilation=(1, 2), padding=(1, 1, 0, 2))

    def strided(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 2)))
        y = np.zeros(case.out, np.float32)
        for o in range(4):
            for c in range(2):
                for a in range(3):
                    for b in range(2):
                        rows, columns = case.out[2:]
                        seen = padded[:, 2 * (o // 2) + c, a : a + 2 * rows - 1 : 2, 2 * b : 2 * b + columns]
                        y[:, o] += seen * w[o, c, a, b]
        return y

    found = fingerprint(planted.cell(strided, case), seed=5)
    assert (found.kind, found.said) == (Kind.TREE, "")
    assert found.model is not None
    assert found.model.tree == order(range(12), 12)


# ---- what is no tree


def test_what_changes_between_calls_is_not_a_function() -> None:
    racing = planted.Racing(np.random.default_rng(3))
    for function in (planted.Alternating(), racing):
        found = fingerprint(planted.cell(function, SMALL), seed=5)
        assert found.kind is Kind.CHANGING
        assert "the same call gave" in found.said
        assert not found.classes


def test_what_answers_probes_otherwise_than_data_is_told() -> None:
    found = of("shortcut")
    assert found.kind is Kind.PARTIAL
    assert found.share < 1
    assert "answers probes otherwise than data" in found.said


def test_a_compensated_sum_is_not_given_a_model() -> None:
    found = of("compensated")
    assert found.kind is not Kind.TREE
    assert found.said


TILES = Case(x=(1, 2, 15, 14), w=(2, 2, 3, 3))


@pytest.mark.parametrize("m", [2, 4])
def test_a_winograd_transform_is_named(m: int) -> None:
    found = fingerprint(planted.cell(lambda x, w: planted.winograd(m, x, w), TILES), seed=5)
    assert found.kind is Kind.TRANSFORM
    assert found.transform is not None
    assert found.transform.name == f"Winograd F({m}×{m}, 3×3)", found.said


@pytest.mark.parametrize(("rows", "name"), [(9, "F(4×4, 3×3)"), (7, "F(4×4, 3×3)"), (6, "F(≥4×≥5, 3×3)")])
def test_a_winograd_transform_of_a_plane_of_few_tiles_is_named(rows: int, name: str) -> None:
    """Too few for a period: an impulse stays within its tiles; where one holds everything the corner alone tells."""
    m = 4 if rows > 6 else 6
    case = Case(x=(1, 2, rows, rows + 1), w=(2, 2, 3, 3))
    found = fingerprint(planted.cell(lambda x, w: planted.winograd(m, x, w), case), seed=5)
    assert found.transform is not None
    assert found.transform.name == f"Winograd {name}", found.said


def test_a_fourier_transform_of_a_small_plane_is_named() -> None:
    for case, name in (
        (Case(x=(1, 2, 6, 7), w=(2, 2, 3, 3), dtype="float64"), "FFT"),
        (Case(x=(1, 2, 8, 8), w=(2, 2, 3, 3), dtype="float64"), "FFT in blocks of 4×4"),
    ):
        found = fingerprint(planted.cell(planted.fourier if name == "FFT" else planted.in_blocks, case), seed=5)
        assert found.transform is not None
        assert found.transform.name == name, found.said


def test_a_fourier_transform_is_named() -> None:
    case = TILES.but(dtype="float64")
    whole = fingerprint(planted.cell(planted.fourier, case), seed=5)
    blocks = fingerprint(planted.cell(planted.in_blocks, case), seed=5)
    assert whole.transform is not None
    assert blocks.transform is not None
    assert whole.transform.name == "FFT", whole.said
    assert blocks.transform.name == "FFT in blocks of 4×4", blocks.said


def test_what_is_found_is_read_back() -> None:
    for name in ("last_columns", "wide_joints", "shortcut"):
        found = of(name)
        again = Found.from_json(found.to_json())
        assert again.to_json() == found.to_json()
        assert again.hash == found.hash


def test_what_bits_depend_on_is_told_with_the_place() -> None:
    for images in (1, 2):  # a cell of a batch is asked by its first image
        said = invariances.matrix(planted.cell(planted.by_batch, SMALL.but(x=(images, *SMALL.x[1:]))), seed=5)
        assert said["batch size"].startswith("N=2: ")
        assert "outputs differ (C=2 O=3 k=3×2)" in said["batch size"]
        assert (said["rerun"], said["batch position"]) == ("yes", "yes")
    said = invariances.matrix(planted.cell(planted.Alternating(), SMALL), seed=5)
    assert said["rerun"].startswith("the same call again: ")


# ---- what it costs


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "most"), [(16, 40), (64, 48)])
def test_a_chain_costs_few_calls(channels: int, most: int) -> None:
    """K = 144 and 576: as many questions as products, twice; so many to a call as there are channels; and the data."""
    case = Case(x=(1, channels, 5, 5), w=(channels, channels, 3, 3))
    found = fingerprint(planted.cell(planted.fused_taps_first, case), seed=5)
    assert (found.kind, found.said) == (Kind.TREE, "")
    assert found.calls <= most


@pytest.mark.slow
@pytest.mark.parametrize("terms", [(1, 2, 2), (3, 3, 3), (2, 5, 4), (7, 3, 3)])
@pytest.mark.parametrize("seed", range(6))
def test_any_tree_is_recovered(terms: tuple[int, int, int], seed: int) -> None:
    """Trees drawn at random, with products fused at random."""
    random = np.random.default_rng([seed, *terms])
    c, kh, kw = terms
    k = c * kh * kw

    def grown(leaves: list[int]) -> object:
        if len(leaves) == 1:
            return leaves[0]
        cut = int(random.integers(1, len(leaves)))
        return grown(leaves[:cut]), grown(leaves[cut:])

    tree = Tree.of(grown([int(one) for one in random.permutation(k)]), k)  # type: ignore[arg-type]
    fusing = {int(children[-1]) for children in tree.sums if children[-1] < k and random.random() < 0.5}

    def planted_tree(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        leaves, made = planted.terms(x, w), {}
        value = lambda one: made[one] if one >= k else np.float32(leaves[one][0] * leaves[one][1])  # noqa: E731
        for number, (first, second) in enumerate(tree.sums, k):
            if second in fusing:
                xs, ws = leaves[second]
                exact = np.longdouble(xs) * np.longdouble(ws) + np.longdouble(value(first))
                made[number] = exact.astype(np.float32)
            else:
                made[number] = value(first) + value(second)
        return np.asarray(made[k + len(tree.sums) - 1])

    found = fingerprint(planted.cell(planted_tree, Case(x=(1, c, kh + 3, kw + 4), w=(3, c, kh, kw))), seed=seed)
    assert (found.kind, found.said) == (Kind.TREE, "")
    assert found.model is not None
    assert (found.model.tree, found.model.exact) == (tree, fusing)
