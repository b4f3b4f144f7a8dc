"""The optimizers whose costs are compared, each around Adam or a relative of it."""

from collections.abc import Callable
from typing import NamedTuple

import optax

import optax_aware as oa

RATE = 1e-3
OURS, PEERS = "ours", "peers"

Transformation = optax.GradientTransformation | optax.GradientTransformationExtraArgs


class Contender(NamedTuple):
    """An optimizer with its state beside Adam's.

    Attributes:
      name: what it is called in tables and on the command line.
      kind: `OURS` or `PEERS`.
      code: how a user writes it.
      make: returns it.
    """

    name: str
    kind: str
    code: str
    make: Callable[[], Transformation]


BARE = Contender("adam", PEERS, "optax.adam(1e-3)", lambda: optax.adam(RATE))
"""What every other one is measured against."""

_ALL = (
    Contender(
        "aware_bare",
        OURS,
        "aware(scale_by_adam(), rewind=False, average=False)",
        lambda: oa.aware(optax.scale_by_adam(), rewind=False, average=False),
    ),
    Contender(
        "aware_rewind",
        OURS,
        "aware(scale_by_adam(), average=False)",
        lambda: oa.aware(optax.scale_by_adam(), average=False),
    ),
    Contender(
        "aware_average",
        OURS,
        "aware(scale_by_adam(), rewind=False)",
        lambda: oa.aware(optax.scale_by_adam(), rewind=False),
    ),
    Contender("aware", OURS, "aware(scale_by_adam())", lambda: oa.aware(optax.scale_by_adam())),
    Contender(
        "scale_by_policy",
        OURS,
        "chain(adam(1e-3), scale_by_policy(reduce_on_plateau()))",
        lambda: optax.chain(optax.adam(RATE), oa.scale_by_policy(oa.policies.reduce_on_plateau())),
    ),
    Contender(
        "reduce_on_plateau",
        PEERS,
        "chain(adam(1e-3), contrib.reduce_on_plateau())",
        lambda: optax.chain(optax.adam(RATE), optax.contrib.reduce_on_plateau()),
    ),
    Contender(
        "apply_if_finite",
        PEERS,
        "apply_if_finite(adam(1e-3), 5)",
        lambda: optax.apply_if_finite(optax.adam(RATE), max_consecutive_errors=5),
    ),
    Contender(
        "schedule_free",
        PEERS,
        "contrib.schedule_free_adamw(1e-3)",
        lambda: optax.contrib.schedule_free_adamw(RATE),
    ),
    Contender("prodigy", PEERS, "contrib.prodigy()", optax.contrib.prodigy),
    Contender("dadapt_adamw", PEERS, "contrib.dadapt_adamw()", optax.contrib.dadapt_adamw),
    Contender(
        "mechanic",
        PEERS,
        "contrib.mechanize(adam(1e-3))",
        lambda: optax.contrib.mechanize(optax.adam(RATE)),
    ),
    Contender("momo_adam", PEERS, "contrib.momo_adam()", optax.contrib.momo_adam),
)

CONTENDERS = {contender.name: contender for contender in _ALL}
"""Every optimizer by its name, in the order of the tables."""
