"""Reading of what is handed to an update: float32 scalars, the same on every device."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from optax_aware._types import AxisName, Observation, Scalar


def read_weight(weight: Any) -> jax.Array:
    """Return the weight of a micro-batch as a float32 scalar, NaN or negative as it may be."""
    meaning = "It is the number of examples, or of tokens, in the whole micro-batch."
    return _read_scalar("weight", weight, of_several=meaning, of_an_array=meaning)


def _read_loss(name: str, value: Any) -> jax.Array:
    return _read_scalar(
        name,
        value,
        of_several="With has_aux=True hand in the loss alone: (loss, aux), grads = "
        "value_and_grad(...)(params).",
        of_an_array=f"Take the mean over the batch first: {name}=loss.mean().",
    )


def _read_scalar(name: str, value: Any, *, of_several: str, of_an_array: str) -> jax.Array:
    """Return a real number as a float32 scalar; errors end in what to do about them."""
    if isinstance(value, tuple | list | dict):
        raise TypeError(f"{name} must be a real number, got a {type(value).__name__}. {of_several}")
    try:
        # A double beyond float32 is infinite, which a policy takes; it is no warning.
        with np.errstate(over="ignore"):
            array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a real number, got {name}={value!r}.") from error
    if array.shape != ():
        raise ValueError(
            f"{name} must be a scalar, got an array of shape {array.shape}. {of_an_array}"
        )
    if not (jnp.issubdtype(array.dtype, jnp.floating) or jnp.issubdtype(array.dtype, jnp.integer)):
        raise TypeError(f"{name} must be a real number, got dtype {array.dtype}.")
    return array.astype(jnp.float32)


def observe_losses(
    step: Scalar, value: Any, validation_value: Any, axis_name: AxisName | None
) -> Observation:
    """Return the observation of a step whose losses are all that is looked at."""
    check_axes({"value": value, "validation_value": validation_value}, step, axis_name)
    return Observation(
        value=read_value(value, axis_name),
        step=step,
        validation_value=read_validation_value(validation_value, axis_name),
    )


def check_axes(inputs: dict[str, Any], step: Scalar, axis_name: AxisName | None) -> None:
    """Refuse inputs that differ along a mapped axis on whose devices the state is one and the same.

    Under ``shard_map`` JAX keeps account of that, unless it is told not to; elsewhere nobody can
    know. ``step`` stands for the state.
    """
    for name, tree in inputs.items():
        varying = frozenset().union(*map(_varying_axes, jax.tree.leaves(tree)))
        unnamed = sorted(map(str, varying - _varying_axes(step) - {*_names(axis_name)}))
        if unnamed:
            raise ValueError(
                f"axis_name must name every mapped axis along which the devices decide together, "
                f"got axis_name={axis_name!r}, and {name} differs along {', '.join(unnamed)}. Name "
                f"the axis, or average over it before, with jax.lax.pmean."
            )


def check_kept(params: Any, kept: Any) -> None:
    """Refuse parameters of another form than what is kept of them, or mapped along more axes."""
    shapes, kept_shapes = _shapes(params), _shapes(kept)
    if shapes != kept_shapes:
        paths = sorted(shapes.keys() | kept_shapes.keys())
        others = [path for path in paths if shapes.get(path) != kept_shapes.get(path)]
        told = ", ".join(
            f"{path} with shape {shapes.get(path, 'none')} in place of "
            f"{kept_shapes.get(path, 'none')}"
            for path in others[:3]
        )
        raise ValueError(
            f"params must have the leaves and shapes that they had at init(params), got {told}"
            f"{', ...' if len(others) > 3 else ''}. Call init anew for another model."
        )
    pairs = zip(jax.tree.leaves(params), jax.tree.leaves(kept), strict=True)
    more = frozenset().union(*(_varying_axes(leaf) - _varying_axes(old) for leaf, old in pairs))
    if more:
        raise ValueError(
            f"params must differ along the same mapped axes as at init(params), got parameters "
            f"that differ along {', '.join(sorted(map(str, more)))} besides. Hand in what they "
            f"were before jax.lax.pcast."
        )


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    leaves, _ = jax.tree.flatten_with_path(tree)
    return {jax.tree_util.keystr(path) or "params": jnp.shape(leaf) for path, leaf in leaves}


def _varying_axes(leaf: Any) -> frozenset:
    """Return the axes of ``shard_map`` along which an array may differ from device to device."""
    if not isinstance(leaf, jax.Array):
        return frozenset()
    aval = jax.typeof(leaf)
    manual = getattr(aval, "manual_axis_type", None)
    # Before JAX 0.10 the axes were called vma.
    return getattr(aval, "vma", frozenset()) if manual is None else manual.varying


def read_value(value: Any, axis_name: AxisName | None) -> jax.Array:
    """Return the training loss as float32, averaged over ``axis_name``."""
    return mean_over_devices(read_own_value(value), axis_name)


def read_own_value(value: Any) -> jax.Array:
    """Return the training loss of this device as float32."""
    if value is None:
        raise TypeError(
            "update() needs the loss of this step: tx.update(grads, opt_state, params, "
            "value=loss), with the loss that the gradients were taken of. The TrainState of flax "
            "drops it; that of optax_aware.flax hands it on."
        )
    return _read_loss("value", value)


def read_validation_value(value: Any, axis_name: AxisName | None) -> jax.Array:
    """Return the validation loss as float32, NaN where there is none."""
    if value is None:
        return jnp.float32(jnp.nan)
    return mean_over_devices(_read_loss("validation_value", value), axis_name)


def mean_over_devices(tree: Any, axis_name: AxisName | None) -> Any:
    """Return means over ``axis_name``, where there is one.

    One axis after another: along one of several the loss may be the same by its type already.
    """
    for name in _names(axis_name):
        tree = jax.lax.pmean(tree, name)
    return tree


def on_all_devices(condition: jax.Array, axis_name: AxisName | None) -> jax.Array:
    """Return whether a condition holds on every device of ``axis_name``, where there is one."""
    for name in _names(axis_name):
        condition = jax.lax.pmin(condition.astype(jnp.int32), name) > 0
    return condition


def _names(axis_name: AxisName | None) -> tuple[str, ...]:
    if axis_name is None:
        return ()
    return axis_name if isinstance(axis_name, tuple) else (axis_name,)
