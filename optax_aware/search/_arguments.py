"""Checks of the arguments that searches share."""

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_callable, check_number

_LOWEST, _HIGHEST = (float(bound) for bound in (np.finfo("f").tiny, np.finfo("f").max))


def check_range(min_rate: Any, max_rate: Any) -> None:
    """Refuse bounds that are not two positive normal float32 numbers, the lower one first."""
    check_number("min_rate", min_rate, _LOWEST, _HIGHEST)
    check_number("max_rate", max_rate, _LOWEST, _HIGHEST)
    if any(isinstance(rate, jax.core.Tracer) for rate in (min_rate, max_rate)):
        return
    if not float(min_rate) < float(max_rate):
        raise ValueError(
            f"min_rate must be less than max_rate, got min_rate={min_rate!r} and "
            f"max_rate={max_rate!r}."
        )


def as_function(loss_fn: Any) -> Callable[[Any, Any], Any]:
    """Return the loss, or a function that calls it where JAX could not hold the object itself."""
    check_callable("loss_fn", loss_fn, "a function of parameters and a batch")
    try:
        hash(loss_fn)
        weakref.ref(loss_fn)
    except TypeError:
        return lambda params, batch: loss_fn(params, batch)
    return loss_fn


def check_loss(loss_fn: Callable[[Any, Any], Any], params: Any, stacked: Any) -> None:
    """Refuse a loss that is not a scalar, without working it out."""
    batch = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), stacked)
    loss = jax.eval_shape(loss_fn, params, batch)
    if not isinstance(loss, jax.ShapeDtypeStruct):
        raise ValueError(
            "loss_fn must return the loss alone, a scalar, got loss_fn with a result of type "
            f"{type(loss).__name__}."
        )
    if loss.shape != () or not jnp.issubdtype(loss.dtype, jnp.floating):
        raise ValueError(
            "loss_fn must return a real scalar, the mean over the batch, got loss_fn with a "
            f"result of shape {loss.shape} and dtype {loss.dtype}."
        )


def check_schedule(schedule: Callable[[Any], Any]) -> None:
    """Refuse what does not make a schedule of a rate, without working it out."""
    check_callable("schedule", schedule, "a function from a rate to a schedule")

    def value_at(rate: jax.Array, step: jax.Array) -> Any:
        made = schedule(rate)
        if not callable(made):
            raise ValueError(
                "schedule must map a rate to a schedule, a function of the step, such as "
                "lambda peak: optax_aware.schedules.cosine(peak, 200), got "
                f"schedule={schedule!r} with a result that cannot be called."
            )
        return made(step)

    value = jax.eval_shape(
        value_at, jax.ShapeDtypeStruct((), jnp.float32), jax.ShapeDtypeStruct((), jnp.int32)
    )
    _check_real_scalar("schedule", value, "map a rate to a schedule whose values are real scalars")


def check_eval(eval_fn: Callable[[Any], Any], params: Any) -> None:
    """Refuse a held-out loss that is not a scalar, without working it out."""
    check_callable("eval_fn", eval_fn, "a function from parameters to a loss")
    value = jax.eval_shape(eval_fn, params)
    _check_real_scalar("eval_fn", value, "return the loss alone, a real scalar")


def check_devices(devices: Any) -> list[Any]:
    """Return a list of devices; refuse what is not one, and one that names a device twice."""
    found = list(devices) if isinstance(devices, Iterable) else []
    if not found or not all(isinstance(device, jax.Device) for device in found):
        raise ValueError(
            "devices must be at least one jax.Device, in a list such as jax.devices(), got "
            f"devices={devices!r}."
        )
    if len(set(found)) < len(found):
        raise ValueError(f"devices must be different from each other, got devices={devices!r}.")
    return found


def _check_real_scalar(name: str, value: Any, duty: str) -> None:
    if not isinstance(value, jax.ShapeDtypeStruct):
        raise ValueError(
            f"{name} must {duty}, got {name} with a result of type {type(value).__name__}."
        )
    is_real = any(jnp.issubdtype(value.dtype, kind) for kind in (jnp.floating, jnp.integer))
    if value.shape != () or not is_real:
        raise ValueError(
            f"{name} must {duty}, got {name} with a result of shape {value.shape} and dtype "
            f"{value.dtype}."
        )
