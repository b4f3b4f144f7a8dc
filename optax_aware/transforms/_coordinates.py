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

LARGEST_LEAVES = 16
"""Leaves that are sampled, the largest ones: a gather costs time for each leaf."""

_MULTIPLIER = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


class LeafSample(NamedTuple):
    """The coordinates of one leaf: its place in the tree, an index per axis, and their weight."""

    position: int
    indices: tuple[np.ndarray, ...]
    weight: float
    is_complex: bool


def plan_sample(tree) -> tuple[LeafSample, ...]:
    """Choose coordinates from the shapes of the largest floating-point leaves.

    A leaf of d coordinates gets a share in proportion to the root of d, so that a large
    embedding does not leave nothing to the rest, and each of its n coordinates stands for
    d / n. The choice depends on the shapes alone: a checkpoint meets the same one again.
    """
    leaves = [as_array(leaf) for leaf in jax.tree.leaves(tree)]
    floating = [
        position
        for position, leaf in enumerate(leaves)
        if jnp.issubdtype(leaf.dtype, jnp.inexact) and leaf.size > 0
    ]
    largest = sorted(floating, key=lambda position: (-leaves[position].size, position))
    chosen = sorted(largest[:LARGEST_LEAVES])
    shares = _shares([leaves[position].size for position in chosen])
    return tuple(
        LeafSample(
            position,
            _indices(leaves[position].shape, share),
            leaves[position].size / share,
            bool(jnp.issubdtype(leaves[position].dtype, jnp.complexfloating)),
        )
        for position, share in zip(chosen, shares, strict=True)
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


def _indices(shape: tuple[int, ...], share: int) -> tuple[np.ndarray, ...]:
    """Return the sampled places of one leaf, an array for each of its axes."""
    return np.unravel_index(_spread(math.prod(shape), share), shape) if shape else ()


def _shares(sizes: list[int]) -> list[int]:
    """Split the sample in proportion to the roots of the sizes, at least one each."""
    if sum(sizes) <= SAMPLE_SIZE:
        return sizes
    left, shares = SAMPLE_SIZE, {}
    roots = sum(math.sqrt(size) for size in sizes)
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place]):
        root = math.sqrt(sizes[place])
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
