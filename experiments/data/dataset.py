"""What every data set is once it is loaded."""

import hashlib
from typing import NamedTuple

import numpy as np


class Dataset(NamedTuple):
    """Images and labels to train on, and others that are held out.

    Attributes:
      train_images: shape (examples, height, width, channels), uint8.
      train_labels: shape (examples,), int32.
      held_out_images: as ``train_images``.
      held_out_labels: as ``train_labels``.
      brightest: the value of a fully bright pixel; images divided by it lie in [0, 1].
      classes: the number of different labels.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    held_out_images: np.ndarray
    held_out_labels: np.ndarray
    brightest: int
    classes: int

    def fingerprint(self) -> str:
        """A digest of every image and label: equal for equal data wherever they lie."""
        digest = hashlib.sha256()
        for array in self[:4]:
            digest.update(f"{array.dtype} {array.shape} ".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]
