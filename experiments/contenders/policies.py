"""The contenders that listen to the training loss, each with the library's defaults.

The one exception is `reduce_on_plateau`, whose defaults are for validation losses; its
documentation asks for a window where it listens to the loss of minibatches.
"""

import optax_aware as oa
from experiments.contenders.plan import Plan


def condition_based(plan: Plan) -> oa.Policy:
    return oa.policies.condition_based()


def constant(plan: Plan) -> oa.Policy:
    return oa.policies.constant()


def reduce_on_plateau(plan: Plan) -> oa.Policy:
    return oa.policies.reduce_on_plateau(factor=0.5, patience=1, window=plan.steps(1))


def loss_ratio(plan: Plan) -> oa.Policy:
    return oa.policies.loss_ratio()


def ratio_based(plan: Plan) -> oa.Policy:
    return oa.policies.ratio_based()


def robust_ratio(plan: Plan) -> oa.Policy:
    return oa.policies.robust_ratio()


def greedy(plan: Plan) -> oa.Policy:
    return oa.policies.greedy()
