"""The README is true: its code runs, its commands exist, its links lead somewhere."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import jax.numpy as jnp
import optax
import pytest

import optax_aware as oa

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language):
    text = README.read_text()
    for match in BLOCK.finditer(text):
        if match.group(1) == language:
            yield text[: match.start(2)].count("\n"), match.group(2)


class Recorder:
    """Stands in for a tracker that is not installed, and takes what the real one takes."""

    def __init__(self):
        self.logged = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def log(self, data, step=None):
        assert all(type(name) is str and type(number) is float for name, number in data.items())
        self.logged[step] = data


@pytest.fixture
def tracker(monkeypatch):
    """Weights & Biases is no dependency: without it, its one call is recorded."""
    recorder = Recorder()
    if importlib.util.find_spec("wandb") is None:
        stand_in = types.ModuleType("wandb")
        stand_in.init = lambda *, project, mode: recorder
        monkeypatch.setitem(sys.modules, "wandb", stand_in)
        return recorder
    return None


def test_the_python_of_the_readme_runs_from_top_to_bottom_and_prints_what_it_shows(
    capsys, tmp_path, monkeypatch, tracker
):
    monkeypatch.chdir(tmp_path)
    # The first lines are what is added to a training step that is there already.
    params = {"w": jnp.zeros(3)}
    namespace = {
        "__name__": "readme",
        "optax": optax,
        "oa": oa,
        "params": params,
        "grads": params,
        "loss": jnp.float32(1.0),
    }
    ran = 0
    for line, source in blocks("python"):
        exec(compile("\n" * line + source, str(README), "exec"), namespace)
        ran += 1
    assert ran == len(re.findall(r"^ *```python", README.read_text(), re.MULTILINE)) > 0
    printed = capsys.readouterr().out
    shown = [text for _, text in blocks("text")]
    assert shown
    assert all(text in printed for text in shown)
    assert (tmp_path / "schedules.png").exists()
    assert list(tmp_path.rglob("events.out.tfevents.*"))
    assert tracker is None or "optax_aware/learning_rate" in tracker.logged[0]


def test_the_commands_of_the_readme_are_there_and_ci_runs_the_tests_as_it_says():
    commands = [source.strip() for _, source in blocks("sh")]
    assert 'python -m pip install -e ".[experiments]" && python -m experiments compare' in commands
    tests = 'python -m pip install -e ".[test]" && python -m pytest'
    assert tests in commands
    assert tests in (ROOT / ".ci" / "run").read_text()


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "experiments/README.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_placeholder_is_left(document):
    assert not re.findall(r"^[A-Z_]{5,}$", (ROOT / document).read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    path = ROOT / document
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if not link.startswith("http"):
            target, _, anchor = link.partition("#")
            leads_to = path.parent / target if target else path
            assert leads_to.exists(), link
            assert not anchor or anchor in anchors(leads_to.read_text()), link


def anchors(text):
    """The anchors that GitHub gives to the headings of a markdown file."""
    prose = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", one.strip().lower()).replace(" ", "-") for one in headings]
    earlier = [slugs[:place].count(slug) for place, slug in enumerate(slugs)]
    return [f"{slug}-{n}" if n else slug for slug, n in zip(slugs, earlier, strict=True)]


def test_anchors_are_those_of_github():
    text = "# A rule: `code`, twice\n```sh\n# none\n```\n## What's 1-2?\n## Again\n## Again\n"
    assert anchors(text) == ["a-rule-code-twice", "whats-1-2", "again", "again-1"]
