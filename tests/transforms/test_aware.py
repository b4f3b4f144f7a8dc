import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from optax_aware.transforms._cooldown import cooldown_factor
from optax_aware.transforms._event_log import EVENT_CAPACITY
from tests.references import aware as reference
from tests.references.scripted import scripted

CONSTANT = oa.policies.constant()


def train(tx, gradient, start, steps, values=None):
    """Return parameters before each step and after the last, the averages and the reports."""
    values = jnp.ones(steps) if values is None else jnp.asarray(values, jnp.float32)

    def step(carry, value):
        params, opt_state = carry
        grads = jax.tree.map(gradient, params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        params = optax.apply_updates(params, updates)
        return (params, opt_state), (
            params,
            oa.eval_params(opt_state, params),
            oa.report(opt_state),
        )

    opt_state = tx.init(start)
    (_, opt_state), (path, averages, reports) = jax.lax.scan(step, (start, opt_state), values)

    def with_start(first, rest):
        return np.concatenate([np.asarray(first)[None], rest])

    return with_start(start, path), with_start(start, averages), reports, opt_state


@pytest.mark.parametrize(
    "script",
    [
        {},
        {"skip": [0, 3, 4]},
        {"keep": [2], "rewind": [5]},
        {"keep": [1, 4], "rewind": [3, 4, 7]},
        {"keep": [2], "rewind": [6], "skip": [1, 5, 7]},
        {"rewind": [0, 9]},
        {"values": [1, math.nan, 1, math.inf, 1, 1, -math.inf, 1, 1, 1]},
        {"total_steps": 10},
        {"total_steps": 4},
        {"base_rate": lambda step: 0.1 * (step + 1)},
        {"momentum": 0.9, "keep": [3], "rewind": [6], "skip": [2]},
    ],
)
def test_follows_the_slow_reference(script):
    scales = np.linspace(0.3, 0.05, 10)

    def gradient(position):
        return 2.0 * position - 1.0

    expected = reference.run(gradient, 3.0, scales, **script)
    marks = {name: script[name] for name in ("skip", "rewind", "keep") if name in script}
    momentum = script.get("momentum", 0.0)
    tx = oa.aware(
        optax.trace(momentum) if momentum else optax.identity(),
        scripted(scales, **marks),
        learning_rate=script.get("base_rate"),
        total_steps=script.get("total_steps"),
        average=True,
    )
    path, averages, reports, _ = train(tx, gradient, jnp.float32(3.0), 10, script.get("values"))
    np.testing.assert_allclose(path, expected["params"], rtol=2e-6)
    np.testing.assert_allclose(averages, expected["averages"], rtol=2e-6)
    np.testing.assert_allclose(reports.learning_rate, expected["rates"], rtol=2e-6, atol=1e-7)
    assert reports.rewound[-1] == len(script.get("rewind", ()))


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["value", "gradient"])
def test_a_step_that_is_not_finite_changes_nothing(broken, where):
    tx = oa.aware(optax.scale_by_adam(), CONSTANT, learning_rate=0.1, average=True)
    params = {"w": jnp.arange(3.0), "b": jnp.ones(())}
    opt_state = tx.init(params)
    grads = jax.tree.map(jnp.ones_like, params)
    _, opt_state = tx.update(grads, opt_state, params, value=1.0)
    if where == "gradient":
        grads = {**grads, "w": grads["w"].at[1].set(broken)}
    updates, after = tx.update(
        grads, opt_state, params, value=broken if where == "value" else jnp.float32(1.0)
    )
    for update in jax.tree.leaves(updates):
        np.testing.assert_array_equal(update, 0.0)
    jax.tree.map(
        np.testing.assert_array_equal, after.aware_inner_state, opt_state.aware_inner_state
    )
    jax.tree.map(np.testing.assert_array_equal, after.aware_average, opt_state.aware_average)
    seen = oa.report(after)
    assert (seen.skipped, seen.nonfinite, seen.step) == (1, 1, 2)
    assert oa.CONDITIONS[int(seen.condition)] == "nonfinite"


