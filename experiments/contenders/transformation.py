"""Makes an optax transformation of a contender."""

import optax

import optax_aware as oa
from experiments.contenders import policies, schedules
from experiments.contenders.catalogue import find_contender
from experiments.contenders.plan import Plan


def transformation(name: str, plan: Plan) -> optax.GradientTransformationExtraArgs:
    """Gradient descent under a contender: ``optax.identity()`` gives every one its direction.

    Neither averages the parameters nor cools down: the learning rate alone differs.
    """
    inner = optax.identity()
    if find_contender(name).kind == "schedule":
        schedule = getattr(schedules, name)(plan)
        return oa.aware(inner, oa.policies.constant(), learning_rate=schedule, average=False)
    policy = getattr(policies, name)(plan)
    return oa.aware(inner, policy, learning_rate=plan.learning_rate, average=False)
