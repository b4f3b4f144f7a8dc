"""Accumulation that grows by a policy, around `aware` and inside of it."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from optax_aware.transforms._accumulation_length import accumulation_length
from tests.references import accumulation as reference
from tests.references.scripted import scripted
from tests.transforms.micro_batches import scanned

NAN = float("nan")


def last(states):
    return jax.tree.map(lambda leaf: leaf[-1], states)


def ones(count):
    return {"w": jnp.ones((count, 2))}


def windows(updates, states):
    """Return the length of every window that was completed, and the update that ended it."""
    ends = np.flatnonzero(oa.accumulation(states).updated)
    return np.diff(ends, prepend=-1).tolist(), np.asarray(updates["w"])[ends, 0]


SCALES = ["1", "1/2", "1/10", "1/100", "1/3", "2", "8", "3/4", "1/1000", "1/7"]


def test_lengths_and_what_is_left_for_the_rate_are_those_of_the_slow_reference():
    tx = oa.accumulate(
        optax.sgd(0.5), 2, policy=scripted([float(Fraction(s)) for s in SCALES]), max_length=16
    )
    expected = [reference.length(2, Fraction(scale), 16) for scale in SCALES]
    count = 2 + sum(length for length, _ in expected[:-1])
    updates, states = scanned(tx, {"w": jnp.ones(2)}, ones(count), np.ones(count))
    lengths, ends = windows(updates, states)
    assert lengths == [2, *(length for length, _ in expected[:-1])]
    assert set(lengths) == {1, 2, 3, 4, 6, 16}
    np.testing.assert_allclose(ends, [-0.5 * rest for _, rest in expected], rtol=1e-5)
    assert oa.accumulation(last(states)).length == expected[-1][0]


def test_a_scale_that_has_been_rounded_costs_no_micro_batch():
    cases, scales = [], []
    for factor in ("0.1", "0.3", "0.5", "0.7", "0.9"):
        scale = np.float32(1.0)
        for exponent in range(1, 7):
            scale *= np.float32(factor)
            cases += [(every, Fraction(factor) ** exponent) for every in (1, 3, 7, 10, 64, 1000)]
            scales += [scale] * 6
    every = jnp.asarray([every for every, _ in cases])
    longest = 20_000
    lengths, factors = jax.vmap(
        lambda every, scale: accumulation_length(every, longest)(jnp.int32(0), scale)
    )(every, jnp.asarray(scales))
    expected = [reference.length(every, scale, longest) for every, scale in cases]
    assert lengths.tolist() == [length for length, _ in expected]
    np.testing.assert_allclose(factors, [rest for _, rest in expected], rtol=1e-5)


def test_long_accumulations_are_as_long_as_they_are_said_to_be():
    cases = [
        (every, scale)
        for every in (32_768, 65_534, 65_536, 65_537, 100_000, 1_000_000, 2**24)
        for scale in (Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(2))
    ]
    every, scales = zip(*((every, float(scale)) for every, scale in cases), strict=True)
    ask = jax.vmap(lambda every, scale: accumulation_length(every, None)(jnp.int32(0), scale))
    lengths, factors = ask(jnp.asarray(every), jnp.asarray(scales))
    expected = [reference.length(every, scale, 2**24) for every, scale in cases]
    assert lengths.tolist() == [length for length, _ in expected]
    np.testing.assert_allclose(factors, [rest for _, rest in expected], rtol=1e-6)
    assert lengths[::5].tolist() == list(every[::5])


def test_a_scale_that_is_no_number_makes_no_update_that_is_none():
    tx = oa.accumulate(optax.sgd(1.0), 1, policy=scripted([1.0, NAN, -1.0, 1.0]), max_length=1)
    updates, _ = scanned(tx, {"w": jnp.ones(2)}, ones(4), np.ones(4))
    np.testing.assert_array_equal(updates["w"][:, 0], [-1.0, 0.0, 0.0, -1.0])


def test_no_scale_and_no_schedule_leads_out_of_bounds():
    strange = [NAN, float("inf"), -float("inf"), -1.0, 0.0, 1e-38, 1e30, 0.4, 2.5]
    numbers = jnp.asarray(strange, jnp.float32)
    ask = jax.vmap(
        lambda every, scale: accumulation_length(lambda update: every, 5)(jnp.int32(0), scale),
        in_axes=(0, None),
    )
    for scale in (NAN, -1.0, 0.0, 1e-38, 0.3, 1.0, 1e30, float("inf")):
        lengths, factors = ask(numbers, jnp.float32(scale))
        assert ((lengths >= 1) & (lengths <= 5)).all()
        assert ((factors >= 0.0) & (factors <= 1.0)).all()


def test_a_plateau_makes_the_batch_larger_and_leaves_the_rate():
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=1)
    tx = oa.accumulate(optax.sgd(0.25), 1, policy=policy, max_length=4)
    values = [3.0, 2.0, 2.0, 2.0] + [2.0] * 20
    updates, states = scanned(tx, {"w": jnp.ones(2)}, ones(24), values)
    lengths, ends = windows(updates, states)
    assert lengths == [1, 1, 1, 1, 2, 2, 4, 4, 4, 4]
    np.testing.assert_allclose(ends, [-0.25] * 7 + [-0.125] * 2 + [-0.0625])
    report = oa.report(last(states))
    assert (report.step, report.scale) == (10, 0.0625)
    assert [event.first_step for event in oa.events(last(states))] == [3, 5, 7, 9]


def test_it_can_be_read_and_reset_and_its_rate_is_that_of_the_optimizer_inside():
    params = jnp.ones(2)
    policy = oa.policies.reduce_on_plateau(factor=0.5, patience=0)
    inner = optax.inject_hyperparams(optax.sgd)(learning_rate=1.0)
    tx = oa.accumulate(inner, 1, policy=policy, max_length=8)
    step = jax.jit(lambda opt_state: tx.update(params, opt_state, params, value=1.0)[1])
    opt_state = step(step(tx.init(params)))
    assert oa.learning_rate(opt_state) == 0.5
    assert oa.accumulation(opt_state).length == 2
    with pytest.raises(ValueError, match=r"that of accumulate alone.*accumulation_inner_state"):
        oa.set_learning_rate(opt_state, 0.05)
    opt_state.accumulation_inner_state.hyperparams["learning_rate"] = jnp.float32(0.25)
    updates, _ = tx.update(params, step(opt_state), params, value=1.0)
    np.testing.assert_array_equal(updates, -0.25)
    opt_state = oa.reset(opt_state)
    for _ in range(2):
        opt_state = step(opt_state)
    assert oa.learning_rate(opt_state) == 1.0
    assert oa.accumulation(opt_state).length == 1


def test_a_rate_set_by_hand_reaches_the_policy_inside_and_leaves_the_length():
    params = jnp.ones(2)
    inner = oa.aware(optax.identity(), oa.policies.constant(), learning_rate=1.0)
    tx = oa.accumulate(inner, 1, policy=oa.policies.constant(), max_length=8)
    opt_state = oa.set_learning_rate(tx.init(params), 0.25)
    assert oa.learning_rate(opt_state.accumulation_inner_state) == 0.25
    updates, opt_state = tx.update(params, opt_state, params, value=1.0)
    np.testing.assert_array_equal(updates, -0.25)
    assert oa.learning_rate(opt_state.accumulation_awareness) == 1.0
    assert oa.accumulation(opt_state).length == 1


def test_steps_that_the_policy_skips_and_windows_of_nothing_leave_the_inner_state():
    tx = oa.accumulate(
        optax.chain(optax.trace(0.5), optax.scale(-1.0)),
        2,
        policy=scripted([1.0] * 4, skip=(1,)),
        max_length=4,
    )
    values = [1.0, 1.0, 1.0, 1.0, NAN, NAN, 1.0, NAN]
    updates, states = scanned(tx, {"w": jnp.ones(2)}, ones(8), values)
    np.testing.assert_array_equal(updates["w"][1::2, 0], [-1.0, 0.0, 0.0, -1.5])
    np.testing.assert_array_equal(updates["w"][::2], 0.0)
    report = oa.report(last(states))
    assert (report.step, report.skipped, report.nonfinite) == (4, 2, 1)
    assert oa.accumulation(last(states)).left_out == 3


def test_two_policies_have_a_part_of_the_state_each():
    inner = oa.aware(optax.identity(), scripted([1.0, 0.5]), learning_rate=1.0)
    tx = oa.accumulate(inner, 1, policy=scripted([0.5, 0.25]), max_length=4)
    _, states = scanned(tx, {"w": jnp.ones(2)}, ones(3), [1.0] * 3)
    with pytest.raises(ValueError, match="exactly one policy, got 2"):
        oa.report(last(states))
    assert oa.report(last(states).accumulation_inner_state).scale == 0.5
    assert oa.report(last(states).accumulation_awareness).scale == 0.25


def test_inside_aware_each_micro_batch_is_watched_and_a_broken_one_replaced():
    tx = oa.aware(
        oa.accumulate(optax.trace(0.5), 2),
        scripted([1.0] * 8, keep=(2,), rewind=(5,)),
        learning_rate=0.5,
        average=False,
    )
    gradients = {"w": jnp.asarray([[1.0], [NAN], [3.0], [1.0], [1.0], [1.0], [1.0], [2.0]])}
    updates, states = scanned(tx, {"w": jnp.zeros(1)}, gradients, [1.0] * 8)
    # The snapshot is that of step 2: one micro-batch of 1 is in the mean, and no momentum yet.
    expected = [0.0, 0.0, -1.0, 0.0, -1.0, 0.0, -0.5, 0.0]
    np.testing.assert_allclose(updates["w"][:, 0], expected)
    assert oa.accumulation(last(states)).left_out == 0
    assert oa.report(last(states)).nonfinite == 1


ARRANGEMENTS = {
    "around": lambda inner, every: oa.accumulate(oa.aware(inner), every),
    "inside": lambda inner, every: oa.aware(oa.accumulate(inner, every)),
}


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_a_rate_is_found_around_and_inside(arrangement):
    tx = ARRANGEMENTS[arrangement](optax.scale_by_adam(), 4)
    target = jnp.linspace(-1.0, 1.0, 20)

    def step(carry, noise):
        params, opt_state = carry
        value, grads = jax.value_and_grad(
            lambda params: 0.5 * jnp.sum((params - target - 0.1 * noise) ** 2)
        )(params)
        updates, opt_state = tx.update(grads, opt_state, params, value=value)
        return (optax.apply_updates(params, updates), opt_state), None

    noise = jax.random.normal(jax.random.key(0), (2000, 20))
    start = jnp.full(20, 3.0)
    run = jax.jit(lambda carry: jax.lax.scan(step, carry, noise)[0])
    params, opt_state = run((start, tx.init(start)))
    answer = oa.eval_params(opt_state, params)
    assert 0.5 * jnp.sum((answer - target) ** 2) < 0.05
    assert 480 <= oa.accumulation(opt_state).updates <= 500  # inside, a rewind repeats a few