def test_an_inner_state_that_is_the_parameters_can_be_donated():
    tx = oa.aware(optax.contrib.prodigy(), CONSTANT, learning_rate=1.0)
    params = {"w": jnp.ones(3)}

    def step(params, opt_state):
        updates, opt_state = tx.update(params, opt_state, params, value=1.0)
        return optax.apply_updates(params, updates), opt_state

    params, _ = jax.jit(step, donate_argnums=(0, 1))(params, tx.init(params))
    assert np.all(params["w"] < 1.0)


def test_a_held_step_keeps_the_average_whatever_the_parameters_are():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1)
    params = jnp.ones(2)
    _, opt_state = tx.update(params, tx.init(params), params, value=1.0)
    _, opt_state = tx.update(params, opt_state, params.at[0].set(jnp.inf), value=math.nan)
    np.testing.assert_array_equal(opt_state.aware_average.average_params, 1.0)


@pytest.mark.parametrize("total_steps", [1, 7, 14, 19, 100, 1001, 2**24 + 1, 30_000_001])
def test_the_rate_is_zero_exactly_from_the_end_on(total_steps):
    cooldown = cooldown_factor(total_steps)
    assert cooldown(jnp.int32(total_steps - 1)) > 0.0
    assert cooldown(jnp.int32(total_steps)) == 0.0
    assert cooldown(jnp.int32(2**31 - 1)) == 0.0


@pytest.mark.parametrize("total_steps", [10, 101, 2000])
def test_the_cooldown_is_one_minus_a_root_over_the_last_thirty_percent(total_steps):
    steps = np.arange(total_steps + 5)
    elapsed = np.clip((steps - 0.7 * total_steps) / (0.3 * total_steps), 0.0, 1.0)
    cooldown = jax.vmap(cooldown_factor(total_steps))(jnp.asarray(steps, jnp.int32))
    np.testing.assert_allclose(cooldown, 1.0 - np.sqrt(elapsed), atol=2e-3)


def test_no_memory_is_spent_on_what_is_not_used():
    params = {"w": jnp.ones((64, 64))}
    inner = optax.scale_by_adam()
    bare = sum(leaf.nbytes for leaf in jax.tree.leaves(inner.init(params)))

    def extra(policy, **options):
        state = oa.aware(inner, policy, learning_rate=0.1, **options).init(params)
        return sum(leaf.nbytes for leaf in jax.tree.leaves(state)) - bare

    rewinding = scripted([1.0], rewind=[0])
    scalars_and_events = 1024 + EVENT_CAPACITY * (4 + 6) * 4
    assert extra(CONSTANT, average=False) < scalars_and_events < 8192
    assert extra(rewinding, average=False, rewind=False) < scalars_and_events
    assert extra(rewinding, average=False) > 3 * params["w"].nbytes
    assert extra(CONSTANT, total_steps=10) < scalars_and_events
    assert extra(CONSTANT) > params["w"].nbytes


@pytest.mark.parametrize("average", [True, False])
def test_sixteen_bit_parameters_are_averaged_in_float32(average):
    params = jnp.ones(3, jnp.bfloat16)
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=2.0**-9, average=average)
    opt_state = tx.init(params)
    update = jax.jit(tx.update)
    for step in range(40):
        params = jnp.full(3, 1.0 + (step % 2) * 2.0**-7, jnp.bfloat16)
        _, opt_state = update(params, opt_state, params, value=1.0)
    evaluated = oa.eval_params(opt_state, params)
    assert evaluated.dtype == jnp.bfloat16
    if average:
        assert opt_state.aware_average.average_params.dtype == jnp.float32
        kept = float(opt_state.aware_average.average_params[0])
        assert 1.0 + 2.0**-9 < kept < 1.0 + 2.0**-8 + 2.0**-9
    else:
        np.testing.assert_array_equal(evaluated, params)


@pytest.mark.parametrize("value", [1e300, np.float64(1e300), np.float64(-1e300)])
def test_a_double_beyond_float32_is_a_loss_that_is_not_finite(value):
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1)
    params = jnp.ones(2)
    updates, opt_state = tx.update(params, tx.init(params), params, value=value)
    assert not np.any(updates)
    assert oa.report(opt_state).nonfinite == 1


def test_value_reaches_the_inner_optimizer():
    def update(updates, state, params=None, *, value, **extra_args):
        return jax.tree.map(lambda update: update * value, updates), state

    inner = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
    tx = oa.aware(inner, CONSTANT, learning_rate=1.0)
    params = jnp.array(3.0)
    updates, _ = tx.update(params, tx.init(params), params, value=2.0)
    assert updates == -6.0


