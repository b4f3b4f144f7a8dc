"""A fixed sample of coordinates, from which inner products of whole trees are estimated."""

import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware.transforms._leaves import as_array

SAMPLE_SIZE = 384
"""Coordinates in a sample: enough to decide as all do, few enough to cost nothing."""

SAMPLED_LEAVES = 16
"""A gather costs time for each leaf."""

_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


class LeafSample(NamedTuple):
    """The coordinates of one leaf: its place in the tree, an index per axis, and their weight."""

    position: int
    indices: tuple[np.ndarray, ...]
    weight: float
    is_complex: bool


def plan_sample(tree) -> tuple[LeafSample, ...]:
    """Choose coordinates from the shapes of some floating-point leaves.

    A leaf that stands for d coordinates, its own and those of leaves of its shape that are not
    sampled, gets a share in proportion to the root of d, so that a large embedding does not leave
    nothing to the rest, and each of its n coordinates stands for d / n. The choice depends on the
    shapes alone: a checkpoint meets the same one again.
    """
    leaves = [as_array(leaf) for leaf in jax.tree.leaves(tree)]
    floating = [
        position
        for position, leaf in enumerate(leaves)
        if jnp.issubdtype(leaf.dtype, jnp.inexact) and leaf.size > 0
    ]
    chosen = _spread_over_shapes({position: leaves[position].shape for position in floating})
    sizes = [leaves[position].size for position in chosen]
    stood_for = [size * alike for size, alike in zip(sizes, chosen.values(), strict=True)]
    shares = _shares(sizes, stood_for)
    return tuple(
        LeafSample(
            position,
            _indices(leaves[position].shape, share),
            count / share,
            bool(jnp.issubdtype(leaves[position].dtype, jnp.complexfloating)),
        )
        for position, share, count in zip(chosen, shares, stood_for, strict=True)
    )


def take_sample(plan: tuple[LeafSample, ...], tree) -> jax.Array:
    """Return the sampled coordinates as a float32 vector: real parts, then imaginary ones."""
    leaves = jax.tree.leaves(tree)
    taken = [_take(jnp.asarray(leaves[leaf.position]), leaf.indices) for leaf in plan]
    imaginary = [
        jnp.imag(values) for values, leaf in zip(taken, plan, strict=True) if leaf.is_complex
    ]
    parts = [part.astype(jnp.float32) for part in (*map(jnp.real, taken), *imaginary)]
    return jnp.concatenate(parts) if parts else jnp.zeros((0,), jnp.float32)


def sample_weights(plan: tuple[LeafSample, ...]) -> np.ndarray:
    """Return how many coordinates each number of a sample stands for, float32."""
    parts = (*plan, *(leaf for leaf in plan if leaf.is_complex))
    weights = [
        np.full(leaf.indices[0].shape if leaf.indices else (1,), leaf.weight) for leaf in parts
    ]
    return np.concatenate(weights or [np.zeros((0,))]).astype(np.float32)


def _spread_over_shapes(shapes: dict[int, tuple[int, ...]]) -> dict[int, float]:
    """Return the leaves to sample, and for how many leaves of its shape each of them stands.

    Of as many shapes as possible, the largest first. Leaves of one shape are taken from all over
    the tree. The largest alone might be the layers that somebody has frozen, and then nothing of
    what moves would be seen.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for position in sorted(shapes):
        groups.setdefault(shapes[position], []).append(position)
    largest_first = sorted(groups.values(), key=lambda group: -math.prod(shapes[group[0]]))
    counts = [0] * len(groups)
    for place in itertools.cycle(range(len(groups))):
        if sum(counts) == min(SAMPLED_LEAVES, len(shapes)):
            break
        counts[place] += counts[place] < len(largest_first[place])
    chosen = {
        group[(2 * taken + 1) * len(group) // (2 * count)]: len(group) / count
        for group, count in zip(largest_first, counts, strict=True)
        for taken in range(count)
    }
    return dict(sorted(chosen.items()))


def _indices(shape: tuple[int, ...], share: int) -> tuple[np.ndarray, ...]:
    """Return the sampled places of one leaf, an array for each of its axes."""
    return np.unravel_index(_spread(math.prod(shape), share), shape) if shape else ()


def _shares(sizes: list[int], stood_for: list[float]) -> list[int]:
    """Split the sample in proportion to the roots of what leaves stand for, at least one each."""
    if sum(sizes) <= SAMPLE_SIZE:
        return sizes
    left, shares = SAMPLE_SIZE, {}
    root_of = [math.sqrt(count) for count in stood_for]
    roots = sum(root_of)
    # Those first that may have fewer coordinates than their share: the rest goes to the others.
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place] / root_of[place]):
        root = root_of[place]
        shares[place] = max(1, min(sizes[place], math.floor(left * root / roots + 1e-9)))
        left, roots = left - shares[place], roots - root
    return [shares[place] for place in range(len(sizes))]


def _spread(size: int, count: int) -> np.ndarray:
    """Return one pseudo-random coordinate from each of `count` equal stretches of `size`."""
    starts = [size * k // count for k in range(count + 1)]
    return np.array(
        [
            start + _mixed(k) % (stop - start)
            for k, (start, stop) in enumerate(itertools.pairwise(starts))
        ],
        np.int64,
    )


def _mixed(k: int) -> int:
    """Mix the bits of k (the finalizer of splitmix64; Steele, Lea and Flood 2014)."""
    z = ((k + 1) * _MULTIPLIER) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _take(leaf: jax.Array, indices: tuple[np.ndarray, ...]) -> jax.Array:
    if leaf.ndim == 0:
        return leaf[None]
    return leaf.at[indices].get(mode="promise_in_bounds", out_sharding=_replicated(leaf))


def _replicated(leaf: jax.Array) -> jax.sharding.NamedSharding | None:
    """Return where the sample of an explicitly sharded leaf goes: to every device."""
    mesh = getattr(getattr(jax.typeof(leaf), "sharding", None), "mesh", None)
    if mesh is None or jax.sharding.AxisType.Explicit not in mesh.axis_types:
        return None
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
