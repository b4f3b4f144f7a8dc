"""The mean of gradients and losses over micro-batches, those left out that are not finite."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from optax_aware._types import AxisName
from optax_aware.transforms._finite import all_finite
from optax_aware.transforms._inputs import (
    mean_over_devices,
    read_own_value,
    read_validation_value,
    read_weight,
)

_NO_VALIDATION = jnp.inf


class MicroBatch(NamedTuple):
    """What is known of one micro-batch.

    Attributes:
      gradients: its gradients.
      value: its loss, float32; 0 where nobody asks for one.
      validation_value: a new validation loss, or NaN, float32.
      weight: how much it counts, 0 where it is left out, float32.
      usable: whether gradients, weight and, where it has one, loss are finite.
    """

    gradients: optax.Updates
    value: jax.Array
    validation_value: jax.Array
    weight: jax.Array
    usable: jax.Array


def read_micro_batch(
    gradients: optax.Updates,
    value: Any,
    validation_value: Any,
    weight: Any,
    axis_name: AxisName | None,
    *,
    has_value: bool,
) -> MicroBatch:
    r"""Return the micro-batch that was handed to an update, the same on every device.

    Its loss is that of all devices :math:`d`, by the weights that each of them has,

    .. math:: L = \frac{\sum_d w_d L_d}{\sum_d w_d}

    and one without a weight has no part in it, whatever its loss.
    """
    own = read_weight(weight)
    allowed = jnp.isfinite(own) & (own >= 0.0)
    counts = mean_over_devices(jnp.where(allowed, own, jnp.inf), axis_name)
    loss = jnp.float32(0.0)
    if has_value:
        share = own / jnp.where(counts > 0.0, counts, 1.0)
        own_loss = read_own_value(value)
        loss = mean_over_devices(jnp.where(own > 0.0, share * own_loss, 0.0), axis_name)
    usable = all_finite(gradients, axis_name) & jnp.isfinite(loss) & jnp.isfinite(counts)
    return MicroBatch(
        gradients,
        loss,
        read_validation_value(validation_value, axis_name),
        jnp.where(usable, counts, 0.0),
        usable,
    )


class MicroBatchMeanState(NamedTuple):
    """The weighted mean of the micro-batches so far.

    Attributes:
      micro_gradients: the mean of the gradients, in at least float32; while the weight is 0 it
        means nothing.
      micro_value: the mean of the losses, float32.
      micro_validation_value: the newest validation loss; infinite where there is none, float32.
      micro_weight: the sum of the weights, float32.
    """

    micro_gradients: optax.Updates
    micro_value: jax.Array
    micro_validation_value: jax.Array
    micro_weight: jax.Array


def no_mean(params: optax.Params) -> MicroBatchMeanState:
    """Return the mean of nothing."""
    return MicroBatchMeanState(
        micro_gradients=jax.tree.map(_zeros, params),
        micro_value=jnp.float32(0.0),
        micro_validation_value=jnp.float32(_NO_VALIDATION),
        micro_weight=jnp.float32(0.0),
    )


def fold_in(mean: MicroBatchMeanState, micro_batch: MicroBatch) -> MicroBatchMeanState:
    r"""Return the mean with one more micro-batch; a weight of 0 leaves it as it is.

    .. math:: W \leftarrow W + w, \qquad m \leftarrow m + \frac{w}{W} (g - m)

    The first one is taken as it is: what is left of an earlier mean has no part in it. Where the
    difference is beyond the dtype, the two are weighted apart, and the mean is not.
    """
    total = mean.micro_weight + micro_batch.weight
    share = micro_batch.weight / jnp.where(total > 0.0, total, 1.0)
    first = mean.micro_weight == 0.0

    def fold(new: jax.Array, old: jax.Array) -> jax.Array:
        new = new.astype(old.dtype)
        part, difference = share.astype(old.dtype), new - old
        apart = (1.0 - part) * old + part * new
        moved = jnp.where(jnp.isfinite(difference), old + part * difference, apart)
        return jnp.where(share > 0.0, jnp.where(first, new, moved), old)

    validation = micro_batch.validation_value
    return MicroBatchMeanState(
        micro_gradients=_map_pairs(
            lambda new, old: fold(new, old) if _is_inexact(new) else old,
            micro_batch.gradients,
            mean.micro_gradients,
            absent=lambda old: old,
        ),
        micro_value=fold(micro_batch.value, mean.micro_value),
        micro_validation_value=jnp.where(
            jnp.isfinite(validation), validation, mean.micro_validation_value
        ),
        micro_weight=total,
    )


def nothing_usable(mean: MicroBatchMeanState) -> jax.Array:
    """Return whether there is nothing that the mean is a mean of."""
    return mean.micro_weight == 0.0


def mean_value(mean: MicroBatchMeanState) -> jax.Array:
    """Return the mean loss, NaN where there is none."""
    return jnp.where(nothing_usable(mean), jnp.nan, mean.micro_value)


def newest_validation_value(mean: MicroBatchMeanState) -> jax.Array:
    """Return the newest validation loss, NaN where there is none."""
    newest = mean.micro_validation_value
    return jnp.where(jnp.isfinite(newest), newest, jnp.nan)


def mean_gradients(mean: MicroBatchMeanState, gradients: optax.Updates) -> optax.Updates:
    """Return the mean in the dtypes of ``gradients``; zeros where there is none.

    The gradients of integers are not averaged: they are zeros of a kind of their own.
    """

    def read(new: jax.Array, old: jax.Array) -> jax.Array:
        if not _is_inexact(new):
            return new
        return jnp.where(nothing_usable(mean), 0.0, old).astype(new.dtype)

    return _map_pairs(read, gradients, mean.micro_gradients, absent=lambda old: None)


def next_mean(mean: MicroBatchMeanState) -> MicroBatchMeanState:
    """Return a mean to begin anew with: the weight says so, and no memory is written."""
    return mean._replace(
        micro_value=jnp.float32(0.0),
        micro_validation_value=jnp.float32(_NO_VALIDATION),
        micro_weight=jnp.float32(0.0),
    )


def _map_pairs(function, new: optax.Updates, old: optax.Updates, absent) -> Any:
    """Map over gradients and their means; a gradient may be None where there is a parameter."""
    return jax.tree.map(
        lambda leaf, mean: absent(mean) if leaf is None else function(leaf, mean),
        new,
        old,
        is_leaf=lambda leaf: leaf is None,
    )


def _is_inexact(leaf: jax.Array) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def _zeros(leaf) -> jax.Array:
    """Return zeros to average in; a single one for integers, whose gradients are not averaged."""
    dtype = jnp.result_type(leaf)
    if not jnp.issubdtype(dtype, jnp.inexact):
        return jnp.float32(0.0)
    # Zeros that are made of nothing would be laid out in full on every device.
    return jnp.asarray(leaf - leaf, jnp.promote_types(dtype, jnp.float32))
