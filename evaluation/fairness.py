"""Whether arms are compared on equal terms: checked of what is about to run, and of what was seen to run.

A comparison ends with `UnfairComparison` if a tested item stands among what an arm learns from or shows, if base models
differ undeclared, if texts are read otherwise in training than in prediction, or if one arm's settings were chosen on
more labelled rows than another's (protocol 5, 7.2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations, pairwise

from pydantic import BaseModel, ConfigDict

from evaluation.arm import ArmSpec
from evaluation.audit import Audit
from evaluation.dataset import Dataset, Task, inputs_of
from evaluation.duplicates import normalised
from evaluation.observation import Observation, copies_of_tested
from evaluation.recorded import NOT_STATED, Recorded
from evaluation.trials import FinishedTrial, PlannedTrial

SHORTEST_COPY = 5
"""Words. Somebody may well write a shorter description of a label in a text of their own."""


class UnfairComparison(ValueError):
    """The arms are not compared on equal terms; the message says which arm, which rows, and what to do."""


@dataclass(frozen=True)
class AuditedTexts:
    """Every text of a comparison by its normalised form: `groups` holds the number of its set, as the audit groups rows
    that are copies, nearly copies or declared to belong together; `places` says where it stands (`file:line`), places
    in the test file first; `left_out` are those that the audit keeps out of every fit."""

    groups: Mapping[str, int]
    places: Mapping[str, Sequence[str]]
    left_out: Set[str] = frozenset()

    @classmethod
    def of(cls, dataset: Dataset, test: Dataset | None, audit: Audit) -> AuditedTexts:
        """The rows that were audited. Raises ValueError if the audit is of fewer or more."""
        groups: dict[str, int] = {}
        places: dict[str, list[str]] = defaultdict(list)
        rows = (*(test.examples if test else ()), *dataset.examples)
        for row, number in zip(rows, (*audit.test_groups, *audit.groups), strict=True):
            groups.setdefault(normalised(row.input), number)
            places[normalised(row.input)].append(row.place)
        left_out = frozenset(normalised(dataset.examples[row].input) for row in audit.left_out)
        return cls(groups, places, left_out)

    def group(self, text: str) -> int | str:
        """A text that was not audited is a set of its own."""
        plain = normalised(text)
        return self.groups.get(plain, plain)

    def place(self, text: str, but: str = "") -> str:
        """The first place of the text, `but` one that is meant already."""
        return next((place for place in self.places.get(normalised(text), ()) if place != but), "a row not audited")


def check_planned(planned: Sequence[PlannedTrial], texts: AuditedTexts) -> None:
    """Before the first fit; trials of a learning curve may be among them. Raises `UnfairComparison`.

    A tested item may be trained on in another fold: what counts are each fit's own tested rows.
    """
    specs = list({trial.spec.name: trial.spec for trial in planned}.values())
    _refuse_undeclared_base_models(specs)
    _refuse_unequal_validation(specs)
    _refuse_unequal_rows(planned)
    for trials in _sharing_rows(planned):
        _refuse_tested_rows(trials, texts)
    for task in {id(trial.task): trial.task for trial in planned}.values():
        _refuse_tested_descriptions(task, planned, texts)


def check_finished(planned: PlannedTrial, finished: FinishedTrial, texts: AuditedTexts) -> None:
    """Of one fit as it was seen to run (`evaluation/observation.py`). Raises `UnfairComparison`.

    An arm that cannot be observed is only held to the number of rows that it says it chose its settings by.
    """
    trial, seen = finished.trial, finished.trial.observation
    fit = f"{trial.arm} (fold {trial.fold}, run {trial.run})"
    if seen is not None:
        _refuse_what_was_read(fit, planned, seen, texts)
    if trial.validation_rows > trial.train_size:
        raise UnfairComparison(
            f"{fit} chose its settings by {trial.validation_rows:,} rows, where every arm is given "
            f"{trial.train_size:,} to learn from; let it choose by training rows alone."
        )


def _refuse_what_was_read(fit: str, planned: PlannedTrial, seen: Observation, texts: AuditedTexts) -> None:
    if seen.tested:
        rows = _listed([texts.place(planned.inputs[position]) for position in seen.tested])
        raise UnfairComparison(
            f"{fit} read the text of {rows}, exactly or nearly, while it was fitted, and is tested on it; take it out "
            "of its demonstrations, index or training rows."
        )
    if seen.strangers:
        raise UnfairComparison(
            f"{fit} read {_count(seen.strangers, 'text')} while it was fitted that are neither training rows nor what "
            "it reads when it predicts these; prepare texts in one way for both, and learn from training rows alone."
        )
    if seen.misread:
        raise UnfairComparison(
            f"{fit} reads {seen.misread} of {_count(seen.probes, 'training text')} otherwise when it predicts than "
            "while it was fitted; prepare texts in one way for both (template, cut, tokenizer)."
        )


class Fairness(BaseModel):
    """What was equal for all arms, and what nobody could look at; sentences for the report."""

    model_config = ConfigDict(frozen=True)

    checked: tuple[str, ...]
    not_checked: tuple[str, ...]


def describe_fairness(
    specs: Sequence[ArmSpec], finished: Sequence[FinishedTrial], recorded: Recorded | None = None
) -> Fairness:
    """Of a comparison that passed both checks; `finished` are all its fits, each once."""
    names = {trial.trial.arm for trial in finished}
    ran = [spec for spec in specs if spec.name in names]
    unseen = [spec.name for spec in ran if spec.observe is None]
    left = [f"Nobody could look at what was read while these arms were fitted: {_listed(unseen)}."] if unseen else []
    checked = (*_rows_in_words(finished), *_reading_in_words(finished), *_choices_in_words(ran, finished))
    return Fairness(
        checked=(*checked, *_base_models_in_words(ran)) if ran else (),
        not_checked=(*left, *(_recorded_in_words(recorded) if recorded else ())),
    )


def _refuse_undeclared_base_models(specs: Sequence[ArmSpec]) -> None:
    for one, other in pairwise(spec for spec in specs if not spec.own_base_model):
        if _base_model(one) != _base_model(other):
            same_name = one.base_model == other.base_model
            rests_on = f"other files of {other.base_model}" if same_name else other.base_model
            raise UnfairComparison(
                f"{one.name} rests on {one.base_model}, {other.name} on {rests_on}, and nobody declared it: the "
                "difference would be of arm and base model together; use one base model, or set own_base_model in the "
                "arm's spec."
            )


def _base_model(spec: ArmSpec) -> tuple[str, ...]:
    """Hashes where they are known: folders of one name may hold different weights or tokenizers."""
    known = spec.determined_by
    return (known["weights"], known.get("encoder", "")) if "weights" in known else (spec.base_model,)


def _refuse_unequal_validation(specs: Sequence[ArmSpec]) -> None:
    for one, other in pairwise(sorted(specs, key=lambda spec: spec.validation_rows)):
        if one.validation_rows < other.validation_rows:
            raise UnfairComparison(
                f"{other.name}'s settings were chosen on {_count(other.validation_rows, 'labelled row')} beyond the "
                f"training rows, {one.name}'s on {one.validation_rows:,}; choose them on the training rows, or on as "
                "many for every arm."
            )


def _refuse_unequal_rows(planned: Sequence[PlannedTrial]) -> None:
    """Of fits tested on the same rows, the largest of every arm have the same training rows, and so have all of one
    size: a learning curve is held together too."""
    given: dict[tuple[int, tuple[str, ...]], dict[str, dict[int, str]]] = defaultdict(lambda: defaultdict(dict))
    for trial in planned:
        by_size = given[trial.fold, trial.inputs][trial.spec.name]
        by_size[len(trial.rows.train)] = trial.determined_by["train"]
    for (fold, _), by_arm in given.items():
        for one, other in combinations(by_arm, 2):
            most, mosts = max(by_arm[one]), max(by_arm[other])
            shared = by_arm[one].keys() & by_arm[other].keys()
            if most != mosts or any(by_arm[one][size] != by_arm[other][size] for size in shared):
                raise UnfairComparison(
                    f"{one} would learn from {most:,} rows in fold {fold}, {other} from "
                    f"{f'{mosts:,}' if most != mosts else f'{mosts:,} others'}; give every arm the same rows."
                )


def _sharing_rows(planned: Sequence[PlannedTrial]) -> Iterable[list[PlannedTrial]]:
    """Trials that have training rows and inputs in common."""
    same: dict[tuple[int, tuple[str, ...]], list[PlannedTrial]] = defaultdict(list)
    for trial in planned:
        same[id(trial.rows.train), trial.inputs].append(trial)
    return same.values()


def _refuse_tested_rows(trials: Sequence[PlannedTrial], texts: AuditedTexts) -> None:
    trial = trials[0]
    tested = {texts.group(text): text for text in reversed(trial.inputs)}
    leaks = [(row, tested[group]) for row in trial.rows.train if (group := texts.group(row.input)) in tested]
    strangers = [row for row in trial.rows.train if normalised(row.input) not in texts.groups]
    near = copies_of_tested(inputs_of(strangers), trial.inputs, trial.near)
    leaks += [(strangers[row], trial.inputs[position]) for row, position in near]
    if not leaks:
        _refuse_left_out_rows(trial, texts)
        return
    (row, text), names = leaks[0], list(dict.fromkeys(each.spec.name for each in trials))
    copied = normalised(row.input) == normalised(text)
    how = "has the text of" if copied else "is nearly the text of, or of one group with,"
    more = f" ({len(leaks):,} such rows in all)" if len(leaks) > 1 else ""
    raise UnfairComparison(
        f"{_listed(names)} would learn in fold {trial.fold} from {row.place}, which {how} "
        f"{texts.place(text, row.place)}, a row tested there{more}; keep both on one side of the split."
    )


def _refuse_left_out_rows(trial: PlannedTrial, texts: AuditedTexts) -> None:
    for row in trial.rows.train:
        if normalised(row.input) in texts.left_out:
            raise UnfairComparison(
                f"{trial.spec.name} would learn in fold {trial.fold} from {row.place}, which the audit leaves out of "
                "every fit, because it repeats a row of the test file; leave it out."
            )


def _refuse_tested_descriptions(task: Task, planned: Sequence[PlannedTrial], texts: AuditedTexts) -> None:
    """Zero-shot holds every text against the descriptions: none of them may be one of these texts."""
    written = {label: text for label, text in task.descriptions if len(text.split()) >= SHORTEST_COPY}
    tested = list(dict.fromkeys(text for trial in planned for text in trial.inputs))
    for number, position in copies_of_tested(list(written.values()), tested, planned[0].near):
        raise UnfairComparison(
            f"The description of label {list(written)[number]!r} is the text of {texts.place(tested[position])}, "
            "exactly or nearly, and that row is tested; describe the label in other words."
        )


def _rows_in_words(finished: Sequence[FinishedTrial]) -> list[str]:
    return [
        f"No row that one of the {_count(len(finished), 'fit')} learnt from has the text of a row that it is tested "
        "on, exactly or as a near copy of its group; all arms learnt from the same rows."
    ]


def _reading_in_words(finished: Sequence[FinishedTrial]) -> list[str]:
    seen = [trial.trial.observation for trial in finished if trial.trial.observation is not None]
    if not seen:
        return []
    probed = sum(observation.probes for observation in seen)
    return [
        f"What the base model read in {_count(len(seen), 'fit')} was noted: training rows and the labels' "
        f"sentences, nothing else. {_count(probed, 'training text')} were predicted afterwards and read the same way."
    ]


def _choices_in_words(specs: Sequence[ArmSpec], finished: Sequence[FinishedTrial]) -> list[str]:
    chosen = []
    for spec in specs:
        own = [trial.trial for trial in finished if trial.trial.arm == spec.name]
        largest = max(own, key=lambda trial: (trial.train_size, trial.validation_rows), default=None)
        if spec.chooses and largest is not None:
            rows = (
                f"by {largest.validation_rows:,} of {largest.train_size:,} rows" if largest.validation_rows else "fixed"
            )
            chosen.append(f"{spec.name}: {spec.chooses} ({rows})")
    return [f"What arms choose, they choose by training rows alone: {'; '.join(chosen)}."] if chosen else []


def _base_models_in_words(specs: Sequence[ArmSpec]) -> list[str]:
    shared = [spec for spec in specs if not spec.own_base_model]
    told = [f"{_listed([spec.name for spec in shared], len(shared))} rest on {shared[0].base_model}"] if shared else []
    told += [f"{spec.name} on {spec.base_model}, as declared" for spec in specs if spec.own_base_model]
    together = ": differences are of arm and base model together" if len(told) > 1 else ""
    return [f"{', '.join(told)}{together}."] if told else []


def _recorded_in_words(recorded: Recorded) -> list[str]:
    """Whoever recorded answers with the column `model` has declared what they rest on."""
    names = [arm.name for arm in recorded.arms]
    silent = [arm.name for arm in recorded.arms if arm.model == NOT_STATED]
    told = [f"What was learnt from, shown, read and tuned on is not known of recorded arms: {_listed(names)}."]
    if silent:
        told.append(f"No base model is stated (column 'model'), so a difference may be its own: {_listed(silent)}.")
    models = {arm.model for arm in recorded.arms} - {NOT_STATED}
    if len(models) > 1:
        told.append(
            f"Recorded arms rest on different base models ({_listed(sorted(models))}): differences are of arm and base "
            "model together."
        )
    return told


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
