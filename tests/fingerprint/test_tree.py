"""Trees of summation have one form for one arithmetic, are written in a line and read back."""

from __future__ import annotations

import pytest

from corrbench.fingerprint.tree import NoTree, Tree, folded


def test_equal_arithmetic_is_equal() -> None:
    assert Tree.of(((0, 1), (2, 3)), 4) == Tree.of(((3, 2), (1, 0)), 4)
    assert Tree.of((((0, 1), 2), 3), 4) != Tree.of(((0, 1), (2, 3)), 4)
    assert Tree.of(((0, 1, 2), 3), 4) != Tree.of((((0, 1), 2), 3), 4)


@pytest.mark.parametrize(
    ("root", "count", "text"),
    [
        (folded(range(9)), 9, "[0..8]"),
        (((0, 1), (2, 3)), 4, "[0 1 [2 3]]"),
        ((folded([0, 4, 8]), folded([1, 5, 9])), 10, None),
        (((((0, 1), 2), (3, (4, 5))), (6, 7, 8), 9), 10, "[0..2 [4 5 3] {[6 {7 8}] 9}]"),
    ],
)
def test_a_line_is_read_back(root: object, count: int, text: str | None) -> None:
    if text is None:  # leaves that are not there
        with pytest.raises(NoTree, match="missing"):
            Tree.of(root, count)  # type: ignore[arg-type]
        return
    tree = Tree.of(root, count)  # type: ignore[arg-type]
    assert tree.text() == text
    assert Tree.parse(text, count) == tree


def test_long_chains_are_no_deeper_than_they_need_to_be() -> None:
    many = 1500
    chain, pairs = Tree.of(folded(range(many)), many), 0
    made: object = 0
    for leaf in range(1, many - 1, 2):
        made = (made, leaf, leaf + 1)
        pairs += 1
    at_once = Tree.of(made, 2 * pairs + 1)  # type: ignore[arg-type]
    assert (chain.text(), chain.depth) == (f"[0..{many - 1}]", many - 1)
    assert Tree.parse(at_once.text(), at_once.leaves) == at_once
    assert at_once.depth == pairs


@pytest.mark.parametrize("text", ["", "[0..8", "[0 0 1]", "0..1", "[a b]", "[0 2]"])
def test_what_is_no_tree_is_refused(text: str) -> None:
    with pytest.raises(NoTree):
        Tree.parse(text, 9)
