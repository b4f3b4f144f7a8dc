"""Every public policy once, small enough to be run through any table of tests."""

from collections.abc import Callable

import optax_aware as oa

POLICIES: dict[str, Callable[[], oa.Policy]] = {
    "condition_based": lambda: oa.policies.condition_based(listen_steps=2, patience=2),
    "constant": oa.policies.constant,
    "greedy": lambda: oa.policies.greedy(
        factor=0.5, patience=1, rtol=2**-7, cooldown=1, warmup=2, window=4, reset=2
    ),
    "loss_ratio": oa.policies.loss_ratio,
    "ratio_based": lambda: oa.policies.ratio_based(window=2, min_scale=1e-3),
    "reduce_on_plateau": lambda: oa.policies.reduce_on_plateau(
        factor=0.5, patience=1, cooldown=1, window=2, min_scale=1e-3
    ),
    "robust_ratio": lambda: oa.policies.robust_ratio(window=2, patience=1, min_scale=1e-3),
}
"""For each name in `optax_aware.policies` that makes a policy: a call that makes one."""

BOUNDS: dict[str, tuple[float, float]] = {
    "condition_based": (0.0, 1e30),
    "constant": (1.0, 1.0),
    "greedy": (0.1, 10.0),
    "loss_ratio": (0.0, 10.0),
    "ratio_based": (1e-3, 10.0),
    "reduce_on_plateau": (1e-3, 1.0),
    "robust_ratio": (1e-3, 10.0),
}
"""The lowest and the highest scale of the policies in `POLICIES`."""
