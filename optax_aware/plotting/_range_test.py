"""A picture of a learning-rate range test."""

import textwrap

import numpy as np
from matplotlib.axes import Axes

from optax_aware.plotting._style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    axes_of,
    legend_below,
    log_axis,
    marker_of,
    plain,
    tidy,
)
from optax_aware.search import RangeTest

_NARROW, _LINE_LENGTH = 0.14, 75
REGIONS = {"flat": GREY, "falling": GREEN, "erratic": VERMILION}


def range_test(result: RangeTest, *, ax: Axes | None = None) -> Axes:
    """Draw the losses of a range test against the rate, its regions and what it suggests.

    Args:
      result: what `search.range_test` returned.
      ax: where to draw; None for a new figure.

    Returns:
      The Axes. Losses far above the first ones lie outside of its limits.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax, jax.numpy as jnp, optax, optax_aware as oa
      >>> batches = 0.3 * jax.random.normal(jax.random.key(0), (200, 2))
      >>> result = oa.search.range_test(
      ...     lambda x, batch: jnp.sum((x - batch) ** 2), jnp.ones(2), batches, optax.identity()
      ... )
      >>> ax = oa.plotting.range_test(result)
      >>> print(ax.get_xscale(), [text.get_text() for text in ax.texts])
      log ['flat', 'falling', 'erratic']
    """
    if not isinstance(result, RangeTest):
        raise ValueError(f"result must be what search.range_test returned, got result={result!r}.")
    ax = axes_of(ax)
    finite = np.isfinite(result.losses)
    many = marker_of(len(result.rates)) or "."
    handles = [
        *ax.plot(
            result.rates[finite],
            result.losses[finite],
            linestyle="none",
            marker=many,
            markersize=3.5,
            color=GREY,
            label="loss",
        ),
        *ax.plot(result.rates, result.smoothed, color=BLACK, linewidth=1.8, label="smoothed loss"),
    ]
    ax.set_xlim(*_limits(result.rates))
    for name, colour in REGIONS.items():
        region = getattr(result, name)
        if region is not None:
            ax.axvspan(*region, color=colour, alpha=0.15, linewidth=0, zorder=0.5)
            narrow = np.log(region[1] / region[0]) < _NARROW * np.diff(np.log(ax.get_xlim()))[0]
            ax.text(
                float(np.sqrt(region[0] * region[1])),
                0.985,
                name,
                transform=ax.get_xaxis_transform(),
                ha="center",
                va="top",
                rotation=90 if narrow else 0,
                fontsize="small",
            )
    if result.suggestion is not None and result.interval is not None:
        low, high = result.interval
        handles += [
            ax.axvline(
                result.suggestion,
                color=BLUE,
                linestyle=(0, (5, 1.5)),
                linewidth=2.0,
                label=f"suggestion {plain(result.suggestion)}",
            ),
            ax.axvspan(
                low,
                high,
                color=BLUE,
                alpha=0.3,
                linewidth=0,
                zorder=0.6,
                label=f"90 % interval {plain(low)} to {plain(high)}",
            ),
        ]
    title = "Range test: loss while the rate rises"
    tidy(ax, title, "learning rate", "loss")
    smoothed = result.smoothed[np.isfinite(result.smoothed)]
    if smoothed.size:
        margin = 0.15 * (smoothed.max() - smoothed.min()) or 0.1 * max(abs(smoothed[0]), 1e-6)
        ax.set_ylim(smoothed.min() - margin, smoothed.max() + margin)
    if result.suggestion is None and result.remarks:
        why = "\n".join(textwrap.wrap(f"no suggestion: {result.remarks[0]}", _LINE_LENGTH))
        ax.set_title(f"{title}\n{why}", fontsize="small", loc="left")
    log_axis(ax, "x")
    legend_below(ax, handles, 2)
    return ax


def _limits(rates: np.ndarray) -> tuple[float, float]:
    low, high = float(rates[0]), float(rates[-1])
    return (low, high) if low < high else (low / 2.0, high * 2.0)
