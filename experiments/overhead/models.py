"""What is updated: bare parameters of several sizes, and whole steps of two networks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.models import Model, lenet, mlp

BATCH = 256


class Subject(NamedTuple):
    """A model, and how much of it a turn takes.

    Attributes:
      name: what it is called in tables and on the command line.
      label: what it is.
      steps: updates in one turn.
      params: returns fresh parameters.
      value_and_gradients: maps the parameters, and those of one update ago or the noise of an
        iteration, to the loss and its gradients.
      takes_last: whether it looks at the parameters of one update ago.
      warm_up: updates before the first turn. `aware` has climbed to its rate by then, and keeps
        a snapshot no longer at every update but now and then, as in the rest of a run.
      scanned: how many updates one program makes in a `lax.scan`; 0 where it makes one without.
    """

    name: str
    label: str
    steps: int
    params: Callable[[], Any]
    value_and_gradients: Callable[[Any, Any], tuple[jax.Array, Any]]
    takes_last: bool
    warm_up: int = 100
    scanned: int = 0


def _bare(name: str, parameters: int, leaves: int, steps: int) -> Subject:
    label = f"update of {parameters:,} parameters in {leaves} leaves"
    return Subject(name, label, steps, lambda: _normal(parameters, leaves), _bowl, takes_last=True)


def _normal(parameters: int, leaves: int) -> dict[str, jax.Array]:
    generator = np.random.default_rng(0)
    shape = parameters // leaves
    return {
        f"leaf{place}": jnp.asarray(generator.standard_normal(shape, np.float32))
        for place in range(leaves)
    }


def _bowl(params: dict[str, jax.Array], last: Any) -> tuple[jax.Array, Any]:
    """Half the sum of squares, whose gradients lie in memory already and cost nothing.

    They are the parameters of one update ago: gradients that are the parameters themselves would
    let XLA save what no training saves. The loss is estimated from one leaf, so that no pass over
    all of them is added either.
    """
    return _loss_of_one_leaf(params), last


def _noisy_bowl(params: dict[str, jax.Array], noise: Any) -> tuple[jax.Array, Any]:
    """The same inside of a scan.

    There the parameters of one update ago would have to be copied out of the way of the new ones
    in every iteration, whatever the optimizer. Instead, the gradients are these with noise from
    memory. XLA adds it where Adam reads them; for what stands in a conditional it writes the sum
    first, as a backward pass would have.
    """
    return _loss_of_one_leaf(params), jax.tree.map(jnp.add, params, noise)


def _loss_of_one_leaf(params: dict[str, jax.Array]) -> jax.Array:
    return 0.5 * jnp.mean(jnp.square(next(iter(params.values()))[:1000]))


def _whole_step(name: str, label: str, steps: int, model: Model) -> Subject:
    generator = np.random.default_rng(0)
    images = jnp.asarray(generator.random((BATCH, 28, 28, 1), np.float32))
    labels = jnp.asarray(generator.integers(0, 10, BATCH), jnp.int32)

    def loss(params: Any) -> jax.Array:
        logits = model.apply(params, images)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def value_and_gradients(params: Any, last: Any) -> tuple[jax.Array, Any]:
        del last
        return jax.value_and_grad(loss)(params)

    label = f"whole step of {label}, batch {BATCH}"
    return Subject(name, label, steps, lambda: model.init(0), value_and_gradients, takes_last=False)


def noise(params: Any, updates: int) -> Any:
    """What a scan adds to the gradients of bare parameters, for each of its updates."""
    generator = np.random.default_rng(1)

    def of_leaf(leaf: jax.Array) -> jax.Array:
        return jnp.asarray(0.1 * generator.standard_normal((updates, *leaf.shape), np.float32))

    return jax.tree.map(of_leaf, params)


def in_a_scan(subject: Subject, updates: int, programs: int) -> Subject:
    """The same updates of bare parameters in programs that make several, as many in a turn."""
    return subject._replace(
        name=f"{subject.name}_scan",
        label=f"{subject.label}, {updates} in a scan",
        steps=programs * updates,
        value_and_gradients=_noisy_bowl,
        takes_last=False,
        scanned=updates,
    )


_FOUR_LAYERS = mlp(784, (2048,) * 3, 10)
_SHORT = 40
"""Updates before the first turn of what takes long: the climb ends after about 30."""

_ALL = (
    _bare("1e4_20", 10_000, 20, 1500),
    in_a_scan(_bare("1e4_20", 10_000, 20, 1500), updates=100, programs=150),
    _bare("1e4_400", 10_000, 400, 50),
    _bare("1e6_20", 1_000_000, 20, 300),
    _bare("1e6_400", 1_000_000, 400, 40),
    _bare("1e7_20", 10_000_000, 20, 30),
    _bare("1e7_400", 10_000_000, 400, 20),
    _whole_step("lenet", "LeNet", 10, lenet(10)),
    _whole_step("mlp", "10,020,874 parameters in four dense layers", 2, _FOUR_LAYERS)._replace(
        warm_up=_SHORT
    ),
    _bare("1e8_20", 100_000_000, 20, 4)._replace(warm_up=_SHORT),
)
"""A turn of plain Adam lasts about half a second."""

SUBJECTS = {subject.name: subject for subject in _ALL}
"""Every model by its name, in the order of the tables."""

LARGEST = "1e8_20"
"""Needs several gigabytes, and is measured where it is asked for."""
