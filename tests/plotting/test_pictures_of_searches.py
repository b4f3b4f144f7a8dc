"""What the pictures of range tests and searches contain."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import optax_aware as oa
from tests.plotting.pictures import drawn, labels, range_test_result


def test_range_tests(tmp_path):
    result = range_test_result()
    ax = oa.plotting.range_test(result)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == pytest.approx((result.rates[0], result.rates[-1]))
    assert [text.get_text() for text in ax.texts] == ["flat", "falling", "erratic"]
    assert labels(ax)[:2] == ["loss", "smoothed loss"]
    assert labels(ax)[2] == f"suggestion {result.suggestion:.2g}"
    assert labels(ax)[3].startswith("90 % interval ")
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), result.smoothed)
    assert ax.lines[2].get_xdata()[0] == result.suggestion
    assert len(ax.patches) == 4
    low, high = ax.get_ylim()
    assert low < np.nanmin(result.smoothed)
    assert np.nanmax(result.smoothed) < high < 2.0 * result.losses[0]
    drawn(ax, tmp_path)
    nothing = oa.plotting.range_test(range_test_result(max_rate=2e-6))
    assert "no suggestion" in nothing.get_title(loc="left")
    assert labels(nothing) == ["loss", "smoothed loss"]
    drawn(nothing, tmp_path)


def test_a_range_test_that_was_never_finite(tmp_path):
    result = oa.search.range_test(
        lambda params, batch: jnp.sum(params) * jnp.nan,
        jnp.ones(2),
        np.zeros((1, 2)),
        optax.identity(),
    )
    ax = oa.plotting.range_test(result)
    assert "not finite at the first parameters" in ax.get_title(loc="left").replace("\n", " ")
    drawn(ax, tmp_path)


def test_searches(tmp_path):
    candidate = oa.search.Candidate
    result = oa.search.CoarseToFine(
        (
            candidate(1, 1e-3, 2.0, 50, False),
            candidate(2, 3e-3, 0.02, 50, False),
            candidate(1, 1e-2, 1.5, 50, False),
            candidate(1, 1e-1, np.nan, 12, True),
        ),
        50,
    )
    ax = oa.plotting.coarse_to_fine(result)
    assert labels(ax) == ["round 1", "round 2", "given up", "best 0.003"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    np.testing.assert_array_equal(ax.lines[2].get_xdata(), [1e-1])
    assert ax.lines[3].get_xdata()[0] == 3e-3
    assert len({line.get_marker() for line in ax.lines[:3]}) == 3
    drawn(ax, tmp_path)
    lost = oa.search.CoarseToFine((candidate(1, 0.1, np.nan, 3, True),), 50)
    assert labels(oa.plotting.coarse_to_fine(lost)) == ["round 1", "given up"]
    drawn(oa.plotting.coarse_to_fine(lost), tmp_path)
    both = (candidate(1, 0.1, np.inf, 50, False), candidate(1, 0.2, np.nan, 3, True))
    ax = oa.plotting.coarse_to_fine(oa.search.CoarseToFine(both, 50))
    assert labels(ax) == ["round 1", "given up", "loss not finite"]
    assert [line.get_xdata().tolist() for line in ax.lines[1:]] == [[0.2], [0.1]]
