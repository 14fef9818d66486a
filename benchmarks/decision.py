"""How good the advisor's decisions are on real data; prints and keeps figures, writes the tables in docs/results.md.

`decision.py DATA_FOLDER` measures every classification data set below the folder (`<name>/{train,test}.jsonl` and
`task.json`) with each number of rows: the comparison as a user would run it on so many rows, drawn once, and the truth,
which is every arm fitted on all of those rows and scored on the whole test file. A finished cell is kept in
benchmarks/results/decision.json and never measured again (delete its line to have it measured); trials below --runs let
a stopped cell go on.

What each comparison saw, row by row, lies in benchmarks/results/decision_outcomes. The tables decide again from that,
with the scoring, the contrasts, the experience and the rule of this checkout and without training; the experience
leaves the data set at hand out. `--published` shows the same with what was published instead of the experience.
"""

from __future__ import annotations

import argparse
import fcntl
import gzip
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from adapters.catalogue import ARMS, encoder_arms
from adapters.encoder.embedding import Encoder
from evaluation.arm import ArmSpec, Family, Prediction
from evaluation.audit import Audit
from evaluation.comparison import Comparison, Progress, compare, policy_for
from evaluation.contrasts import Contrast, contrast_arms
from evaluation.dataset import Example, Task
from evaluation.decision import Evidence, Verdict, VerdictKind, decide
from evaluation.experience import Experience, Outcome
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import believe
from evaluation.prior import Prior, gain_prior
from evaluation.provenance import library_versions, machine, python_version, source_sha256
from evaluation.readers import Columns
from evaluation.report import Report
from evaluation.scoring import ScoredArm, score_arm, statistics_design
from evaluation.splits import Fold, Split, split_dataset
from evaluation.statistics import wilson_interval
from evaluation.trials import FinishedTrial, Trial, finished_trial, plan_trials
from rules.design import Design
from rules.family import Randomness
from rules.form import Form
from rules.power import detectable_gain
from service.commands.examples import Examples, configured_encoder, read_examples
from service.rulebook import Rulebook
from service.run_folder import write_whole
from service.settings import load_settings

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "decision.json"
OUTCOMES = ROOT / "benchmarks" / "results" / "decision_outcomes"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- decision: begin -->", "<!-- decision: end -->"

SIZES = (50, 150, 400)
QUICK = ("trec6", 50)
DRAW_SEED, PRODUCT_SEED, TRUTH_SEED = 20261120, 1, 2
"""The product's is the command's own default; the truth is fitted with seeds of its own."""
RESAMPLES = 10_000
POLICY = EvaluationPolicy()
QUICK_POLICY = POLICY.model_copy(update={"ten_folds_below": POLICY.fewest_examples, "training_seeds_few_labels": 2})
"""Seven trainings instead of fifteen."""
FAMILIES = {entry.name: entry.family for entry in ARMS}
TUNED = next(name for name, family in FAMILIES.items() if family.is_fine_tune)
TARGETS = {
    "priced regret": "at most 1.0, and less than each naive advisor's",
    "wrong": "at most 3%",
    "covered": "92 to 98%",
    "found": "at least 80%",
}

Cell = dict[str, Any]
"""One data set and number of rows: `product` is what was decided, `truth` holds the arms' true accuracies. Plain JSON;
accuracies, gains and regrets are 0..1. A cell that the audit forbids has only the verdict and its reasons."""
Recorded = dict[str, Any]
"""What a comparison saw: for each arm and run a string of 0 and 1, one a test row; the rows' folds and clusters."""


@dataclass(frozen=True)
class Source:
    """One data set on disk."""

    name: str
    folder: Path
    task: Mapping[str, Any]
    words: float

    @property
    def train(self) -> Path:
        return self.folder / "train.jsonl"

    @property
    def test(self) -> Path:
        return self.folder / "test.jsonl"


