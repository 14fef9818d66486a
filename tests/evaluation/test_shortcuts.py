"""Shortcuts: planted ones are found, and words that mean the label are not called one."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import pytest

from evaluation.dataset import Example
from evaluation.shortcuts import find_shortcuts, shortcut_features

SUBJECTS = ["parcel", "invoice", "password", "refund", "address", "screen", "battery", "order", "card", "account"]
FAULTS = ["is not here", "does not work", "looks wrong to me", "was changed without notice", "cannot be found anywhere",
          "has been blocked", "needs to be renewed"]  # fmt: skip
LABELS = ("billing", "shipping", "technical")

Written = Callable[[int, str, str], str]
"""From a row's number, text and label to the text with what is planted."""


def examples(written: Written = lambda _number, text, _label: text, count: int = 210) -> list[Example]:
    """Three labels in turn; nothing about the texts depends on them, but for what is planted."""
    return [
        Example(
            f"r{number}",
            written(number, f"My {SUBJECTS[number % 10]} {FAULTS[number // 3 % 7]}, please help.", LABELS[number % 3]),
            LABELS[number % 3], number + 1, "rows.jsonl",
        )
        for number in range(count)
    ]  # fmt: skip


def sentences(rows: Sequence[Example]) -> list[str]:
    return [shortcut.sentence for shortcut in find_shortcuts(rows, range(len(rows)))]


def on(label: str, plant: Callable[[int, str], str]) -> Written:
    return lambda number, text, given: plant(number, text) if given == label else text


def test_nothing_is_found_where_nothing_is_planted() -> None:
    assert not sentences(examples())


@pytest.mark.parametrize(
    ("plant", "feature"),
    [
        (lambda _, text: f"RE: {text}", "begin with a mark like 'RE:'"),
        (lambda number, text: f"[EXT-{number}] {text}", "begin with a mark like '[EXT-0]'"),
        (lambda number, text: f"TK{number:05} {text}", "begin with a mark like 'TK0'"),
        (lambda _, text: f"{text} =>", "end with a mark like '=>'"),
        (lambda _, text: f"{text} It was sent from my phone", "end with 'was sent from my phone'"),
        (lambda _, text: f"This message came by form: {text}", "begin with 'This message came by form:'"),
        (lambda _, text: f"<p>{text}</p>", "contain an HTML tag"),
        (lambda _, text: text.replace(",", "&#44;"), "contain an HTML entity"),
        (lambda _, text: text.replace("My", "{owner}"), "contain a placeholder"),
        (lambda _, text: f"{text} See https://intranet.example/42.", "contain a web address"),
        (lambda _, text: text.replace(" ", "\u00a0", 1), "contain an invisible or non-breaking character"),
        (lambda _, text: text.replace(" ", "  ", 1), "contain two spaces in a row"),
        (lambda _, text: f"{text} ", "end with a space"),
        (lambda _, text: text.lower(), "begin with a small letter"),
        (lambda _, text: text.rstrip("."), "end without a full stop or other mark"),
        (lambda _, text: text.upper(), "are written in capitals"),
    ],
)
def test_a_mark_of_one_label(plant: Callable[[int, str], str], feature: str) -> None:
    found = sentences(examples(on("shipping", plant)))
    assert f"70 of 70 rows labelled 'shipping' {feature}, no other row does" in found


def test_every_row_with_it_is_listed() -> None:
    rows = examples(on("shipping", lambda number, text: f"RE: {text}" if number < 150 else text))
    (finding,) = shortcut_features(rows, range(len(rows)))
    assert (finding.code, finding.name, finding.severity) == ("AUDIT21", "shortcut_features", "warning")
    assert finding.message == (
        "Labels can be told without reading: 50 of 70 rows labelled 'shipping' begin with a mark like 'RE:', "
        "no other row does."
    )
    assert finding.lines == "; ".join(str(number + 1) for number in range(150) if number % 3 == 1)


