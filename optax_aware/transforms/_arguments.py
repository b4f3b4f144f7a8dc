"""Checks of the arguments that only transforms take."""

from typing import Any

import jax
import optax

from optax_aware._arguments import check_policy
from optax_aware._types import Policy


def check_inner(inner: Any) -> None:
    """Refuse what is not a gradient transformation."""
    if not isinstance(inner, optax.GradientTransformation):
        raise ValueError(
            f"inner must be an optax.GradientTransformation such as optax.scale_by_adam(), "
            f"got inner={inner!r}."
        )


def check_state(state: Any, kind: type) -> None:
    """Refuse the state of something else: parameters in its place, or another optimizer's."""
    if not isinstance(state, kind):
        raise TypeError(
            f"opt_state must be the state that init(params) returned, {kind.__name__}, got "
            f"{type(state).__name__}. The order is update(grads, opt_state, params, value=loss)."
        )


def check_made_alike(
    policy_state: Any, first_policy_state: Any, **options: tuple[bool, bool]
) -> None:
    """Refuse a state that was made under another policy, or with other options.

    ``options`` says of each whether it was on when the state was made, and whether it is now.
    Numbers of a policy leave no trace in its state: they may be changed in the middle of a run.
    """
    different = [f"{name}={was}, now {now}" for name, (was, now) in options.items() if was != now]
    if jax.tree.structure(policy_state) != jax.tree.structure(first_policy_state):
        was, now = type(policy_state).__name__, type(first_policy_state).__name__
        different = [f"its policy has a {was}, now a {now}", *different]
    if different:
        raise ValueError(
            f"opt_state was made by a transform with other arguments: {'; '.join(different)}. "
            f"A state goes on under the arguments that it was made with; under others begin anew, "
            f"with init(params)."
        )


def check_loss_is_enough(policy: Policy, transform: str) -> None:
    """Refuse a policy that observes norms where there is no optimizer to take them of."""
    if policy.observes:
        raise ValueError(
            f"policy must observe the loss alone in {transform}. Use aware(inner, policy), which "
            f"owns the optimizer to measure, got policy.observes={policy.observes!r}."
        )


def check_lengthens(policy: Any, max_length: Any) -> None:
    """Refuse a policy of which no length of accumulation follows, or one without a bound."""
    check_policy(policy)
    check_loss_is_enough(policy, "accumulate")
    if policy.finds_rate:
        raise ValueError(
            "policy must scale a base rate in accumulate, got one that finds a rate itself, of "
            "which no length follows. Put it inside: accumulate(aware(inner, policy), every)."
        )
    if max_length is None:
        raise ValueError(
            "max_length must be a whole number of at least 1 where a policy makes the "
            "accumulation longer, got max_length=None."
        )


def check_axis_name(axis_name: Any) -> None:
    """Refuse what cannot be the name of a mapped axis."""
    names = axis_name if isinstance(axis_name, tuple) else (axis_name,)
    if axis_name is not None and not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"axis_name must be None, the name of a mapped axis or a tuple of such names, "
            f"got axis_name={axis_name!r}."
        )
