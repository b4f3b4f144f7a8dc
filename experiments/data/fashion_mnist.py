"""Fashion-MNIST: 70,000 images of 28 by 28 pixels of ten kinds of clothing."""

from pathlib import Path

import numpy as np

from experiments.data.dataset import Dataset
from experiments.data.idx import read_idx
from experiments.errors import UsageError

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
TRAIN_EXAMPLES = 60_000
HELD_OUT_EXAMPLES = 10_000
SIDE = 28
CLASSES = 10


def load_fashion_mnist(data_dir: Path | None) -> Dataset:
    """The four IDX files, plain or packed with gzip; the published test images are held out.

    Args:
      data_dir: the folder they are in; None for where Debian's package puts them.

    Raises:
      UsageError: if a file is absent or not what it should be.
    """
    folder = DEBIAN_FOLDER if data_dir is None else data_dir
    train_images, train_labels = _load_part(folder, "train", TRAIN_EXAMPLES)
    held_out_images, held_out_labels = _load_part(folder, "t10k", HELD_OUT_EXAMPLES)
    return Dataset(
        train_images, train_labels, held_out_images, held_out_labels, brightest=255, classes=CLASSES
    )


def _load_part(folder: Path, part: str, examples: int) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(_find(folder, f"{part}-images-idx3-ubyte"), (examples, SIDE, SIDE))
    labels_path = _find(folder, f"{part}-labels-idx1-ubyte")
    labels = read_idx(labels_path, (examples,))
    if labels.max() >= CLASSES:
        raise UsageError(f"{labels_path}: holds the label {labels.max()}, expected 0 to 9.")
    return images[..., np.newaxis], labels.astype(np.int32)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise UsageError(
        f"Fashion-MNIST: neither {name} nor {name}.gz is in {folder}; "
        "run `apt-get install dataset-fashion-mnist`, or download the four files of "
        "https://github.com/zalandoresearch/fashion-mnist and pass their folder as --data-dir."
    )
