"""The bounds against published ones, and what looking early costs and saves (protocol 1.7, criterion 7)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from evaluation.looks import Looks, crossing_probability, obrien_fleming, z_of
from evaluation.statistics import Estimate

ROWS = 400


class TestBounds:
    def test_four_looks(self) -> None:
        looks = obrien_fleming()
        assert looks.fractions == (0.25, 0.5, 0.75, 1.0)
        assert looks.bounds == pytest.approx((4.049, 2.863, 2.337, 2.024), abs=6e-4)

    @pytest.mark.parametrize(
        ("looks", "constant"),
        [(1, 1.960), (2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (8, 2.072), (10, 2.087), (20, 2.126)],
    )
    def test_published_constants(self, looks: int, constant: float) -> None:
        # Jennison and Turnbull 2000, table 2.3: two-sided 5%
        bounds = obrien_fleming(looks).bounds
        assert bounds[-1] == pytest.approx(constant, abs=6e-4)
        assert bounds == pytest.approx([bounds[-1] * math.sqrt(looks / look) for look in range(1, looks + 1)])

    def test_two_looks_against_the_bivariate_normal(self) -> None:
        # z at one half and at all rows correlate by sqrt(1/2)
        neither = stats.multivariate_normal(cov=[[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]]).cdf([2.2, 1.9])
        crossed = crossing_probability(np.array([0.5, 1.0]), np.array([2.2, 1.9]))
        assert crossed == pytest.approx(1 - neither, abs=1e-6)

    def test_another_level(self) -> None:
        assert obrien_fleming(1, alpha=0.05).bounds == pytest.approx((1.6449,), abs=1e-4)
        assert obrien_fleming(4, alpha=0.05).bounds[-1] < obrien_fleming(4).bounds[-1]

    @pytest.mark.parametrize(("looks", "alpha"), [(0, 0.025), (21, 0.025), (4, 0.0), (4, 0.5)])
    def test_impossible_plans(self, looks: int, alpha: float) -> None:
        with pytest.raises(ValueError, match="expected"):
            obrien_fleming(looks, alpha)


class TestStopping:
    LOOKS = Looks((0.5, 1.0), (3.0, 2.0))

    @pytest.mark.parametrize(
        ("z_values", "look"),
        [
            ([], None),
            ([2.9], None),
            ([3.0], 1),
            ([2.9, 2.0], 2),
            ([2.9, 1.9], None),
            ([3.5, 0.0], 1),
            ([-9.0, -9.0], None),
            ([math.nan, 2.5], 2),
        ],
    )
    def test_stop_at(self, z_values: list[float], look: int | None) -> None:
        assert self.LOOKS.stop_at(z_values) == look

    def test_an_undeclared_look(self) -> None:
        with pytest.raises(ValueError, match="3 looks were taken; 2 were declared"):
            self.LOOKS.stop_at([0.0, 0.0, 5.0])

    @pytest.mark.parametrize(
        ("looks", "total", "rows"),
        [(4, 400, (100, 200, 300, 400)), (4, 10, (3, 5, 8, 10)), (11, 77, tuple(range(7, 78, 7)))],
    )
    def test_rows_of_each_look(self, looks: int, total: int, rows: tuple[int, ...]) -> None:
        assert obrien_fleming(looks).rows(total) == rows


class TestZ:
    def test_few_degrees_of_freedom_count_for_less(self) -> None:
        # t = 1 with 1 d.f. (Cauchy): upper tail 1/4, where z = .67449
        assert z_of(Estimate(0.2, 0.04, 0.0, 1)) == pytest.approx(0.67449, abs=1e-5)
        assert z_of(Estimate(-0.2, 0.04, 0.0, 1)) == pytest.approx(-0.67449, abs=1e-5)

    def test_many_are_normal(self) -> None:
        assert z_of(Estimate(2.5, 1.0, 0.0, 1e9)) == pytest.approx(2.5, abs=1e-6)

    def test_far_out_is_finite_on_either_side(self) -> None:
        assert z_of(Estimate(0.0, 0.01, 0.0, 10)) == 0
        assert z_of(Estimate(-1.0, 0.0025, 0.0, 100)) == -z_of(Estimate(1.0, 0.0025, 0.0, 100))


def z_paths(first_only: float, second_only: float, runs: int, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """z of paired differences after so many rows each, (runs, looks), with the tails of `z_of`."""
    rng = np.random.default_rng([7, round(100 * first_only)])
    luck = rng.random((runs, int(counts[-1])))
    difference = np.where(luck < first_only, 1.0, np.where(luck < first_only + second_only, -1.0, 0.0))
    sums, squares = difference.cumsum(axis=1)[:, counts - 1], (difference**2).cumsum(axis=1)[:, counts - 1]
    variance = np.maximum((squares - sums**2 / counts) / (counts - 1) / counts, 1 / counts**2)
    t = sums / counts / np.sqrt(variance)
    assert z_of(Estimate(sums[0, 0] / counts[0], variance[0, 0], 0.0, counts[0] - 1)) == pytest.approx(
        _z(t, counts)[0, 0]
    )
    return _z(t, counts)


def _z(t: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(t) * stats.norm.isf(stats.t.sf(np.abs(t), counts - 1)))


class TestSimulated:
    COUNTS = np.array(obrien_fleming().rows(ROWS))

    def test_false_alarms(self) -> None:
        z = z_paths(0.10, 0.10, 20_000, self.COUNTS)
        stopped = [obrien_fleming().stop_at(path) is not None for path in z.tolist()]
        assert 0.022 <= np.mean(stopped) <= 0.027

    def test_peeking_as_one_likes_is_several_times_worse(self) -> None:
        z = z_paths(0.10, 0.10, 4000, np.arange(20, ROWS + 1, 10))
        assert (z > 1.96).any(axis=1).mean() > 0.10

    def test_a_gap_of_twelve_points_takes_fewer_rows(self) -> None:
        z = z_paths(0.22, 0.10, 4000, self.COUNTS)
        stops = [obrien_fleming().stop_at(path) for path in z.tolist()]
        rows = [ROWS if stop is None else self.COUNTS[stop - 1] for stop in stops]
        assert np.mean(rows) <= 0.8 * ROWS
        power = np.mean([stop is not None for stop in stops])
        assert power >= (z[:, -1] > 1.96).mean() - 0.01
