"""Replays with traced options: one compilation serves every setting of a policy."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np

import optax_aware as oa

CURVES, STEPS = 64, 600


def is_static(policy_name: str, option: str, value) -> bool:
    """Whether an option chooses structure: a ring's length, a string or a flag."""
    return isinstance(value, (str, bool)) or (policy_name, option) == ("greedy", "window")


def default_options(policy_name: str) -> dict:
    """The defaults of every option of a policy's factory."""
    parameters = inspect.signature(getattr(oa.policies, policy_name)).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters}


@functools.cache
def _compiled(policy_name: str, static: tuple):
    def run(options, curves, validations):
        policy = getattr(oa.policies, policy_name)(**dict(static), **options)
        return jax.vmap(lambda *recorded: oa.policies.replay(policy, *recorded))(
            curves, validations
        )

    # Compiling is what these tests spend their time on; unoptimized it takes half as long.
    return jax.jit(run, compiler_options={"xla_backend_optimization_level": 0})


def _padded(curves) -> np.ndarray:
    padded = np.full((CURVES, STEPS), np.nan, np.float32)
    padded[: len(curves), : len(curves[0])] = curves
    return padded


def replay(policy_name: str, curves, validation_curves=None, **options) -> oa.Decision:
    """Replay a policy on one curve or on several, with every number traced."""
    options = default_options(policy_name) | options
    if options.get("threshold", 0.0) is None:
        options["threshold"] = 1.0 if options["published"] else 0.0
    static = {key: value for key, value in options.items() if is_static(policy_name, key, value)}
    traced = {
        key: jnp.asarray(value, jnp.int32 if isinstance(value, int) else jnp.float32)
        for key, value in options.items()
        if key not in static
    }
    curves = np.asarray(curves, np.float32)
    several = np.atleast_2d(curves)
    validations = np.full_like(several, np.nan)
    if validation_curves is not None:
        validations = np.atleast_2d(np.asarray(validation_curves, np.float32))
    run = _compiled(policy_name, tuple(sorted(static.items())))
    decisions = run(traced, _padded(several), _padded(validations))
    rows, steps = several.shape
    kept = jax.tree.map(lambda field: np.asarray(field)[:rows, :steps], decisions)
    return kept if curves.ndim == 2 else jax.tree.map(lambda field: field[0], kept)
