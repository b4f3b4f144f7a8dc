"""Data sets: what a good file gives, and the one line that a bad one gives."""

import gzip
import struct

import numpy as np
import pytest

from experiments import data
from experiments.batches import batch_indices
from experiments.data import fashion_mnist
from experiments.data.idx import read_idx
from experiments.errors import UsageError

IMAGES = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)


def idx_bytes(array, magic=None):
    magic = 8 << 8 | array.ndim if magic is None else magic
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.tobytes()


@pytest.fixture
def small_fashion_mnist(tmp_path, monkeypatch):
    """A folder with the four files, two of them packed, of 3 and 2 images of 4 by 4."""
    monkeypatch.setattr(fashion_mnist, "TRAIN_EXAMPLES", 3)
    monkeypatch.setattr(fashion_mnist, "HELD_OUT_EXAMPLES", 2)
    monkeypatch.setattr(fashion_mnist, "SIDE", 4)
    labels = np.array([9, 0, 4], np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(IMAGES[1:])))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels[1:]))
    return tmp_path


def test_plain_and_packed_files_are_read(small_fashion_mnist):
    dataset = data.load("fashion_mnist", small_fashion_mnist)
    np.testing.assert_array_equal(dataset.train_images[..., 0], IMAGES)
    np.testing.assert_array_equal(dataset.held_out_images[..., 0], IMAGES[1:])
    assert dataset.train_labels.tolist() == [9, 0, 4]
    assert dataset.held_out_labels.tolist() == [0, 4]
    assert dataset.train_images.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("images", idx_bytes(IMAGES, magic=0x00000801), r"magic number is 0x00000801 and not"),
        ("images", b"<html>not found, not found</html>", r"magic number is 0x3c68746d"),
        ("images", idx_bytes(IMAGES)[:-1], r"truncated, 47 bytes of data, expected 48"),
        ("images", idx_bytes(IMAGES) + b"\0", r"too long, 49 bytes of data, expected 48"),
        ("images", idx_bytes(IMAGES[:2]), r"holds an array of shape \(2, 4, 4\), expected"),
        ("images", b"\0\0\x08", r"truncated, 3 bytes are less than an IDX header"),
        ("images", b"", r"truncated, 0 bytes"),
        ("packed", gzip.compress(idx_bytes(IMAGES))[:-12], r"damaged or truncated gzip file"),
        ("packed", b"not packed at all", r"damaged or truncated gzip file"),
        ("packed", gzip.compress(b"")[:4], r"damaged or truncated gzip file"),
    ],
    ids=[
        "labels instead of images",
        "a web page",
        "one byte short",
        "one byte long",
        "fewer images",
        "part of a header",
        "empty",
        "packed, truncated",
        "not packed",
        "packed, part of a header",
    ],
)
def test_bad_files_are_told_in_one_line(tmp_path, name, content, message):
    path = tmp_path / ("images.gz" if name == "packed" else "images")
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_idx(path, IMAGES.shape)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_deflate_stream(tmp_path):
    packed = bytearray(gzip.compress(np.random.default_rng(0).bytes(4000)))
    packed[200:300] = bytes(100)
    path = tmp_path / "images.gz"
    path.write_bytes(packed)
    with pytest.raises(UsageError, match="damaged or truncated gzip file"):
        read_idx(path, (10, 20, 20))


def test_labels_out_of_range(small_fashion_mnist):
    path = small_fashion_mnist / "t10k-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.array([3, 10], np.uint8)))
    with pytest.raises(UsageError, match="holds the label 10"):
        data.load("fashion_mnist", small_fashion_mnist)


@pytest.mark.parametrize("missing", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_absent_file_says_both_ways_to_get_it(small_fashion_mnist, missing):
    (small_fashion_mnist / missing).unlink()
    with pytest.raises(UsageError) as caught:
        data.load("fashion_mnist", small_fashion_mnist)
    for part in (missing, "apt-get install dataset-fashion-mnist", "--data-dir"):
        assert part in str(caught.value)


def test_debian_folder_is_the_default(small_fashion_mnist, monkeypatch):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", small_fashion_mnist)
    assert data.load("fashion_mnist").fingerprint() == (
        data.load("fashion_mnist", small_fashion_mnist).fingerprint()
    )


def test_digits_split_is_disjoint_complete_and_even():
    dataset = data.load("digits")
    assert dataset.train_images.shape == (1442, 8, 8, 1)
    assert dataset.held_out_images.shape == (355, 8, 8, 1)
    everything = np.concatenate([dataset.train_images, dataset.held_out_images])
    assert len(np.unique(everything.reshape(1797, -1), axis=0)) == 1797
    assert everything.max() == dataset.brightest
    share = np.bincount(dataset.held_out_labels) / np.bincount(dataset.train_labels)
    np.testing.assert_allclose(share, 0.25, atol=0.01)


def test_fingerprint_sees_every_array():
    dataset = data.load("digits")
    for field in dataset._fields[:4]:
        changed = getattr(dataset, field).copy()
        changed[-1] = 7
        other = dataset._replace(**{field: changed})
        assert other.fingerprint() != dataset.fingerprint()


def test_an_epoch_shows_every_image_and_fills_the_last_batch():
    epoch = batch_indices(seed=3, first_step=4, last_step=8, examples=10, batch_size=3)
    assert epoch.shape == (4, 3)
    order = epoch.ravel()
    assert sorted(order[:10]) == list(range(10))
    assert order[10:].tolist() == order[:2].tolist()


def test_batches_do_not_depend_on_where_training_was_interrupted():
    whole = batch_indices(1, 0, 23, examples=10, batch_size=3)
    parts = [batch_indices(1, a, b, 10, 3) for a, b in ((0, 5), (5, 6), (6, 23))]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert not np.array_equal(whole[:4], whole[4:8])
    assert not np.array_equal(whole, batch_indices(2, 0, 23, 10, 3))
