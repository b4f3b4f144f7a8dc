"""What a policy sees and does at the moment."""

from typing import NamedTuple

import jax
import jax.core
import numpy as np
import optax

from optax_aware.reporting._states import only_awareness, unwrapped


class Report(NamedTuple):
    """What a policy sees and does, as scalar arrays.

    Attributes:
      step: the number of updates so far, int32.
      learning_rate: the rate of the last update, or the one set by hand since, float32.
        Under `scale_by_policy`, and for a policy of `accumulate`, it is the scale alone: the
        rate of the optimizer that goes with it is not visible from there.
      scale: the policy's last scale, float32.
      condition: what the policy sees, int32; ``CONDITIONS[int(condition)]`` is its name.
      value_mean: the smoothed loss the policy looks at, float32; infinite where it has none,
        as are the next three: a NaN would trip ``jax_debug_nans``.
      value_standard_error: the standard error of that mean, float32.
      progress: how far the smoothed loss has come down, float32.
      annealing_gain: how much of the loss a lower rate would remove, float32.
      skipped: the number of updates that were skipped, int32.
      rewound: the number of rewinds, int32.
      nonfinite: the number of updates with a loss or gradient that is not finite, or a schedule
        that gave no finite rate of at least 0, int32.
    """

    step: jax.Array
    learning_rate: jax.Array
    scale: jax.Array
    condition: jax.Array
    value_mean: jax.Array
    value_standard_error: jax.Array
    progress: jax.Array
    annealing_gain: jax.Array
    skipped: jax.Array
    rewound: jax.Array
    nonfinite: jax.Array

    def scalars(self, prefix: str = "optax_aware/") -> dict[str, float]:
        """Return the known numbers by name, for TensorBoard or any other tracker.

        Numbers that the policy has no opinion about are left out, and so the curves of a
        tracker have no infinite points. All of them come from the device in one transfer.

        Args:
          prefix: what every name begins with.

        Returns:
          Python floats under names such as ``"optax_aware/learning_rate"``.

        Raises:
          TypeError: if the report is traced: return it from the jitted step, and log there.
          ValueError: if it is of several steps or runs.

        Example:
          >>> import jax.numpy as jnp, optax, optax_aware as oa
          >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.25)
          >>> scalars = oa.report(tx.init(jnp.array(1.0))).scalars()
          >>> print(scalars["optax_aware/learning_rate"], "optax_aware/progress" in scalars)
          0.25 False
        """
        if any(isinstance(field, jax.core.Tracer) for field in self):
            raise TypeError(
                "scalars() needs numbers, got a traced report. Return the report from the "
                "jitted function, and call scalars() outside."
            )
        fields = jax.device_get(self)._asdict()
        shapes = {np.shape(field) for field in fields.values()}
        if shapes != {()}:
            raise ValueError(
                f"scalars() needs the report of one step of one run, got fields of shapes "
                f"{sorted(shapes)}. Take one first: jax.tree.map(lambda leaf: leaf[-1], report)."
            )
        return {
            f"{prefix}{name}": float(field) for name, field in fields.items() if np.isfinite(field)
        }


def report(opt_state: optax.OptState) -> Report:
    """Return what the policy in an optimizer state sees and does.

    Finds the state of `aware`, `scale_by_policy`, `as_learning_rate` or `accumulate` anywhere
    in ``opt_state``: in chains, ``masked``, ``inject_hyperparams``, ``MultiSteps`` and nnx
    optimizers. Works inside jit, so that a training step can return it for a logger.

    Args:
      opt_state: an optimizer state with exactly one policy in it.

    Returns:
      A `Report` of scalar arrays.

    Raises:
      ValueError: if there is no policy in ``opt_state``, or more than one.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.1)
      >>> params = jnp.array(1.0)
      >>> opt_state = tx.init(params)
      >>> updates, opt_state = tx.update(params, opt_state, params, value=0.5)
      >>> seen = oa.report(opt_state)
      >>> print(int(seen.step), round(float(seen.learning_rate), 3))
      1 0.1
    """
    state = only_awareness(opt_state)
    return Report(
        step=unwrapped(state.aware_updates_seen),
        learning_rate=unwrapped(state.aware_learning_rate),
        scale=unwrapped(state.aware_scale),
        condition=unwrapped(state.aware_condition),
        value_mean=unwrapped(state.aware_value_mean),
        value_standard_error=unwrapped(state.aware_value_standard_error),
        progress=unwrapped(state.aware_progress),
        annealing_gain=unwrapped(state.aware_annealing_gain),
        skipped=unwrapped(state.aware_skipped),
        rewound=unwrapped(state.aware_rewound),
        nonfinite=unwrapped(state.aware_nonfinite),
    )


def learning_rate(opt_state: optax.OptState) -> jax.Array:
    """Return the learning rate of the last update, or the one that was set since.

    Before the first update it is the rate of step 0 as far as it is known: the base rate, and 0
    for a policy that finds its rate. Under `scale_by_policy`, and for a policy of `accumulate`,
    it is the scale alone, as in `Report`.

    Args:
      opt_state: an optimizer state with exactly one policy in it.

    Returns:
      A float32 scalar.

    Raises:
      ValueError: if there is no policy in ``opt_state``, or more than one.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=0.25)
      >>> print(oa.learning_rate(tx.init(jnp.array(1.0))))
      0.25
    """
    return unwrapped(only_awareness(opt_state).aware_learning_rate)