def test_norms_are_measured_where_a_policy_asks():
    params = {"w": jnp.array([3.0, 4.0]), "b": jnp.array([12.0])}
    grads = {"w": jnp.array([1.0, 2.0]), "b": jnp.array([2.0])}
    expected = {
        "gradient_norm": 3.0,
        "direction_norm": 6.0,
        "params_norm": 13.0,
        "gradient_dot_direction": 18.0,
    }
    for name, norm in expected.items():
        policy = scripted([1.0] * 4, observes=(name,), seen=name, observe_at=[2])
        tx = oa.aware(optax.scale(2.0), policy)
        opt_state = tx.init(params)
        update = jax.jit(tx.update)
        means = []
        for _ in range(3):
            _, opt_state = update(grads, opt_state, params, value=1.0)
            means.append(float(oa.report(opt_state).value_mean))
        np.testing.assert_allclose(means, [norm, math.nan, norm], rtol=1e-6)


def test_a_coordinate_that_is_left_out_of_the_update_is_left_out_of_its_norm():
    # In float16 the epsilon of Adam is zero, and so is the square of a small gradient.
    policy = scripted([1.0] * 2, observes=("direction_norm",), seen="direction_norm", observe_at=[])
    tx = oa.aware(optax.scale_by_adam(), policy)
    params = jnp.ones(3, jnp.float16)
    grads = jnp.asarray([1e-4, 0.5, 0.5], jnp.float16)
    updates, opt_state = tx.update(grads, tx.init(params), params, value=1.0)
    np.testing.assert_array_equal(updates[0], 0.0)
    np.testing.assert_allclose(oa.report(opt_state).value_mean, math.sqrt(2.0), rtol=1e-2)


def test_norms_are_the_same_on_every_device():
    policy = scripted([1.0] * 2, observes=("gradient_norm",), seen="gradient_norm", observe_at=[])
    tx = oa.aware(optax.identity(), policy, axis_name="batch")
    params = jnp.ones(3)

    def seen(gradients):
        _, opt_state = tx.update(gradients, tx.init(params), params, value=1.0)
        return oa.report(opt_state).value_mean

    gradients = jnp.arange(1.0, 5.0)[:, None] * jnp.array([2.0, 2.0, 1.0])
    norms = jax.jit(jax.vmap(seen, axis_name="batch"))(gradients)
    np.testing.assert_allclose(norms, [7.5] * 4, rtol=1e-6)


def test_the_end_of_a_known_run_is_reported():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=1.0, total_steps=10)
    _, _, reports, _ = train(tx, lambda x: 0.0 * x, jnp.float32(1.0), 12)
    names = [oa.CONDITIONS[condition] for condition in reports.condition]
    assert names == ["steady"] * 8 + ["cooling"] * 2 + ["done"] * 2


def test_total_steps_may_be_traced():
    def last_rate(total_steps):
        tx = oa.aware(optax.identity(), CONSTANT, learning_rate=1.0, total_steps=total_steps)
        return train_rates(tx)

    def train_rates(tx):
        params = jnp.float32(1.0)

        def step(opt_state, _):
            _, opt_state = tx.update(params, opt_state, params, value=1.0)
            return opt_state, oa.learning_rate(opt_state)

        return jax.lax.scan(step, tx.init(params), length=10)[1]

    lengths = [10, 20]
    swept = jax.vmap(last_rate)(jnp.asarray(lengths))
    for length, rates in zip(lengths, swept, strict=True):
        expected = [reference.cooldown(step, length) for step in range(10)]
        np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "averaged"),
    [
        ({}, True),
        ({"learning_rate": 0.1}, True),
        ({"total_steps": 10}, False),
        ({"learning_rate": oa.schedules.cosine(0.1, 10)}, False),
        ({"total_steps": 10, "average": True}, True),
        ({"average": False}, False),
    ],
)
def test_averages_when_the_end_is_not_known(options, averaged):
    tx = oa.aware(optax.identity(), CONSTANT, **options)
    params = jnp.float32(1.0)
    _, opt_state = tx.update(params, tx.init(params), params, value=1.0)
    assert (float(oa.eval_params(opt_state, jnp.float32(0.0))) != 0.0) == averaged


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"inner": lambda grads: grads}, "inner"),
        ({"inner": None}, "inner"),
        ({"policy": "greedy"}, "policy"),
        ({"policy": oa.policies.greedy}, "policy"),
        ({"policy": CONSTANT._replace(observes=("hessian",))}, "policy.observes"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": 0.0, "policy": None}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"learning_rate": jnp.ones(2)}, "learning_rate"),
        ({"learning_rate": 10**400}, "learning_rate"),
        ({"learning_rate": oa.as_learning_rate(CONSTANT, 0.1)}, "learning_rate"),
        ({"total_steps": 0}, "total_steps"),
        ({"total_steps": math.inf}, "total_steps"),
        ({"rewind": 1}, "rewind"),
        ({"average": "yes"}, "average"),
        ({"axis_name": 3}, "axis_name"),
    ],
)
def test_wrong_arguments_are_named(arguments, name):
    arguments = {"inner": optax.identity(), "policy": CONSTANT, **arguments}
    inner, policy = arguments.pop("inner"), arguments.pop("policy")
    with pytest.raises(ValueError, match=rf"^{name} must") as error:
        oa.aware(inner, policy, **arguments)
    assert "got" in str(error.value)


