"""A learning rate of its own for every layer, as a factor."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware.transforms._base_rate import scale_updates
from optax_aware.transforms._layer_factors import Layers, factors_of, layer_rules


def layerwise(
    layers: Layers,
    *,
    decay: ArrayLike | None = None,
    decay_from: str = "last",
    default: ArrayLike | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Multiply the updates of every layer by a factor of its own.

    Observes nothing but the paths of the parameters; changes the length of the updates. Prefer
    it for fine-tuning, where layers near the input should move less than the new head, and
    wherever one rate does not suit all layers. For a policy or an optimizer of its own for each
    group of layers, use ``optax.partition`` with one `aware` a label.

    Put it *after* what gives the direction: Adam and its kin divide by the length of the
    gradients and would undo a factor in front of them. Inside `aware` it belongs at the end of
    ``inner``, elsewhere in front of or behind ``optax.scale_by_learning_rate``. Weight decay
    that is added before it is scaled as well, as it is by the rate.

    .. math::
      u_\ell \leftarrow f_\ell\, u_\ell, \qquad
      f_\ell = d^{\,L - \ell} \text{ (from the last layer } L\text{)}, \qquad
      f_\ell = d^{\,\ell - 1} \text{ (from the first)}

    **Patterns.** A path joins keys, attributes and indices with slashes, as in
    ``encoder/layers/3/kernel``; `layer_factors` shows all paths of a model. A pattern names a
    leaf, or a node with all that lies below it, from the root on. In it ``*`` stands for any
    letters of a name, ``?`` for one, ``#`` for a number and the name ``**`` for any number of
    names, none included, so that ``"**/bias"`` is every bias. Parameters that are a single array
    have no name at all: ``"**"`` alone matches them.

    **Layers in order.** A sequence of patterns lists the layers from the first, at the input,
    to the last; an entry of several patterns is one layer. An entry with a ``#`` is as many
    layers as there are numbers in its place, in increasing order. They are counted in the
    parameters, so that a layer without a gradient, frozen by None, counts as well. Where
    ``update`` is handed no parameters, they are counted in the updates, None included.

    Args:
      layers: a factor in [0, 3.4e38], as float32 holds, for each pattern; a function from a path
        to its factor, or to None for the default; or the patterns of the layers in order, from
        which the factors follow by ``decay``. Every parameter must match exactly one pattern, and
        every pattern at least one parameter. Factors may be traced; they are no schedules, since
        a rate that changes in time belongs to the whole optimizer, or to a label of
        ``optax.partition``.
      decay: the factor from one layer to the next, in (0, 1], where ``layers`` is a sequence.
        Clark et al. take 0.8 for small and 0.9 for large models, Howard and Ruder 1 / 2.6.
      decay_from: the layer whose factor is 1. ``"last"``: the rate falls towards the input,
        as in fine-tuning; ``"first"``: it falls towards the output.
      default: the factor of parameters that no pattern matches, or that the function has none
        for; None makes them an error.

    Returns:
      A stateless transformation. Its updates have the dtypes of what comes in; ``update``
      takes any keyword and needs none.

    Raises:
      ValueError: if an argument is not what is said above. At ``init``, if a parameter
        matches no pattern or more than one, or a pattern nothing; all of them are listed.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> params = {"embed": jnp.ones(2), "block_0": jnp.ones(2), "block_1": jnp.ones(2)}
      >>> layers = oa.layerwise(["embed", "block_#"], decay=0.5)
      >>> tx = optax.chain(optax.scale_by_sign(), layers, optax.scale_by_learning_rate(0.1))
      >>> updates, _ = tx.update(params, tx.init(params), params)
      >>> print({name: round(float(update[0]), 3) for name, update in updates.items()})
      {'block_0': -0.05, 'block_1': -0.1, 'embed': -0.025}

    References:
      J. Howard and S. Ruder, Universal Language Model Fine-tuning for Text Classification,
      2018, arXiv:1801.06146, section 3.2 (discriminative fine-tuning). K. Clark et al.,
      ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators, 2020,
      arXiv:2003.10555, appendix B (layerwise learning-rate decay).
    """
    rules = layer_rules(layers, decay, decay_from, default)

    def init(params: optax.Params) -> optax.EmptyState:
        factors_of(params, rules, all_patterns=True)
        return optax.EmptyState()

    def update(
        updates: optax.Updates, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[optax.Updates, Any]:
        del extra_args
        if params is None:
            factors = factors_of(updates, rules, all_patterns=False, none_is_leaf=True)
            structure = jax.tree.structure(updates, is_leaf=lambda node: node is None)
        else:
            factors = factors_of(params, rules, all_patterns=False)
            structure = jax.tree.structure(params)
        scaled = [
            None if leaf is None else scale_updates(leaf, jnp.asarray(found.factor, jnp.float32))
            for leaf, found in zip(structure.flatten_up_to(updates), factors, strict=True)
        ]
        return jax.tree.unflatten(structure, scaled), state

    return optax.GradientTransformationExtraArgs(init, update)
