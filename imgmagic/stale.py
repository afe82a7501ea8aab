"""Which pictures are stale: computed from the tree, never stored. Pure.

A picture is stale if one of its ancestors was made by a call that has since made a newer one, and that ancestor is not
on the way to the current picture: what it stands on has been replaced. Old outputs are not rewritten; the mark is shown
where the tree is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True, slots=True)
class Node:
    """One picture of the tree.

    Parameters
    ----------
    number
        The picture's.
    parent
        Its parent's, or None.
    generation
        Which answer it belongs to; a newer one has a higher value.
    site
        The call that the answer belongs to.
    """

    number: int
    parent: int | None
    generation: int
    site: str


def stale(nodes: Sequence[Node], way: Collection[int]) -> frozenset[int]:
    """Find the stale pictures.

    Parameters
    ----------
    nodes
        The tree, parents before their children.
    way
        The numbers from the root to the current picture.
    """
    newest = {node.site: node.generation for node in sorted(nodes, key=lambda each: each.generation)}
    # What a picture hands down to everything below it: that it, or something above it, was replaced.
    replaced: dict[int, bool] = {}
    found = set()
    for node in nodes:
        above = replaced.get(node.parent, False) if node.parent is not None else False
        if above:
            found.add(node.number)
        outdated = newest[node.site] > node.generation and node.number not in way
        replaced[node.number] = above or outdated
    return frozenset(found)
