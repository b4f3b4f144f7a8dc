"""A policy that does what it is told, step by step, for testing what carries decisions out."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from optax_aware import Condition, Decision, Evidence, Observation, Policy


class ScriptState(NamedTuple):
    script_line: jax.Array
    script_seen: jax.Array


def scripted(
    scales: Sequence[float],
    *,
    skip: Sequence[int] = (),
    rewind: Sequence[int] = (),
    keep: Sequence[int] = (),
    restart: Sequence[int] = (),
    observe_at: Sequence[int] | None = None,
    observes: tuple[str, ...] = (),
    seen: str = "value",
    conditions: Sequence[int] | None = None,
) -> Policy:
    """Return a policy with one scale a line; ``skip`` to ``restart`` name lines.

    A line is one observation, which differs from the step while a rewind settles. The
    evidence ``value_mean`` repeats the field of the observation called ``seen``. Every line
    is `Condition.DESCENDING` unless ``conditions`` says something else.
    """
    lines = jnp.arange(len(scales))
    table = jnp.asarray(scales, jnp.float32)
    descending = [Condition.DESCENDING] * len(scales)
    names = jnp.asarray(descending if conditions is None else conditions, jnp.int32)

    def marked(places: Sequence[int]) -> jax.Array:
        return jnp.isin(lines, jnp.asarray(list(places), jnp.int32))

    skips, rewinds, keeps = marked(skip), marked(rewind), marked(keep)
    restarts = marked(restart)
    asks = marked(range(len(scales)) if observe_at is None else [line - 1 for line in observe_at])

    def init() -> ScriptState:
        return ScriptState(jnp.int32(0), jnp.float32(0.0))

    def update(state: ScriptState, observation: Observation) -> tuple[ScriptState, Decision]:
        line = state.script_line
        decision = Decision(
            scale=table[line],
            condition=names[line],
            skip=skips[line],
            rewind=rewinds[line],
            keep=keeps[line],
            restart_average=restarts[line],
            observe=asks[line],
            evidence=Evidence(value_mean=getattr(observation, seen)),
        )
        return ScriptState(line + 1, jnp.asarray(observation.value, jnp.float32)), decision

    return Policy(init, update, observes=observes, rewinds=bool(rewind))
