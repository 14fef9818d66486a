"""Answers in words: to questions, and as texts of their own. Worked by hand and against reference implementations."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.answers import NO_ANSWER
from evaluation.metrics.chrf import chrf, chrf_signature
from evaluation.metrics.language import in_another_language
from evaluation.metrics.question_answering import answer_exact, count_abstentions, is_quoted, support, token_f1
from evaluation.metrics.rouge import rouge_1, rouge_2, rouge_l
from evaluation.metrics.semantic_similarity import SemanticSimilarity
from evaluation.metrics.text import same_number, same_text
from evaluation.metrics.words import answer_words, words_of

TEXTS = st.text(alphabet="ab c.", max_size=12)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "language", "words"),
        [
            ("The Cat, a cat!", "en", ["cat", "cat"]),
            ("well-known", "en", ["wellknown"]),
            ("$1,000.00 or 1000", "en", ["1000", "or", "1000"]),
            ("3.50 is not 35", "en", ["3.5", "is", "not", "35"]),
            ("1.2.3", "en", ["1.2.3"]),
            ("Der Hund der Frau", "de", ["hund", "frau"]),
            ("Der Hund", "fr", ["der", "hund"]),
            ("北京 2008", "zh", ["北", "京", "2008"]),
            ("...", "en", []),
        ],
    )
    def test_of_answers(self, text: str, language: str, words: list[str]) -> None:
        assert answer_words(text, language) == words

    def test_of_texts(self) -> None:
        assert words_of("Über 3.5-fach, naïve ﬁle") == ["über", "3", "5", "fach", "naïve", "file"]
        assert words_of("東京 हिन्दी") == ["東", "京", "हिन्दी"]


class TestQuestions:
    @pytest.mark.parametrize(
        ("references", "answer", "exact", "f1"),
        [
            (["Bonn"], "the Bonn.", 1, 1),
            (["1,000"], "1000", 1, 1),
            (["42"], "42.0", 1, 1),
            (["3.5"], "35", 0, 0),
            # denver broncos of denver broncos won: 2 in common, 2 and 3 words
            (["Denver Broncos"], "Denver Broncos won", 0, 4 / 5),
            # a repeated word counts once against one: 1 in common, 1 and 3 words
            (["cat"], "cat cat cat", 0, 2 / 4),
            (["Bonn", "the town of Bonn"], "town of Bonn", 1, 1),
            (["Bonn", "Berlin wall"], "Berlin", 0, 2 / 3),
            (["a"], "the", 1, 1),  # both without words
            (["Bonn"], "", 0, 0),
            (["Bonn"], None, 0, 0),
            (["Bonn"], NO_ANSWER, 0, 0),
            ([], NO_ANSWER, 1, 1),
            ([], "The text does not mention a town.", 1, 1),
            ([], "Bonn", 0, 0),
            ([], "", 0, 0),
        ],
    )
    def test_by_hand(self, references: list[str], answer: str | None, exact: float, f1: float) -> None:
        assert answer_exact(references, answer) == exact
        assert token_f1(references, answer) == pytest.approx(f1)

    @given(TEXTS, TEXTS)
    def test_properties(self, one: str, other: str) -> None:
        assert answer_exact([one], one) == token_f1([one], one) == 1
        assert 0 <= token_f1([one], other) == token_f1([other], one) <= 1
        assert answer_exact([one], other) <= token_f1([one], other) <= token_f1([one, other], other) == 1

    @pytest.mark.parametrize("name", ["hotpotqa_llama3.1_8b", "hotpotqa_llama3.2_1b"])
    def test_scores_that_the_script_of_squad_recorded(self, name: str, data_folder: Path) -> None:
        """F1 may differ where the recorded text is cut short, and beyond ASCII, where the script leaves dashes."""
        lines = (data_folder / "recorded" / name / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        assert all(answer_exact(row["reference"], row["output"]) == row["correct"] for row in rows)
        whole = [row for row in rows if (row["reference"][0] + row["output"]).isascii()]
        assert len(whole) > 1600
        assert all(token_f1(row["reference"], row["output"]) == pytest.approx(row["score"], abs=1e-4) for row in whole)


class TestSupport:
    PASSAGES = ("The fort was built in 1590.", "It burnt down in 1702, and Bonn grew.")

    @pytest.mark.parametrize(
        ("answer", "share", "quoted"),
        [
            ("in 1590", 1, True),
            ("built in 1702", 1, False),  # every word is there, the statement is not
            ("in Ulm", 1 / 2, False),
            ("Ulm", 0, False),
            ("159", 0, False),
            (NO_ANSWER, None, False),
            ("", None, False),
            (None, None, False),
        ],
    )
    def test_by_hand(self, answer: str | None, share: float | None, quoted: bool) -> None:
        assert support(self.PASSAGES, answer) == share
        assert is_quoted(self.PASSAGES, answer) is quoted

    def test_without_passages(self) -> None:
        assert support((), "Bonn") == 0
        assert not is_quoted((), "Bonn")

    @given(TEXTS, TEXTS)
    def test_what_is_quoted_is_supported(self, passage: str, answer: str) -> None:
        assert support([passage], passage) in (1, None)
        if is_quoted([passage], answer):
            assert support([passage], answer) == 1


def test_abstentions() -> None:
    counted = count_abstentions([[], [], ["a"], ["a"], ["a"]], [NO_ANSWER, "Bonn", NO_ANSWER, "a", None])
    assert (counted.unanswerable, counted.rightly, counted.answerable, counted.wrongly) == (2, 1, 3, 1)


class TestRouge:
    @pytest.mark.parametrize(
        ("reference", "answer", "one", "two", "longest"),
        [
            # 3 words in common of 4 and 3; pairs: "the cat" of 3 and 2; in order: the, cat, mat
            ("the cat on mat", "the cat mat", 6 / 7, 2 / 5, 6 / 7),
            # the same words backwards: all in common, no pair, one in order
            ("a b c", "c b a", 1, 0, 2 / 6),
            # a repeated word counts as often as both have it: 1 of 1 and 3
            ("cat", "cat cat cat", 2 / 4, 0, 2 / 4),
            # values of Google's rouge-score 0.1.2
            ("The gunman was shot dead by the police before more people got hurt.",
             "Police shot the gunman, and more people were not hurt.",
             0.6086956521739131, 0.19047619047619047, 0.43478260869565216),
            ("über Köln", "Über KÖLN!", 1, 1, 1),
            ("東京都", "東京", 4 / 5, 2 / 3, 4 / 5),
            ("cat", "", 0, 0, 0),
            ("", "cat", 0, 0, 0),
            ("", "", 0, 0, 0),
        ],
    )  # fmt: skip
    def test_by_hand(self, reference: str, answer: str, one: float, two: float, longest: float) -> None:
        scores = [metric([reference], answer) for metric in (rouge_1, rouge_2, rouge_l)]
        assert scores == pytest.approx([one, two, longest])

    @pytest.mark.parametrize("metric", [rouge_1, rouge_2, rouge_l])
    def test_no_answer_and_the_best_reference(self, metric: Callable[..., float]) -> None:
        assert metric(["a b"], None) == metric([], "a b") == 0
        assert metric(["x y", "a b c"], "a b") == metric(["a b c"], "a b") > 0

    @given(TEXTS, TEXTS)
    def test_properties(self, one: str, other: str) -> None:
        for metric, words in ((rouge_1, 1), (rouge_2, 2), (rouge_l, 1)):
            assert 0 <= metric([one], other) == metric([other], one) <= 1
            assert metric([one], one) == float(len(words_of(one)) >= words)
        assert rouge_l([one], other) <= rouge_1([one], other)

    @given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
    def test_the_longest_common_sequence_against_the_table(self, one: list[str], other: list[str]) -> None:
        table = np.zeros((len(one) + 1, len(other) + 1))
        for i, word in enumerate(one):
            for j, same in enumerate(other):
                table[i + 1, j + 1] = table[i, j] + 1 if word == same else max(table[i, j + 1], table[i + 1, j])
        longest = table[-1, -1]
        expected = 2 * longest / (len(one) + len(other)) if longest else 0
        assert rouge_l([" ".join(one)], " ".join(other)) == pytest.approx(expected)


class TestChrf:
    @pytest.fixture(autouse=True)
    def library(self) -> None:
        pytest.importorskip("sacrebleu")

    def test_by_hand(self) -> None:
        # abd for abc: of 3 characters 2 are right, of 2 pairs 1, of 1 triple none; (2/3 + 1/2 + 0) / 3 = 7/18
        assert chrf(["abc"], "abd") == pytest.approx(7 / 18)
        # ab for abcd: precision 1, 1; recall 2/4, 1/3, mean 5/12; F2 = 5 * 5/12 / (4 + 5/12) = 25/53
        assert chrf(["abcd"], "ab") == pytest.approx(25 / 53)
        assert chrf(["xyz", "abc"], "abd") == pytest.approx(7 / 18)

    def test_degenerate_cases(self) -> None:
        assert chrf(["a"], None) == chrf(["a"], " ") == chrf([], "a") == chrf([""], "a") == 0

    @given(TEXTS, TEXTS)
    def test_properties(self, one: str, other: str) -> None:
        assert 0 <= chrf([one], other) <= 1
        assert chrf([one], one) == pytest.approx(float(bool(one.strip())))

    def test_settings_are_named(self) -> None:
        assert "nc:6" in chrf_signature()
        assert "version" in chrf_signature()


class TestSameText:
    def test_spacing_does_not_count(self) -> None:
        assert same_text(["SELECT a\nFROM b ;"], "SELECT  a FROM b") == 1
        assert same_text(["select a"], "SELECT a") == 0
        assert same_text(["a", "b"], "b") == 1
        assert same_text(["a"], None) == same_text([], "a") == 0

    def test_number(self) -> None:
        assert same_number(["6 * 7 = 42\n#### 42"], "The answer is 42.0.") == 1
        assert same_number(["#### 1,000"], "1000") == 1
        assert same_number(["#### 42"], "41 or 42") == same_number(["#### 42"], None) == 0
        with pytest.raises(ValueError, match="'no number' ends with no number; expected one"):
            same_number(["no number"], "42")
        with pytest.raises(ValueError, match="ends with no number"):
            same_number([], "42")


VECTORS = {"cat": (1.0, 0.0), "kitten": (0.6, 0.8), "dog": (0.0, 2.0), "anti-cat": (-1.0, 0.0), "zero": (0.0, 0.0)}


class TestSemanticSimilarity:
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.seen.extend(texts)
        return np.array([VECTORS[text] for text in texts], dtype=np.float32)

    @pytest.fixture(autouse=True)
    def nothing_seen(self) -> None:
        self.seen: list[str] = []

    def test_by_hand(self) -> None:
        references = [["cat"], ["cat"], ["dog", "cat"], ["cat"], ["cat"], ["cat"], ["cat"], [], ["cat"]]
        answers = ["cat", "dog", "kitten", "kitten", "anti-cat", None, " ", "cat", "zero"]
        scores = SemanticSimilarity(self.embed, "two numbers 1.0").scores(references, answers)
        assert scores == pytest.approx([1, 0, 0.8, 0.6, 0, 0, 0, 0, 0])
        assert sorted(self.seen) == sorted(set(self.seen))

    def test_nothing_to_embed(self) -> None:
        assert SemanticSimilarity(self.embed, "two numbers").scores([["cat"]], [None]) == [0]
        assert self.seen == []

    def test_a_model_without_a_name_or_with_bad_vectors(self) -> None:
        with pytest.raises(ValueError, match="name the model"):
            SemanticSimilarity(self.embed, " ")
        broken = SemanticSimilarity(lambda texts: np.full((len(texts), 2), np.nan, dtype=np.float32), "broken 1")
        with pytest.raises(ValueError, match="broken 1 gave"):
            broken.scores([["cat"]], ["dog"])


def test_answers_in_another_language() -> None:
    assert in_another_language(["en", None, "de", "en", "fr"], ["en"] * 5) == (2, 4)
    assert in_another_language(["en", "de", "de", None], ["de", None, "de", "en"]) == (0,)
    with pytest.raises(ValueError, match="argument"):
        in_another_language(["en"], [])
