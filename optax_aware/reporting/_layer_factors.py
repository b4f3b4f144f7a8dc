"""Which factor `layerwise` gives to which parameter, for a person to read."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, overload

import jax
import jax.core
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from optax_aware.reporting._text_table import aligned
from optax_aware.transforms._layer_factors import Layers, factors_of, layer_rules


class LayerFactor(NamedTuple):
    """The factor of one array of parameters, in plain Python.

    Attributes:
      path: where it is: keys, attributes and indices with slashes in between; empty where the
        parameters are a single array, which the pattern ``"**"`` names.
      shape: its shape.
      pattern: the pattern that it matches; empty where the default applies.
      factor: what its updates are multiplied by.
    """

    path: str
    shape: tuple[int, ...]
    pattern: str
    factor: float


_HEADER = ("path", "shape", "pattern", "factor")
_TEXT_COLUMNS = 3


@dataclasses.dataclass(frozen=True, repr=False)
class LayerFactors(Sequence[LayerFactor]):
    """The factors of all parameters, in the order of their tree; ``str`` of it is a table.

    Attributes:
      rows: the factors.
    """

    rows: tuple[LayerFactor, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> LayerFactor: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[LayerFactor, ...]: ...
    def __getitem__(self, index: int | slice) -> LayerFactor | tuple[LayerFactor, ...]:
        return self.rows[index]

    def __str__(self) -> str:
        return "\n".join(aligned([_HEADER, *map(_cells, self.rows)], _TEXT_COLUMNS))

    __repr__ = __str__


def layer_factors(
    params: optax.Params,
    layers: Layers,
    *,
    decay: ArrayLike | None = None,
    decay_from: str = "last",
    default: ArrayLike | None = None,
) -> LayerFactors:
    """Return the factor of every parameter under `layerwise` with the same arguments.

    With ``layers={}, default=1.0`` it shows the paths of a model, to write patterns for.

    Args:
      params: the parameters, or their shapes as ``jax.eval_shape`` gives them.
      layers: as in `layerwise`.
      decay: as in `layerwise`.
      decay_from: as in `layerwise`.
      default: as in `layerwise`.

    Returns:
      A `LayerFactors`, a sequence of `LayerFactor` whose ``str`` is a table.

    Raises:
      ValueError: where `layerwise` raises one.
      TypeError: if a factor is traced.

    Example:
      >>> import jax.numpy as jnp, optax_aware as oa
      >>> params = {"embed": jnp.ones((9, 4)), "blocks": [jnp.ones(4), jnp.ones(4)]}
      >>> print(oa.layer_factors(params, ["embed", "blocks/#"], decay=0.5))
      path      shape   pattern   factor
      blocks/0  (4,)    blocks/0     0.5
      blocks/1  (4,)    blocks/1       1
      embed     (9, 4)  embed       0.25
    """
    found = factors_of(params, layer_rules(layers, decay, decay_from, default), all_patterns=True)
    if any(isinstance(row.factor, jax.core.Tracer) for row in found):
        raise TypeError(
            "factors must be numbers to be printed, got traced arrays. Call layer_factors "
            "outside of jit, vmap and scan."
        )
    return LayerFactors(
        tuple(
            LayerFactor(row.path, jnp.shape(leaf), row.pattern, float(row.factor))
            for row, leaf in zip(found, jax.tree.leaves(params), strict=True)
        )
    )


def _cells(row: LayerFactor) -> tuple[str, ...]:
    return row.path or "-", str(row.shape), row.pattern or "-", f"{row.factor:.4g}"
