"""Labelled images that need no network, loaded by the name of their data set."""

from collections.abc import Callable
from pathlib import Path

from experiments.data.dataset import Dataset
from experiments.data.digits import load_digits
from experiments.data.fashion_mnist import load_fashion_mnist

LOADERS: dict[str, Callable[[Path | None], Dataset]] = {
    "digits": lambda data_dir: load_digits(),
    "fashion_mnist": load_fashion_mnist,
}


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """The data set of this name; ``data_dir`` is where its files are, if it has any."""
    return LOADERS[name](data_dir)
