"""Rows that say the same are found, and every set of them is one group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.duplicates import Duplicates, find_duplicates, normalised

COSINE, MOST = 0.90, 20_000


def find(*texts: str, declared: list[str | None] | None = None, most: int = MOST) -> Duplicates:
    return find_duplicates(texts, COSINE, declared or [None] * len(texts), most)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my parcel?", "where is MY parcel"),
        ("  Where  is my\nparcel", "Where is my parcel."),
        ("Where is my parcel", "Where is my parcel ?!?"),
        ("ﬁne １２", "fine 12"),
        ("STRASSE", "straße"),
    ],
)
def test_the_same_but_for_case_width_spacing_and_final_marks(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)
    assert find("something else altogether", one, other).exact == ((1, 2),)


@pytest.mark.parametrize(("one", "other"), [("is it on", "it is on"), ("5 pieces", "6 pieces"), ("no. 5", "no 5")])
def test_different_words_are_not_the_same(one: str, other: str) -> None:
    assert find(one, other).exact == ()


LONG = "The parcel with order number 4711 has been stuck at customs since last Monday, please help"


def test_nearly_the_same() -> None:
    found = find(LONG, "Cannot log in to my account any more", LONG.replace("last Monday", "last  monday") + " me")
    assert found.exact == ()
    assert found.near == ((0, 2),)
    assert found.groups[0] == found.groups[2] != found.groups[1]


def test_copies_are_not_near_as_well_but_join_the_group() -> None:
    found = find(LONG, LONG.upper(), LONG + " me")
    assert found.exact == ((0, 1),)
    assert found.near == ((0, 2),)
    assert len(set(found.groups)) == 1


def test_declared_groups_are_kept_together() -> None:
    found = find("apples", "bicycle", "concert", "dolphin", declared=["a", None, "a", "b"])
    assert found.exact == found.near == ()
    assert found.groups[0] == found.groups[2]
    assert len(set(found.groups)) == 3


def test_above_the_limit_only_exact_ones_are_searched() -> None:
    found = find(LONG, LONG + " me", "short", "Short!", most=2)
    assert found.exact == ((2, 3),)
    assert found.near == ()
    assert not found.near_searched
    assert find(LONG, LONG + " me").near_searched


@pytest.mark.parametrize("texts", [(), ("",), ("", " "), ("a", "b"), ("?", "x")])
def test_texts_too_short_for_anything(texts: tuple[str, ...]) -> None:
    found = find(*texts)
    assert len(found.groups) == len(texts)
    assert found.near == ()


def test_more_rows_than_are_compared_at_a_time() -> None:
    texts = [f"{number:04d} {number * 7919 % 10007:05d} {number * 104729 % 99991:05d}" for number in range(2100)]
    texts[2050] = texts[7] + " "
    texts[2051] = "A much longer text that is written out twice with one small change at its end, here"
    texts[3] = texts[2051].replace("here", "Here there")
    texts[1500] = "Yet another text of some length that comes twice, far down in the file, here and there"
    texts[1800] = texts[1500] + " too"
    found = find(*texts)
    assert found.exact == ((7, 2050),)
    assert {(3, 2051), (1500, 1800)} <= set(found.near)
    assert all(one < other for one, other in found.near)


WORDS = st.lists(st.sampled_from(["parcel", "login", "invoice", "late", "broken", "?", "PARCEL"]), max_size=4)
ROWS = st.lists(st.tuples(WORDS.map(" ".join), st.sampled_from([None, None, "g", "h"])), max_size=14)


@given(ROWS)
def test_groups_are_a_partition_that_joins_every_duplicate_and_nothing_else(rows: list[tuple[str, str | None]]) -> None:
    texts, declared = [text for text, _ in rows], [group for _, group in rows]
    found = find_duplicates(texts, COSINE, declared, MOST)
    assert len(found.groups) == len(rows)

    def linked(one: int, other: int) -> bool:
        same_text = normalised(texts[one]) == normalised(texts[other])
        same_group = declared[one] is not None and declared[one] == declared[other]
        return same_text or same_group or (one, other) in found.near or (other, one) in found.near

    reached = [{row} for row in range(len(rows))]
    for _ in rows:
        reached = [
            {end for row in each for end in range(len(rows)) if end == row or linked(row, end)} for each in reached
        ]
    for row, connected in enumerate(reached):
        assert {other for other, group in enumerate(found.groups) if group == found.groups[row]} == connected
    for same in found.exact:
        assert len({normalised(texts[row]) for row in same}) == 1 < len(same)
