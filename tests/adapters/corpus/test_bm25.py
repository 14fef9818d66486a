"""Search by words, against the formula and in several languages."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.corpus.bm25 import Bm25Search, split_words
from adapters.corpus.ranking import best_rows

GERMAN = ("Die Kündigung des Vertrags ist jederzeit möglich.", "Unsere Häuser liegen am See.", "Der Preis steigt.")
ENGLISH = ("refunds are paid to the card", "the card is blue", "a refunded card and a refunded plan", "nothing here")


def test_scores_are_those_of_the_formula() -> None:
    # Words: refund in passages 0 (1 of 6 words) and 2 (2 of 7); lengths 6, 4, 7, 2, mean 19/4.
    (found,) = Bm25Search(ENGLISH, "en").rank(["refund"], 5)
    idf = log(1 + (4 - 2 + 0.5) / (2 + 0.5))

    def score(times: int, words: int) -> float:
        return idf * times / (times + 1.5 * (1 - 0.75 + 0.75 * words / (19 / 4)))

    assert found.rows.tolist() == [2, 0]
    assert found.scores == pytest.approx([score(2, 7), score(1, 6)], rel=1e-5)


def test_a_word_in_no_passage_finds_nothing() -> None:
    assert [len(found.rows) for found in Bm25Search(ENGLISH, "en").rank(["zebra", "", "?!"], 3)] == [0, 0, 0]


def test_stems_are_those_of_the_language() -> None:
    assert [found.rows.tolist() for found in Bm25Search(GERMAN, "de").rank(["Haus", "kündigen", "Verträge"], 1)] == [
        [1], [0], [0],
    ]  # fmt: skip
    assert Bm25Search(GERMAN, "xx").rank(["Haus"], 1)[0].rows.tolist() == []
    assert Bm25Search(GERMAN, "de-AT").rank(["Haus"], 1)[0].rows.tolist() == [1]


def test_stop_words_of_another_language_are_not_left_out() -> None:
    # "war", "will" and "am" are German words; "am" and "will" are stop words of English.
    passages = ("am See", "will Geld", "der Krieg")
    assert [found.rows.tolist() for found in Bm25Search(passages, "fi").rank(["am Tisch", "wer will"], 3)] == [[0], [1]]


def test_stop_words_of_a_question_do_not_count_beside_others() -> None:
    passages = ("how do you do what you do", "the fee is due")
    assert Bm25Search(passages, "en").rank(["how do you pay the fee"], 2)[0].rows.tolist() == [1]
    assert Bm25Search(passages, "xx").rank(["how do you pay the fee"], 2)[0].rows.tolist() == [0, 1]


def test_a_question_of_stop_words_alone_keeps_them() -> None:
    assert Bm25Search(("who are they", "a fee"), "en").rank(["Who are they?"], 2)[0].rows.tolist() == [0]


def test_languages_without_blanks_are_cut_into_pairs() -> None:
    assert split_words("東京都は Tokyo 2024年") == ["東京", "京都", "都は", "tokyo", "2024", "年"]
    assert Bm25Search(("東京都の天気", "大阪の料理"), "ja").rank(["大阪"], 1)[0].rows.tolist() == [1]


def test_case_accents_and_signs() -> None:
    assert split_words("Straße, ÉTÉ e-mail under_score 3.5") == [
        "strasse", "été", "e", "mail", "under", "score", "3", "5",
    ]  # fmt: skip


def test_letters_and_digits_in_one_word_are_found_apart_too() -> None:
    assert split_words("FY2018 10-K 2018") == ["fy2018", "fy", "2018", "10", "k", "2018"]
    assert Bm25Search(("report of 2018", "report of 2019"), "en").rank(["FY2019"], 2)[0].rows.tolist() == [1]
    assert Bm25Search(("model X200", "model Y300"), "en").rank(["y300"], 2)[0].rows.tolist() == [1]


def test_saved_and_loaded_it_finds_the_same(tmp_path: Path) -> None:
    search = Bm25Search(GERMAN, "de")
    search.save(tmp_path)
    queries = ["Haus am See", "Preis der Kündigung", "die", "zebra"]
    for before, after in zip(search.rank(queries, 3), Bm25Search.load(tmp_path).rank(queries, 3), strict=True):
        assert before.rows.tolist() == after.rows.tolist()
        assert before.scores.tolist() == after.scores.tolist()


def test_passages_without_words(tmp_path: Path) -> None:
    search = Bm25Search(("...", "!!"), "en")
    search.save(tmp_path)
    assert [len(found.rows) for found in Bm25Search.load(tmp_path).rank(["fee"], 3)] == [0]
    with pytest.raises(ValueError, match="needs a passage"):
        Bm25Search((), "en")


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 40), st.integers(-1, 4))
def test_the_best_rows_are_those_of_a_whole_sort(values: list[int], k: int, above: int) -> None:
    scores = np.array(values, dtype=np.float32)
    expected = sorted((row for row, value in enumerate(values) if value > above), key=lambda row: (-values[row], row))
    found = best_rows(scores, k, above)
    assert found.rows.tolist() == expected[:k]
    assert found.scores.tolist() == [values[row] for row in expected[:k]]
