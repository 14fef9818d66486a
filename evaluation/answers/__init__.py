"""Reads every arm's raw text as an answer, with the same code for all.

Reading is conservative: it mends nothing and never chooses between two. A text that cannot be read says why (`Fault`).
Words that announce an answer ("the category is ...") are known in English, single ones before a colon in six more
languages; a bare answer is read in any. What a model wrote while it thought (`<think>...</think>`) is no answer.
"""

from evaluation.answers.labels import find_label, labels_of_row, read_label, read_labels
from evaluation.answers.number import read_number
from evaluation.answers.records import read_json, read_record
from evaluation.answers.text import NO_ANSWER, abstains, read_short_answer, read_text
from evaluation.answers.unread import Fault, Unread

__all__ = [
    "NO_ANSWER", "Fault", "Unread", "abstains", "find_label", "labels_of_row", "read_json", "read_label",
    "read_labels", "read_number", "read_record", "read_short_answer", "read_text",
]  # fmt: skip
