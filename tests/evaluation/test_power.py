"""What a comparison can see (protocol 1.3)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rules.power import detectable_gain, items_needed, runs_factor_needed

REACH = 1.959964 + 0.841621
"""Standard errors between nothing and a gain found four times in five."""


@pytest.mark.parametrize(
    ("n", "discordance", "points", "points_with_runs"),
    [(100, 0.15, 10.9, 11.2), (200, 0.25, 9.9, 10.3), (800, 0.08, 2.8, 3.9), (50, 0.40, 25.1, None)],
)
def test_the_protocols_table(n: int, discordance: float, points: float, points_with_runs: float | None) -> None:
    # The second figure adds 1.7 points between runs, over three seeds.
    assert 100 * detectable_gain(discordance / n, 0, 0.025, 0.8) == pytest.approx(points, abs=0.06)
    if points_with_runs:
        found = 100 * detectable_gain(discordance / n, 0.017**2 / 3, 0.025, 0.8)
        assert found == pytest.approx(points_with_runs, abs=0.06)


def test_items_needed() -> None:
    # (0.03 / 2.801585)^2 = 0.00011467; 200 rows gave 0.0005, so 200 * 0.0005 / 0.00011467 = 872.1
    assert items_needed(0.03, 0.0005, 200, 0.0, 0.025, 0.8) == 873
    # Runs take 0.00005 of it: 0.1 / 0.00006467 = 1546.4
    assert items_needed(0.03, 0.0005, 200, 0.00005, 0.025, 0.8) == 1547


def test_the_rows_needed_make_the_gain_detectable() -> None:
    rows = items_needed(0.05, 0.0008, 150, 0.0001, 0.025, 0.8)
    assert rows is not None
    assert detectable_gain(0.0008 * 150 / rows, 0.0001, 0.025, 0.8) <= 0.05
    assert detectable_gain(0.0008 * 150 / (rows - 1), 0.0001, 0.025, 0.8) > 0.05


def test_no_number_of_rows_makes_up_for_runs() -> None:
    assert items_needed(0.03, 0.0005, 200, (0.03 / REACH) ** 2 * 1.01, 0.025, 0.8) is None


def test_runs_needed_leave_half_for_the_rows() -> None:
    # half of (0.03 / 2.801585)^2 is 0.00005733; 0.0005 / 0.00005733 = 8.72
    assert runs_factor_needed(0.03, 0.0005, 0.025, 0.8) == 9
    assert runs_factor_needed(0.03, 0.00001, 0.025, 0.8) == 1


def test_the_advertised_gain_is_found_as_often_as_it_says() -> None:
    # A world of differences with known deviation: a one-sided z test at 2.5% finds the gain in 80% of 20,000 draws.
    error = math.sqrt(0.0009 + 0.0002)
    gain = detectable_gain(0.0009, 0.0002, 0.025, 0.8)
    estimates = np.random.default_rng(1).normal(gain, error, 20_000)
    assert (estimates / error > stats.norm.ppf(0.975)).mean() == pytest.approx(0.8, abs=0.01)
