"""Detectable gains and items needed, against the table of protocol 1.3 at a discordance of 0.15."""

from math import inf

import pytest

from rules.policy import Policy
from rules.power import gain_shown_by, items_to_show

POLICY = Policy(discordance=0.15)


@pytest.mark.parametrize(("items", "points"), [(20, 24.3), (50, 15.3), (100, 10.9), (200, 7.7), (400, 5.4)])
def test_gain_shown_by(items: int, points: float) -> None:
    assert gain_shown_by(items, POLICY) * 100 == pytest.approx(points, abs=0.051)


@pytest.mark.parametrize(
    ("gain", "items"), [(0.02, 2941), (0.03, 1306), (0.05, 469), (0.08, 182), (0.10, 116), (0.15, 50)]
)
def test_items_to_show(gain: float, items: int) -> None:
    assert items_to_show(gain, POLICY) == items


def test_nothing_shows_nothing() -> None:
    assert gain_shown_by(0, POLICY) == inf
    assert items_to_show(0, POLICY) == inf


def test_a_gain_larger_than_the_discordance_still_needs_some_items() -> None:
    assert 0 < items_to_show(1.0, POLICY) < items_to_show(0.5, POLICY) < items_to_show(0.1, POLICY)
