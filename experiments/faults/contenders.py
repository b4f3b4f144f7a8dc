"""What is put to the test: every policy around Adam, and Adam as optax gives it."""

from collections.abc import Callable

import optax

import optax_aware as oa

RATE = 0.01
"""Of Adam, and the base rate of the policies that need one."""
CONSECUTIVE_ERRORS = 5
"""What the documentation of `optax.apply_if_finite` suggests."""

Transformation = optax.GradientTransformationExtraArgs


def _with_policy(policy: oa.Policy) -> Transformation:
    rate = None if policy.finds_rate else RATE
    return oa.aware(optax.scale_by_adam(), policy, learning_rate=rate)


def _clipped() -> Transformation:
    """The default, with the gradients clipped first and an epsilon that 16 bits can hold."""
    return oa.aware(optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(eps=1e-4)))


CONTENDERS: dict[str, Callable[[], Transformation]] = {
    "condition_based": lambda: _with_policy(oa.policies.condition_based()),
    "condition_based, clipped": _clipped,
    "constant": lambda: _with_policy(oa.policies.constant()),
    "reduce_on_plateau": lambda: _with_policy(oa.policies.reduce_on_plateau(window=20)),
    "greedy": lambda: _with_policy(oa.policies.greedy()),
    "ratio_based": lambda: _with_policy(oa.policies.ratio_based()),
    "robust_ratio": lambda: _with_policy(oa.policies.robust_ratio()),
    "loss_ratio": lambda: _with_policy(oa.policies.loss_ratio()),
    "apply_if_finite": lambda: optax.with_extra_args_support(
        optax.apply_if_finite(optax.adam(RATE), CONSECUTIVE_ERRORS)
    ),
    "adam": lambda: optax.with_extra_args_support(optax.adam(RATE)),
}
"""By name; the last two are what there is without this library."""
