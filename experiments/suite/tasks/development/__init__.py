"""The tasks that the rule was worked out on."""

from experiments.suite.tasks.development import classifiers, others, quadratics, regressions

TASKS = (*quadratics.TASKS, *classifiers.TASKS, *regressions.TASKS, *others.TASKS)
