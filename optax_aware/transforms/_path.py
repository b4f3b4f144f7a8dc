"""What the path of the parameters tells a policy, from a sample of their coordinates."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from optax_aware._numbers import counted
from optax_aware._types import SAMPLED, AxisName, Observation, Policy
from optax_aware.transforms._average import POLYNOMIAL_ORDER, polynomial_weight
from optax_aware.transforms._coordinates import (
    LeafSample,
    plan_sample,
    sample_weights,
    take_sample,
)
from optax_aware.transforms._inputs import mean_over_devices, on_all_devices

NEAR_ORDER = POLYNOMIAL_ORDER
FAR_ORDER = 2.0
"""Orders of the two averages: the near one is that of `eval_params`, the far one lags further."""


class PathState(NamedTuple):
    """The sampled coordinates of what inner products are taken with.

    Attributes:
      path_params: the parameters before the last update.
      path_promise: the inner product of that update and its gradients, infinite where there
        was none.
      path_near: the polynomial average of order 16 of the parameters.
      path_far: the polynomial average of order 2.
      path_taken: how many parameters they average.
    """

    path_params: jax.Array
    path_promise: jax.Array
    path_near: jax.Array
    path_far: jax.Array
    path_taken: jax.Array


def observes_path(policy: Policy) -> bool:
    """Return whether a policy asks for anything that the path tells."""
    return bool(set(SAMPLED) & set(policy.observes))


def first_path(params: optax.Params) -> PathState:
    """Return the state before the first update."""
    size = sample_weights(plan_sample(params)).shape
    return PathState(
        path_params=jnp.zeros(size, jnp.float32),
        path_promise=jnp.float32(jnp.inf),
        path_near=jnp.zeros(size, jnp.float32),
        path_far=jnp.zeros(size, jnp.float32),
        path_taken=jnp.int32(0),
    )


class PathSample(NamedTuple):
    """The sampled coordinates of one step, and how inner products are made of them."""

    plan: tuple[LeafSample, ...]
    gradients: jax.Array
    params: jax.Array
    axis_name: AxisName | None

    def of(self, updates: optax.Updates) -> jax.Array:
        """Return the same coordinates of the updates, float32."""
        return take_sample(self.plan, updates)

    def nothing(self) -> jax.Array:
        """Return the sample of a step that is not taken."""
        return jnp.zeros_like(self.gradients)

    def dot(self, vector: jax.Array) -> jax.Array:
        """Return the estimated inner product of the gradients and ``vector``, float32."""
        product = jnp.sum(sample_weights(self.plan) * self.gradients * vector)
        return mean_over_devices(product, self.axis_name)


def sample_step(gradients: optax.Updates, params: Any, axis_name: AxisName | None) -> PathSample:
    """Return the sample of this step."""
    plan = plan_sample(params)
    return PathSample(plan, take_sample(plan, gradients), take_sample(plan, params), axis_name)


def observe_path(state: PathState, sample: PathSample, observation: Observation) -> Observation:
    """Fill in the fields of `SAMPLED`."""
    moved = jnp.isfinite(state.path_promise)
    # What was added in truth: rounded to the dtype of the parameters, and after later transforms.
    step = sample.params - state.path_params
    started = state.path_taken > 0

    def known(condition: jax.Array, value: jax.Array) -> jax.Array:
        return jnp.where(condition, value, jnp.nan)

    return observation._replace(
        gradient_dot_update=known(moved, sample.dot(step)),
        previous_gradient_dot_update=known(moved, state.path_promise),
        gradient_dot_path=known(started, sample.dot(state.path_near - state.path_far)),
        gradient_dot_lag=known(started, sample.dot(sample.params - state.path_near)),
    )


def advance_path(
    state: PathState,
    sample: PathSample,
    update_sample: jax.Array,
    held: jax.Array,
    restart: jax.Array,
) -> PathState:
    """Take in the parameters and the update of this step, unless it is held."""
    promise = sample.dot(update_sample)
    taken = state.path_taken
    near = _towards(state.path_near, sample.params, taken, NEAR_ORDER)
    far = _towards(state.path_far, sample.params, taken, FAR_ORDER)
    finite = on_all_devices(jnp.all(jnp.isfinite(sample.params)), sample.axis_name)
    folds = ~held & finite
    moves = folds & jnp.isfinite(promise) & (promise != 0.0)
    return PathState(
        path_params=jnp.where(finite, sample.params, state.path_params),
        path_promise=jnp.where(moves, promise, jnp.inf),
        path_near=jnp.where(folds, near, state.path_near),
        path_far=jnp.where(folds, far, state.path_far),
        path_taken=jnp.where(restart, 0, counted(taken, folds)).astype(jnp.int32),
    )


def _towards(mean: jax.Array, params: jax.Array, taken: jax.Array, order: float) -> jax.Array:
    weight = polynomial_weight(taken, order)
    return (1.0 - weight) * mean + weight * params