def main() -> None:
    """Measure what is missing, then show the figures of all cells."""
    arguments = _arguments()
    if arguments.quick:
        _quick(arguments)
        return
    cells = _read_cells()
    wanted = _wanted(arguments) if arguments.data else []
    for source, rows in wanted:
        if _key(source.name, rows) not in cells:
            cell, recorded = measure(source, rows, arguments.runs)
            cells = _keep(cell, recorded)
            print(time.strftime("%H:%M"), _line(cell), flush=True)
    if not cells:
        sys.exit("There are no cells yet; name the folder with the data sets.")
    cells = decided_again(cells, experience=not arguments.published)
    summaries = _summaries(cells.values())
    print("\n".join(_summary_table(summaries)))
    complete = bool(wanted) and not arguments.only and set(arguments.sizes) >= set(SIZES)
    if arguments.published:
        print("\n".join(_cell_table(cells)))
    elif complete or arguments.table:
        _write_cells(_read_cells(), summaries)
        _write_tables(cells, summaries)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder of data sets; without it only what is kept is shown")
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], default=list(SIZES))
    parser.add_argument("--only", type=lambda text: text.split(","), help="names of data sets, in this order")
    parser.add_argument("--runs", type=Path, default=ROOT / "advisor-runs" / "decision")
    parser.add_argument("--table", action="store_true", help="write the tables though cells are missing")
    parser.add_argument("--published", action="store_true", help="without the experience with other data sets")
    parser.add_argument("--quick", action="store_true", help="one small cell in a folder that is thrown away")
    arguments = parser.parse_args()
    if arguments.data and not arguments.data.is_dir():
        sys.exit(f"{arguments.data} is not a folder; name the one with the data sets.")
    if arguments.quick and not arguments.data:
        sys.exit("--quick needs the folder with the data sets.")
    return arguments


def _quick(arguments: argparse.Namespace) -> None:
    """Measures, records and replays, and leaves nothing behind."""
    name, rows = QUICK
    sources = {source.name: source for source in _sources(arguments.data)}
    if name not in sources:
        sys.exit(f"{arguments.data} has no data set {name}.")
    with tempfile.TemporaryDirectory() as folder:
        cell, recorded = measure(sources[name], rows, Path(folder), QUICK_POLICY)
    print(_line(cell))
    if recorded is not None:
        print(f"recorded in {len(_pack(recorded)):,} bytes; a replay agrees")


def _wanted(arguments: argparse.Namespace) -> list[tuple[Source, int]]:
    """Every cell, texts in order of length so that the quick ones come first."""
    sources = {source.name: source for source in _sources(arguments.data)}
    unknown = [name for name in arguments.only or () if name not in sources]
    if unknown:
        sys.exit(f"No classification data set {', '.join(unknown)}; there are {', '.join(sources)}.")
    chosen = [sources[name] for name in arguments.only] if arguments.only else list(sources.values())
    return [(source, rows) for source in chosen for rows in arguments.sizes]


def _sources(data: Path) -> list[Source]:
    sources = []
    for path in sorted(data.glob("*/task.json")):
        task = json.loads(path.read_text(encoding="utf-8"))
        if task["kind"] == "classification":
            inputs = [json.loads(line)["input"] for line in _lines(path.with_name("train.jsonl"))]
            words = sum(len(text.split()) for text in inputs) / len(inputs)
            sources.append(Source(path.parent.name, path.parent, task, words))
    return sorted(sources, key=lambda source: source.words)


def _lines(path: Path) -> list[str]:
    # Not splitlines(): it would also cut at U+2028, which JSON allows inside a string.
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _key(name: str, rows: int) -> str:
    return f"{name} {rows}"


# --- Measuring one cell


def measure(source: Source, rows: int, runs: Path, policy: EvaluationPolicy = POLICY) -> tuple[Cell, Recorded | None]:
    """The product's comparison, then the truth; no truth and nothing recorded where the audit forbids a comparison."""
    folder = runs / f"{source.name}-{rows}"
    draw = write_whole(folder / "train.jsonl", "".join(f"{line}\n" for line in _draw(source, rows)))
    cell: Cell = {"dataset": source.name, "rows": rows, "words": round(source.words, 1), **_versions(policy)}
    comparison, audit = _comparison(source, draw, None, folder / "product", PRODUCT_SEED, policy)
    cell |= {"labels": len(comparison.task.labels), "labels_drawn": len(comparison.dataset.labels)}
    if audit.blockers:
        reasons = [f"{finding.code} {finding.message}" for finding in audit.blockers]
        return cell | {"verdict": VerdictKind.NO_COMPARISON.value, "reasons": reasons}, None
    report = compare(comparison, audit, Progress())
    recorded = _record(cell, comparison, audit)
    accuracies = {arm.name: arm.accuracy for arm in report.arms}
    product = _decided(report.verdict, accuracies, report.contrasts, _fits(recorded), policy)
    if decide_again(recorded, policy=policy) != product:
        raise RuntimeError(f"{_key(source.name, rows)}: the replay does not agree with the comparison that it records.")
    true = compare(*_comparison(source, draw, source.test, folder / "truth", TRUTH_SEED, policy), Progress())
    cell |= {"planned_fits": recorded["planned_fits"]}
    cell |= {"product": product, "truth": _truth(true), "seconds": _seconds(report, true, recorded)}
    return cell, recorded


