"""What all pictures have in common: a figure, colours, lines and tidy axes."""

import math
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatterSciNotation, MaxNLocator

BLACK, GREY = "#000000", "#8C8C8C"
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW = "#E69F00", "#56B4E9", "#F0E442"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)))
_FIGURE_INCHES = (6.0, 4.0)
_LOG_FROM = 30.0


def axes_of(ax: Axes | None) -> Axes:
    """Return the Axes to draw into: the given one, or that of a new figure.

    Raises:
      ValueError: if it is something else, such as a figure.
    """
    if ax is None:
        return Figure(figsize=_FIGURE_INCHES, dpi=100, layout="constrained").add_subplot()
    if not isinstance(ax, Axes):
        raise ValueError(
            f"ax must be a matplotlib Axes, such as the second of plt.subplots(), got ax={ax!r}."
        )
    return ax


def line_style(place: int) -> dict[str, Any]:
    """Return colour and dashes of one of many lines: 28 of them differ."""
    dashes = DASHES[(place // len(COLOURS)) % len(DASHES)]
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": dashes, "linewidth": 1.8}


def marker_of(points: int) -> str:
    """Return a marker for what is too short to be a line."""
    return "o" if points == 1 else ""


def tidy(ax: Axes, title: str, below: str, beside: str) -> None:
    """Say what is shown, and take away what is not needed."""
    ax.set_title(title, fontsize="medium", loc="left")
    ax.set_xlabel(below)
    ax.set_ylabel(beside)
    ax.grid(alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines["top"].set_visible(False)


def step_limits(ax: Axes, first: float, last: float) -> None:
    """Show the steps from the first to the last, with room around one that is alone."""
    ax.set_xlim(*((first, last) if last > first else (first - 0.5, first + 1.0)))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def say_empty(ax: Axes) -> None:
    """Say that there is nothing, where a picture of nothing would leave doubt."""
    ax.text(0.5, 0.5, "nothing to show yet", transform=ax.transAxes, ha="center", color=GREY)


def wide(numbers: np.ndarray) -> bool:
    """Whether positive numbers differ so much that their logarithms should be shown."""
    finite = numbers[np.isfinite(numbers)]
    return finite.size > 0 and finite.min() > 0 and finite.max() > _LOG_FROM * finite.min()


def log_axis(ax: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, with plain numbers where they are short."""
    getattr(ax, f"set_{which}scale")("log")
    axis = ax.yaxis if which == "y" else ax.xaxis
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low) if low > 0 else 0.0
    if low >= 1e-3 and high <= 1e4:
        axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
    else:
        axis.set_major_formatter(LogFormatterSciNotation())
    if decades < 1.5:
        axis.set_minor_formatter(FuncFormatter(_one_two_five))
        ax.tick_params(axis=which, which="minor", labelsize="small")
    else:
        axis.set_minor_formatter(FuncFormatter(lambda number, _: ""))


def _one_two_five(number: float, _: Any) -> str:
    leading = round(number / 10 ** math.floor(math.log10(number)), 3)
    return f"{number:g}" if leading in (2.0, 5.0) else ""


def plain(number: float) -> str:
    """Return a rate or a loss as a person would write it."""
    return f"{number:.2g}" if math.isfinite(number) else "-"


def legend_below(ax: Axes, handles: list, columns: int) -> None:
    """Put a legend under the axes, where it hides nothing."""
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=columns,
            frameon=False,
            fontsize="small",
            columnspacing=1.2,
            handlelength=1.8,
        )


def around(losses: np.ndarray, quantile: float = 0.005) -> tuple[float, float] | None:
    """Return limits that all but the most extreme losses lie in; None where there are none."""
    finite = losses[np.isfinite(losses)]
    if finite.size == 0:
        return None
    low, high = np.quantile(finite, [quantile, 1.0 - quantile])
    margin = 0.06 * (high - low) or 0.05 * max(abs(high), 1e-6)
    return float(low - margin), float(high + margin)
