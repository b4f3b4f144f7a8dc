"""Checks of the arguments of public factories, with errors that say what is allowed.

A traced number passes: its value is not known while the function is traced, and what it
does to a schedule or a policy is defined for every value.
"""

import math
import numbers
from collections.abc import Collection
from typing import Any

import jax
import jax.core
import numpy as np

from optax_aware._types import OBSERVABLE, Policy

_INT32_MAX = 2**31 - 1


def _refuse(name: str, value: Any, allowed: str) -> ValueError:
    return ValueError(f"{name} must be {allowed}, got {name}={value!r}.")


def _interval(low: float, high: float, open_low: bool, open_high: bool) -> str:
    left = "(" if open_low or low == -math.inf else "["
    right = ")" if open_high or high == math.inf else "]"
    return f"a number in {left}{low:g}, {high:g}{right}"


def check_number(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Refuse what is not a finite scalar number between ``low`` and ``high``."""
    if isinstance(value, jax.core.Tracer):
        if value.shape != ():
            raise _refuse(name, value, "a scalar (use jax.vmap to sweep over several values)")
        return
    allowed = _interval(low, high, open_low, open_high)
    is_array = isinstance(value, (jax.Array, np.ndarray, np.generic))
    if is_array and np.shape(value) != ():
        raise _refuse(name, value, "a scalar (use jax.vmap to sweep over several values)")
    if isinstance(value, (bool, np.bool_)) or not (is_array or isinstance(value, numbers.Real)):
        raise _refuse(name, value, allowed)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refuse(name, value, allowed) from error
    too_low = number < low or (open_low and number == low)
    too_high = number > high or (open_high and number == high)
    if not math.isfinite(number) or too_low or too_high:
        raise _refuse(name, value, allowed)


def check_integer(name: str, value: Any, low: int = 0) -> None:
    """Refuse what is not a Python or NumPy integer of at least ``low``: it sets a shape."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise _refuse(name, value, f"an integer of at least {low}, known when tracing starts")
    if value < low:
        raise _refuse(name, value, f"an integer of at least {low}")


def check_count(name: str, value: Any, low: int = 0) -> None:
    """Refuse what is not a whole number of at least ``low`` that fits an int32; may be traced."""
    check_number(name, value, low, _INT32_MAX)
    if not isinstance(value, jax.core.Tracer) and float(value) != round(float(value)):
        raise _refuse(name, value, f"a whole number of at least {low}")


def check_choice(name: str, value: Any, allowed: Collection[str]) -> None:
    """Refuse what is not one of the strings in ``allowed``."""
    if not isinstance(value, str) or value not in allowed:
        raise _refuse(name, value, "one of " + ", ".join(repr(choice) for choice in allowed))


def check_flag(name: str, value: Any) -> None:
    """Refuse what is not True or False: it chooses the structure of what is traced."""
    if not isinstance(value, (bool, np.bool_)):
        raise _refuse(name, value, "True or False")


def check_callable(name: str, value: Any, kind: str) -> None:
    """Refuse what cannot be called; ``kind`` says what was expected."""
    if not callable(value):
        raise _refuse(name, value, kind)


def check_policy(policy: Any) -> None:
    """Refuse what is not a `Policy`, or one that asks for what nobody can observe."""
    if not isinstance(policy, Policy):
        raise ValueError(
            f"policy must be a Policy such as optax_aware.policies.reduce_on_plateau(), "
            f"got policy={policy!r}."
        )
    unknown = [name for name in policy.observes if name not in OBSERVABLE]
    if unknown:
        raise ValueError(
            f"policy.observes must name fields among {', '.join(OBSERVABLE)}, got {unknown!r}."
        )
