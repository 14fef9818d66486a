"""What a verdict costs to settle, how to go back, and until when it holds."""

from __future__ import annotations

import pytest

from evaluation.decision import Settling, Verdict, VerdictKind
from evaluation.outlook import look_ahead
from rules.form import Form


def verdict(kind: VerdictKind, items: int | None = None) -> Verdict:
    settling = Settling(rival="head", gain=0.03, items=items, times_runs=1, text="")
    return Verdict(
        kind=kind, arm="head", headline="", reasons=(), estimand="", probability_best={}, expected_regret=0,
        detectable_gain=0, shrunken_gains={}, prior="", settling=settling if kind is VerdictKind.PROVISIONAL else None,
    )  # fmt: skip


def form(**sections: dict[str, object]) -> Form:
    return Form.model_validate(sections)


def test_the_price_of_settling() -> None:
    answered = form(budget={"labelling_cost": 0.5, "currency": "EUR"})
    # 1,200 rows in all, 200 are there: 1,000 at half a euro
    price = look_ahead(verdict(VerdictKind.PROVISIONAL, 1200), answered, 200).price_of_settling
    assert price == "1,000 more labelled rows at 0.5 EUR each: about 500 EUR."


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    price = look_ahead(verdict(VerdictKind.PROVISIONAL, 1200), None, 200).price_of_settling
    assert price is not None
    assert price.startswith("1,000 more labelled rows; ")
    assert "budget.labelling_cost" in price


@pytest.mark.parametrize(
    "settled", [verdict(VerdictKind.KEEP), verdict(VerdictKind.FINE_TUNE), verdict(VerdictKind.PROVISIONAL, None)]
)
def test_nothing_to_price(settled: Verdict) -> None:
    assert look_ahead(settled, None, 200).price_of_settling is None


def test_the_way_back() -> None:
    assert "adapter" in look_ahead(verdict(VerdictKind.FINE_TUNE), None, 200).roll_back
    assert "adapter" not in look_ahead(verdict(VerdictKind.KEEP), None, 200).roll_back
    stuck = look_ahead(verdict(VerdictKind.KEEP), form(operations={"rollback": "none"}), 200)
    assert "no way back" in stuck.roll_back


@pytest.mark.parametrize(
    ("interval", "words"),
    [("weekly", "at the latest after a week"), ("quarterly", "three months"), ("never", "does not change")],
)
def test_until_when(interval: str, words: str) -> None:
    assert words in look_ahead(verdict(VerdictKind.KEEP), form(task={"change_interval": interval}), 200).holds_until


def test_until_when_is_unknown_without_an_answer() -> None:
    assert "task.change_interval" in look_ahead(verdict(VerdictKind.KEEP), None, 200).holds_until
