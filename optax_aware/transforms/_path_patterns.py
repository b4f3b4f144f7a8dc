"""Names of leaves, and patterns that such names match."""

import re
from typing import Any

import jax

_WILDCARDS = {"*": "[^/]*", "?": "[^/]", "#": "([0-9]+)"}


def paths_and_leaves(tree: Any, *, none_is_leaf: bool) -> list[tuple[str, Any]]:
    """Return every leaf behind its path: keys, attributes and indices, with slashes in between."""
    flat, _ = jax.tree_util.tree_flatten_with_path(
        tree, is_leaf=(lambda node: node is None) if none_is_leaf else None
    )
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), leaf) for path, leaf in flat]


def pattern_matcher(pattern: str) -> re.Pattern[str]:
    """Return what a pattern means; `find_match` applies it."""
    return re.compile("".join(map(_part, pattern.split("/"))))


def find_match(matcher: re.Pattern[str], path: str) -> re.Match[str] | None:
    """Return the match of a pattern that names a leaf, or a node that the leaf lies below."""
    return matcher.match(f"{path}/" if path else "")


def _part(part: str) -> str:
    if part == "**":
        return "(?:[^/]+/)*"
    return "".join(_WILDCARDS.get(letter) or re.escape(letter) for letter in part) + "/"
