"""Warmup, a plateau, and a decay at the end."""

import jax
import jax.numpy as jnp

from optax_aware._arguments import check_choice, check_number
from optax_aware.schedules._shapes import mean, weights
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    difference,
    elapsed,
    progress,
    read_number,
    read_steps,
    schedule_of,
    total,
)


def warmup_stable_decay(
    peak_value: Number,
    warmup_steps: Number,
    stable_steps: Number,
    decay_steps: Number,
    init_value: Number = 0.0,
    end_value: Number = 0.0,
    shape: str = "linear",
) -> Schedule:
    r"""Go up in a straight line, hold the peak, and come down at the end.

    Reaches what a tuned cosine reaches, and a run can be prolonged from any point of its
    plateau: only the decay has to know where the end is. Prefer it where the length of the
    run is not settled, or where several budgets are to share one plateau.

    On the way down, a part x of the decay leaves of the height above ``end_value`` the part
    1 − x (``"linear"``), (1 + cos πx) / 2 (``"cosine"``) or 1 − √x (``"1-sqrt"``).

    Args:
      peak_value: the rate on the plateau, at least 0.
      warmup_steps: steps on the way up, at least 0; 0 starts at the peak.
      stable_steps: steps on the plateau, at least 0.
      decay_steps: steps on the way down, at least 0; 10 to 20 % of the run does as well as
        a longer decay. 0 drops to ``end_value`` at the end of the plateau.
      init_value: the rate at step 0, at least 0.
      end_value: the rate after the decay, at least 0.
      shape: the shape of the decay, ``"linear"``, ``"cosine"`` or ``"1-sqrt"``.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is negative or not finite, or ``shape`` is unknown.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.warmup_stable_decay(0.4, 10, 60, 40, shape="1-sqrt")
      >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 70, 80, 110)]
      [0.0, 0.2, 0.4, 0.4, 0.2, 0.0]

    References:
      X. Zhai, A. Kolesnikov, N. Houlsby and L. Beyer, "Scaling vision transformers", 2022,
      arXiv:2106.04560 (a plateau with a linear cooldown).
      S. Hu et al., "MiniCPM", 2024, arXiv:2404.06395 (section 4, the name).
      A. Hägele et al., "Scaling laws and compute-optimal training beyond fixed training
      durations", 2024, arXiv:2405.18392 (section 3, the shape 1 − √x).
    """
    check_number("peak_value", peak_value, 0.0)
    check_number("warmup_steps", warmup_steps, 0.0)
    check_number("stable_steps", stable_steps, 0.0)
    check_number("decay_steps", decay_steps, 0.0)
    check_number("init_value", init_value, 0.0)
    check_number("end_value", end_value, 0.0)
    check_choice("shape", shape, ("linear", "cosine", "1-sqrt"))

    def rate(time: jax.Array) -> jax.Array:
        done, left = progress(time, warmup_steps)
        rise = mean(read_number(init_value, 0.0), read_number(peak_value, 0.0), left, done)
        plateau_end = total(read_steps(warmup_steps), read_steps(stable_steps))
        done, left = progress(elapsed(time, plateau_end), decay_steps)
        # A decay of no length is over at once, but not before the plateau is.
        decaying = difference(time, plateau_end) >= 0
        done, left = jnp.where(decaying, done, 0), jnp.where(decaying, left, 1)
        peak_weight, end_weight = weights(shape, done, left)
        return mean(rise, read_number(end_value, 0.0), peak_weight, end_weight)

    return schedule_of(rate)
