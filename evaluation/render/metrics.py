"""The names of metrics, and every metric of a task beside the deciding one."""

from __future__ import annotations

from typing import Final

from evaluation.numbers import percent
from evaluation.report import Report

TITLES: Final = {
    "label_f1": "label F1",
    "exact_set": "exact set of labels",
    "field_f1": "field F1",
    "exact_record": "exact record",
    "field_precision": "field precision",
    "field_recall": "field recall",
    "token_f1": "token F1",
    "exact_answer": "exact answer",
    "rouge_l": "ROUGE-L",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "chrf": "chrF",
    "same_text": "same text",
    "same_number": "same number",
    "semantic_similarity": "semantic similarity",
}


def metric_title(name: str) -> str:
    return TITLES.get(name, name)


def metric_table(report: Report) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Headings, and for each arm its title and cells; empty where there is one metric only. The last column tells how
    much of the answers stands in the passages shown, where any were."""
    names = list(report.arms[0].metrics)
    supported = any(arm.support is not None for arm in report.arms)
    if len(names) < 2 and not supported:
        return [], []
    headings = [*map(metric_title, names), *(["stands in the passages"] if supported else [])]
    rows = []
    for arm in report.arms:
        cells = [percent(arm.metrics[name]) if name in arm.metrics else "" for name in names]
        rows.append((arm.title, [*cells, *([percent(arm.support) if arm.support is not None else ""] * supported)]))
    return headings, rows


def metric_note(report: Report) -> str | None:
    """What stands under the table; None where every metric explains itself."""
    if report.similarity_model is None:
        return None
    return (
        f"Semantic similarity is how near an answer comes to the nearest reference, as the embedding model "
        f"{report.similarity_model} sees it. It hears the topic and not the truth, reads only the beginning of a long "
        "text, and cannot be compared with that of another model. It decides nothing."
    )
