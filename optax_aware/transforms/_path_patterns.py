"""Names of leaves, and patterns that such names match."""

import re
from typing import Any

import jax

_WILDCARDS = {"*": "[^/]*", "?": "[^/]", "#": "([0-9]+)"}


def leaf_paths(tree: Any) -> list[str]:
    """Return the path of every leaf: keys, attributes and indices, with slashes in between."""
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in flat]


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
