import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references.scripted import scripted

CONSTANT = oa.policies.constant()
RATE = jnp.asarray(0.5)


def rates(tx, steps, edit=None):
    """Return the rate of every step; ``edit`` maps a step to what is done before it."""
    params = jnp.ones(())
    opt_state = tx.init(params)
    update = jax.jit(tx.update)
    seen = []
    for step in range(steps):
        if edit and step in edit:
            opt_state = edit[step](opt_state)
        updates, opt_state = update(params, opt_state, params, value=1.0)
        seen.append(-float(updates))
    return seen


def test_a_report_can_be_returned_from_jit_and_scan():
    tx = oa.aware(optax.identity(), scripted([0.5, 0.25], skip=[1]), learning_rate=2.0)
    params = jnp.ones(())

    def step(opt_state, value):
        _, opt_state = tx.update(params, opt_state, params, value=value)
        return opt_state, oa.report(opt_state)

    _, seen = jax.lax.scan(step, tx.init(params), jnp.asarray([3.0, 4.0]))
    np.testing.assert_array_equal(seen.step, [1, 2])
    np.testing.assert_array_equal(seen.learning_rate, [1.0, 0.5])
    np.testing.assert_array_equal(seen.scale, [0.5, 0.25])
    np.testing.assert_array_equal(seen.value_mean, [3.0, 4.0])
    np.testing.assert_array_equal(seen.skipped, [0, 1])
    assert np.all(np.isinf(seen.progress))
    assert [oa.CONDITIONS[number] for number in seen.condition] == ["descending"] * 2


def test_before_the_first_update():
    opt_state = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5).init(jnp.ones(2))
    seen = oa.report(opt_state)
    assert (seen.step, seen.learning_rate, seen.scale) == (0, 0.5, 1.0)
    assert oa.CONDITIONS[int(seen.condition)] == "listening"


def test_debugging_for_nans_is_not_disturbed():
    tx = oa.aware(optax.scale_by_adam(), CONSTANT, learning_rate=0.5)
    params = jnp.ones(2)

    @jax.jit
    def step(opt_state):
        _, opt_state = tx.update(params, opt_state, params, value=1.0)
        return opt_state, oa.report(opt_state)

    with jax.debug_nans(True):
        opt_state, seen = step(jax.jit(tx.init)(params))
    assert oa.learning_rate(opt_state) == seen.learning_rate == 0.5


def test_no_policy_or_several_are_refused():
    with pytest.raises(ValueError, match="exactly one policy, got 0"):
        oa.report(optax.adam(1e-3).init(jnp.ones(2)))
    with pytest.raises(ValueError, match="must hold a policy, got none"):
        oa.set_learning_rate(optax.adam(1e-3).init(jnp.ones(2)), 0.1)
    with pytest.raises(ValueError, match="must hold a policy, got none"):
        oa.reset({})
    tx = optax.partition(
        {label: oa.aware(optax.identity(), CONSTANT, learning_rate=0.1) for label in "ab"},
        {"x": "a", "y": "b"},
    )
    params = {"x": jnp.ones(2), "y": jnp.ones(3)}
    opt_state = tx.init(params)
    with pytest.raises(ValueError, match="exactly one policy, got 2"):
        oa.learning_rate(opt_state)
    opt_state = oa.set_learning_rate(opt_state, 0.25)
    for label in "ab":
        assert oa.learning_rate(opt_state.inner_states[label]) == 0.25


def test_a_rate_set_by_hand_is_the_next_rate_and_the_rest_follows_in_proportion():
    tx = oa.aware(
        optax.identity(),
        scripted([1.0, 1.0, 0.5, 0.5]),
        learning_rate=oa.schedules.linear(0.4, 0.0, 4),
    )
    usual = rates(tx, 4)
    np.testing.assert_allclose(usual, [0.4, 0.3, 0.1, 0.05], rtol=1e-6)
    edited = rates(tx, 4, {1: lambda state: oa.set_learning_rate(state, 0.03)})
    np.testing.assert_allclose(edited, [0.4, 0.03, 0.01, 0.005], rtol=1e-6)


def test_a_rate_set_during_a_warmup_from_zero_waits_for_it():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=oa.schedules.linear(0.0, 0.4, 4))
    seen = rates(tx, 3, {0: lambda state: oa.set_learning_rate(state, 0.05)})
    np.testing.assert_allclose(seen, [0.0, 0.05, 0.1], rtol=1e-6)


