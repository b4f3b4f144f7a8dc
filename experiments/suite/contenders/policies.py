"""The policies of this library that multiply a rate somebody has to give: at a usual one."""

from collections.abc import Callable

import optax

import optax_aware as oa
from experiments.suite.contenders.contender import Contender
from experiments.suite.contenders.watching import watch
from experiments.suite.tasks.task import Task
from experiments.suite.training import Contestant, Setting

WINDOWS_A_RUN = 30


def _policy(make_policy: Callable[[Task], oa.Policy]) -> Callable[[Task], Contestant]:
    def contestant(task: Task) -> Contestant:
        def make(setting: Setting) -> optax.GradientTransformationExtraArgs:
            def schedule(step):
                return setting.number * setting.factor[step]

            return oa.aware(
                task.inner.make(), make_policy(task), learning_rate=schedule, average=False
            )

        return Contestant(make, watch=watch)

    return contestant


def _reduce_on_plateau(task: Task) -> oa.Policy:
    window = max(1, round(task.steps / WINDOWS_A_RUN))
    return oa.policies.reduce_on_plateau(factor=0.5, patience=1, window=window)


def _contender(name: str, summary: str, make: Callable[[Task], oa.Policy]) -> Contender:
    return Contender(
        name,
        "free",
        summary,
        _policy(make),
        __name__,
        lambda task: task.inner.default_rate,
        ours=True,
    )


CONTENDERS = (
    _contender("greedy", "GreedyLR, arXiv:2512.14527", lambda task: oa.policies.greedy()),
    _contender(
        "reduce_on_plateau", "halves when two thirtieths bring no new best", _reduce_on_plateau
    ),
    _contender("ratio_based", "the ratio-based concept", lambda task: oa.policies.ratio_based()),
    _contender(
        "robust_ratio", "the same by the log ratio", lambda task: oa.policies.robust_ratio()
    ),
    _contender("loss_ratio", "the ratio of losses", lambda task: oa.policies.loss_ratio()),
)
