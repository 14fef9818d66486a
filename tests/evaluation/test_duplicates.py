"""Rows that say the same are found, and every set of them is one group."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from adapters.encoder.embedding import Encoder
from evaluation.duplicates import Duplicates, Meaning, Vectors, find_duplicates, find_twins, normalised
from evaluation.policy import EvaluationPolicy
from evaluation.readers import read_dataset

POLICY = EvaluationPolicy()
COSINE, MOST = POLICY.near_duplicate_cosine, 20_000
MEAN_COSINE = POLICY.near_duplicate_mean_cosine


def find(*texts: str, declared: list[str | None] | None = None, most: int = MOST) -> Duplicates:
    return find_duplicates(texts, COSINE, declared or [None] * len(texts), most)


def find_with(vectors: Vectors, *texts: str, declared: list[str | None] | None = None) -> Duplicates:
    return find_duplicates(texts, COSINE, declared or [None] * len(texts), MOST, Meaning(vectors, MEAN_COSINE))


def at_angles(*degrees: float) -> Vectors:
    """Unit vectors in a plane: the cosine of two is that of the angle between them."""
    return np.array([(np.cos(np.radians(each)), np.sin(np.radians(each))) for each in degrees], dtype=np.float32)


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


def _connected(count: int, joined: Callable[[int, int], bool]) -> list[set[int]]:
    reached = [{row} for row in range(count)]
    for _ in range(count):
        reached = [{end for row in each for end in range(count) if end == row or joined(row, end)} for each in reached]
    return reached


ROWS = st.lists(st.tuples(WORDS.map(" ".join), st.sampled_from([None, None, "g", "h"])), max_size=14)


@given(ROWS)
def test_groups_join_every_copy_and_declared_group_and_nothing_that_no_chain_of_duplicates_joins(
    rows: list[tuple[str, str | None]],
) -> None:
    texts, declared = [text for text, _ in rows], [group for _, group in rows]
    found = find_duplicates(texts, COSINE, declared, MOST)
    assert len(found.groups) == len(rows)

    def certain(one: int, other: int) -> bool:
        same_group = declared[one] is not None and declared[one] == declared[other]
        return same_group or normalised(texts[one]) == normalised(texts[other])

    def linked(one: int, other: int) -> bool:
        return certain(one, other) or (one, other) in found.near or (other, one) in found.near

    must, may = (_connected(len(rows), joined) for joined in (certain, linked))
    for row in range(len(rows)):
        group = {other for other, number in enumerate(found.groups) if number == found.groups[row]}
        assert must[row] <= group <= may[row]
    for same in found.exact:
        assert len({normalised(texts[row]) for row in same}) == 1 < len(same)


def test_a_ruler_of_dashes_makes_no_two_texts_one() -> None:
    ruler = "-" * 72
    found = find(
        f"Selling a pair of golf shoes, hardly worn, size nine and a half {ruler} David",
        f"The ground wire was connected to the metal frame of the socket {ruler} Bill",
        f"Does anybody know when the next shuttle launch has been scheduled {ruler} Anne",
    )
    assert found.near == ()


CARD, SAME_CARD = "my new card has not arrived yet", "my new card still has not arrived yet"
"""By characters alone, with a cosine of about 0.74, they are not the same."""


def chain(words: int) -> list[str]:
    """Fifty texts of so many words; each shares all of them but one with the next."""
    vocabulary = [f"{chr(97 + number // 5) * 2}{number * 7919 % 10007:05d}" for number in range(60)]
    return [" ".join(vocabulary[start : start + words]) for start in range(50)]


def test_a_chain_of_like_texts_does_not_become_one_group() -> None:
    found = find(*chain(6))
    assert found.near == tuple((row, row + 1) for row in range(49))
    assert max(Counter(found.groups).values()) <= 3
    assert len(set(found.groups)) <= 25


def test_texts_that_are_all_like_each_other_are_one_group() -> None:
    found = find(*(f"{LONG} {end}" for end in ("", "ok", "me", "so", "now")), *chain(3)[:40])
    assert {(a, b) for a in range(5) for b in range(a + 1, 5)} <= set(found.near)
    assert len(set(found.groups[:5])) == 1


class TestByMeaning:
    def test_letters_alone_do_not_show_them(self) -> None:
        assert find(CARD, SAME_CARD).near == ()

    def test_both_measures_together_do(self) -> None:
        found = find_with(at_angles(0, 5, 90), CARD, SAME_CARD, "the parcel is late")
        assert found.near == ((0, 1),)
        assert found.by_meaning == {(0, 1)}
        assert found.groups[0] == found.groups[1] != found.groups[2]

    def test_not_if_they_mean_something_else(self) -> None:
        found = find_with(at_angles(0, 60), CARD, SAME_CARD)
        assert found.near == ()
        assert found.groups[0] != found.groups[1]

    def test_the_mean_of_both_cosines_decides(self) -> None:
        joined = [find_with(at_angles(0, degrees), CARD, SAME_CARD).near != () for degrees in range(91)]
        edge = joined.index(False)
        assert all(joined[:edge])
        assert not any(joined[edge:])
        # At the edge both cosines add up to twice the threshold, which tells that of the characters. By hand: 84 and
        # 102 different n-grams, of which they share 78; those that one alone has weigh 1 + ln(3/2).
        of_characters = 2 * MEAN_COSINE - np.cos(np.radians(edge - 0.5))
        weight = (1 + np.log(1.5)) ** 2
        expected = 78 / np.sqrt((78 + weight * (84 - 78)) * (78 + weight * (102 - 78)))
        assert of_characters == pytest.approx(expected, abs=0.02)

    def test_texts_that_an_encoder_cannot_tell_apart_are_not_all_one(self) -> None:
        # Words of an unknown script all become the same token, and every text the same vector.
        texts = ["สวัสดีครับ ผมต้องการความช่วยเหลือ", "บัตรของฉันหาย", "ขอเงินคืนด้วย", "เปลี่ยนรหัสผ่านอย่างไร"]
        assert find_with(at_angles(0, 0, 0, 0), *texts).near == ()

    def test_what_letters_show_is_not_counted_as_meaning(self) -> None:
        found = find_with(at_angles(0, 0), LONG, LONG + " me")
        assert found.near == ((0, 1),)
        assert found.by_meaning == frozenset()

    def test_a_chain_of_like_texts_does_not_become_one_group(self) -> None:
        found = find_with(at_angles(*[0] * 50), *chain(4))
        assert found.near == tuple((row, row + 1) for row in range(49))
        assert found.by_meaning == set(found.near)
        assert max(Counter(found.groups).values()) <= 3
        assert len(set(found.groups)) <= 25

    def test_declared_groups_stay_together_whatever_they_mean(self) -> None:
        found = find_with(at_angles(0, 5, 90), CARD, SAME_CARD, "the parcel is late", declared=["a", None, "a"])
        assert len(set(found.groups)) == 1

    def test_above_the_limit_it_is_not_searched_either(self) -> None:
        found = find_duplicates([CARD, SAME_CARD], COSINE, [None] * 2, 1, Meaning(at_angles(0, 5), MEAN_COSINE))
        assert found.near == ()


class TestTwins:
    """Rows 0 to 2 are trained on, the others tested."""

    def test_exact_and_near_copies_across_the_sides(self) -> None:
        found = find_twins(find(LONG, "a parcel", "a login", "A PARCEL!", LONG + " me", "an invoice"), 3)
        assert found.of == {0: 4, 1: 3}
        assert found.tested == (3, 4)
        assert found.by_meaning == frozenset()

    def test_copies_of_a_near_copy_have_the_same_twin(self) -> None:
        found = find_twins(find(LONG, LONG.upper(), "a login", LONG + " me", LONG + " me!"), 3)
        assert found.of == {0: 3, 1: 3}
        assert found.tested == (3, 4)

    def test_copies_on_one_side_are_no_twins(self) -> None:
        found = find_twins(find(LONG, LONG + " me", LONG.upper(), "a parcel", "A parcel", "a login"), 3)
        assert (dict(found.of), found.tested) == ({}, ())

    def test_a_declared_group_is_no_twin(self) -> None:
        found = find_twins(find("a", "b", "c", "apples", declared=["g", None, None, "g"]), 3)
        assert (dict(found.of), found.tested) == ({}, ())

    def test_what_only_meaning_shows_is_marked(self) -> None:
        vectors = at_angles(0, 90, 90, 5, 90)
        found = find_twins(find_with(vectors, CARD, "a parcel", "a login", SAME_CARD, "a parcel!"), 3)
        assert found.of == {0: 3, 1: 4}
        assert found.by_meaning == {0}

    def test_meaning_counts_even_where_a_group_would_grow_too_large(self) -> None:
        found = find_with(at_angles(*[0] * 50), *chain(4))
        assert any(found.groups[row] != found.groups[row + 1] for row in range(49))
        for boundary in range(1, 50):
            assert boundary - 1 in find_twins(found, boundary).of


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encoder]:
    with threadpool_limits(1):
        yield Encoder.embedded(tmp_path_factory.mktemp("embeddings"))


def _letters_swapped(text: str) -> str:
    """The middle of the longest word."""
    word = max(text.split(), key=len)
    middle = len(word) // 2
    return text.replace(word, word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :], 1)


EDITS: dict[str, tuple[Callable[[str], str], float, float]] = {
    "greeted": (lambda text: f"Hello, {text} Thank you.", 0.8, 0.9),
    "without punctuation, in capitals": (lambda text: re.sub(r"[^\w\s]", "", text).upper(), 0.9, 0.9),
    "two words swapped": (lambda text: " ".join([*text.split()[1::-1], *text.split()[2:]]), 0.7, 0.85),
    "two letters swapped": (_letters_swapped, 0.65, 0.65),
}
"""An edit, and the shares of copies that characters alone, and both measures, find in BANKING77 at least."""


@pytest.mark.parametrize("edit", EDITS)
def test_planted_near_copies_of_short_texts(edit: str, encoder: Encoder, data_folder: Path) -> None:
    folder = data_folder / "open" / "banking77"
    if not folder.is_dir():
        pytest.skip("no open/banking77")
    texts = list(dict.fromkeys(row.input for row in read_dataset(folder / "test.jsonl").examples))[:960:6]
    change, by_letters, by_both = EDITS[edit]
    originals = [row for row in range(0, 160, 4) if normalised(change(texts[row])) != normalised(texts[row])]
    rows = [*texts, *(change(texts[row]) for row in originals)]
    planted = set(zip(originals, range(160, len(rows)), strict=True))

    def share(found: Duplicates) -> float:
        return len(planted & set(found.near)) / len(planted)

    alone, both = find(*rows), find_with(encoder.embed(rows), *rows)
    assert share(alone) >= by_letters
    assert share(both) >= by_both
    assert share(both) >= share(alone)
    # Hardly anything is joined beyond the copies.
    assert len(set(both.near) - planted) <= 4
    assert max(Counter(both.groups).values()) <= 4
