"""Reading of the losses handed to an update: float32 scalars, the same on every device."""

from typing import Any

import jax
import jax.numpy as jnp

from optax_aware._types import Observation, Scalar


def read_scalar(name: str, value: Any) -> jax.Array:
    """Return a real number as a float32 scalar."""
    if isinstance(value, tuple | list | dict):
        raise TypeError(
            f"{name} must be a real number, got a {type(value).__name__}. With has_aux=True hand "
            f"in the loss alone: (loss, aux), grads = value_and_grad(...)(params)."
        )
    try:
        array = jnp.asarray(value)
    except TypeError as error:
        raise TypeError(f"{name} must be a real number, got {name}={value!r}.") from error
    if array.shape != ():
        raise ValueError(
            f"{name} must be a scalar, got an array of shape {array.shape}. "
            f"Take the mean over the batch first: {name}=loss.mean()."
        )
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise TypeError(f"{name} must be a real number, got dtype {array.dtype}.")
    return array.astype(jnp.float32)


def observe_losses(
    step: Scalar, value: Any, validation_value: Any, axis_name: str | None
) -> Observation:
    """Return the observation of a step whose losses are all that is looked at."""
    return Observation(
        value=read_value(value, axis_name),
        step=step,
        validation_value=read_validation_value(validation_value, axis_name),
    )


def read_value(value: Any, axis_name: str | None) -> jax.Array:
    """Return the training loss as float32, averaged over ``axis_name``."""
    if value is None:
        raise TypeError(
            "update() needs the loss of this step: tx.update(grads, opt_state, params, "
            "value=loss), with the loss that the gradients were taken of."
        )
    return mean_over_devices(read_scalar("value", value), axis_name)


def read_validation_value(value: Any, axis_name: str | None) -> jax.Array:
    """Return the validation loss as float32, NaN where there is none."""
    if value is None:
        return jnp.float32(jnp.nan)
    return mean_over_devices(read_scalar("validation_value", value), axis_name)


def mean_over_devices(value: jax.Array, axis_name: str | None) -> jax.Array:
    """Return the mean over ``axis_name``, where there is one."""
    return value if axis_name is None else jax.lax.pmean(value, axis_name)
