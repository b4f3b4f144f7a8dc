"""What the optimizers cost, as a CSV and as tables in markdown."""

from collections.abc import Mapping

import numpy as np

from experiments import markdown
from experiments.files import csv_text
from experiments.overhead.contenders import CONTENDERS
from experiments.overhead.measurement import Costs
from experiments.overhead.models import SUBJECTS

Found = Mapping[str, Mapping[str, Costs]]
"""By model, then by optimizer."""

_NUMBERS = Costs._fields

_NOTES = """\
Every optimizer takes turns with plain Adam. Times are medians over the turns, their ratio is that
of the medians, and in brackets stand the least and the greatest ratio of a turn to Adam's before
it. Held are those of the timed updates that were left out or led back to a snapshot. Bytes
accessed and flops are ratios to Adam's as XLA counts them in the compiled program: of every
conditional it counts the costlier branch, however rarely that is taken, and of a scan one
iteration, so that they are left out there.
"""


def costs_csv(found: Found) -> str:
    """A row for each model and optimizer."""
    rows = (
        [
            subject,
            contender,
            *(f"{ratio:.4g}" for ratio in spread_of(costs)),
            *(f"{np.median(getattr(costs, field)):.10g}" for field in _NUMBERS),
        ]
        for subject, of_subject in found.items()
        for contender, costs in of_subject.items()
    )
    columns = ("model", "optimizer", "time_ratio", "time_ratio_least", "time_ratio_greatest")
    return csv_text([*columns, *_NUMBERS], rows)


def tables_md(found: Found, traces: Mapping[str, int]) -> str:
    """A table for each model, and one for what does not hang on the model."""
    parts = [
        f"### {SUBJECTS[subject].label}\n\n{_timed(subject, of_subject)}\n\n{_table(of_subject)}"
        for subject, of_subject in found.items()
    ]
    lines = [
        [f"`{name}`", f"`{CONTENDERS[name].code}`", str(count)] for name, count in traces.items()
    ]
    parts.append(
        "### Traces of one run, steered by hand, saved and restored\n\n"
        + markdown.table(["optimizer", "code", "traces"], lines)
    )
    return "\n".join([_NOTES, *parts])


def _timed(subject: str, of_subject: Mapping[str, Costs]) -> str:
    warm_up, steps = SUBJECTS[subject].warm_up, SUBJECTS[subject].steps
    turns = len(next(iter(of_subject.values())).milliseconds)
    return f"Timed are updates {warm_up + 1:,} to {warm_up + turns * steps:,}, in {turns} turns."


def _table(of_subject: Mapping[str, Costs]) -> str:
    heads = [
        "optimizer",
        "time (least to greatest)",
        "ms of an update",
        "held",
        "state / parameters",
        "state beyond Adam's, bytes",
        "temporaries / parameters",
        "bytes accessed",
        "flops",
        "traces in, s",
        "compiles in, s",
    ]
    return markdown.table(heads, [_line(name, costs) for name, costs in of_subject.items()])


def _line(name: str, costs: Costs) -> list[str]:
    middle, least, greatest = spread_of(costs)
    return [
        f"`{name}`",
        f"{middle:.2f} ({least:.2f} to {greatest:.2f})",
        f"{np.median(costs.milliseconds):.3g} (Adam {np.median(costs.bare_milliseconds):.3g})",
        _known(costs.held, ".0f"),
        f"{costs.state_bytes / costs.params_bytes:.2f}",
        f"{costs.state_bytes - costs.bare_state_bytes:,}",
        f"{costs.temporary_bytes / costs.params_bytes:.2f}"
        f" (Adam {costs.bare_temporary_bytes / costs.params_bytes:.2f})",
        _known(costs.bytes_ratio, ".2f"),
        _known(costs.flops_ratio, ".2f"),
        f"{costs.trace_seconds:.2f} (Adam {costs.bare_trace_seconds:.2f})",
        f"{costs.compile_seconds:.2f} (Adam {costs.bare_compile_seconds:.2f})",
    ]


def _known(number: float, form: str) -> str:
    return "–" if np.isnan(number) else format(number, form)


def spread_of(costs: Costs) -> tuple[float, float, float]:
    """The ratio of the medians of time, and the least and the greatest ratio of a pair of turns.

    The first lies between the others: scaled by them, the bare turns enclose ours one by one.
    """
    ours, bare = costs.milliseconds, costs.bare_milliseconds
    ratios = ours / bare
    return float(np.median(ours) / np.median(bare)), float(ratios.min()), float(ratios.max())
