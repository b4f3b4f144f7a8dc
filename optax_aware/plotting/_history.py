"""What a run has reported, as arrays."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import jax
import numpy as np

from optax_aware.reporting._report import Report


def as_numbers(name: str, numbers: Any) -> np.ndarray:
    """Return numbers, or nested lists of equal lengths, as a float array.

    Raises:
      ValueError: if they are something else.
    """
    try:
        return np.asarray(jax.device_get(numbers), float)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be numbers in an array, or in lists of equal lengths ({error})."
        ) from error


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
    elif _listed(reports) and all(isinstance(one, Report) for one in reports):
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


def _listed(reports: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(reports, Sequence) and not isinstance(reports, str)
