"""Large arrays are changed in place: copied where a snapshot needs it, else not."""

import gc
import re
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from optax_aware.transforms._in_place import changed_if

LEAVES, SIZE = 3, 50_000
COPY = re.compile(rf"= f32\[{SIZE}\]\S* copy\(")
KERNEL = re.compile(rf"= f32\[{SIZE}\]\S* fusion\(")
BRANCHES = re.compile(r"branch_computations=\{%?([\w.\-]+), %?([\w.\-]+)\}")


def computations(program):
    """The text of each computation of a compiled program by its name, and of the main one."""
    texts = {}
    for text in program.split("\n\n"):
        opened = re.match(r"\s*(ENTRY )?%?([\w.\-]+) \(", text)
        if opened:
            texts["main" if opened[1] else opened[2]] = text
    return texts


def compiled(tx):
    params = {
        f"layer{place}": jax.ShapeDtypeStruct((SIZE,), jnp.float32) for place in range(LEAVES)
    }

    def step(params, opt_state, noise):
        # Gradients that lie in memory of their own, as those of a backward pass do.
        gradients = jax.tree.map(lambda leaf, noise: jnp.cumsum(leaf + noise), params, noise)
        value = jnp.mean(params["layer0"][:100] ** 2)
        updates, opt_state = tx.update(gradients, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state

    opt_state = jax.eval_shape(tx.init, params)
    lowered = jax.jit(step, donate_argnums=(0, 1)).lower(params, opt_state, params)
    return lowered.compile()


def copies_in_main(program):
    return COPY.findall(computations(program.as_text())["main"])


@pytest.mark.parametrize("options", [{"rewind": False, "average": False}, {}], ids=str)
def test_a_common_step_copies_nothing(options):
    texts = computations(compiled(oa.aware(optax.scale_by_adam(), **options)).as_text())
    assert not COPY.findall(texts["main"])
    # A snapshot is copied in one branch; across from it nothing is.
    copied = [
        [len(COPY.findall(texts[branch])) for branch in branches]
        for branches in BRANCHES.findall(texts["main"])
    ]
    assert any(map(any, copied)) == bool(options.get("rewind", True))
    assert not any(map(all, copied)), copied


def test_nothing_of_a_step_is_worked_out_in_front_of_it():
    """XLA takes out of a loop what is the same in every iteration, here the decay."""

    def kernels_in_main(inner):
        tx = oa.aware(inner, rewind=False, average=False)
        return len(KERNEL.findall(computations(compiled(tx).as_text())["main"]))

    decayed = optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(1e-4))
    assert kernels_in_main(decayed) == kernels_in_main(optax.scale_by_adam()) > 0


def test_such_copies_are_found():
    def other_way_round(updates, state, params=None, *, value):
        finite = jnp.isfinite(value)
        step = optax.scale_by_adam().update

        def hold():
            return jax.tree.map(jnp.zeros_like, updates), state

        return jax.lax.cond(~finite, hold, lambda: step(updates, state, params))

    tx = optax.GradientTransformationExtraArgs(optax.scale_by_adam().init, other_way_round)
    assert copies_in_main(compiled(tx))


def doubled_if(flag, tree, factor=2.0):
    return changed_if(flag, lambda tree: jax.tree.map(lambda leaf: factor * leaf, tree), tree)


TRUE = jnp.asarray(True)
TREE = {"weights": jnp.arange(3.0), "biases": jnp.float32(1.0)}


@pytest.mark.parametrize("run", [jax.jit, lambda function: function], ids=["jit", "eager"])
def test_what_is_flagged_is_changed_and_the_rest_is_not(run):
    for flag in (True, False):
        changed = run(doubled_if)(jnp.asarray(flag), TREE)
        expected = jax.tree.map(lambda leaf, flag=flag: (1.0 + flag) * leaf, TREE)
        jax.tree.map(np.testing.assert_array_equal, changed, expected)


def test_each_member_has_a_flag_of_its_own():
    flags, members = jnp.array([True, False, True]), jnp.ones((3, 2))
    changed = jax.jit(jax.vmap(doubled_if))(flags, members)
    np.testing.assert_array_equal(changed, [[2, 2], [1, 1], [2, 2]])


def test_no_change_is_made_where_none_is_flagged():
    def change(number):
        jax.debug.callback(lambda: made.append(None))
        return number + 1

    made = []
    for flag in (False, True):
        number = changed_if(jnp.asarray(flag), change, jnp.int32(1))
        jax.effects_barrier()
        assert (int(number), len(made)) == (1 + flag, int(flag))


def test_keys_integers_and_gradients_of_integers_are_carried():
    nothing = np.zeros(2, jax.dtypes.float0)
    tree = {"key": jax.random.key(0), "count": jnp.int32(3), "nothing": nothing}

    def change(tree):
        key, _ = jax.random.split(tree["key"])
        return {"key": key, "count": tree["count"] + 1, "nothing": tree["nothing"]}

    changed = changed_if(jnp.asarray(True), change, tree)
    assert changed["count"] == 4
    assert changed["nothing"] is nothing
    assert changed["key"] == jax.random.split(tree["key"])[0]


