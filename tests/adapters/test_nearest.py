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
    """The wrong row comes first among its copies, so that one neighbour would repeat the mistake."""
    same = "the tracking number does not work"
    train = examples_of({"Wrong": [same], "Shipping": [same] * 9, "Billing": ["refund me", "my invoice", "I paid"]})
    assert fitted(encoder, train).predict([same])[0].output == "Shipping"


def test_confidence_is_a_probability(encoder: Encoder, examples_of: ExamplesOf) -> None:
    """The shares of several neighbours are summed; rounding must not lift the sum over 1."""
    things = ["parcel", "box", "letter", "order"]
    train = examples_of(
        {
            "A": [f"my {thing} is {state}" for thing, state in product(things, ["late", "lost", "wet"])],
            "B": [f"my {thing} is late" for thing in things],
        }
    )
    states = ["late", "wet", "gone", "open", "here"]
    inputs = [
        f"{who} {what} is {how}" for who, what, how in product(["our", "the"], [*things, "crate", "mail"], states)
    ]
    confidences = [answer.confidence for answer in fitted(encoder, train).predict(inputs)]
    assert max(confidences) <= 1


def test_conflicting_copies_share_the_vote(encoder: Encoder, examples_of: ExamplesOf) -> None:
    """Judged by the other four, a row of A is right with five neighbours, and the question has five: three for A."""
    train = examples_of({"A": ["the very same"] * 3, "B": ["the very same"] * 2})
    answer = fitted(encoder, train).predict(["the very same"])[0]
    assert (answer.output, answer.confidence) == ("A", pytest.approx(0.6))
