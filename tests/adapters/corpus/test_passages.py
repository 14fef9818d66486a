"""Where documents are cut, and what every passage carries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from adapters.corpus.document import CorpusError, Document
from adapters.corpus.passages import CUTTING, Cutting, cut, sections_of
from adapters.encoder.embedding import Encoder


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def markdown(text: str, title: str = "Handbook") -> Document:
    return Document("d", title, text, "d.md", has_headings=True)


class TestSections:
    def test_headings_lead_to_the_text_below_them(self) -> None:
        document = markdown(
            "Before.\n\n# Refunds\n\n## Annual\n\nTwo weeks.\n\n### Gifts\n\nNever.\n\n## Monthly\n\nNo.\n"
        )
        assert [(section.path, section.text) for section in sections_of(document)] == [
            (("Handbook",), "Before."),
            (("Handbook", "Refunds", "Annual"), "Two weeks."),
            (("Handbook", "Refunds", "Annual", "Gifts"), "Never."),
            (("Handbook", "Refunds", "Monthly"), "No."),
        ]

    def test_the_title_as_first_heading_is_not_repeated(self) -> None:
        (section,) = sections_of(markdown("# Handbook\n\nText.\n"))
        assert section.path == ("Handbook",)

    def test_a_number_sign_in_code_is_no_heading(self) -> None:
        (section,) = sections_of(markdown("```\n# comment\nrun\n```\n"))
        assert "# comment" in section.text

    def test_underlined_headings_and_marks_inside_them(self) -> None:
        (section,) = sections_of(markdown("The *new* `plan`\n===\n\nText.\n", title=""))
        assert section.path == ("The new plan",)

    def test_a_plain_text_has_no_headings(self) -> None:
        (section,) = sections_of(Document("d", "", "# not a heading\n\n\n  text\there ", "d.txt"))
        assert (section.path, section.text) == ((), "# not a heading\n\ntext here")


class TestCut:
    def test_the_path_stands_in_front_and_ids_are_counted(self) -> None:
        document = markdown("## Annual\n\nTwo weeks.\n\n## Monthly\n\nNever.\n")
        passages = list(cut(document, CUTTING, count_words))
        assert [(passage.id, passage.document, passage.text) for passage in passages] == [
            ("d#1", "d", "Handbook > Annual\nTwo weeks."),
            ("d#2", "d", "Handbook > Monthly\nNever."),
        ]

    def test_sentences_stay_whole_and_the_last_one_comes_again(self) -> None:
        text = " ".join(f"Sentence number {number} has six words." for number in range(9))
        passages = list(cut(Document("d", "", text, "d"), Cutting(20, 6), count_words))
        assert all(passage.text.startswith("Sentence") and passage.text.endswith("words.") for passage in passages)
        for one, following in pairwise(passages):
            assert following.text.startswith(one.text[-len("Sentence number 0 has six words.") :])

    @given(
        st.lists(st.sampled_from(["one", "two.", "three\n\n", "vier!", "五"]), max_size=200),
        st.integers(16, 60), st.integers(0, 8), st.booleans(),
    )  # fmt: skip
    def test_no_passage_is_too_long_and_no_word_is_lost(
        self, words: list[str], tokens: int, overlap: int, has_headings: bool
    ) -> None:
        text = " ".join(words)
        document = Document("d", "A title of five words", text, "d", has_headings)
        passages = list(cut(document, Cutting(tokens, overlap), count_words))
        assert all(len(passage.text.split()) <= tokens for passage in passages)
        bodies = [passage.text.partition("\n")[2].split() for passage in passages]
        if overlap == 0:
            assert [word for body in bodies for word in body] == text.split()
        else:
            assert {word for body in bodies for word in body} == set(text.split())

    @given(
        st.lists(st.sampled_from(["one", "two.", "\n", "\n\n", "- item", "    code", "> said", "|a|b|", "```"])),
        st.booleans(),
    )  # fmt: skip
    def test_a_section_that_fits_is_one_passage_as_the_splitter_would_leave_it(
        self, words: list[str], has_headings: bool
    ) -> None:
        document = Document("d", "", " ".join(words), "d", has_headings)
        splitter = (MarkdownSplitter if has_headings else TextSplitter)(10_000)
        left = [piece for section in sections_of(document) for piece in splitter.chunks(section.text)]
        assert [passage.text for passage in cut(document, Cutting(5_000), count_words)] == left

    def test_a_path_that_is_too_long_keeps_its_innermost_heading(self) -> None:
        document = Document("d", " ".join(["chapter"] * 10), "## Refunds\n\nTwo weeks.\n", "d", has_headings=True)
        (passage,) = cut(document, Cutting(16, 0), count_words)
        assert passage.text == "Refunds\nTwo weeks."

    def test_the_encoder_reads_every_passage_whole(self, encoder: Encoder) -> None:
        text = "\n".join(f"{number}\n\n{number * 7919:,}\n(1,{number:03d})" for number in range(400))
        passages = list(cut(Document("d", "Balance sheet", text, "d"), CUTTING, encoder.count_tokens))
        assert len(passages) > 5
        assert max(encoder.count_tokens([passage.text for passage in passages])) <= encoder.token_limit

    def test_nothing_to_cut(self) -> None:
        assert list(cut(Document("d", "Title", " \n", "d"), CUTTING, count_words)) == []

    @pytest.mark.parametrize("settings", [(8, 0), (64, 33), (64, -1)])
    def test_settings_that_make_no_sense(self, settings: tuple[int, int]) -> None:
        with pytest.raises(CorpusError, match="at least 16 tokens"):
            Cutting(*settings)
