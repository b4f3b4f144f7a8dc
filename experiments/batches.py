"""Which images are in which minibatch: a function of seed and step alone."""

import numpy as np


def batch_indices(
    seed: int, first_step: int, last_step: int, examples: int, batch_size: int
) -> np.ndarray:
    """The images of the minibatches from ``first_step`` up to, not including, ``last_step``.

    Every epoch goes through all images in an order of its own, drawn from seed and epoch, so
    a run that goes on after an interruption sees the same minibatches. The last minibatch of
    an epoch is filled up with the first images of that epoch's order.

    Returns:
      Positions of shape (last_step - first_step, batch_size), int32.
    """
    steps_per_epoch = -(-examples // batch_size)
    rows = []
    epoch, order = -1, np.empty(0)
    for step in range(first_step, last_step):
        if step // steps_per_epoch != epoch:
            epoch = step // steps_per_epoch
            order = np.random.default_rng([seed, epoch]).permutation(examples)
            order = np.resize(order, steps_per_epoch * batch_size)
        start = (step % steps_per_epoch) * batch_size
        rows.append(order[start : start + batch_size])
    return np.asarray(rows, np.int32)
