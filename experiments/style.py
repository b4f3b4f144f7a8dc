"""What all figures have in common: colours, marks, grids, legends, and how they are written."""

import math
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

# The colours of Okabe and Ito, which people of every colour vision can tell apart, without
# yellow, which is hard to see on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*", "p", "h")
PLAIN_NUMBERS = FuncFormatter(lambda value, _: f"{value:g}")
FONTS: Any = {"font.size": 13, "legend.fontsize": 12, "axes.titlesize": 13}


def save(figure: Figure, path: Path, dpi: int = 100) -> None:
    """Write a figure as a PNG file."""
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=dpi)


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """The legend of these axes, below the whole figure."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def tidy(axes: Axes) -> None:
    """A faint grid, and no frame above and to the right."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def plain_log(axes: Axes, which: Literal["x", "y"] = "y") -> None:
    """Label a logarithmic axis with numbers, and with some in between where it is short."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(PLAIN_NUMBERS)
    low, high = axis.get_view_interval()
    if high / low < 3:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
    elif high / low < 100:
        axis.set_minor_formatter(FuncFormatter(_few_minor))
        axes.tick_params(axis=which, which="minor", labelsize=9)
    else:
        axis.set_minor_formatter(NullFormatter())


def _few_minor(value: float, _: int) -> str:
    leading = round(value / 10 ** math.floor(math.log10(value)))
    return f"{value:g}" if leading in (2, 5) else ""
