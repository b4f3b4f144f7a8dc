"""Every public transform once, with every public policy: what the conformance tests run over."""

from collections.abc import Callable

import jax.numpy as jnp
import optax

import optax_aware as oa
from tests.policies.table import POLICIES


def _rewinding(policy: oa.Policy) -> oa.Policy:
    """Return the policy with every decision asked for at some steps, and every norm observed."""

    def update(state, observation):
        state, decision = policy.update(state, observation)
        step = jnp.asarray(observation.step)
        return state, decision._replace(
            keep=step % 3 == 0, rewind=step % 5 == 4, skip=step % 7 == 6, observe=step % 2 == 0
        )

    norms = {"gradient_norm", "direction_norm", "params_norm", "gradient_dot_direction"}
    observes = tuple(sorted(norms | set(policy.observes)))
    return policy._replace(update=update, observes=observes, rewinds=True)


TRANSFORMS: dict[str, Callable[[oa.Policy], optax.GradientTransformationExtraArgs]] = {
    "scale_by_policy": lambda policy: optax.chain(optax.sgd(0.1), oa.scale_by_policy(policy)),
    "as_learning_rate": lambda policy: optax.inject_hyperparams(optax.sgd)(
        learning_rate=oa.as_learning_rate(policy, 0.1)
    ),
    "aware": lambda policy: oa.aware(
        optax.scale_by_adam(), policy, learning_rate=0.1, average=False
    ),
    "accumulate": lambda policy: oa.accumulate(optax.sgd(0.1), 1, policy=policy, max_length=1),
    "aware with everything": lambda policy: oa.aware(
        optax.chain(optax.scale_by_adam(), oa.layerwise({"**": 0.5})),
        _rewinding(policy),
        learning_rate=oa.schedules.cosine(0.1, 20),
        total_steps=20,
        average=True,
    ),
}
"""For each public transform: how it is made from a policy.

An `accumulate` of length 1 makes an update of every value, as the tests expect it; `layerwise`,
which has neither policy nor state, is inside of "aware with everything".
"""


def _belong_together(transform: str, policy: str) -> bool:
    """Return whether a policy is tried in a transform.

    One that observes more than the loss needs the optimizer that `aware` owns. To `accumulate`
    policies are what they are to `scale_by_policy`, so that the simplest will do.
    """
    if transform == "accumulate":
        return policy == "constant"
    return transform.startswith("aware") or not POLICIES[policy]().observes


CASES = [
    (transform, policy)
    for transform in TRANSFORMS
    for policy in POLICIES
    if _belong_together(transform, policy)
]


def make(case: tuple[str, str]) -> optax.GradientTransformationExtraArgs:
    """Return the transform of a case."""
    transform, policy = case
    return TRANSFORMS[transform](POLICIES[policy]())


ONE_OF_EACH = [
    (transform, "constant" if transform == "accumulate" else "reduce_on_plateau")
    for transform in TRANSFORMS
]

LOSSES = (1.0, 0.8, 0.9, 0.9, 0.9, float("nan"), 0.9, 0.9, 1.2, 0.9, float("inf"), 0.7)
"""Losses that make the policies of the table act, faults included."""
