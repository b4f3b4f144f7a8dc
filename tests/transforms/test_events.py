import functools
import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.references import events as reference
from tests.references.aware import cooldown
from tests.references.scripted import scripted

LISTENING, RAMPING, FLAT, SPIKE, DIVERGING, DRIFTED = (
    int(oa.Condition[name])
    for name in ("LISTENING", "RAMPING", "FLAT", "SPIKE", "DIVERGING", "DRIFTED")
)


@functools.cache
def compiled(tx):
    grads = jnp.ones(2)
    return jax.jit(lambda opt_state, value: tx.update(grads, opt_state, grads, value=value)[1])


def play(tx, values, opt_state=None):
    """Return the state after a step for each of ``values``."""
    opt_state = tx.init(jnp.ones(2)) if opt_state is None else opt_state
    for value in values:
        opt_state = compiled(tx)(opt_state, np.float32(value))
    return opt_state


def steered(policy, **options):
    return oa.aware(optax.identity(), policy, average=False, **{"learning_rate": 0.1, **options})


def told(opt_state):
    """Return what a person looks at first, rates rounded."""
    return [
        (*event_key(event), round(event.rate_before, 6), round(event.rate_after, 6))
        for event in oa.events(opt_state)
    ]


def event_key(event):
    return event.first_step, event.last_step, event.condition, event.action


STEPS = 240
MEMBERS = 24
SKIP, KEEP, REWIND = (3, 40, 41, 42, 150), (0, 30, 90), (20, 60, 61, 100, 180)


def random_scripts():
    """Return scales, conditions, values and lengths: quiet runs, busy runs, ends and none."""
    random = np.random.default_rng(0)
    busy = np.linspace(0.02, 1.0, MEMBERS)[:, None]
    factors = np.where(random.random((MEMBERS, STEPS)) < busy, 2.0 ** random.normal(size=STEPS), 1)
    scales = np.clip(np.cumprod(factors, axis=1), 0.01, 100.0).astype(np.float32)
    turns = np.cumsum(random.random((MEMBERS, STEPS)) < 0.1, axis=1)
    conditions = np.array([RAMPING, FLAT, DIVERGING, DRIFTED])[turns % 4]
    values = random.normal(size=(MEMBERS, STEPS)).astype(np.float32)
    values[random.random((MEMBERS, STEPS)) < 0.03] = np.nan
    lengths = np.where(np.arange(MEMBERS) % 3 == 0, 10**6, 201 + np.arange(MEMBERS))
    return scales, conditions.astype(np.int32), values, lengths.astype(np.int32)


def run_script(scales, conditions, values, total_steps):
    """Return the last state and, for each step, what the reference asks to know."""
    policy = scripted(scales, skip=SKIP, keep=KEEP, rewind=REWIND, conditions=conditions)
    tx = steered(policy, total_steps=total_steps)
    start = jnp.array([1.0, 1e-3])

    def step(carry, value):
        params, before = carry
        updates, after = tx.update(jnp.ones(2), before, params, value=value)
        history = (
            before.aware_awareness.aware_policy_state.script_line,
            before.aware_snapshot.snapshot_attempts_left > 0,
            oa.report(before),
            oa.report(after),
        )
        return (optax.apply_updates(params, updates), after), history

    (_, opt_state), history = jax.lax.scan(step, (start, tx.init(start)), values)
    return opt_state, history


def steps_of(conditions, values, total_steps, history):
    lines, settling, before, after = history
    told_means = np.where(np.isnan(after.value_mean), np.inf, after.value_mean)
    names = [oa.CONDITIONS[condition] for condition in conditions[lines]]
    return [
        reference.Step(
            condition=names[t] if np.isfinite(values[t]) else "nonfinite",
            scale=float(after.scale[t]),
            rate=float(after.learning_rate[t]),
            value_mean=float(told_means[t]),
            skipped=bool(after.skipped[t] > before.skipped[t]),
            rewound=bool(after.rewound[t] > before.rewound[t]),
            settling=bool(settling[t]),
            cooldown=cooldown(t, int(total_steps)),
        )
        for t in range(STEPS)
    ]


