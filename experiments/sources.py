"""Digests of source code: whether what decides a result is still what it was."""

import hashlib
import importlib
import inspect
from functools import cache
from pathlib import Path

import optax_aware as oa


@cache
def of_modules(*modules: str) -> str:
    """A digest of the source of some modules."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(inspect.getsource(importlib.import_module(module)).encode())
    return digest.hexdigest()[:16]


@cache
def of_library() -> str:
    """A digest of the library's source."""
    folder = Path(inspect.getfile(oa)).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
