"""Checks of the arguments that searches share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from optax_aware._arguments import check_number


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