def test_a_rate_set_in_a_warmup_is_held_until_the_warmup_has_come_that_far():
    schedule = oa.schedules.warmup(oa.schedules.linear(1.0, 0.0, 10), 10)
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=schedule)
    usual = rates(tx, 21)
    edited = rates(tx, 21, {1: lambda state: oa.set_learning_rate(state, 0.45)})
    np.testing.assert_allclose(edited[1:5], 0.45, rtol=1e-6)
    np.testing.assert_allclose(edited[5:16], usual[5:16], rtol=1e-6)
    np.testing.assert_allclose(edited[16:19], 0.45, rtol=1e-6)
    assert edited[20] == 0.0


def test_a_rate_set_by_hand_is_used_to_the_last_bit():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1)
    for wanted in np.linspace(0.05, 0.95, 19, dtype=np.float32):
        seen = rates(tx, 1, {0: lambda state, wanted=wanted: oa.set_learning_rate(state, wanted)})
        assert np.float32(seen[0]) == wanted


def test_a_rate_set_after_the_end_is_not_reported_as_used():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1, total_steps=2)
    params = jnp.ones(())
    update = jax.jit(tx.update)
    opt_state = tx.init(params)
    for _ in range(3):
        _, opt_state = update(params, opt_state, params, value=1.0)
    updates, opt_state = update(params, oa.set_learning_rate(opt_state, 0.05), params, value=1.0)
    assert updates == 0.0
    assert oa.learning_rate(opt_state) == oa.report(opt_state).learning_rate == 0.0


@pytest.mark.parametrize("edit", [oa.reset, lambda state: oa.set_learning_rate(state, RATE)])
def test_edited_states_share_no_array_and_can_be_donated(edit):
    tx = optax.partition(
        {label: oa.aware(optax.identity(), CONSTANT, learning_rate=0.1) for label in "ab"},
        {"x": "a", "y": "b"},
    )
    params = {"x": jnp.ones(2), "y": jnp.ones(3)}
    update = jax.jit(lambda state: tx.update(params, state, params, value=1.0)[1], donate_argnums=0)
    update(edit(tx.init(params)))
    assert not RATE.is_deleted()


def test_edits_keep_the_axis_of_a_vmapped_state():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1)
    params = jnp.ones((3, 2))
    opt_state = oa.set_learning_rate(oa.reset(jax.vmap(tx.init)(params)), 0.25)
    updates, opt_state = jax.vmap(lambda p, s: tx.update(p, s, p, value=1.0))(params, opt_state)
    np.testing.assert_array_equal(updates, -0.25)


def test_edits_work_inside_jit():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1)
    opt_state = jax.jit(oa.set_learning_rate)(tx.init(jnp.ones(2)), 0.25)
    assert oa.learning_rate(jax.jit(oa.reset)(opt_state)) == 0.25


def test_a_rate_of_zero_can_be_set_and_left_again():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5)
    seen = rates(
        tx,
        4,
        {
            1: lambda state: oa.set_learning_rate(state, 0.0),
            3: lambda state: oa.set_learning_rate(state, 0.25),
        },
    )
    np.testing.assert_array_equal(seen, [0.5, 0.0, 0.0, 0.25])


def test_a_rate_set_by_hand_can_be_read_at_once_and_traces_nothing_again():
    tx = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5)
    params = jnp.ones(())
    traces = []

    @jax.jit
    def update(opt_state):
        traces.append(None)
        return tx.update(params, opt_state, params, value=1.0)[1]

    opt_state = update(tx.init(params))
    for wanted in [0.1, np.float64(0.2), jnp.float32(0.3), 1]:
        opt_state = oa.set_learning_rate(opt_state, wanted)
        np.testing.assert_allclose(oa.learning_rate(opt_state), wanted, rtol=1e-6)
        opt_state = update(opt_state)
        np.testing.assert_allclose(oa.learning_rate(opt_state), wanted, rtol=1e-6)
    update(oa.reset(opt_state))
    assert len(traces) == 1


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, 1e39, "fast", None])
def test_rates_that_cannot_be_set(rate):
    opt_state = oa.aware(optax.identity(), CONSTANT).init(jnp.ones(2))
    with pytest.raises(ValueError, match="learning_rate must be"):
        oa.set_learning_rate(opt_state, rate)


def test_a_reset_forgets_scale_and_rate_but_not_the_step():
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0)
    tx = oa.aware(optax.identity(), policy, learning_rate=oa.schedules.linear(1.0, 0.0, 10))
    seen = rates(tx, 5, {2: lambda state: oa.set_learning_rate(state, 0.01), 3: oa.reset})
    np.testing.assert_allclose(seen, [1.0, 0.45, 0.01, 0.7, 0.3], rtol=1e-6)


