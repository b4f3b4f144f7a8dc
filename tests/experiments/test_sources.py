"""Digests of source code: what changes them is what a module imports, and nothing else."""

import pytest

from experiments import sources

FILES = {
    "__init__.py": "",
    "first.py": "import os\nfrom box import direct\nfrom json import dumps",
    "direct.py": "def f():\n    from box.inner.deep import number\n    return number",
    "inner/__init__.py": "from box.unrelated import other",
    "inner/deep.py": "import box.whole as whole\nnumber = 1",
    "whole/__init__.py": "from .relative import number",
    "whole/relative.py": "from .. import names",
    "names.py": "from box.holder import name",
    "holder/__init__.py": "name = 1",
    "holder/aside.py": "",
    "unrelated.py": "other = 1",
}
FOLLOWED = {"first", "direct", "inner.deep", "whole", "whole.relative", "names", "holder"}


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "box"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(sources, "_folder", lambda package: folder)
    forget()
    yield folder
    forget()


def forget():
    sources.of_modules.cache_clear()
    sources._imports.cache_clear()


def test_what_is_imported_is_followed_through_others_and_into_functions(package):
    found = sources.closure("box.first")
    assert found == {f"box.{name}" for name in FOLLOWED}


@pytest.mark.parametrize("name", FILES)
def test_a_digest_changes_with_what_is_imported_alone(package, name):
    before = sources.of_modules("box.first")
    forget()
    assert sources.of_modules("box.first") == before
    forget()
    (package / name).write_text(FILES[name] + "\nedited = True\n")
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert (sources.of_modules("box.first") != before) == (module in FOLLOWED)


def test_a_module_that_is_not_there_has_no_digest(package):
    with pytest.raises(ModuleNotFoundError, match=r"box\.absent"):
        sources.of_modules("box.absent")
