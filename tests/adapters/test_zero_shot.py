"""Zero-shot sees label sentences, never a labelled row."""

from __future__ import annotations

from adapters.encoder.embedding import Encoder
from adapters.encoder.zero_shot import ZeroShot
from evaluation.dataset import Example, Task

PARCEL, MONEY = "a parcel and its delivery", "a payment, an invoice or a refund"
INPUTS = ["where is my parcel", "send me the invoice again"]


def answers(encoder: Encoder, task: Task, train: list[Example] | None = None) -> list[str | None]:
    arm = ZeroShot(encoder, task)
    arm.fit(train or [], seed=1)
    return [prediction.output for prediction in arm.predict(INPUTS)]


def test_the_description_decides(encoder: Encoder) -> None:
    """Names that say nothing, so that only the sentences can."""
    assert answers(encoder, Task(("L1", "L2"), (("L1", PARCEL), ("L2", MONEY)))) == ["L1", "L2"]
    assert answers(encoder, Task(("L1", "L2"), (("L1", MONEY), ("L2", PARCEL)))) == ["L2", "L1"]


def test_without_a_description_the_name_decides(encoder: Encoder) -> None:
    assert answers(encoder, Task(("invoice", "parcel"))) == ["parcel", "invoice"]
    assert answers(encoder, Task(("L2", "parcel"), (("L2", MONEY),))) == ["parcel", "L2"]


def test_separators_in_names_are_read_as_spaces(encoder: Encoder) -> None:
    plain, joined = Task(("lost parcel", "wrong invoice")), Task(("lost_parcel", "wrong-invoice"))
    for task in (plain, joined):
        assert answers(encoder, task) == list(task.labels)
    confidences = []
    for task in (plain, joined):
        arm = ZeroShot(encoder, task)
        arm.fit([], seed=1)
        confidences.append([prediction.confidence for prediction in arm.predict(INPUTS)])
    assert confidences[0] == confidences[1]


def test_labelled_rows_change_nothing(encoder: Encoder, train: list[Example], task: Task) -> None:
    assert answers(encoder, task, train) == answers(encoder, task, train[:1]) == answers(encoder, task)


def test_a_label_without_rows_can_be_predicted(encoder: Encoder, train: list[Example]) -> None:
    seen = [row for row in train if row.output != "Shipping"]
    task = Task(("Account", "Billing", "Shipping", "Technical"), (("Shipping", PARCEL),))
    assert answers(encoder, task, seen)[0] == "Shipping"
