import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted

STEPS = 6
PARAMS = {"w": jnp.array([[1.0, -2.0], [0.5, 3.0]]), "b": jnp.array([0.1, -0.2])}
MATRICES = {"w": True, "b": False}


def matrices(params):
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def path_of(tx):
    """Return the parameters after each of a few steps down a bowl that is not round."""
    tx = optax.with_extra_args_support(tx)

    def step(carry, number):
        params, opt_state = carry
        value, grads = jax.value_and_grad(
            lambda p: jnp.sum(p["w"] ** 2) + 5.0 * jnp.sum((p["b"] - 0.1 * number) ** 2)
        )(params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        params = optax.apply_updates(params, updates)
        return (params, opt_state), params

    whole = jax.jit(lambda p: jax.lax.scan(step, (p, tx.init(p)), jnp.arange(float(STEPS)))[1])
    return whole(PARAMS)


CASES = {
    "sgd": (oa.aware_sgd, {}, optax.sgd, optax.identity()),
    "momentum": (oa.aware_sgd, {"momentum": 0.9}, optax.sgd, optax.trace(0.9)),
    "nesterov": (
        oa.aware_sgd,
        {"momentum": 0.8, "nesterov": True, "accumulator_dtype": jnp.bfloat16},
        optax.sgd,
        optax.trace(0.8, nesterov=True, accumulator_dtype=jnp.bfloat16),
    ),
    "adam": (oa.aware_adam, {}, optax.adam, optax.scale_by_adam()),
    "nadam": (
        oa.aware_adam,
        {"b1": 0.8, "b2": 0.95, "eps": 1e-3, "eps_root": 1e-4, "nesterov": True},
        optax.adam,
        optax.scale_by_adam(b1=0.8, b2=0.95, eps=1e-3, eps_root=1e-4, nesterov=True),
    ),
    "adamw": (
        oa.aware_adamw,
        {},
        optax.adamw,
        optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(1e-4)),
    ),
    "masked nadamw": (
        oa.aware_adamw,
        {
            "b1": 0.8,
            "mu_dtype": jnp.bfloat16,
            "weight_decay": 0.3,
            "mask": matrices,
            "nesterov": True,
        },
        optax.adamw,
        optax.chain(
            optax.scale_by_adam(b1=0.8, mu_dtype=jnp.bfloat16, nesterov=True),
            optax.add_decayed_weights(0.3, MATRICES),
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_is_the_optimizer_of_optax_under_a_constant_policy(case):
    alias, options, peer, _ = CASES[case]
    ours = path_of(alias(**options, policy=oa.policies.constant(), learning_rate=0.05))
    theirs = path_of(peer(0.05, **options))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), ours, theirs)


FORWARDED = {
    "learning_rate": oa.schedules.linear(0.1, 0.02, STEPS),
    "total_steps": STEPS,
    "average": True,
}


@pytest.mark.parametrize("case", CASES)
def test_is_the_very_program_of_the_chain_it_stands_for(case):
    alias, options, _, inner = CASES[case]
    policy = scripted(np.linspace(1.0, 0.3, STEPS), skip=[2], keep=[1], rewind=[4])

    def program(tx):
        def update(params, opt_state):
            return tx.update(params, opt_state, params, value=jnp.float32(1.0))

        opt_state = jax.eval_shape(tx.init, PARAMS)
        return str(jax.make_jaxpr(update)(PARAMS, opt_state))

    ours = program(alias(**options, policy=policy, **FORWARDED))
    assert ours == program(oa.aware(inner, policy, **FORWARDED))
    assert ours != program(oa.aware(optax.scale(2.0), policy, **FORWARDED))


@pytest.mark.parametrize("alias", [oa.aware_sgd, oa.aware_adam, oa.aware_adamw])
def test_every_option_of_aware_is_forwarded(alias):
    rewinding = scripted([1.0], rewind=[0])
    without = alias(policy=rewinding, rewind=False, average=False).init(PARAMS)
    assert without.aware_snapshot == without.aware_average == optax.EmptyState()
    usual = alias(policy=rewinding).init(PARAMS)
    assert optax.EmptyState() not in (usual.aware_snapshot, usual.aware_average)
    wrong = {
        "policy": "greedy",
        "learning_rate": -1.0,
        "total_steps": 0,
        "rewind": 1,
        "average": 1,
        "axis_name": 1,
    }
    for name, value in wrong.items():
        with pytest.raises(ValueError, match=f"^{name} must"):
            alias(**{"policy": rewinding, name: value})


@pytest.mark.parametrize(
    ("alias", "peer"),
    [
        (oa.aware_sgd, optax.sgd),
        (oa.aware_adam, optax.adam),
        (oa.aware_adamw, optax.adamw),
    ],
)
def test_names_and_defaults_are_those_of_optax_and_of_aware(alias, peer):
    def defaults(function, without):
        parameters = inspect.signature(function).parameters
        return {name: parameters[name].default for name in parameters if name not in without}

    ours = defaults(alias, ["policy"])
    expected = defaults(peer, ["learning_rate"]) | defaults(oa.aware, ["inner", "policy"])
    assert ours == expected
    assert inspect.signature(alias).parameters["policy"].default is None
