"""Every metric, one line each, by what it compares."""

from __future__ import annotations

from typing import Final

from evaluation.metrics.chrf import chrf
from evaluation.metrics.exact_match import exact_match
from evaluation.metrics.extraction import exact_record, field_f1, field_precision, field_recall, micro_f1
from evaluation.metrics.label_sets import exact_set, set_f1, set_macro_f1
from evaluation.metrics.macro_f1 import macro_f1
from evaluation.metrics.question_answering import answer_exact, token_f1
from evaluation.metrics.rouge import rouge_1, rouge_2, rouge_l
from evaluation.metrics.text import same_number, same_text

EXAMPLE_METRICS: Final = {"accuracy": exact_match}
"""One score for each row, so that every contrast is paired. This one compares labels; the first of each table below
decides where nobody chooses."""

LABEL_SET_METRICS: Final = {"label_f1": set_f1, "exact_set": exact_set}
"""Compare sets of labels."""

RECORD_METRICS: Final = {
    "field_f1": field_f1, "exact_record": exact_record,
    "field_precision": field_precision, "field_recall": field_recall,
}  # fmt: skip
"""Compare records."""

QUESTION_METRICS: Final = {"token_f1": token_f1, "exact_answer": answer_exact}
"""Compare a short answer with several that are right."""

TEXT_METRICS: Final = {
    "rouge_l": rouge_l, "rouge_1": rouge_1, "rouge_2": rouge_2, "chrf": chrf,
    "same_text": same_text, "same_number": same_number,
}  # fmt: skip
"""Compare a text with several references."""

CORPUS_METRICS: Final = {"macro_f1": macro_f1}
"""One value for all rows; intervals come from resampling."""

LABEL_SET_CORPUS_METRICS: Final = {"macro_f1": set_macro_f1}
RECORD_CORPUS_METRICS: Final = {"micro_f1": micro_f1}
