"""Measures one cell: the comparison as a user would run it, then the truth."""

from __future__ import annotations

from pathlib import Path

from adapters.catalogue import encoder_arms
from benchmarks.decision_cells import (
    DRAW_SEED,
    FAMILIES,
    POLICY,
    PRODUCT_SEED,
    TRUTH_SEED,
    TUNED,
    Cell,
    Recorded,
    cell_key,
    rounded,
)
from benchmarks.decision_product import contrast_between, fine_tune_fits, product_of
from benchmarks.decision_replay import decide_again, record
from benchmarks.decision_sources import Source, drawn_lines, encoder_in_use
from evaluation.audit import Audit
from evaluation.comparison import Comparison, Progress, compare
from evaluation.dataset import Task
from evaluation.decision import VerdictKind
from evaluation.policy import EvaluationPolicy
from evaluation.provenance import library_versions, machine, python_version, source_sha256
from evaluation.readers import Columns
from evaluation.report import Report
from rules.form import Form
from service.commands.examples import Examples, read_examples
from service.rulebook import Rulebook
from service.run_folder import write_whole


def measure(source: Source, rows: int, runs: Path, policy: EvaluationPolicy = POLICY) -> tuple[Cell, Recorded | None]:
    """The product's comparison, then the truth; no truth and nothing recorded where the audit forbids a comparison."""
    folder = runs / f"{source.name}-{rows}"
    draw = write_whole(folder / "train.jsonl", "".join(f"{line}\n" for line in drawn_lines(source, rows)))
    cell: Cell = {"dataset": source.name, "rows": rows, "words": round(source.words, 1), **_versions(policy)}
    comparison, audit = _comparison(source, draw, None, folder / "product", PRODUCT_SEED, policy)
    cell |= {"labels": len(comparison.task.labels), "labels_drawn": len(comparison.dataset.labels)}
    if audit.blockers:
        reasons = [f"{finding.code} {finding.message}" for finding in audit.blockers]
        return cell | {"verdict": VerdictKind.NO_COMPARISON.value, "reasons": reasons}, None
    report = compare(comparison, audit, Progress())
    recorded = record(cell, comparison, audit)
    accuracies = {arm.name: arm.accuracy for arm in report.arms}
    product = product_of(report.verdict, accuracies, report.contrasts, fine_tune_fits(recorded), policy)
    if decide_again(recorded, policy=policy) != product:
        raise RuntimeError(
            f"{cell_key(source.name, rows)}: the replay does not agree with the comparison that it records."
        )
    true = compare(*_comparison(source, draw, source.test, folder / "truth", TRUTH_SEED, policy), Progress())
    cell |= {"planned_fits": recorded["planned_fits"]}
    cell |= {"product": product, "truth": _truth(true), "seconds": _seconds(report, true, recorded)}
    return cell, recorded


def _comparison(
    source: Source, train: Path, test: Path | None, folder: Path, seed: int, policy: EvaluationPolicy
) -> tuple[Comparison, Audit]:
    """As the command builds it, but that the labels are those of the task, drawn or not."""
    encoder, rulebook = encoder_in_use(), Rulebook()
    examples: Examples = read_examples(train, test, Columns(), encoder, policy)
    form = Form.parse({"task": {key: source.task[key] for key in ("name", "kind", "description")}})
    comparison = Comparison(
        dataset=examples.dataset,
        test=examples.test,
        task=Task(tuple(sorted({*source.task["labels"], *examples.dataset.labels}))),
        form=rulebook.filled_in(form),
        assessment=rulebook.assess(form, examples.material(encoder.count_tokens)),
        specs=encoder_arms(encoder),
        policy=policy,
        seed=seed,
        folder=folder,
        learning_curve=False,
    )
    return comparison, examples.audit


def _versions(policy: EvaluationPolicy) -> Cell:
    return {
        "measured_with": {
            "source_sha256": source_sha256(),
            "policy_sha256": policy.sha256(),
            "encoder": encoder_in_use().name,
            "python": python_version(),
            "machine": machine(),
            "libraries": library_versions(),
            "seeds": [DRAW_SEED, PRODUCT_SEED, TRUTH_SEED],
        }
    }


def _truth(report: Report) -> Cell:
    """`gain_variance` is that of the fine-tune's true gain over each arm, as far as the test file tells it."""
    truth: Cell = rounded({
        "train_size": report.split.train_size,
        "tested": report.split.tested,
        "accuracies": {arm.name: arm.accuracy for arm in report.arms},
        "runs": {arm.name: arm.run_accuracies for arm in report.arms},
        "gain_variance": {
            name: contrast.item_variance + contrast.run_variance
            for name in FAMILIES
            if name != TUNED
            for contrast in [contrast_between(report.contrasts, TUNED, name)]
        },
    }, digits=9)  # fmt: skip
    return truth


def _seconds(product: Report, truth: Report, recorded: Recorded) -> Cell:
    """Of all fits and predictions, as saved with the trials; `exhaustive` is the training of as many fine-tunes as the
    design asks for, trained or not."""
    totals = {
        name: sum(arm.total_seconds for arm in report.times.arms.values())
        for name, report in (("product", product), ("truth", truth))
    }
    one_fit = (product if TUNED in product.times.arms else truth).times.arms[TUNED].fit_seconds
    seconds: Cell = rounded({**totals, "exhaustive": one_fit * recorded["planned_fits"]}, digits=2)
    return seconds
