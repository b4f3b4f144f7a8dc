"""A flax TrainState whose apply_gradients hands the loss to the optimizer."""

import dataclasses
from typing import Any, Self

import optax

try:
    from flax.training import train_state
except ImportError as error:
    raise ImportError(
        "optax_aware.flax needs flax. Install it with: pip install 'optax-aware[flax]'"
    ) from error


class TrainState(train_state.TrainState):
    """The train state of flax linen, with ``value`` forwarded to the optimizer.

    Prefer it wherever a policy steers the training of a linen model:
    ``flax.training.train_state.TrainState`` drops the loss on the way.

    Example:
      >>> import jax, jax.numpy as jnp, optax, optax_aware as oa
      >>> tx = oa.aware(optax.trace(0.9), oa.policies.greedy(), learning_rate=0.1)
      >>> state = oa.flax.TrainState.create(
      ...     apply_fn=lambda params, x: params["w"] * x, params={"w": jnp.array(2.0)}, tx=tx
      ... )
      >>> def loss_fn(params):
      ...     return (state.apply_fn(params, 3.0) - 3.0) ** 2
      >>> value, grads = jax.value_and_grad(loss_fn)(state.params)
      >>> state = state.apply_gradients(grads=grads, value=value)
      >>> print(f"{float(state.params['w']):.2f}")
      0.20
    """

    def apply_gradients(self, *, grads: Any, **keywords: Any) -> Self:
        """Return the state after one update.

        Args:
          grads: gradients with the structure of ``params``.
          **keywords: ``value``, ``validation_value`` and whatever else the optimizer's
            ``update`` takes; a keyword that is the name of a field of the train state
            (``batch_stats`` in a subclass, say) replaces that field instead, as in flax.

        Returns:
          A train state with new parameters, optimizer state and step.
        """
        names = {field.name for field in dataclasses.fields(self)}
        replaced = {name: new for name, new in keywords.items() if name in names}
        extra_args = {name: new for name, new in keywords.items() if name not in names}
        tx = optax.with_extra_args_support(self.tx)

        def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
            return tx.update(updates, state, params, **extra_args)

        informed = self.replace(tx=optax.GradientTransformation(tx.init, update))
        return (
            super(TrainState, informed).apply_gradients(grads=grads, **replaced).replace(tx=self.tx)
        )
