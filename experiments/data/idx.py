"""Reads the IDX files in which the MNIST family of data sets is distributed.

An IDX file is two zero bytes, a byte for the type of its numbers (8: unsigned bytes), a byte
for the number of axes, the length of each axis as a big-endian 32-bit integer, and then the
numbers, the last axis running fastest.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from experiments.errors import UsageError

UNSIGNED_BYTES = 8


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The array in an IDX file of unsigned bytes, which must have this shape.

    Args:
      path: the file, packed with gzip if its name ends in ``.gz``.
      shape: the length that each axis must have.

    Raises:
      UsageError: if the file cannot be read or is not what is said above.
    """
    content = _read(path)
    header_length = 4 + 4 * len(shape)
    if len(content) < header_length:
        raise UsageError(f"{path}: truncated, {len(content)} bytes are less than an IDX header.")
    magic = struct.unpack(">I", content[:4])[0]
    expected_magic = UNSIGNED_BYTES << 8 | len(shape)
    if magic != expected_magic:
        raise UsageError(
            f"{path}: not the IDX file that was expected, "
            f"its magic number is {magic:#010x} and not {expected_magic:#010x}."
        )
    found_shape = struct.unpack(f">{len(shape)}I", content[4:header_length])
    if found_shape != shape:
        raise UsageError(f"{path}: holds an array of shape {found_shape}, expected {shape}.")
    size = math.prod(shape)
    if len(content) != header_length + size:
        fault = "truncated" if len(content) < header_length + size else "too long"
        raise UsageError(
            f"{path}: {fault}, {len(content) - header_length} bytes of data, expected {size}."
        )
    return np.frombuffer(content, np.uint8, offset=header_length).reshape(shape)


def _read(path: Path) -> bytes:
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                return file.read()
        return path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path}: damaged or truncated gzip file ({error}).") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}).") from error
