"""The 1cycle schedule."""

import jax

from optax_aware._arguments import check_choice, check_flag, check_number
from optax_aware.schedules._shapes import SHAPES, mean, weights
from optax_aware.schedules._steps import (
    Number,
    Schedule,
    read_number,
    read_steps,
    schedule_of,
    segment,
    to_float,
)


def one_cycle(
    peak_value: Number,
    total_steps: Number,
    warmup_fraction: Number = 0.3,
    init_factor: Number = 0.04,
    final_factor: Number = 4e-6,
    shape: str = "cosine",
    three_phase: bool = False,
) -> Schedule:
    r"""Go up to a large rate, back down, and far below the start.

    The large rate in the middle regularises, the very small ones at the end settle. Prefer
    it for short runs of known length where the largest bearable rate is known, for example
    from a range test.

    With f the warmup fraction and T the number of steps, the rate goes from
    ``peak_value * init_factor`` at step 0 to ``peak_value`` at step f T and from there to
    ``peak_value * final_factor`` at step T, where it stays. With three phases it is back at
    ``peak_value * init_factor`` at step 2 f T, before it goes on to the end. The phases are
    not rounded to whole steps.

    A part x of a phase brings the rate the part x of the way in the shape ``"linear"``, and
    the part (1 − cos πx) / 2 in the shape ``"cosine"``.

    Args:
      peak_value: the largest rate, at least 0.
      total_steps: steps until the end, T, at least 0.
      warmup_fraction: the part of the steps on the way up, f, from 0 to 1, and up to ½ with
        three phases. The default, like that of the two factors, is the one of fastai and
        PyTorch.
      init_factor: the first rate as a part of the peak, at least 0.
      final_factor: the last rate as a part of the peak, at least 0.
      shape: ``"cosine"`` or ``"linear"``.
      three_phase: whether to go down as long as up, and then on to the end.

    Returns:
      A function from a step, or an array of steps, to float32 rates of the same shape.

    Raises:
      ValueError: if a number is not finite or outside of its range, ``shape`` is unknown,
        or ``three_phase`` is not a bool.

    Example:
      >>> import optax_aware as oa
      >>> schedule = oa.schedules.one_cycle(1.0, 100, shape="linear", three_phase=True)
      >>> [round(float(schedule(step)), 4) for step in (0, 15, 30, 60, 80, 100)]
      [0.04, 0.52, 1.0, 0.04, 0.02, 0.0]

    References:
      L. N. Smith and N. Topin, "Super-convergence: Very fast training of neural networks
      using large learning rates", 2019, arXiv:1708.07120.
    """
    check_number("peak_value", peak_value, 0.0)
    check_number("total_steps", total_steps, 0.0)
    check_flag("three_phase", three_phase)
    check_number("warmup_fraction", warmup_fraction, 0.0, 0.5 if three_phase else 1.0)
    check_number("init_factor", init_factor, 0.0)
    check_number("final_factor", final_factor, 0.0)
    check_choice("shape", shape, SHAPES)

    def rate(time: jax.Array) -> jax.Array:
        end = read_steps(total_steps)
        fraction = read_number(warmup_fraction, 0.0, 0.5 if three_phase else 1.0)
        top = fraction * to_float(end)
        first, last = read_number(init_factor, 0.0), read_number(final_factor, 0.0)
        phases = [(read_steps(0), top, read_number(1.0))]
        if three_phase:
            phases.append((top, 2 * top, first))
            phases.append((2 * top, end, last))
        else:
            phases.append((top, end, last))
        factor = first
        for start, stop, target in phases:
            start_weight, end_weight = weights(shape, *segment(time, start, stop))
            factor = mean(factor, target, start_weight, end_weight)
        return read_number(peak_value, 0.0) * factor

    return schedule_of(rate)
