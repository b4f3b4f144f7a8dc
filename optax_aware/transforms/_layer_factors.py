"""Which factor belongs to which leaf: patterns of paths, or the depth of a layer."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.core
import jax.numpy as jnp
from jax.typing import ArrayLike

from optax_aware._arguments import check_choice, check_number
from optax_aware._numbers import LARGEST
from optax_aware.transforms._path_patterns import (
    find_match,
    paths_and_leaves,
    pattern_matcher,
)

ByPattern = Mapping[str, ArrayLike]
ByPath = Callable[[str], ArrayLike | None]
InOrder = Sequence[str | Sequence[str]]
Layers = ByPattern | ByPath | InOrder
"""Factors by pattern or by path, or patterns of layers in order."""

_ENDS = ("last", "first")
_LISTED = 20
_THE_ARRAY = "the single array, which '**' names"


class LeafFactor(NamedTuple):
    """The factor of one leaf.

    Attributes:
      path: the path of the leaf.
      pattern: the pattern that it matches; empty where the default applies.
      factor: what its updates are multiplied by.
    """

    path: str
    pattern: str
    factor: Any


class LayerRules(NamedTuple):
    """What a user said about the factors of layers, checked."""

    layers: Layers
    decay: ArrayLike | None
    decay_from: str
    default: ArrayLike | None


def layer_rules(
    layers: Any, decay: ArrayLike | None, decay_from: str, default: ArrayLike | None
) -> LayerRules:
    """Check the arguments that `layerwise` and `layer_factors` share."""
    check_choice("decay_from", decay_from, _ENDS)
    if default is not None:
        check_number("default", default, 0.0, float(LARGEST))
    if isinstance(layers, Mapping) or callable(layers):
        if decay is not None:
            raise ValueError(
                "decay must be None where layers gives the factors themselves, got "
                f"decay={decay!r}."
            )
        if not isinstance(layers, Mapping):
            by_path: Any = layers
            return LayerRules(by_path, None, decay_from, default)
        _check_patterns(layers)
        for pattern, factor in layers.items():
            check_number(f"layers[{pattern!r}]", factor, 0.0, float(LARGEST))
        return LayerRules(dict(layers), None, decay_from, default)
    if isinstance(layers, str) or not isinstance(layers, Sequence) or not layers:
        raise ValueError(
            "layers must be a mapping from pattern to factor, a function from path to factor, or a "
            f"sequence of patterns from the first layer to the last, got layers={layers!r}."
        )
    if decay is None:
        raise ValueError(
            "decay must be a number in (0, 1] where layers is a sequence of patterns, got "
            "decay=None."
        )
    check_number("decay", decay, 0.0, 1.0, open_low=True)
    entries = tuple(map(_patterns_of, layers))
    for entry in entries:
        if {pattern.count("#") for pattern in entry} not in ({0}, {1}):
            raise ValueError(
                "layers must have one # in each pattern of a layer, or in none of them, got "
                f"{entry!r}."
            )
    return LayerRules(entries, decay, decay_from, default)


def factors_of(
    tree: Any, rules: LayerRules, *, all_patterns: bool, none_is_leaf: bool = False
) -> list[LeafFactor]:
    """Return the factor of every leaf of ``tree``, in the order of its leaves.

    With ``none_is_leaf`` a None, which stands for an absent gradient, counts as a layer does;
    nothing is said against the patterns that match it, since it may be no parameter at all.

    Raises:
      ValueError: if a leaf matches no pattern and there is no default, or matches more than
        one; with ``all_patterns``, also if a pattern matches no leaf.
    """
    named = paths_and_leaves(tree, none_is_leaf=none_is_leaf)
    if not isinstance(rules.layers, (Mapping, Sequence)):
        return _factors_by_path(named, rules.layers, rules.default)
    paths = [path for path, _ in named]
    factors = _factors_by_pattern(paths, rules.layers, rules)
    matchers = [(pattern, pattern_matcher(pattern)) for pattern, _ in factors]
    matched = [
        [place for place, (_, matcher) in enumerate(matchers) if find_match(matcher, path)]
        for path in paths
    ]
    unused = set(range(len(factors))).difference(*matched) if paths and all_patterns else set()
    _check_matches(
        unmatched=[
            path or _THE_ARRAY
            for (path, leaf), places in zip(named, matched, strict=True)
            if leaf is not None and not places and rules.default is None
        ],
        ambiguous=[
            f"{path or _THE_ARRAY} (by {_joined(factors[place][0] for place in places)})"
            for (path, leaf), places in zip(named, matched, strict=True)
            if leaf is not None and len(places) > 1
        ],
        unused=[repr(factors[place][0]) for place in sorted(unused)],
        paths=[path or _THE_ARRAY for path in paths],
    )
    return [
        LeafFactor(path, *(factors[places[0]] if places else ("", rules.default)))
        for path, places in zip(paths, matched, strict=True)
    ]


def _factors_by_path(
    named: list[tuple[str, Any]],
    factor_at: ByPath,
    default: ArrayLike | None,
) -> list[LeafFactor]:
    found = []
    for path, leaf in named:
        factor = factor_at(path)
        if factor is not None:
            check_number(f"layers({path!r})", factor, 0.0, float(LARGEST))
        elif default is None and leaf is not None:
            raise ValueError(
                f"layers must give a factor for every parameter, got None for "
                f"{path or _THE_ARRAY}. Return a number, or give a default."
            )
        found.append(LeafFactor(path, "", default if factor is None else factor))
    return found


def _factors_by_pattern(
    paths: list[str], layers: ByPattern | InOrder, rules: LayerRules
) -> list[tuple[str, ArrayLike]]:
    if isinstance(layers, Mapping):
        return list(layers.items())
    numbered = [layer for entry in layers for layer in _layers_of(tuple(entry), paths)]
    power = _powers(rules.decay)
    last = len(numbered) - 1
    return [
        (pattern, power(last - depth if rules.decay_from == "last" else depth))
        for depth, layer in enumerate(numbered)
        for pattern in layer
    ]


def _layers_of(entry: tuple[str, ...], paths: list[str]) -> list[tuple[str, ...]]:
    """Return one layer, or as many as there are numbers in the place of #, in their order."""
    if "#" not in entry[0]:
        return [entry]
    layers: dict[int, list[str]] = {}
    unused = []
    for pattern in entry:
        matcher = pattern_matcher(pattern)
        matches = [match for path in paths if (match := find_match(matcher, path))]
        if not matches:
            unused.append(pattern)
        for digits in sorted({match.group(1) for match in matches}):
            layers.setdefault(int(digits), []).append(pattern.replace("#", digits))
    in_order = [layers[number] for number in sorted(layers)] or [[]]
    in_order[-1].extend(unused)  # to be told, as patterns that match nothing
    return [tuple(layer) for layer in in_order]


