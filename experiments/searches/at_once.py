"""``python -m experiments search``: many rates at once, against one after another."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from rich.console import Console

import optax_aware as oa
from experiments import files
from experiments.circumstances import describe
from experiments.console import say
from experiments.errors import UsageError
from experiments.folder import hold
from experiments.searches.subject import Subject, subject_of
from experiments.style import save
from experiments.suite.tasks import find_task

LOWEST, HIGHEST = 1e-5, 10.0
AT_ONCE = "at once"
REPEATS = 3


def run_search(
    name: str, rates: int, steps: int, folder: Path, data_dir: Path | None, console: Console
) -> None:
    """Search a task from coarse to fine, and time its first round against single runs.

    Each is timed with compilation, and again without, the best of three. Single runs take the
    rate as data, so that they compile once for all of them: as a compiled scan, and, as most
    people write it, as a loop around a compiled step.

    Raises:
      UsageError: if the request cannot be carried out.
    """
    for option, number, least in (("--rates", rates, 3), ("--steps", steps, 4)):
        if number < least:
            raise UsageError(f"{option} must be at least {least}, got {number}.")
    subject = subject_of(find_task(name), data_dir)
    with hold(folder):
        _search(subject, name, rates, steps, folder, console)


def _search(
    subject: Subject, name: str, rates: int, steps: int, folder: Path, console: Console
) -> None:
    params, draws = subject.start(0, steps)

    def together(rounds: int) -> oa.search.CoarseToFine:
        return oa.search.coarse_to_fine(
            subject.loss,
            params,
            draws,
            subject.inner,
            min_rate=LOWEST,
            max_rate=HIGHEST,
            num_rates=rates,
            num_rounds=rounds,
            num_steps=steps,
        )

    scan, step = _single_runs(subject)
    grid = np.geomspace(LOWEST, HIGHEST, rates).astype(np.float32)

    def scans() -> None:
        for rate in grid:
            jax.block_until_ready(scan(params, draws, rate))

    def loops() -> None:
        for rate in grid:
            carry = jax.tree.map(jax.numpy.asarray, (params, subject.inner.init(params)))
            for number in range(steps):
                drawn = jax.tree.map(lambda leaf: leaf[number], draws)  # noqa: B023
                carry, _ = step(carry, drawn, rate)
            jax.block_until_ready(carry)

    ways = {
        AT_ONCE: lambda: together(1),
        "one after another, as scans": scans,
        "one after another, as loops": loops,
    }
    seconds = {
        name: (_timed(work), min(_timed(work) for _ in range(REPEATS)))
        for name, work in ways.items()
    }
    ratios = {name: again / seconds[AT_ONCE][1] for name, (_, again) in seconds.items()}
    found = together(2)
    figure = oa.plotting.coarse_to_fine(found).figure
    files.write_text(folder / "search.txt", f"{found}\n")
    files.write_whole(folder / "search.png", lambda partial: save(figure, partial))  # pyright: ignore[reportArgumentType]
    content = {
        "task": name,
        "rates": rates,
        "steps": steps,
        "seconds_first_and_again": seconds,
        "again_over_at_once": ratios,
        **describe(),
    }
    files.write_json(folder / "search.json", content)
    say(console, str(found))
    for way, (first, again) in seconds.items():
        say(
            console,
            f"{rates} rates {way}: {first:.2f} s, again {again:.2f} s, {ratios[way]:.1f} times "
            "the time at once",
        )
    say(console, f"written to {folder}")


def _single_runs(subject: Subject) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """One run at a rate that is data, as a compiled scan, and one compiled step of it."""

    def advance(carry, drawn, rate):
        params, state = carry
        value, gradients = jax.value_and_grad(subject.loss)(params, drawn)
        updates, state = subject.inner.update(gradients, state, params)
        updates = jax.tree.map(lambda update: -rate * update, updates)
        return (optax.apply_updates(params, updates), state), value

    def train(params, draws, rate):
        carry = (params, subject.inner.init(params))
        return jax.lax.scan(lambda carry, drawn: advance(carry, drawn, rate), carry, draws)[1]

    return jax.jit(train), jax.jit(advance)


def _timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return round(time.perf_counter() - begun, 3)
