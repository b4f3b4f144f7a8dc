"""Digests of source code: whether what decides a result is still what it was."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
from functools import cache
from pathlib import Path

import optax_aware as oa


@cache
def of_modules(*modules: str) -> str:
    """A digest of the source of some modules and of all that they import from their package."""
    digest = hashlib.sha256()
    for module in sorted(closure(*modules)):
        digest.update(module.encode())
        digest.update(_source(module))
    return digest.hexdigest()[:16]


@cache
def of_library() -> str:
    """A digest of the library's source."""
    folder = _folder(oa.__name__)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def closure(*modules: str) -> set[str]:
    """The modules and all that they import from their package, themselves or through others.

    A package is among them where a name of its own is imported from it. Where it only holds a
    module that is imported, it runs as well, but nothing that it defines is used.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imports(module)
    return found


@cache
def _imports(module: str) -> frozenset[str]:
    """What a module imports from its outermost package, inside of functions as well."""
    outermost = module.partition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.Import):
            names = {alias.name: "" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, module)
            names = {f"{origin}.{alias.name}": origin for alias in node.names}
        else:
            continue
        for name, holder in names.items():
            if name.partition(".")[0] == outermost:
                found.add(name if _path(name) else holder)
    return frozenset(found)


def _origin(node: ast.ImportFrom, module: str) -> str:
    """What stands between ``from`` and ``import``, with the dots of a relative import resolved."""
    path = _path(module)
    package = module if path and path.name == "__init__.py" else module.rpartition(".")[0]
    return importlib.util.resolve_name("." * node.level + (node.module or ""), package)


def _source(module: str) -> bytes:
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(f"there is no source of {module}.")
    return path.read_bytes()


def _path(module: str) -> Path | None:
    """The file of a module, None where there is no module of this name."""
    outermost, *inside = module.split(".")
    base = _folder(outermost).joinpath(*inside)
    candidates = (base / "__init__.py", base.parent / f"{base.name}.py")
    return next((path for path in candidates if path.is_file()), None)


def _folder(package: str) -> Path:
    return Path(inspect.getfile(importlib.import_module(package))).parent