@pytest.mark.parametrize("reset_first", [True, False])
def test_a_reset_and_a_rate_that_waits_may_come_in_any_order(reset_first):
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0)
    tx = oa.aware(optax.identity(), policy, learning_rate=1.0)

    def both(opt_state):
        if reset_first:
            edited = oa.set_learning_rate(oa.reset(opt_state), 0.05)
        else:
            edited = oa.reset(oa.set_learning_rate(opt_state, 0.05))
        assert oa.learning_rate(edited) == np.float32(0.05)
        return edited

    np.testing.assert_allclose(rates(tx, 5, {3: both}), [1.0, 0.5, 0.25, 0.05, 0.025], rtol=1e-6)


def test_eval_params_without_an_average_are_the_parameters():
    params = {"w": jnp.ones(2)}
    opt_state = optax.adam(1e-3).init(params)
    assert oa.eval_params(opt_state, params) is params


def test_eval_params_of_other_parameters_are_refused():
    opt_state = oa.aware(optax.identity(), CONSTANT).init({"w": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"got \['w'\] with shape \(3,\) in place of \(2,\)"):
        oa.eval_params(opt_state, {"w": jnp.ones(3)})
    with pytest.raises(ValueError, match="got 2 arrays, not 1"):
        oa.eval_params(opt_state, {"w": jnp.ones(2), "b": 1.0})


GRADUAL = oa.aware(optax.identity(), CONSTANT, learning_rate=0.1)


@pytest.mark.parametrize(
    ("tx", "averaged"),
    [
        (optax.masked(GRADUAL, {"w": True, "deep": False}), ["w"]),
        (
            optax.partition({"x": GRADUAL, "y": optax.set_to_zero()}, {"w": "y", "deep": "x"}),
            ["deep"],
        ),
        (
            optax.partition({"x": GRADUAL, "y": optax.chain(GRADUAL)}, {"w": "y", "deep": "x"}),
            ["w", "deep"],
        ),
    ],
)
def test_each_parameter_is_evaluated_at_the_average_it_belongs_to(tx, averaged):
    params = {"w": jnp.ones(2), "deep": {"b": jnp.ones(3), "k": [jnp.ones(())]}}
    opt_state, alone = tx.init(params), {name: GRADUAL.init(params[name]) for name in params}
    for _ in range(5):
        gradients = params
        updates, opt_state = tx.update(gradients, opt_state, params, value=1.0)
        for name in params:
            alone[name] = GRADUAL.update(gradients[name], alone[name], params[name], value=1.0)[1]
        params = optax.apply_updates(params, updates)
    found = jax.jit(oa.eval_params)(opt_state, params)
    for name in params:
        wanted = oa.eval_params(alone[name], params[name]) if name in averaged else params[name]
        jax.tree.map(np.testing.assert_array_equal, found[name], wanted)


def test_two_averages_of_one_parameter_and_another_structure_are_refused():
    params = {"w": jnp.ones(2), "b": jnp.ones(3)}
    twice = (GRADUAL.init(params), GRADUAL.init(params))
    with pytest.raises(ValueError, match=r"one average of each parameter, got several of \['b'\]"):
        oa.eval_params(twice, params)
    masked = optax.masked(GRADUAL, {"w": True, "b": False}).init(params)
    with pytest.raises(ValueError, match="got another structure"):
        oa.eval_params(masked, [jnp.ones(2), jnp.ones(3)])


@pytest.mark.parametrize("rate", [jnp.nan, -1.0, jnp.inf])
def test_of_a_traced_rate_that_is_none_nothing_is_set(rate):
    opt_state = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5).init(jnp.ones(2))
    edited = jax.jit(oa.set_learning_rate)(opt_state, rate)
    jax.tree.map(np.testing.assert_array_equal, edited, opt_state)


def test_eval_params_in_the_wrong_order_are_refused():
    params = jnp.ones(2)
    opt_state = oa.aware(optax.identity(), CONSTANT).init(params)
    with pytest.raises(ValueError, match="the state comes first"):
        oa.eval_params(params, opt_state)


def test_edits_leave_the_given_state_alone():
    opt_state = oa.aware(optax.identity(), CONSTANT, learning_rate=0.5).init(jnp.ones(2))
    oa.set_learning_rate(opt_state, 0.1)
    oa.reset(opt_state)
    assert oa.learning_rate(opt_state) == 0.5