def test_follows_the_slow_reference():
    scripts = random_scripts()
    batched = jax.jit(jax.vmap(run_script))(*scripts)
    states, histories = jax.tree.map(np.asarray, batched)
    dropped, actions = [], set()
    for member in range(MEMBERS):
        _, conditions, values, total_steps = (script[member] for script in scripts)
        opt_state, history = jax.tree.map(lambda leaf, m=member: leaf[m], (states, histories))
        expected = reference.events(steps_of(conditions, values, total_steps, history))
        seen = oa.events(opt_state)
        rows = [
            (*event_key(event), event.rate_before, event.rate_after, event.value_mean)
            for event in seen
        ]
        assert (rows, seen.dropped) == expected
        dropped.append(seen.dropped)
        actions |= {(event.condition, event.action) for event in seen}
    assert min(dropped) == 0 < max(dropped)
    assert {action for _, action in actions} == set(reference.ACTIONS)
    assert {("cooling", "cooled"), ("done", "cooled"), ("nonfinite", "skipped")} <= actions

    alone, _ = jax.jit(run_script)(*(script[5] for script in scripts))
    assert oa.events(alone) == oa.events(jax.tree.map(lambda leaf: leaf[5], states))
    with pytest.raises(ValueError, match=r"states of several .* 1 leading axes. Take one of them"):
        oa.events(states)


RUN = steered(
    scripted(
        [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 1.0, 1.0, 1.0, 0.5],
        conditions=[LISTENING, *[RAMPING] * 3, FLAT, SPIKE, DIVERGING, FLAT, FLAT, FLAT],
        skip=[5],
        rewind=[6],
    )
)
STILL = steered(oa.policies.constant())


def test_a_run_reads_as_a_table():
    opt_state = play(RUN, [2.5, 2.25, 2.0, 1.75, 1.5, 80.0, 3.0, math.nan, 1.5, 1.23456])
    assert [line.rstrip() for line in str(oa.events(opt_state)).splitlines()] == [
        "steps  condition  action   rate before  rate after  value mean  standard error  progress"
        "  annealing gain",
        "1-3    ramping    scaled           0.1         0.8        1.75               -         -"
        "               -",
        "5      spike      skipped          0.8         0.8          80               -         -"
        "               -",
        "6      diverging  rewound          0.8         0.1           3               -         -"
        "               -",
        "7      nonfinite  skipped          0.1         0.1           -               -         -"
        "               -",
        "9      flat       scaled           0.1        0.05       1.235               -         -"
        "               -",
    ]
    assert repr(oa.events(opt_state)) == str(oa.events(opt_state))


def test_a_sequence_of_plain_python():
    seen = oa.events(play(RUN, [1.0] * 10))
    assert len(seen) == 4
    assert seen[-1] == list(seen)[3] == seen[3]
    assert [event.action for event in seen[1:3]] == ["skipped", "rewound"]
    assert {type(field) for event in seen for field in event} == {int, float, str}
    assert pickle.loads(pickle.dumps(seen)) == seen
    with pytest.raises(IndexError):
        seen[4]


def test_without_events():
    for state in (STILL.init(jnp.ones(2)), play(STILL, [1.0] * 5)):
        assert str(oa.events(state)) == "no events yet"
        assert len(oa.events(state)) == oa.events(state).dropped == 0


def test_a_full_log_says_how_much_it_has_lost():
    tx = steered(scripted([2.0**-place for place in range(70)], conditions=[FLAT, RAMPING] * 35))
    opt_state = play(tx, [1.0] * 66)
    seen = oa.events(opt_state)
    assert (len(seen), seen.dropped) == (64, 1)
    assert str(seen).splitlines()[-1] == "1 older event was overwritten"
    assert (seen[0].first_step, seen[-1].first_step) == (2, 65)
    seen = oa.events(play(tx, [1.0] * 4, opt_state))
    assert str(seen).splitlines()[-1] == "5 older events were overwritten"


def test_a_scale_that_moves_at_every_step_is_one_event():
    tx = steered(scripted([1 / (1 + place) for place in range(50)]))
    assert told(play(tx, [1.0] * 50)) == [(1, 49, "descending", "scaled", 0.1, 0.002)]


def test_the_first_rate_of_a_policy_that_starts_elsewhere_is_told():
    opt_state = play(steered(scripted([0.25] * 3)), [1.0] * 3)
    assert told(opt_state) == [(0, 0, "descending", "scaled", math.inf, 0.025)]
    assert str(oa.events(opt_state)).splitlines()[1].split()[:5] == [
        *("0", "descending", "scaled"),
        *("-", "0.025"),
    ]


