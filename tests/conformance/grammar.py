"""A grammar of optimizers: our transforms inside of optax's, to any depth, as Hypothesis draws."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax
from hypothesis import strategies as st

import optax_aware as oa
from tests.policies.table import POLICIES


class Plan(NamedTuple):
    """An optimizer as it is written down: what Hypothesis shows where one fails.

    Attributes:
      text: an expression.
      make: makes the optimizer.
      held: how many steps may pass until an update is made and seen by ours.
    """

    text: str
    make: Callable[[], optax.GradientTransformation]
    held: int = 1

    def __repr__(self) -> str:
        return self.text


def _masks(tree: Any) -> Any:
    """True for matrices alone."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, tree)


DIRECTIONS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "identity()": optax.identity,
    "trace(0.9)": lambda: optax.trace(0.9),
    "scale_by_adam()": optax.scale_by_adam,
    "scale_by_rms()": optax.scale_by_rms,
    "scale_by_sign()": optax.scale_by_sign,
    "scale_by_lion()": optax.scale_by_lion,
    "sgd(0.5)": lambda: optax.sgd(0.5),
    "chain(scale_by_adam(), add_decayed_weights(0.01, masks))": lambda: optax.chain(
        optax.scale_by_adam(), optax.add_decayed_weights(0.01, _masks)
    ),
    "chain(clip(1), trace(0.9), scale_by_trust_ratio())": lambda: optax.chain(
        optax.clip(1.0), optax.trace(0.9), optax.scale_by_trust_ratio()
    ),
    "chain(scale_by_adam(), layerwise({'**': 0.5}))": lambda: optax.chain(
        optax.scale_by_adam(), oa.layerwise({"**": 0.5})
    ),
    "masked(trace(0.9), masks)": lambda: optax.masked(optax.trace(0.9), _masks),
}
RATES: dict[str, Any] = {"None": None, "0.1": 0.1, "cosine": oa.schedules.cosine(0.1, 10)}
SCALING = sorted(name for name in POLICIES if not POLICIES[name]().observes)


def _aware(policy, direction, rate, total_steps, rewind, average) -> Plan:
    options = {"total_steps": total_steps, "rewind": rewind, "average": average}
    spelled = ", ".join(f"{name}={value}" for name, value in options.items())
    return Plan(
        f"aware({direction}, {policy}, learning_rate={rate}, {spelled})",
        lambda: oa.aware(
            DIRECTIONS[direction](), POLICIES[policy](), learning_rate=RATES[rate], **options
        ),
    )


AWARE = st.builds(
    _aware,
    # The condition-based policy takes seconds to compile, and is drawn in a part of the examples.
    st.sampled_from([*SCALING, *SCALING, "condition_based"]),
    st.sampled_from(sorted(DIRECTIONS)),
    st.sampled_from(sorted(RATES)),
    st.sampled_from([None, 10]),
    st.booleans(),
    st.sampled_from([None, True, False]),
)
SCALE = st.sampled_from(SCALING).map(
    lambda policy: Plan(
        f"chain(sgd(0.1), scale_by_policy({policy}))",
        lambda: optax.chain(optax.sgd(0.1), oa.scale_by_policy(POLICIES[policy]())),
    )
)
RATE = st.sampled_from(SCALING).map(
    lambda policy: Plan(
        f"inject_hyperparams(adam)(as_learning_rate({policy}, 0.1))",
        lambda: optax.inject_hyperparams(optax.adam)(
            learning_rate=oa.as_learning_rate(POLICIES[policy](), 0.1)
        ),
    )
)


def _multi_steps(tx: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Its own `gradient_transformation` would not hand the loss on."""
    steps = optax.MultiSteps(tx, 2)
    return optax.GradientTransformationExtraArgs(steps.init, steps.update)


WRAPPERS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "chain(clip_by_global_norm(1), {})": (
        lambda tx: optax.chain(optax.clip_by_global_norm(1.0), tx),
        1,
    ),
    "chain({}, scale(0.5), keep_params_nonnegative())": (
        lambda tx: optax.chain(tx, optax.scale(0.5), optax.keep_params_nonnegative()),
        1,
    ),
    "named_chain(zero_nans(), {})": (
        lambda tx: optax.named_chain(("finite", optax.zero_nans()), ("ours", tx)),
        1,
    ),
    "masked({}, masks)": (lambda tx: optax.masked(tx, _masks), 1),
    "partition({}, set_to_zero())": (
        lambda tx: optax.partition(
            {True: tx, False: optax.set_to_zero()}, lambda tree: _masks(tree)
        ),
        1,
    ),
    "partition({}, sgd(0.1))": (
        lambda tx: optax.partition({True: tx, False: optax.sgd(0.1)}, lambda tree: _masks(tree)),
        1,
    ),
    "apply_if_finite({}, 3)": (lambda tx: optax.apply_if_finite(tx, 3), 1),
    "flatten({})": (optax.flatten, 1),
    "conditionally_transform({}, always)": (
        lambda tx: optax.conditionally_transform(tx, lambda step: step >= 0),
        1,
    ),
    "conditionally_mask({}, always)": (
        lambda tx: optax.conditionally_mask(tx, lambda step: step >= 0),
        1,
    ),
    "with_extra_args_support({})": (optax.with_extra_args_support, 1),
    "inject_hyperparams(chain({}, scale(factor)))(factor=0.5)": (
        lambda tx: optax.inject_hyperparams(lambda factor: optax.chain(tx, optax.scale(factor)))(
            factor=0.5
        ),
        1,
    ),
    "MultiSteps({}, 2)": (_multi_steps, 2),
    "accumulate({}, 2)": (lambda tx: oa.accumulate(tx, 2), 2),
    "accumulate({}, 1)": (lambda tx: oa.accumulate(tx, 1), 1),
}


def _wrapped(wrapper: str, plan: Plan) -> Plan:
    wrap, held = WRAPPERS[wrapper]
    return Plan(wrapper.format(plan), lambda: wrap(plan.make()), held * plan.held)


PLANS = st.recursive(
    AWARE | SCALE | RATE,
    lambda plans: st.builds(_wrapped, st.sampled_from(sorted(WRAPPERS)), plans),
    max_leaves=4,
)
