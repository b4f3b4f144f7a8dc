"""Factors of layers from their definition: names compared part by part, in float64."""

import re
from collections.abc import Mapping, Sequence


def matches(pattern: str, path: str) -> bool:
    """Return whether a pattern names a leaf, or a node that the leaf lies below."""
    names = path.split("/") if path else []
    parts = pattern.split("/")
    return any(_same(parts, names[:length]) for length in range(len(names) + 1))


def _same(parts: Sequence[str], names: Sequence[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_same(parts[1:], names[skipped:]) for skipped in range(len(names) + 1))
    return bool(names) and _spelled(parts[0], names[0]) and _same(parts[1:], names[1:])


def _spelled(part: str, name: str) -> bool:
    if not part:
        return not name
    head, rest = part[0], part[1:]
    if head == "*":
        return any(_spelled(rest, name[taken:]) for taken in range(len(name) + 1))
    if head == "#":
        digits = re.match("[0-9]*", name)
        most = len(digits.group()) if digits else 0
        return any(_spelled(rest, name[taken:]) for taken in range(1, most + 1))
    return bool(name) and head in ("?", name[0]) and _spelled(rest, name[1:])


def by_pattern(paths: Sequence[str], factors: Mapping[str, float]) -> dict[str, float]:
    """Return the factor of each path under a mapping in which each path has one pattern."""
    found = {}
    for path in paths:
        (found[path],) = (factor for pattern, factor in factors.items() if matches(pattern, path))
    return found


def by_depth(depths: Mapping[str, int], decay: float, decay_from: str) -> dict[str, float]:
    """Return the factor of each path whose depth, 0 at the input, is known."""
    deepest = max(depths.values())
    factors = {}
    for path, depth in depths.items():
        factor = 1.0
        for _ in range(deepest - depth if decay_from == "last" else depth):
            factor *= decay
        factors[path] = factor
    return factors
