"""Which way an inner optimizer points: along the gradient, or already downhill."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import optax

from optax_aware.transforms._leaves import in_dtype_of, own

_LONGEST_SIDE = 4
"""Of a stand-in, where the optimizer takes another shape than the real one."""

_STEPS_TO_TRY = 10_000
"""The longest warmup from zero, or accumulation, after which the sign is still seen."""


def direction_sign(inner: optax.GradientTransformationExtraArgs, params: optax.Params) -> jax.Array:
    """Return 1 for a direction to descend against, -1 for updates that already descend.

    A complete optimizer such as ``optax.adam(1e-3)`` answers a gradient with its negative;
    descending against that would climb. The optimizer is asked about stand-ins of the
    parameters: positive parameters and positive gradients, so that weight decay cannot
    hide the sign, and small ones, unless it insists on the real shapes. What cannot be
    asked, because it needs keywords of its own, is taken for a direction.
    """
    for longest_side in (_LONGEST_SIDE, None):
        standin = jax.tree.map(lambda leaf, side=longest_side: _standin(leaf, side), params)
        with jax.ensure_compile_time_eval():
            # Whatever somebody else's optimizer raises on invented numbers, its first real
            # update will raise as well.
            try:
                product = _first_nonzero_product(inner, standin)
            except Exception:
                continue
            return jnp.where(product < 0.0, jnp.float32(-1.0), jnp.float32(1.0))
    return jnp.float32(1.0)


def _first_nonzero_product(inner: optax.GradientTransformationExtraArgs, standin) -> jax.Array:
    """Return the product of gradient and answer at the first step at which it is not zero.

    Warmups from zero and accumulators answer nothing for a while.
    """
    loss = _linear_loss(standin)

    def ask(state) -> tuple[jax.Array, Any]:
        answer, next_state = inner.update(
            standin, state, standin, value=loss(standin), grad=standin, value_fn=loss
        )
        return _product(standin, answer), jax.tree.map(in_dtype_of, next_state, state)

    product, state = ask(jax.tree.map(own, inner.init(standin)))
    if not isinstance(product, jax.core.Tracer) and product != 0.0:
        return product

    def undecided(carry) -> jax.Array:
        product, _, asked = carry
        return (product == 0.0) & (asked < _STEPS_TO_TRY)

    def ask_again(carry):
        _, state, asked = carry
        return *ask(state), asked + 1

    return jax.lax.while_loop(undecided, ask_again, (product, state, jnp.int32(1)))[0]


def _product(gradients, answer) -> jax.Array:
    products = [
        jnp.sum(jnp.real(jnp.conj(gradient) * update)).astype(jnp.float32)
        for gradient, update in zip(
            jax.tree.leaves(gradients), jax.tree.leaves(answer), strict=True
        )
        if jnp.issubdtype(gradient.dtype, jnp.inexact)
    ]
    return sum(products, jnp.float32(0.0))


def _linear_loss(gradients):
    def loss(params, **_) -> jax.Array:
        return _product(gradients, params)

    return loss


def _standin(leaf, longest_side: int | None) -> jax.Array:
    """Return distinct positive numbers in the leaf's dtype and rank."""
    shape = tuple(min(side, longest_side or side) for side in jnp.shape(leaf))
    numbers = 1.0 + np.arange(np.prod(shape, dtype=int)).reshape(shape) % 7 / 7.0
    return jnp.asarray(numbers, jnp.result_type(leaf))