class TestHonestCases:
    def test_a_word_that_means_the_label(self) -> None:
        """In every row, in the middle of it; and at the edge, as an ordinary word."""
        assert not sentences(examples(lambda _, text, label: text.replace("My", f"Well, my {label}", 1)))
        assert not sentences(examples(on("shipping", lambda _, text: f"Parcel lost! {text}")))
        assert not sentences(examples(on("shipping", lambda _, text: f"What's the matter? {text}")))

    def test_a_mark_of_all_labels(self) -> None:
        assert not sentences(examples(lambda _number, text, _label: f"Subject: {text}"))

    def test_a_mark_of_few_rows(self) -> None:
        """Nine rows; and sixteen of 70, which is less than a quarter."""
        for count in (9, 16):
            planted = on("shipping", lambda number, text, count=count: f"RE: {text}" if number < 3 * count else text)
            assert not sentences(examples(planted))
        assert sentences(examples(on("shipping", lambda number, text: f"RE: {text}" if number < 54 else text)))

    def test_a_mark_that_leaves_doubt(self) -> None:
        """On all rows of one label, and on one in seven of the others: right four times in five."""

        def planted(number: int, text: str, label: str) -> str:
            return f"RE: {text}" if label == "shipping" or number % 7 == 0 else text

        assert not sentences(examples(planted))

    def test_a_mark_in_a_file_of_one_label(self) -> None:
        """97% of the rows have the label anyway."""
        rows = [
            Example(row.id, f"RE: {row.input}" if number % 2 else row.input,
                    "rare" if number % 33 == 1 else "usual", row.line, row.source)
            for number, row in enumerate(examples(count=330))
        ]  # fmt: skip
        assert not sentences(rows)

    def test_copies_of_one_row(self) -> None:
        rows = examples(on("shipping", lambda number, text: f"RE: {text}" if number < 150 else text))
        groups = [0 if row.input.startswith("RE:") else number + 1 for number, row in enumerate(rows)]
        assert not find_shortcuts(rows, groups)

    def test_few_rows_or_one_label(self) -> None:
        marked = on("shipping", lambda _, text: f"RE: {text}")
        assert not sentences(examples(marked, count=49))
        assert sentences(examples(marked, count=51))
        one = [Example(row.id, row.input, "only", row.line, row.source) for row in examples(marked)]
        assert not sentences(one)
        assert not find_shortcuts([], [])


class TestLabelNames:
    def test_at_an_edge(self) -> None:
        assert sentences(examples(lambda _, text, label: f"{text} Label = {label}")) == [
            "210 of 210 rows end with the name of their own label"
        ]
        assert sentences(examples(lambda _, text, label: f"{label}: {text}"))[-1:] == [
            "210 of 210 rows begin with the name of their own label"
        ]

    def test_of_several_words(self) -> None:
        rows = [
            Example(row.id, f"lost card. {row.input}" if number % 2 else row.input,
                    "lost_card" if number % 2 else "other", row.line, row.source)
            for number, row in enumerate(examples())
        ]  # fmt: skip
        assert not [found for found in sentences(rows) if "name of their own" in found]  # one label: it may be meant

    def test_in_some_rows(self) -> None:
        assert not sentences(examples(lambda number, text, label: f"{text} {label}" if number % 4 == 0 else text))


class TestMeasures:
    def test_length(self) -> None:
        def planted(_: int, text: str, label: str) -> str:
            return text + " I have waited long enough now." * (4 * LABELS.index(label))

        (found,) = [sentence for sentence in sentences(examples(planted)) if "text's length" in sentence]
        assert re.fullmatch(
            r"a text's length alone gives (9\d|100)% of the labels, where the largest label has 33%", found
        )

    def test_a_ticket_number(self) -> None:
        rows = examples(lambda number, text, label: f"Ticket {10_000 * (1 + LABELS.index(label)) + number}: {text}")
        assert "a text's number at its beginning or end alone gives 96% of the labels" in sentences(rows)[0]
        assert not sentences(examples(lambda number, text, _label: f"Ticket {10_000 + number}: {text}"))

    def test_a_finding_about_all_rows_lists_none(self) -> None:
        rows = examples(lambda _, text, label: text + " I have waited long enough now." * (4 * LABELS.index(label)))
        measured = [found for found in find_shortcuts(rows, range(len(rows))) if "text's" in found.sentence]
        assert measured
        assert not any(found.rows for found in measured)


def test_personal_data_does_not_reach_the_message() -> None:
    rows = examples(on("shipping", lambda _, text: f"Forwarded by jane@mail.example to us: {text}"))
    (finding,) = shortcut_features(rows, range(len(rows)))
    assert "jane" not in finding.message
    assert "<e-mail address>" in finding.message


@pytest.mark.parametrize(
    "text",
    ["A" * 50_000 + "a", "..." * 30_000 + "x", "1 " * 50_000, " " * 90_000 + "x", "<a " * 30_000, "{" * 50_000,
     '"' + "a'" * 40_000, "12" + "." * 90_000 + "x"],
)  # fmt: skip
def test_a_long_text_takes_no_time(text: str) -> None:
    rows = [Example(row.id, text, row.output, row.line, row.source) for row in examples(count=50)]
    start = time.perf_counter()
    find_shortcuts(rows, range(50))
    assert time.perf_counter() - start < 20
