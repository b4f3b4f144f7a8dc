"""``python -m experiments gallery``: short runs on digits, and a picture of each kind."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console

import optax_aware as oa
from experiments.console import say
from experiments.errors import UsageError
from experiments.files import write_whole
from experiments.folder import hold
from experiments.searches.subject import Subject, subject_of
from experiments.style import save
from experiments.suite.tasks import find_task

LEAST_STEPS = 40
SEEDS = 5
SEARCH_STEPS = 200
RATES = (0.01, 0.1, 1.0)
SIZE = (8.0, 5.0)


def draw_gallery(steps: int, folder: Path, console: Console) -> None:
    """Draw and write every picture.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    if steps < LEAST_STEPS:
        raise UsageError(f"--steps must be at least {LEAST_STEPS}, got {steps}.")
    subject = subject_of(find_task("digits_mlp"), None)
    with hold(folder):
        for name, draw in PICTURES.items():
            figure = Figure(figsize=SIZE, layout="constrained")
            draw(subject, steps, figure.add_subplot())
            path = folder / f"{name}.png"
            write_whole(path, lambda partial, figure=figure: save(figure, partial))
            say(console, f"wrote {path}")


def _schedules(subject: Subject, steps: int, ax: Axes) -> None:
    shapes = {
        "warmup, cosine": oa.schedules.warmup(
            oa.schedules.cosine(0.3, steps * 9 // 10), steps // 10
        ),
        "one cycle": oa.schedules.one_cycle(0.3, steps),
        "warmup, stable, decay": oa.schedules.warmup_stable_decay(
            0.3, steps // 20, steps * 13 // 20, steps * 3 // 10, shape="1-sqrt"
        ),
        "cosine, restarted": oa.schedules.cosine_restarts(0.3, steps // 4),
        "inverse root": oa.schedules.inverse_power(0.3, timescale=steps // 20),
    }
    oa.plotting.schedule(shapes, steps, ax=ax)


def _eventful_run(subject: Subject, steps: int, ax: Axes) -> None:
    """No rate, one batch that is not finite, and a loss a hundred times too high."""
    factors = np.ones(steps, np.float32)
    factors[steps // 3] = np.nan
    factors[steps // 2] = 100.0
    tx = oa.aware(subject.inner, total_steps=steps)
    opt_state, (values, reports) = train(subject, tx, 0, jnp.asarray(factors))
    oa.plotting.run(reports, values=values, events=oa.events(opt_state), ax=ax)


def _range_test(subject: Subject, steps: int, ax: Axes) -> None:
    params, draws = subject.start(0, SEARCH_STEPS)
    found = oa.search.range_test(subject.loss, params, draws, subject.inner)
    oa.plotting.range_test(found, ax=ax)


def _coarse_to_fine(subject: Subject, steps: int, ax: Axes) -> None:
    params, draws = subject.start(0, SEARCH_STEPS)
    found = oa.search.coarse_to_fine(
        subject.loss, params, draws, subject.inner, num_rates=16, num_steps=SEARCH_STEPS
    )
    oa.plotting.coarse_to_fine(found, ax=ax)


def _compare(subject: Subject, steps: int, ax: Axes) -> None:
    ways = {
        f"rate {rate:g}": oa.aware(
            subject.inner, oa.policies.constant(), learning_rate=rate, average=False
        )
        for rate in RATES
    }
    ways["aware, no rate"] = oa.aware(subject.inner, total_steps=steps)
    factors = jnp.ones(steps)
    losses = {
        name: np.stack([train(subject, tx, seed, factors)[1][0] for seed in range(SEEDS)])
        for name, tx in ways.items()
    }
    oa.plotting.compare(losses, ax=ax)


def train(
    subject: Subject, tx: optax.GradientTransformationExtraArgs, seed: int, factors: jax.Array
) -> tuple[Any, tuple[np.ndarray, oa.Report]]:
    """Train with losses and gradients multiplied by a factor, one for every step."""

    def step(carry, batch):
        params, opt_state = carry
        drawn, factor = batch
        value, grads = jax.value_and_grad(lambda params: factor * subject.loss(params, drawn))(
            params
        )
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return (optax.apply_updates(params, updates), opt_state), (value, oa.report(opt_state))

    params, draws = subject.start(seed, len(factors))
    whole = jax.jit(lambda *carry: jax.lax.scan(step, carry, (draws, factors)))
    (_, opt_state), seen = whole(params, tx.init(params))
    return opt_state, jax.tree.map(np.asarray, seen)


PICTURES = {
    "schedules": _schedules,
    "run": _eventful_run,
    "range_test": _range_test,
    "coarse_to_fine": _coarse_to_fine,
    "compare": _compare,
}