def test_schedules_and_rates_set_by_hand_leave_none():
    tx = steered(scripted([1.0] * 20), learning_rate=oa.schedules.linear(1.0, 0.0, 20))
    opt_state = play(tx, [1.0] * 5)
    opt_state = play(tx, [1.0] * 5, oa.set_learning_rate(opt_state, 0.3))
    assert len(oa.events(opt_state)) == 0


def test_new_levels_at_the_same_rate_are_relearned():
    policy = scripted([1.0] * 3, conditions=[FLAT, DRIFTED, FLAT])
    assert told(play(steered(policy), [1.0] * 3)) == [(1, 1, "drifted", "relearned", 0.1, 0.1)]


def test_a_reset_leaves_the_return_to_the_first_scale():
    tx = steered(oa.policies.reduce_on_plateau(factor=0.5, patience=0))
    opt_state = play(tx, [1.0] * 2)
    opt_state = play(tx, [1.0], oa.reset(opt_state))
    assert [row[:2] + row[3:] for row in told(opt_state)] == [
        (1, 1, "scaled", 0.1, 0.05),
        (2, 2, "scaled", 0.05, 0.1),
    ]


def test_a_cooldown_is_told_from_its_beginning_to_the_first_thing_that_interrupts_it():
    policy = scripted([1.0] * 22, conditions=[FLAT] * 16 + [SPIKE] * 6, skip=[16])
    opt_state = play(steered(policy, total_steps=20), [1.0] * 22)
    assert told(opt_state) == [
        (15, 15, "cooling", "cooled", 0.1, 0.059175),
        (16, 16, "spike", "skipped", 0.059175, 0.042265),
        (20, 21, "done", "cooled", 0.008713, 0.0),
    ]
    assert oa.CONDITIONS[int(oa.report(opt_state).condition)] == "done"


def test_a_step_left_out_puts_the_beginning_of_the_cooldown_off():
    opt_state = play(steered(oa.policies.constant(), total_steps=20), [1.0] * 15 + [math.nan] + [1])
    assert told(opt_state) == [
        (15, 15, "nonfinite", "skipped", 0.1, 0.059175),
        (16, 16, "cooling", "cooled", 0.059175, 0.042265),
    ]


def test_unknown_evidence_is_never_a_nan_in_the_state():
    policy = scripted([1.0, 0.5, 0.5, 0.25], observes=("params_norm",), seen="params_norm")
    policy = policy._replace(observes=())
    opt_state = play(steered(policy), [1.0, math.nan, 1.0, 1.0])
    log = opt_state.aware_awareness.aware_events
    assert not np.any(np.isnan(log.aware_event_numbers))
    assert [event.value_mean for event in oa.events(opt_state)] == [math.inf] * 2


def test_debugging_for_nans_is_not_disturbed():
    with jax.debug_nans(True):
        opt_state = play(steered(scripted([1.0, 0.5, 0.5])), [1.0] * 3)
    assert len(oa.events(opt_state)) == 1


OTHERS = {
    "scale_by_policy": (optax.chain(optax.sgd(0.1), oa.scale_by_policy(scripted([1.0, 0.5]))), 1.0),
    "as_learning_rate": (
        optax.inject_hyperparams(optax.sgd)(
            learning_rate=oa.as_learning_rate(scripted([1.0, 0.5]), 0.1)
        ),
        0.1,
    ),
}


@pytest.mark.parametrize("transform", OTHERS)
def test_every_transform_keeps_events(transform):
    tx, base_rate = OTHERS[transform]
    assert told(play(tx, [1.0, 1.0])) == [
        (1, 1, "descending", "scaled", base_rate, 0.5 * base_rate)
    ]


def test_events_are_read_outside_of_jit():
    opt_state = STILL.init(jnp.ones(2))
    with pytest.raises(TypeError, match=r"Call events\(opt_state\) outside of jit"):
        jax.jit(lambda state: len(oa.events(state)))(opt_state)


def test_no_policy_is_refused():
    with pytest.raises(ValueError, match="exactly one policy, got 0"):
        oa.events(optax.adam(1e-3).init(jnp.ones(2)))