def _powers(decay: Any) -> Callable[[int], ArrayLike]:
    if isinstance(decay, jax.core.Tracer):
        return lambda exponent: jnp.asarray(decay, jnp.float32) ** exponent
    return lambda exponent: float(decay) ** exponent


def _patterns_of(entry: Any) -> tuple[str, ...]:
    """Return the patterns of one layer."""
    if isinstance(entry, str):
        patterns: tuple[str, ...] = (entry,)
    elif isinstance(entry, Sequence) and entry:
        patterns = tuple(entry)
    else:
        raise ValueError(
            "layers must have a pattern, or a sequence of at least one, for each layer, got "
            f"{entry!r}."
        )
    _check_patterns(patterns)
    return patterns


def _check_patterns(patterns: Iterable[Any]) -> None:
    patterns = list(patterns)
    if not all(isinstance(pattern, str) and pattern for pattern in patterns):
        raise ValueError(
            f"layers must name its patterns by strings that are not empty, got {patterns!r}."
        )


def _check_matches(
    unmatched: list[str], ambiguous: list[str], unused: list[str], paths: list[str]
) -> None:
    parts = []
    if unmatched:
        parts.append(f"no pattern matches {_listed(unmatched)} (name them, or give a default)")
    if ambiguous:
        parts.append(f"more than one pattern matches {_listed(ambiguous)}")
    if unused:
        parts.append(f"nothing is matched by {_listed(unused)} among {_listed(paths)}")
    if parts:
        raise ValueError(f"layers must match every parameter exactly once, but {'; '.join(parts)}.")


def _joined(patterns: Iterable[str]) -> str:
    return " and ".join(map(repr, patterns))


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_LISTED])
    return f"{shown} and {len(names) - _LISTED} more" if len(names) > _LISTED else shown
