"""Settings of JAX, changed for a while."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def setting(name: str, value: object) -> Iterator[None]:
    """Give a setting of JAX another value, and take it back."""
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        yield
    finally:
        jax.config.update(name, before)
