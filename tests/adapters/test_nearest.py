"""Retrieval: copies of training rows, crowds of copies, and votes that stay probabilities."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from adapters.encoder.embedding import Encoder
from adapters.encoder.nearest import NEIGHBOURS, Nearest
from evaluation.dataset import Example, inputs_of

ExamplesOf = Callable[[dict[str, list[str]]], list[Example]]


def fitted(encoder: Encoder, train: list[Example]) -> Nearest:
    arm = Nearest(encoder)
    arm.fit(train, seed=1)
    return arm


def test_a_copy_of_a_training_row_gets_its_label(encoder: Encoder, train: list[Example]) -> None:
    answers = fitted(encoder, train).predict(inputs_of(train))
    assert [answer.output for answer in answers] == [row.output for row in train]


def test_the_seed_is_not_used(encoder: Encoder, train: list[Example], unseen: list[Example]) -> None:
    other = Nearest(encoder)
    other.fit(train, seed=2)
    assert other.predict(inputs_of(unseen)) == fitted(encoder, train).predict(inputs_of(unseen))


def test_a_crowd_of_copies_does_not_hide_the_rest(encoder: Encoder, examples_of: ExamplesOf) -> None:
    copies = max(NEIGHBOURS) + 10
    train = examples_of({"A": ["my parcel is late"] * copies, "B": ["please refund me", "give me my money back"]})
    answers = fitted(encoder, train).predict(["my parcel is late", "please refund me"])
    assert [answer.output for answer in answers] == ["A", "B"]


def test_a_mislabelled_row_alone_among_many_is_outvoted(encoder: Encoder, examples_of: ExamplesOf) -> None:
    """The question is as near to the one wrong row as to nine right ones; one neighbour would not do."""
    same = "the tracking number does not work"
    train = examples_of({"Shipping": [same] * 9, "Wrong": [same], "Billing": ["refund me", "my invoice", "I paid"]})
    answer = fitted(encoder, train).predict([same])[0]
    assert answer.output == "Shipping"


def test_confidence_is_a_probability(encoder: Encoder, examples_of: ExamplesOf) -> None:
    """Shares of up to 20 neighbours are summed; rounding must not lift the sum over 1."""
    train = examples_of(
        {
            "A": [f"{what} {where}" for what, where in product(["parcel", "box", "letter"], ["late", "lost", "wet"])],
            "B": ["parcel refund", "box money", "letter invoice", "lost money"],
        }
    )
    inputs = [
        f"{who} {what} is {how}"
        for who, what, how in product(["my", "our", "the"], ["parcel", "crate", "mail", "order"], ["late", "wet", "gone"])
    ]
    confidences = [answer.confidence for answer in fitted(encoder, train).predict(inputs)]
    assert max(confidences) <= 1


def test_conflicting_copies_share_the_confidence(encoder: Encoder, examples_of: ExamplesOf) -> None:
    train = examples_of({"A": ["the very same"] * 3, "B": ["the very same"] * 2})
    answer = fitted(encoder, train).predict(["the very same"])[0]
    assert answer.output in ("A", "B")
    assert answer.confidence == pytest.approx(0.6) or answer.confidence == pytest.approx(2 / 3) or answer.confidence == 1
