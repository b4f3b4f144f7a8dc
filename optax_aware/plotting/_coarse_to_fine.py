"""A picture of a search from coarse to fine."""

import numpy as np
from matplotlib.axes import Axes

from optax_aware.plotting._style import (
    BLACK,
    COLOURS,
    axes_of,
    legend_below,
    log_axis,
    plain,
    tidy,
    wide,
)
from optax_aware.search import CoarseToFine

_MARKERS, _MANY = "osD^vP", 24


def coarse_to_fine(result: CoarseToFine, *, ax: Axes | None = None) -> Axes:
    """Draw the loss of every rate that a search has tried, round by round, and the best.

    Rates whose run was given up are crosses at the upper edge; upright ones where ``eval_fn``
    gave no finite loss.

    Args:
      result: what `search.coarse_to_fine` returned.
      ax: where to draw; None for a new figure.

    Returns:
      The Axes, with a line of markers for each round.

    Raises:
      ValueError: if an argument is not what is said above.

    Example:
      >>> import jax.numpy as jnp, optax, optax_aware as oa
      >>> result = oa.search.coarse_to_fine(
      ...     lambda x, batch: jnp.sum((x - batch) ** 2), jnp.ones(2), jnp.zeros((1, 2)),
      ...     optax.identity(), num_rates=5, num_steps=20,
      ... )
      >>> ax = oa.plotting.coarse_to_fine(result)
      >>> print([text.get_text() for text in ax.get_legend().get_texts()][:2])
      ['round 1', 'round 2']
    """
    if not isinstance(result, CoarseToFine):
        raise ValueError(
            f"result must be what search.coarse_to_fine returned, got result={result!r}."
        )
    ax = axes_of(ax)
    handles = []
    losses = np.array([one.loss for one in result.candidates])
    for number in sorted({one.round_number for one in result.candidates}):
        members = [one for one in result.candidates if one.round_number == number]
        handles += ax.plot(
            [one.rate for one in members],
            [one.loss if np.isfinite(one.loss) else np.nan for one in members],
            linestyle="none",
            marker=_MARKERS[(number - 1) % len(_MARKERS)],
            markersize=5 if len(members) <= _MANY else 3.5,
            color=COLOURS[(number - 1) % len(COLOURS)],
            label=f"round {number}",
        )
    without = [one for one in result.candidates if not np.isfinite(one.loss)]
    for marker, label, lost in (
        ("x", "given up", [one.rate for one in without if one.given_up]),
        ("+", "loss not finite", [one.rate for one in without if not one.given_up]),
    ):
        if lost:
            handles += ax.plot(
                lost,
                np.full(len(lost), 0.97),
                linestyle="none",
                marker=marker,
                color=BLACK,
                transform=ax.get_xaxis_transform(),
                label=label,
            )
    if result.best is not None:
        handles.append(
            ax.axvline(
                result.best,
                color=BLACK,
                linestyle=(0, (5, 1.5)),
                linewidth=1.4,
                zorder=0.8,
                label=f"best {plain(result.best)}",
            )
        )
    rates = [one.rate for one in result.candidates]
    ax.set_xlim(min(rates) / 1.3, max(rates) * 1.3)
    tidy(ax, f"Loss after {result.num_steps} steps at each rate", "learning rate", "loss")
    log_axis(ax, "x")
    if wide(losses):
        log_axis(ax, "y")
    legend_below(ax, handles, 4)
    return ax