def _draw(source: Source, rows: int) -> list[str]:
    """Lines drawn at random, in random order, from the training rows that do not nearly repeat a test row."""
    lines = _lines(source.train)
    usable = [line for row, line in enumerate(lines) if row not in _repeated(source.train, source.test)]
    if len(usable) < rows:
        sys.exit(f"{source.name} has {len(usable)} usable training rows, not {rows}; name other --sizes.")
    return random.Random(f"{DRAW_SEED} {source.name} {rows}").sample(usable, rows)


@cache
def _repeated(train: Path, test: Path) -> frozenset[int]:
    """The product would leave these rows out of every fit of the truth, though not of its own comparison."""
    return frozenset(read_examples(train, test, Columns(), _encoder(), POLICY).audit.left_out)


@cache
def _encoder() -> Encoder:
    return configured_encoder(load_settings())


def _comparison(
    source: Source, train: Path, test: Path | None, folder: Path, seed: int, policy: EvaluationPolicy
) -> tuple[Comparison, Audit]:
    """As the command builds it, but that the labels are those of the task, drawn or not."""
    encoder, rulebook = _encoder(), Rulebook()
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
            "encoder": _encoder().name,
            "python": python_version(),
            "machine": machine(),
            "libraries": library_versions(),
            "seeds": [DRAW_SEED, PRODUCT_SEED, TRUTH_SEED],
        }
    }


def _decided(
    verdict: Verdict,
    accuracies: Mapping[str, float],
    contrasts: Sequence[Contrast],
    fits: int,
    policy: EvaluationPolicy,
) -> Cell:
    """What the tables need of a comparison. `gain` is the fine-tune's over the best cheap arm as measured; where none
    was trained it only names that arm."""
    cheap = max((name for name in accuracies if name != TUNED), key=lambda name: accuracies[name])
    gain: dict[str, Any] = {"over": cheap}
    if TUNED in accuracies:
        contrast = _contrast(contrasts, TUNED, cheap)
        variances = contrast.item_variance, contrast.run_variance
        shown = ("difference", "low", "high", "item_variance", "run_variance")
        gain |= {key: getattr(contrast, key) for key in shown}
        gain["shrunken"] = verdict.shrunken_gains.get(cheap)
        gain["detectable"] = detectable_gain(*variances, policy.superiority_alpha, policy.power)
    decided: Cell = _rounded({
        "verdict": verdict.kind.value,
        "arm": verdict.arm,
        "measured": dict(accuracies),
        "probability_best": verdict.probability_best,
        "regret": verdict.expected_regret,
        "prior": verdict.prior,
        "gain": gain,
        "fits": fits,
    }, digits=9)  # fmt: skip
    return decided


def _contrast(contrasts: Sequence[Contrast], first: str, second: str) -> Contrast:
    """The contrast `first - second`."""
    found = {(contrast.first, contrast.second): contrast for contrast in contrasts}
    return found[first, second] if (first, second) in found else found[second, first].reversed()


