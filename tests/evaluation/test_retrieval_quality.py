"""What was found, and who is to blame for what was not answered; all values worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.arm import Passage, Prediction
from evaluation.dataset import Example
from evaluation.retrieval_quality import recall_at, reciprocal_rank, retrieval_quality
from evaluation.statistics import wilson_interval


def shown(*documents: str, text: str = "text") -> tuple[Passage, ...]:
    return tuple(Passage(f"{document}#{place}", document, text) for place, document in enumerate(documents))


def row(*evidence: str, output: str = "two weeks") -> Example:
    return Example("r", "how long?", output, 1, "rows", evidence=evidence)


class TestRecall:
    @pytest.mark.parametrize(
        ("k", "evidence", "documents", "recall", "rank"),
        [
            (5, ("a",), ("a", "b"), 1.0, 1.0),
            (5, ("a",), ("b", "c", "a"), 1.0, 1 / 3),
            (2, ("a",), ("b", "c", "a"), 0.0, 1 / 3),
            (3, ("a", "b"), ("a", "a", "a", "b"), 0.5, 1.0),
            (4, ("a", "b"), ("a", "a", "a", "b"), 1.0, 1.0),
            (5, ("a", "a"), ("c", "a"), 1.0, 0.5),
            (5, ("a",), (), 0.0, 0.0),
        ],
    )
    def test_by_hand(
        self, k: int, evidence: tuple[str, ...], documents: tuple[str, ...], recall: float, rank: float
    ) -> None:
        assert recall_at(k, evidence, shown(*documents)) == pytest.approx(recall)
        assert reciprocal_rank(evidence, shown(*documents)) == pytest.approx(rank)

    def test_a_page_is_of_its_file_but_not_of_one_with_a_longer_name(self) -> None:
        pages = shown("report.pdf#page=3", "report.pdf.old", "other.pdf#page=1")
        assert recall_at(5, ("report.pdf",), pages) == 1.0
        assert reciprocal_rank(("report.pdf#page=4",), pages) == 0.0
        assert reciprocal_rank(("report.pdf#page=3",), pages) == 1.0
        assert reciprocal_rank(("report",), pages) == 0.0

    def test_without_evidence_there_is_no_recall(self) -> None:
        with pytest.raises(ValueError, match="there is none"):
            recall_at(5, (), shown("a"))

    @given(st.lists(st.sampled_from("abcdef"), max_size=8), st.sets(st.sampled_from("abcdefgh"), min_size=1))
    def test_it_grows_with_k_and_ends_at_what_was_found(self, documents: list[str], evidence: set[str]) -> None:
        values = [recall_at(k, tuple(evidence), shown(*documents)) for k in range(1, 10)]
        assert values == sorted(values)
        assert values[-1] == len(evidence & set(documents)) / len(evidence)
        assert (values[-1] > 0) == (reciprocal_rank(tuple(evidence), shown(*documents)) > 0)


class TestQuality:
    def test_who_is_to_blame(self) -> None:
        examples = [row("a"), row("a"), row("a", "b"), row("a"), row("a"), row("a"), row()]
        predictions = [
            Prediction("two weeks", passages=shown("a", "c")),  # found and right
            Prediction("a year", passages=shown("c", "a", text="within two weeks of it")),  # there, word for word
            Prediction("a year", passages=shown("b", "c")),  # the document, but not the words
            Prediction("a year", passages=shown("c", "d")),  # never found
            Prediction("two weeks", passages=shown("c")),  # never found, known all the same
            Prediction(None, error="the search failed"),  # nothing was searched
            Prediction("a year", passages=shown("a")),  # names no evidence: not counted
        ]
        right = [True, False, False, False, True, False, False]
        quality = retrieval_quality(examples, predictions, right, k=1)
        assert quality is not None
        assert (quality.rows, quality.k) == (6, 1)
        assert quality.recall == pytest.approx((1 + 0 + 0.5 + 0 + 0 + 0) / 6)
        assert quality.reciprocal_rank == pytest.approx((1 + 0.5 + 1 + 0 + 0 + 0) / 6)
        counts = [share.count for share in (quality.found_and_right, quality.found_and_wrong, quality.never_found)]
        assert counts == [1, 2, 3]
        assert (quality.in_no_passage, quality.right_all_the_same) == (1, 1)
        assert quality.never_found.value == 0.5
        assert quality.never_found.interval == wilson_interval(3, 6, 0.95)

    def test_nothing_to_say(self) -> None:
        assert retrieval_quality([row()], [Prediction("x", passages=shown("a"))], [True]) is None
        assert retrieval_quality([row("a")], [Prediction("x")], [True]) is None
        assert retrieval_quality([], [], []) is None

    def test_a_search_that_found_nothing_at_all_is_measured(self) -> None:
        quality = retrieval_quality([row("a")], [Prediction("NO_ANSWER", passages=())], [False])
        assert quality is not None
        assert (quality.recall, quality.never_found.count) == (0.0, 1)

    def test_lengths_and_k(self) -> None:
        with pytest.raises(ValueError, match="argument 2 is shorter"):
            retrieval_quality([row("a")], [], [])
        with pytest.raises(ValueError, match="at least one passage"):
            retrieval_quality([], [], [], k=0)

    @given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
    def test_the_three_shares_are_all_rows(self, rows: list[tuple[bool, bool]]) -> None:
        quality = retrieval_quality(
            [row("a")] * len(rows),
            [Prediction("x", passages=shown("a" if found else "b")) for found, _ in rows],
            [right for _, right in rows],
        )
        assert quality is not None
        shares = (quality.found_and_right, quality.found_and_wrong, quality.never_found)
        assert sum(share.count for share in shares) == len(rows)
        assert sum(share.value for share in shares) == pytest.approx(1)
        assert quality.in_no_passage <= quality.found_and_wrong.count
