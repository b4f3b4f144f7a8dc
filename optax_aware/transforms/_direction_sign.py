"""Which way an inner optimizer points: along the gradient, or already downhill."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

_LONGEST_SIDE = 4
_STEPS_TO_TRY = 4


def direction_sign(inner: optax.GradientTransformationExtraArgs, params: optax.Params) -> jax.Array:
    """Return 1 for a direction to descend against, -1 for updates that already descend.

    A complete optimizer such as ``optax.adam(1e-3)`` answers a gradient with its negative;
    descending against that would climb. The optimizer is asked about a small stand-in of
    the parameters, all of it known when tracing starts: positive parameters and positive
    gradients, so that weight decay cannot hide the sign. A schedule inside may make the
    first answers zero, hence several steps. A line search is handed the linear loss that
    belongs to these gradients. What needs other keywords still, or the real parameters'
    shapes, cannot be asked and is taken for a direction.
    """
    with jax.ensure_compile_time_eval():
        standin = jax.tree.map(_standin, params)
        try:
            product = _first_nonzero_product(inner, standin)
        except (TypeError, ValueError):
            product = 0.0
    return jnp.float32(-1.0 if product < 0.0 else 1.0)


def _first_nonzero_product(inner: optax.GradientTransformationExtraArgs, standin) -> float:
    state = inner.init(standin)
    loss = _linear_loss(standin)
    for _ in range(_STEPS_TO_TRY):
        direction, state = inner.update(
            standin, state, standin, value=loss(standin), grad=standin, value_fn=loss
        )
        product = sum(
            float(np.sum(np.asarray(gradient, np.float64) * np.asarray(answer, np.float64)))
            for gradient, answer in zip(
                jax.tree.leaves(standin), jax.tree.leaves(direction), strict=True
            )
            if jnp.issubdtype(gradient.dtype, jnp.floating)
        )
        if product != 0.0:
            return product
    return 0.0


def _linear_loss(gradients):
    def loss(params, **_) -> jax.Array:
        products = jax.tree.map(lambda gradient, leaf: jnp.sum(gradient * leaf), gradients, params)
        return jnp.asarray(sum(jax.tree.leaves(products)), jnp.float32)

    return loss


def _standin(leaf) -> jax.Array:
    """Return distinct positive numbers in the leaf's dtype, in a small array of its rank."""
    shape = tuple(min(side, _LONGEST_SIDE) for side in jnp.shape(leaf))
    numbers = 1.0 + np.arange(np.prod(shape, dtype=int)).reshape(shape) % 7 / 7.0
    return jnp.asarray(numbers, jnp.result_type(leaf))