def _truth(report: Report) -> Cell:
    """`gain_variance` is that of the fine-tune's true gain over each arm, as far as the test file tells it."""
    truth: Cell = _rounded({
        "train_size": report.split.train_size,
        "tested": report.split.tested,
        "accuracies": {arm.name: arm.accuracy for arm in report.arms},
        "runs": {arm.name: arm.run_accuracies for arm in report.arms},
        "gain_variance": {
            name: contrast.item_variance + contrast.run_variance
            for name in FAMILIES
            if name != TUNED
            for contrast in [_contrast(report.contrasts, TUNED, name)]
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
    seconds: Cell = _rounded({**totals, "exhaustive": one_fit * recorded["planned_fits"]}, digits=2)
    return seconds


def _fits(recorded: Recorded) -> int:
    """Of the fine-tune."""
    return sum(len(run) for run in recorded["arms"].get(TUNED, {"fit_seconds": []})["fit_seconds"])


def _rounded(value: Any, digits: int) -> Any:
    """Plain JSON with short numbers."""
    if isinstance(value, Mapping):
        return {key: _rounded(each, digits) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(each, digits) for each in value]
    return round(float(value), digits) if isinstance(value, (float, np.floating)) else value


# --- What a comparison saw, kept for a replay


def _record(cell: Cell, comparison: Comparison, audit: Audit) -> Recorded:
    """From the trials that the comparison has just saved."""
    policy = policy_for(comparison)
    split = split_dataset(comparison.dataset, audit.groups, policy, comparison.seed)
    planned = plan_trials(comparison.specs, comparison.task, split, policy)
    finished = [done for plan in planned if (done := finished_trial(plan, comparison.folder))]
    arms = {}
    for spec in comparison.specs:
        trials = [done for done in finished if done.trial.arm == spec.name]
        if not trials:
            continue
        scored = score_arm(spec, trials, split, comparison.task, policy)
        by_run = [[done.trial for done in trials if done.trial.run == run] for run in range(len(scored.answers))]
        arms[spec.name] = {
            "right": ["".join(str(int(score)) for score in run) for run in scored.outcomes.scores],
            "fit_seconds": [[round(trial.fit_seconds, 3) for trial in run] for run in by_run],
            "predict_seconds": [[round(trial.predict_seconds, 3) for trial in run] for run in by_run],
        }
    return {
        **{key: cell[key] for key in ("dataset", "rows", "labels", "labels_drawn", "measured_with")},
        "class_sizes": list(comparison.dataset.class_sizes.values()),
        "design": split.design.value,
        "seed": comparison.seed,
        "train_sizes": [len(fold.train) for fold in split.folds],
        "folds": list(split.fold_of()),
        "clusters": list(split.clusters),
        "planned_fits": sum(plan.spec.name == TUNED for plan in planned),
        "arms": arms,
    }


def experience_with(cells: Iterable[Cell]) -> Experience:
    """The true accuracies, as the product keeps them."""
    return Experience(tuple(
        Outcome(
            dataset=cell["dataset"], labels=cell["labels"], train_size=cell["truth"]["train_size"],
            tested=cell["truth"]["tested"], accuracies=cell["truth"]["accuracies"], runs=cell["truth"]["runs"],
        )
        for cell in cells
        if "truth" in cell
    ))  # fmt: skip


def decided_again(cells: Mapping[str, Cell], *, experience: bool = True) -> dict[str, Cell]:
    """Every cell as this checkout decides it, knowing all data sets but the cell's own."""
    known = experience_with(cells.values())
    return {
        key: cell | {
            "product": decide_again(read_recorded(cell), known.without(cell["dataset"]) if experience else None)
        }
        if "truth" in cell
        else cell
        for key, cell in cells.items()
    }  # fmt: skip


def decide_again(recorded: Recorded, experience: Experience | None = None, policy: EvaluationPolicy = POLICY) -> Cell:
    """What the comparison decides under this checkout's rule, in the form of a cell's `product`."""
    arms, split = replay_arms(recorded, policy, experience)
    design = statistics_design(split, policy)
    best_cheap = max(arm.accuracy for arm in arms if not arm.spec.is_fine_tune)
    published = gain_prior(recorded["labels"], split.train_size, best_cheap)
    prior: Prior = published
    if experience is not None:
        names = [arm.spec.name for arm in arms]
        prior = experience.prior(names, recorded["labels"], split.train_size, published) or published
    beliefs = believe(arms, design, prior, policy, np.random.default_rng([recorded["seed"], 1]))
    evidence = Evidence(arms, contrast_arms(arms, design, policy), beliefs, prior, len(split.tested))
    accuracies = {arm.spec.name: arm.accuracy for arm in arms}
    return _decided(decide(evidence, policy), accuracies, evidence.contrasts, _fits(recorded), policy)


def replay_arms(
    recorded: Recorded, policy: EvaluationPolicy = POLICY, experience: Experience | None = None
) -> tuple[list[ScoredArm], Split]:
    """Arms scored as they were. Texts and labels are stand-ins: scoring only sees whether an answer was right."""
    task = Task(tuple(f"label {number}" for number in range(recorded["labels"])))
    right = task.labels[0]
    row = Example("row", "a text", right, 1, recorded["dataset"])
    folds = tuple(
        Fold((row,) * size, tuple(position for position, of in enumerate(recorded["folds"]) if of == number))
        for number, size in enumerate(recorded["train_sizes"])
    )
    tested = (row,) * len(recorded["folds"])
    split = Split(Design(recorded["design"]), tested, tuple(recorded["clusters"]), folds, recorded["seed"])
    arms = []
    for spec in _specs(recorded):
        trials = list(_replayed_trials(spec.name, recorded["arms"][spec.name], folds, right))
        varies = spec.randomness is not Randomness.NONE
        deviation = experience.run_deviation(spec.name) if experience is not None and varies else None
        arms.append(score_arm(spec, trials, split, task, policy, deviation))
    return arms, split


def _specs(recorded: Recorded) -> list[ArmSpec]:
    never: Any = None  # answers are recorded: nothing is built, loaded or prepared
    base_model = recorded["measured_with"]["encoder"]
    return [
        ArmSpec(*entry[:4], base_model, {}, never, never, never, entry.demonstrations)
        for entry in ARMS
        if entry.name in recorded["arms"]
    ]


def _replayed_trials(arm: str, outcomes: Recorded, folds: Sequence[Fold], right: str) -> Iterator[FinishedTrial]:
    for run, answers in enumerate(outcomes["right"]):
        for number, fold in enumerate(folds):
            trial = Trial(
                key="recorded", arm=arm, fold=number, run=run, seed=0, train_size=len(fold.train), determined_by={},
                fit_seconds=outcomes["fit_seconds"][run][number],
                predict_seconds=outcomes["predict_seconds"][run][number],
            )  # fmt: skip
            predictions = (Prediction(right if answers[position] == "1" else None) for position in fold.tested)
            yield FinishedTrial(trial, fold, tuple(predictions))


# --- What is kept


def _read_cells() -> dict[str, Cell]:
    cells: dict[str, Cell] = json.loads(RESULTS.read_text())["cells"] if RESULTS.exists() else {}
    return cells


def _keep(cell: Cell, recorded: Recorded | None) -> dict[str, Cell]:
    """Everything that is kept now: another process may have finished cells of its own."""
    OUTCOMES.mkdir(parents=True, exist_ok=True)
    with _alone(OUTCOMES):
        if recorded is not None:
            _outcomes_of(cell).write_bytes(_pack(recorded))
        cells = _read_cells() | {_key(cell["dataset"], cell["rows"]): cell}
        _write_cells(cells, {})
    return cells


def _write_cells(cells: Mapping[str, Cell], summaries: Mapping[str, Any]) -> None:
    """As measured; the summaries are of what was decided again."""
    figures = json.dumps(_rounded(summaries, digits=6), indent=1)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(cells[name])}" for name in sorted(cells))
    write_whole(RESULTS, f'{{"cells": {{\n{lines}\n}},\n"summary": {figures}}}\n')


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _outcomes_of(cell: Cell) -> Path:
    return OUTCOMES / f"{cell['dataset']}-{cell['rows']}.json.gz"


def _pack(recorded: Recorded) -> bytes:
    return gzip.compress(json.dumps(recorded).encode(), mtime=0)


def read_recorded(cell: Cell) -> Recorded:
    """What the cell's comparison saw."""
    recorded: Recorded = json.loads(gzip.decompress(_outcomes_of(cell).read_bytes()))
    return recorded


# --- Judging a cell by its truth


def true_gain(cell: Cell) -> float:
    """Of the fine-tune over the cheap arm that was measured best."""
    truth = cell["truth"]["accuracies"]
    return float(truth[TUNED] - truth[cell["product"]["gain"]["over"]])


def margin(cell: Cell) -> float:
    """The gain that pays for the fine-tune instead of that arm."""
    return POLICY.margin(FAMILIES[TUNED], FAMILIES[cell["product"]["gain"]["over"]])


def plain_regret(cell: Cell, arm: str) -> float:
    """Accuracy lost against the truly best arm."""
    truth = cell["truth"]["accuracies"]
    return float(max(truth.values()) - truth[arm])


def priced_regret(cell: Cell, arm: str) -> float:
    """The same, with every arm's price taken off its accuracy."""
    worth = {name: value - POLICY.price(FAMILIES[name]) for name, value in cell["truth"]["accuracies"].items()}
    return float(max(worth.values()) - worth[arm])


def _says_fine_tune(cell: Cell) -> bool:
    return bool(cell["product"]["verdict"] == VerdictKind.FINE_TUNE)


def _trained(cell: Cell) -> float:
    """The part of the fine-tunes that the design asks for."""
    return float(cell["product"]["fits"] / cell["planned_fits"])


def _is_covered(cell: Cell, truth_is_exact: bool) -> bool:
    """Whether the interval holds the true gain; where the truth is not exact, widened by the truth's own error."""
    gain = cell["product"]["gain"]
    own = gain["item_variance"] + gain["run_variance"]
    error = 0.0 if truth_is_exact else cell["truth"]["gain_variance"][gain["over"]]
    reach = ((own + error) / own) ** 0.5
    low, high = (gain["difference"] + reach * (gain[end] - gain["difference"]) for end in ("low", "high"))
    return bool(low <= true_gain(cell) <= high)


def _measured_best(cell: Cell) -> str:
    measured = cell["product"]["measured"]
    return str(max(measured, key=lambda name: float(measured[name])))


ADVISOR = "the advisor"
ADVISORS: dict[str, Callable[[Cell], str]] = {
    ADVISOR: lambda cell: str(cell["product"]["arm"]),
    "highest mean of the same comparison": _measured_best,
    "fine-tune from 100 examples on, else few-shot": lambda cell: TUNED if cell["rows"] >= 100 else "few_shot",
    "always the fine-tune": lambda _: TUNED,
    "always the head": lambda _: next(name for name, family in FAMILIES.items() if family is Family.HEAD),
}


# --- Figures over cells


def _summaries(cells: Any) -> dict[str, Any]:
    """Over all cells and over those of each number of rows."""
    cells = sorted(cells, key=lambda cell: (cell["rows"], cell["dataset"]))
    sizes = sorted({cell["rows"] for cell in cells})
    groups = {f"{rows} rows": [cell for cell in cells if cell["rows"] == rows] for rows in sizes}
    return {name: summarise(group) for name, group in (groups | {"all": cells}).items()}


def summarise(cells: Sequence[Cell]) -> dict[str, Any]:
    """Every figure of the first table; cells that the audit forbids are counted and otherwise left out."""
    compared = [cell for cell in cells if "product" in cell]
    forbidden = [_key(cell["dataset"], cell["rows"]) for cell in cells if "product" not in cell]
    summary: dict[str, Any] = {"cells": len(compared), "data_sets": len({cell["dataset"] for cell in compared})}
    summary |= {"forbidden": forbidden}
    if not compared:
        return summary
    tuned = [cell for cell in compared if _says_fine_tune(cell)]
    missed = [cell for cell in compared if cell not in tuned and true_gain(cell) > 2 * margin(cell)]
    measured = [cell for cell in compared if "difference" in cell["product"]["gain"]]
    trained = [cell for cell in measured if cell["product"]["fits"]]
    visible = [cell for cell in measured if true_gain(cell) > cell["product"]["gain"]["detectable"]]
    exhaustive = sum(cell["seconds"]["exhaustive"] for cell in compared)
    training = sum(cell["seconds"]["exhaustive"] * _trained(cell) for cell in compared)
    return summary | {
        "verdicts": dict(Counter(cell["product"]["verdict"] for cell in compared)),
        "advisors": {name: _advisor(compared, choose) for name, choose in ADVISORS.items()},
        "covered": _share([_is_covered(cell, truth_is_exact=True) for cell in trained]),
        "covered_but_for_the_truths_error": _share([_is_covered(cell, truth_is_exact=False) for cell in trained]),
        "wrong": _share([cell in tuned and true_gain(cell) <= margin(cell) for cell in compared]),
        "missed": _share([cell in missed for cell in compared]),
        "missed_cells": {
            _key(cell["dataset"], cell["rows"]): {
                "true": true_gain(cell), "detectable": cell["product"]["gain"].get("detectable"),
            }
            for cell in missed
        },
        "found": _share([cell in tuned for cell in visible]),
        "true_gain": _mean(compared, true_gain),
        "believed_regret": _mean(compared, lambda cell: float(cell["product"]["regret"])),
        "training_cost": training / exhaustive,
        "seconds": {"product": sum(cell["seconds"]["product"] for cell in compared), "training": training},
    }  # fmt: skip


def _advisor(cells: Sequence[Cell], choose: Callable[[Cell], str]) -> dict[str, Any]:
    """`dearer_than_the_advisor` is the mean of paired differences in priced regret."""
    own = ADVISORS[ADVISOR]
    return {
        "priced": _regret(cells, lambda cell: priced_regret(cell, choose(cell))),
        "plain": _regret(cells, lambda cell: plain_regret(cell, choose(cell))),
        "within_a_point": _share([priced_regret(cell, choose(cell)) <= 0.01 + 1e-9 for cell in cells]),
        "dearer_than_the_advisor": _mean(
            cells, lambda cell: priced_regret(cell, choose(cell)) - priced_regret(cell, own(cell))
        ),
    }


def _regret(cells: Sequence[Cell], of: Callable[[Cell], float]) -> dict[str, Any]:
    values = [of(cell) for cell in cells]
    return _mean(cells, of) | {"percentile_90": float(np.percentile(values, 90)), "worst": max(values)}


def _mean(cells: Sequence[Cell], of: Callable[[Cell], float]) -> dict[str, float]:
    """With a 95% bootstrap interval; whole data sets are drawn, since their cells are not independent."""
    names = sorted({cell["dataset"] for cell in cells})
    sums, counts = np.zeros(len(names)), np.zeros(len(names))
    for cell in cells:
        sums[names.index(cell["dataset"])] += of(cell)
        counts[names.index(cell["dataset"])] += 1
    drawn = np.random.default_rng(DRAW_SEED).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return {"mean": float(sums.sum() / counts.sum()), "low": float(low), "high": float(high)}


def _share(hits: Sequence[bool]) -> dict[str, Any] | None:
    """With Wilson's 95% interval; None of nothing."""
    if not hits:
        return None
    interval = wilson_interval(sum(hits), len(hits), 0.95)
    return {"count": sum(hits), "of": len(hits), "low": interval.low, "high": interval.high}


# --- Showing


def _verdict_of(product: Cell) -> str:
    return f"{product['verdict']}: {product['arm']}"


def _line(cell: Cell) -> str:
    key = _key(cell["dataset"], cell["rows"])
    if "product" not in cell:
        return f"{key}: {cell['verdict']}; {' '.join(cell['reasons'])}"
    product, gain = cell["product"], cell["product"]["gain"]
    truth = ", ".join(f"{name} {_points(value)}" for name, value in cell["truth"]["accuracies"].items())
    seconds = cell["seconds"]
    return (
        f"{key}: {_verdict_of(product)}, priced regret {_points(priced_regret(cell, product['arm']))}; "
        f"gain over {gain['over']} {_gain_text(gain)}, truly {_points(true_gain(cell))}; truth {truth}; "
        f"{seconds['product']:.0f} + {seconds['truth']:.0f} seconds"
    )


def _gain_text(gain: Mapping[str, Any]) -> str:
    if "difference" not in gain:
        return "not measured"
    return f"{_points(gain['difference'])} ({_points(gain['low'])} to {_points(gain['high'])})"


def _points(value: float) -> str:
    """Of accuracy, in hundredths."""
    return f"{100 * value + 0.0:.1f}"


def _mean_text(mean: Mapping[str, float]) -> str:
    return f"{_points(mean['mean'])} ({_points(mean['low'])} to {_points(mean['high'])})"


def _share_text(share: Mapping[str, float] | None) -> str:
    if share is None:
        return "none"
    part = _points(share["count"] / share["of"])
    return f"{share['count']} of {share['of']}: {part}% ({_points(share['low'])} to {_points(share['high'])})"


def _summary_table(summaries: Mapping[str, Any]) -> list[str]:
    """Columns are the numbers of rows, then all."""
    groups = {name: summary for name, summary in summaries.items() if summary["cells"]}
    lines = [f"| | target | {' | '.join(groups)} |", "|---" * (len(groups) + 2) + "|"]

    def line(title: str, target: str, text: Callable[[Any], str]) -> None:
        lines.append(f"| {title} | {target} | {' | '.join(text(summary) for summary in groups.values())} |")

    def of(name: str, key: str, text: Callable[[Any], str]) -> Callable[[Any], str]:
        return lambda summary: text(summary["advisors"][name][key])

    line("comparisons", "", lambda summary: f"{summary['cells']} on {summary['data_sets']} data sets")
    line("forbidden by the audit", "", lambda summary: ", ".join(summary["forbidden"]))
    line("verdicts", "", lambda summary: ", ".join(f"{kind} {n}" for kind, n in sorted(summary["verdicts"].items())))
    line("priced regret, mean", TARGETS["priced regret"], of(ADVISOR, "priced", _mean_text))
    line("priced regret, 90th percentile; worst", "", of(ADVISOR, "priced", _tail_text))
    line("plain regret, mean", "", of(ADVISOR, "plain", _mean_text))
    line("plain regret, 90th percentile; worst", "", of(ADVISOR, "plain", _tail_text))
    line("priced regret that the advisor expects", "", lambda summary: _mean_text(summary["believed_regret"]))
    line("within one point of the best, priced", "", of(ADVISOR, "within_a_point", _share_text))
    for name in ADVISORS:
        if name != ADVISOR:
            line(f"priced regret of: {name}", "", of(name, "priced", _mean_text))
            line("that much more than the advisor's", "above 0", of(name, "dearer_than_the_advisor", _mean_text))
            line("its plain regret", "", of(name, "plain", _mean_text))
    line("true gain of the fine-tune over the best cheap arm", "", lambda summary: _mean_text(summary["true_gain"]))
    line("95% intervals that hold it", TARGETS["covered"], lambda summary: _share_text(summary["covered"]))
    line(
        "the same, the truth's own error allowed for", "",
        lambda summary: _share_text(summary["covered_but_for_the_truths_error"]),
    )  # fmt: skip
    line("fine-tune verdicts that do not pay", TARGETS["wrong"], lambda summary: _share_text(summary["wrong"]))
    line("gains above twice the price missed", "", lambda summary: _share_text(summary["missed"]))
    line("of the gains above the detectable one found", TARGETS["found"], lambda summary: _share_text(summary["found"]))
    line("training, share of exhaustive, %", "", lambda summary: _points(summary["training_cost"]))
    line(
        "seconds of a comparison; of that training", "",
        lambda summary: "; ".join(f"{total / summary['cells']:.0f}" for total in summary["seconds"].values()),
    )  # fmt: skip
    return lines


def _tail_text(regret: Mapping[str, float]) -> str:
    return f"{_points(regret['percentile_90'])}; {_points(regret['worst'])}"


def _cell_table(cells: Mapping[str, Cell]) -> list[str]:
    """One line a cell: the truth of every arm, then what was decided."""
    lines = [
        f"| data set | rows | {' | '.join(FAMILIES)} | measured gain | true gain | verdict | priced regret |",
        "|---" * (len(FAMILIES) + 6) + "|",
    ]
    for cell in sorted(cells.values(), key=lambda cell: (cell["dataset"], cell["rows"])):
        head = f"| {cell['dataset']} | {cell['rows']} |"
        if "product" not in cell:
            lines.append(f"{head}{' |' * len(FAMILIES)} | | {cell['verdict']} | |")
            continue
        product, gain = cell["product"], cell["product"]["gain"]
        truth = " | ".join(_points(cell["truth"]["accuracies"][name]) for name in FAMILIES)
        measured = _gain_text(gain)
        regret = _points(priced_regret(cell, product["arm"]))
        lines.append(f"{head} {truth} | {measured} | {_points(true_gain(cell))} | {_verdict_of(product)} | {regret} |")
    return lines


def _write_tables(cells: Mapping[str, Cell], summaries: Mapping[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    if BEGIN not in page or END not in page:
        sys.exit(f"{PAGE.name} has no place for the tables; write {BEGIN} and {END} on lines of their own.")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    tables = "\n".join([*_summary_table(summaries), "", *_cell_table(cells)])
    PAGE.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
