"""What accuracy is worth in money."""

from __future__ import annotations

from typing import Any

import pytest

from rules.form import Form
from rules.policy import Policy
from rules.worth import worth_of_point


def worth(budget: dict[str, Any], requests: int | None = 10_000) -> float | None:
    form = Form.parse({"task": {"requests_per_month": requests}, "budget": budget})
    return worth_of_point(form, Policy(assumed_horizon_months=12))


def test_by_hand() -> None:
    # 10,000 requests a month, 6 months; of a hundred, one answer more is right: 600 times 0.50 saved, 1.50 spared.
    answered = {"value_of_correct": 0.5, "cost_of_error": 1.5, "horizon_months": 6}
    assert worth(answered) == pytest.approx(600 * 2.0)


@pytest.mark.parametrize("alone", ["value_of_correct", "cost_of_error"])
def test_one_of_the_two_is_enough(alone: str) -> None:
    assert worth({alone: 2.0, "horizon_months": 1}) == pytest.approx(200.0)


def test_an_open_horizon_is_the_policy_s() -> None:
    assert worth({"value_of_correct": 1.0}) == pytest.approx(0.01 * 10_000 * 12)


def test_nobody_says() -> None:
    assert worth({}) is None
    assert worth({"value_of_correct": 0.0}) is None
    assert worth({"value_of_correct": 1.0}, requests=None) is None
    assert worth({"value_of_correct": 1.0}, requests=0) is None