def test_a_direction_that_is_not_a_number_moves_nothing():
    broken = optax.stateless(lambda updates, params: updates.at[1].set(jnp.nan))
    tx = oa.aware(broken, CONSTANT, learning_rate=0.1)
    params, *_ = train(tx, lambda p: p, jnp.ones(3), 4)
    np.testing.assert_array_equal(params[:, 1], 1.0)
    np.testing.assert_allclose(params[-1, [0, 2]], 0.9**4, rtol=1e-6)


@pytest.mark.parametrize("options", [{"average": True}, {"average": False}])
def test_missing_parameters_are_named(options):
    policy = CONSTANT if options["average"] else scripted([1.0], rewind=[0])
    tx = oa.aware(optax.identity(), policy, **options)
    opt_state = tx.init(jnp.ones(2))
    with pytest.raises(ValueError, match="params must be the current parameters"):
        tx.update(jnp.ones(2), opt_state, value=1.0)


@pytest.mark.parametrize("options", [{"rewind": False}, {"average": False}])
@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"w": jnp.ones(2), "b": jnp.ones(3)}, r"\['b'\] with shape \(3,\) in place of none"),
        ({"w": jnp.ones(3)}, r"\['w'\] with shape \(3,\) in place of \(2,\)"),
        (jnp.ones(2), r"params with shape \(2,\) in place of none"),
    ],
)
def test_parameters_of_another_form_are_named(options, other, told):
    tx = oa.aware(optax.identity(), **options)
    opt_state = tx.init({"w": jnp.ones(2)})
    with pytest.raises(ValueError, match=f"params must have .* got .*{told}"):
        tx.update(other, opt_state, other, value=1.0)


def test_parameters_are_optional_where_nothing_needs_them():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5, average=False)
    updates, _ = tx.update(jnp.ones(2), tx.init(jnp.ones(2)), value=1.0)
    np.testing.assert_array_equal(updates, [-0.5, -0.5])


def test_gradients_may_be_python_numbers():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5)
    updates, _ = tx.update(2.0, tx.init(1.0), 1.0, value=1.0)
    assert updates == -1.0


@functools.cache
def _lowered(policy):
    params = {"w": jnp.ones((32, 32))}
    tx = oa.aware(optax.scale_by_adam(), policy, learning_rate=0.1)
    return jax.jit(tx.update).lower(params, tx.init(params), params, value=1.0).as_text()


def test_the_update_calls_no_host_and_no_float64():
    text = _lowered(CONSTANT)
    assert "callback" not in text
    assert "f64" not in text


def test_a_state_of_something_else_is_refused():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5)
    params = jnp.ones(2)
    with pytest.raises(TypeError, match=r"opt_state must be the state.*update\(grads, opt_state"):
        tx.update(params, params, tx.init(params), value=1.0)
    link = oa.scale_by_policy(CONSTANT)
    with pytest.raises(TypeError, match="AwarenessState, got tuple"):
        link.update(params, optax.adam(0.1).init(params), params, value=1.0)
