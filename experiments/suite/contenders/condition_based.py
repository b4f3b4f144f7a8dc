"""The condition-based policy: without a rate, with and without a horizon; and with a wrong rate."""

import optax

import optax_aware as oa
from experiments.suite.contenders.contender import Contender
from experiments.suite.contenders.watching import watch
from experiments.suite.tasks.task import Task
from experiments.suite.training import Contestant, Setting


def _known(task: Task) -> Contestant:
    def make(setting: Setting) -> optax.GradientTransformationExtraArgs:
        return oa.aware(task.inner.make(), total_steps=setting.steps)

    return Contestant(make, watch=watch)


def _anytime(task: Task) -> Contestant:
    return Contestant(lambda setting: oa.aware(task.inner.make()), oa.eval_params, watch)


def _started(task: Task) -> Contestant:
    def make(setting: Setting) -> optax.GradientTransformationExtraArgs:
        return oa.aware(
            task.inner.make(),
            oa.policies.condition_based(),
            learning_rate=setting.number,
            total_steps=setting.steps,
        )

    return Contestant(make, watch=watch)


CONTENDERS = (
    Contender("condition_based", "known", "no rate, told the budget", _known, __name__, ours=True),
    Contender(
        "condition_based_anytime",
        "anytime",
        "no rate and no budget, averaged parameters",
        _anytime,
        __name__,
        ours=True,
    ),
    Contender(
        "condition_based_started",
        "started",
        "handed a rate that may be wrong, told the budget; for the study of starting rates",
        _started,
        __name__,
        ours=True,
    ),
)
