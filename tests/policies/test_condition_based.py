"""The condition-based policy against its slow reference."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import optax_aware as oa
from optax_aware import Condition
from tests.policies import observations
from tests.policies.replays import default_options
from tests.references.condition_based import condition_based as reference

STREAMS, STEPS = 54, 160
EDGE = 1e-4
"""Comparisons of numbers nearer to each other than this, relatively, are left to rounding."""

OPTIONS = default_options("condition_based")


@functools.cache
def compiled():
    def decisions(options, stream):
        policy = oa.policies.condition_based(**options)

        def decide(state, observation):
            state, decision = policy.update(state, observation)
            return state, (decision, state.condition_phase)

        return jax.lax.scan(decide, policy.init(), stream)[1]

    whole = jax.vmap(decisions, in_axes=(None, 0))
    return jax.jit(whole, compiler_options={"xla_backend_optimization_level": 0})


def decide(stream, **options):
    traced = {
        name: jnp.asarray(value, jnp.int32 if isinstance(value, int) else jnp.float32)
        for name, value in (OPTIONS | options).items()
    }
    return jax.tree.map(np.asarray, compiled()(traced, stream))


SETTINGS = [
    {},
    {"listen_steps": 7, "growth": 0.05, "boost": 0.0, "factor": 1.0, "patience": 1},
    {"listen_steps": 2, "threshold": 0.5, "factor": 0.25, "patience": 5, "drift_patience": 8},
]


@pytest.mark.parametrize("changed", SETTINGS)
def test_same_decisions_as_the_slow_reference(changed):
    stream = observations.observed(STREAMS, STEPS, seed=len(changed))
    decisions, phases = decide(stream, **changed)
    compared, met = 0, set()
    for row in range(STREAMS):
        expected = reference(observations.rows(stream, row), **(OPTIONS | changed))
        on_edge = [step for step, line in enumerate(expected) if line["margin"] < EDGE]
        end = min([STEPS, *on_edge])
        compared += end
        ours = jax.tree.map(lambda field, row=row, end=end: field[row, :end], decisions)
        columns = {name: np.array([line[name] for line in expected[:end]]) for name in expected[0]}
        np.testing.assert_array_equal(phases[row, :end], columns["phase"])
        for name in ("condition", "skip", "rewind", "keep", "restart_average"):
            np.testing.assert_array_equal(getattr(ours, name), columns[name], err_msg=name)
        np.testing.assert_allclose(ours.scale, columns["scale"], rtol=1e-4)
        values = stream.value[row]
        grain = 1e-5 * np.max(np.abs(values[np.isfinite(values)]))
        for name, column in ours.evidence._asdict().items():
            np.testing.assert_allclose(column, columns[name], rtol=2e-3, atol=grain, err_msg=name)
        met |= {*ours.condition.tolist()}
    # Most runs meet no edge, and what was compared meets everything that the policy can say.
    assert compared > 0.7 * STREAMS * STEPS
    assert met >= set(Condition) - {Condition.STEADY, Condition.COOLING, Condition.DONE}, met
