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

_NUMBERS = tuple(field for field in Costs._fields if field != "time_ratios")


def costs_csv(found: Found) -> str:
    """A row for each model and optimizer."""
    rows = (
        [
            subject,
            contender,
            *(f"{ratio:.4g}" for ratio in spread_of(costs)),
            *(f"{getattr(costs, field):.6g}" for field in _NUMBERS),
        ]
        for subject, of_subject in found.items()
        for contender, costs in of_subject.items()
    )
    columns = ("model", "optimizer", "time_ratio", "time_ratio_least", "time_ratio_greatest")
    return csv_text([*columns, *_NUMBERS], rows)


def tables_md(found: Found, traces: Mapping[str, int]) -> str:
    """A table for each model, and one for what does not hang on the model."""
    parts = [
        f"### {SUBJECTS[subject].label}\n\n{_table(of_subject)}"
        for subject, of_subject in found.items()
    ]
    lines = [
        [f"`{name}`", f"`{CONTENDERS[name].code}`", str(count)] for name, count in traces.items()
    ]
    parts.append(
        "### Traces of one run, steered by hand, saved and restored\n\n"
        + markdown.table(["optimizer", "code", "traces"], lines)
    )
    return "\n".join(parts)


def _table(of_subject: Mapping[str, Costs]) -> str:
    heads = [
        "optimizer",
        "time (least to greatest)",
        "ms",
        "state / parameters",
        "state beyond Adam's, bytes",
        "temporaries / parameters",
        "bytes accessed",
        "flops",
        "compiles in, s",
    ]
    return markdown.table(heads, [_line(name, costs) for name, costs in of_subject.items()])


def _line(name: str, costs: Costs) -> list[str]:
    middle, least, greatest = spread_of(costs)
    return [
        f"`{name}`",
        f"{middle:.2f} ({least:.2f} to {greatest:.2f})",
        f"{costs.milliseconds:.3g}",
        f"{costs.state_bytes / costs.params_bytes:.2f}",
        f"{costs.state_bytes - costs.bare_state_bytes:,}",
        f"{costs.temporary_bytes / costs.params_bytes:.2f}"
        f" (Adam {costs.bare_temporary_bytes / costs.params_bytes:.2f})",
        f"{costs.bytes_ratio:.2f}",
        f"{costs.flops_ratio:.2f}",
        f"{costs.compile_seconds:.2f} (Adam {costs.bare_compile_seconds:.2f})",
    ]


def spread_of(costs: Costs) -> tuple[float, float, float]:
    """Median, least and greatest of the ratios of time."""
    ratios = costs.time_ratios
    return float(np.median(ratios)), float(ratios.min()), float(ratios.max())
