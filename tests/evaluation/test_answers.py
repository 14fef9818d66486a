"""What counts as naming a label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.answers import read_label

LABELS = ("Billing", "Lost parcel", "no. 5", "US", "us")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Billing", "Billing"),
        ("billing", "Billing"),
        ("  BILLING.\n", "Billing"),
        ("lost   PARCEL", "Lost parcel"),
        ("No. 5.", "no. 5"),
        ("US", "US"),
        ("us", "us"),
        ("Us", None),  # could be either
        ("Billing!", None),
        ("It is Billing", None),
        ("Billing or Lost parcel", None),
        ("", None),
        (".", None),
        (None, None),
    ],
)
def test_read_label(text: str | None, label: str | None) -> None:
    assert read_label(text, LABELS) == label


@given(st.lists(st.text(max_size=6), unique=True, max_size=6), st.text(max_size=8))
def test_only_labels_come_out_and_every_label_names_itself(labels: list[str], text: str) -> None:
    assert read_label(text, labels) in {None, *labels}
    assert all(read_label(label, labels) == label for label in labels)
