"""What a run has reported, as arrays."""

from collections.abc import Sequence

import jax
import numpy as np

from optax_aware.reporting._report import Report


def read_reports(reports: Report | Sequence[Report]) -> dict[str, np.ndarray]:
    """Return every field as a float array with one number a report.

    Args:
      reports: reports in a list, or one whose fields are arrays over steps, as a scan stacks
        them.

    Raises:
      ValueError: if it is something else, or of several runs.
    """
    if isinstance(reports, Report):
        fields = jax.device_get(reports)._asdict()
    elif isinstance(reports, Sequence) and all(isinstance(one, Report) for one in reports):
        got = jax.device_get(list(reports))
        fields = {
            name: np.array([getattr(one, name) for one in got], float) for name in Report._fields
        }
    else:
        raise ValueError(
            "reports must be a list of what report(opt_state) returned, or one Report stacked "
            f"over steps, got reports of type {type(reports).__name__}."
        )
    arrays = {name: np.atleast_1d(np.asarray(field, float)) for name, field in fields.items()}
    shape = arrays["step"].shape
    if len(shape) != 1:
        raise ValueError(
            f"reports must be those of one run, one number a step, got fields of shape {shape}. "
            "Take one run first: jax.tree.map(lambda leaf: leaf[0], reports)."
        )
    return arrays
