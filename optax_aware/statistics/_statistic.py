"""The form of a statistic: a pair of pure functions over a stream of scalars."""

from collections.abc import Callable
from typing import Any, NamedTuple

from optax_aware._types import Scalar


class Statistic(NamedTuple):
    """Sums up a stream of scalars in a state of fixed shape.

    Attributes:
      init: returns the state before the first value.
      update: maps a state and a value to the next state and the present estimate, a
        NamedTuple of scalars. A value that is NaN or infinite leaves the state as it is.
    """

    init: Callable[[], Any]
    update: Callable[[Any, Scalar], tuple[Any, Any]]