@pytest.mark.parametrize("flag", [True, False])
def test_derivatives_are_those_of_a_conditional(flag):
    def by(conditional):
        def loss(tree, factor):
            kept = jax.tree.map(jnp.sin, tree)
            return sum(map(jnp.sum, jax.tree.leaves(conditional(jnp.asarray(flag), kept, factor))))

        return loss

    def plain(flag, tree, factor):
        return jax.lax.cond(flag, lambda: jax.tree.map(lambda x: factor * x, tree), lambda: tree)

    for derivative in (jax.grad, jax.jacfwd, jax.hessian):
        ours, theirs = (
            jax.jit(derivative(by(conditional), argnums=(0, 1)))(TREE, 3.0)
            for conditional in (doubled_if, plain)
        )
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_a_run_is_differentiated_backwards_through_its_updates():
    tx = oa.aware(optax.scale_by_adam(), oa.policies.constant(), learning_rate=0.1)

    def loss_after(start, steps=3):
        def step(carry, _):
            params, opt_state = carry
            value, grads = jax.value_and_grad(lambda x: jnp.sum(x**4))(params)
            updates, opt_state = tx.update(grads, opt_state, params, value=value)
            return (optax.apply_updates(params, updates), opt_state), None

        (params, _), _ = jax.lax.scan(step, (start, tx.init(start)), length=steps)
        return jnp.sum(params**2)

    start, shift = jnp.array([1.0, -2.0]), jnp.array([1e-2, 0.0])
    slope = jax.jit(jax.grad(loss_after))(start)
    difference = (loss_after(start + shift) - loss_after(start - shift)) / 2e-2
    np.testing.assert_allclose(slope[0], difference, rtol=2e-2)


def test_derivatives_of_the_default_policy_go_through_its_updates_alone():
    tx, steps = oa.aware(optax.trace(0.9)), 16
    curvature = jnp.array([1.0, 3.0])

    def train(start):
        def step(carry, _):
            params, opt_state = carry
            value, grads = jax.value_and_grad(lambda x: x @ (curvature * x))(params)
            updates, opt_state = tx.update(grads, opt_state, params, value=value)
            seen = oa.learning_rate(opt_state), oa.report(opt_state).rewound
            return (optax.apply_updates(params, updates), opt_state), seen

        (params, _), seen = jax.lax.scan(step, (start, tx.init(start)), length=steps)
        return jnp.sum(params), seen

    def repeat(start, rates):
        def step(carry, rate):
            params, momentum = carry
            momentum = 0.9 * momentum + 2.0 * curvature * params
            return (params - rate * momentum, momentum), None

        (params, _), _ = jax.lax.scan(step, (start, jnp.zeros(2)), rates)
        return jnp.sum(params)

    start = jnp.array([1.0, -2.0])
    slope, (rates, rewound) = jax.jit(jax.grad(train, has_aux=True))(start)
    assert rates[-1] > 0.0
    assert rewound[-1] == 0
    np.testing.assert_allclose(slope, jax.grad(repeat)(start, rates), rtol=1e-4)


def test_whatever_a_change_captures_may_be_traced():
    """Labels of a loss, a key, a count: under a derivative none of them may stay behind."""

    def loss(weights, labels, key, count):
        noise = jax.random.normal(key, weights.shape)

        def change(tree):
            picked = tree["weights"][labels] + noise[labels]
            return {"weights": tree["weights"] * picked * count, "count": tree["count"] + count}

        flag = jnp.sum(labels) > 0
        return jnp.sum(changed_if(flag, change, {"weights": weights, "count": count})["weights"])

    arguments = jnp.arange(3.0), jnp.array([2, 0, 1]), jax.random.key(0), jnp.int32(2)
    slope = jax.grad(loss)(*arguments)
    for derivative in (
        jax.jit(jax.grad(loss)),
        jax.grad(jax.jit(loss)),
        jax.grad(jax.checkpoint(loss)),
        jax.jacfwd(jax.jit(loss)),
    ):
        np.testing.assert_allclose(derivative(*arguments), slope, rtol=1e-6)
    members = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), arguments)
    np.testing.assert_allclose(jax.vmap(jax.grad(loss))(*members)[1], slope, rtol=1e-6)


def test_without_jit_an_optimizer_sees_numbers():
    def update(updates, state, params=None):
        del params
        assert float(jnp.max(updates["layer"])) == 2.0
        return updates, state

    inner = optax.GradientTransformation(lambda params: (), update)
    tx = oa.aware(inner, oa.policies.constant(), learning_rate=0.5)
    params = {"layer": jnp.full(3, 2.0)}
    with jax.disable_jit():
        updates, _ = tx.update(params, tx.init(params), params, value=1.0)
    np.testing.assert_array_equal(updates["layer"], -1.0)


@pytest.mark.parametrize("run", [jax.jit, lambda function: function], ids=["jit", "eager"])
def test_nothing_is_kept_of_what_a_change_captured(run):
    def use():
        large = jnp.ones(1000)
        run(lambda flag: changed_if(flag, lambda tree: tree * large, jnp.ones(1000)))(TRUE)
        return weakref.ref(large)

    kept = use()
    gc.collect()
    assert kept() is None
