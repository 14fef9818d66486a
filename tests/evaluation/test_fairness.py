"""An unfair comparison ends before it can mislead: by what is planned, and by what was seen of every fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from evaluation.arm import Arm, ArmSpec, Family, Prediction, Read
from evaluation.audit import Audit, audit_dataset
from evaluation.dataset import Dataset, Example, Task, inputs_of
from evaluation.fairness import (
    AuditedTexts,
    UnfairComparison,
    check_finished,
    check_planned,
    describe_fairness,
)
from evaluation.learning import plan_curve
from evaluation.policy import EvaluationPolicy
from evaluation.recorded import Answer, Recorded, RecordedArm
from evaluation.splits import Design, Fold, Split, given_split, split_dataset
from evaluation.trials import FinishedTrial, PlannedTrial, plan_trials, run_trial, run_trials

Rows = Callable[..., Dataset]
Guessing = Callable[..., ArmSpec]
POLICY = EvaluationPolicy()
TASK = Task(("bad", "good"))
LONG = "the second delivery of the week came in a box that had been opened and closed again with brown tape = bad"
NEARLY = "the second delivery of the week came in a box that had been opened and closed again with brown tapes = bad"


def cells(count: int) -> list[tuple[str, str]]:
    """No two alike."""
    return [(f"{row * 7919 % 100003} {row * 104729 % 99991} = {TASK.labels[row % 2]}", TASK.labels[row % 2])
            for row in range(count)]  # fmt: skip


def audited(dataset: Dataset, test: Dataset | None = None) -> Audit:
    return audit_dataset(dataset, test, POLICY, 256, lambda texts: [len(text.split()) for text in texts])


def leaking(dataset: Dataset, test: Dataset) -> Split:
    """A split that forgets what the audit said."""
    return given_split(dataset, [], test, range(len(test)), seed=1)


@pytest.fixture
def specs(guessing: Guessing) -> list[ArmSpec]:
    return [guessing(family) for family in Family]


class TestTestedRows:
    @pytest.mark.parametrize("count", [40, 120, 700])
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_what_the_harness_plans_is_fair(self, rows: Rows, specs: list[ArmSpec], count: int, seed: int) -> None:
        """With copies, near copies and declared groups, at every size of the learning curve."""
        grouped = [(*cell, f"customer {number % 20}") for number, cell in enumerate(cells(count + 20)[count:])]
        dataset = rows(*cells(count), *grouped, (LONG, "bad"), (LONG.upper(), "bad"), (NEARLY, "bad"))
        audit = audited(dataset)
        split = split_dataset(dataset, audit.groups, POLICY, seed)
        planned = plan_trials(specs, TASK, split, POLICY)
        curve = plan_curve(specs, TASK, split, POLICY)
        check_planned([*planned, *(trial for part in curve for trial in part)], AuditedTexts.of(dataset, None, audit))

    def test_a_test_file_with_near_copies_left_out_is_fair(self, rows: Rows, specs: list[ArmSpec]) -> None:
        train, test = rows(*cells(40), (LONG, "bad")), rows((NEARLY, "bad"), *cells(70)[40:], name="test")
        audit = audited(train, test)
        split = given_split(train, audit.left_out, test, audit.test_groups, seed=1)
        assert len(split.folds[0].train) == 40
        check_planned(plan_trials(specs, TASK, split, POLICY), AuditedTexts.of(train, test, audit))

    @pytest.mark.parametrize(
        ("text", "how"),
        [
            (LONG, "has the text of"),
            (f"  {LONG.upper()}.", "has the text of"),
            (NEARLY, "is nearly the text of, or of one group with,"),
        ],
    )
    def test_a_copy_of_a_tested_row_is_refused_by_name_and_line(
        self, rows: Rows, specs: list[ArmSpec], text: str, how: str
    ) -> None:
        train, test = rows(*cells(6), (text, "bad")), rows(*cells(9)[7:], (LONG, "bad"), name="test")
        planned = plan_trials(specs, TASK, leaking(train, test), POLICY)
        with pytest.raises(UnfairComparison) as refused:
            check_planned(planned, AuditedTexts.of(train, test, audited(train, test)))
        assert str(refused.value) == (
            "zero_shot, few_shot, retrieval, head, lora would learn in fold 0 from train.jsonl:7, which "
            f"{how} test.jsonl:3, a row tested there; keep both on one side of the split."
        )

    def test_a_row_of_the_same_customer_is_refused(self, rows: Rows, specs: list[ArmSpec]) -> None:
        train = rows(*cells(6), ("one thing", "bad", "Ms Doe"))
        test = rows(*cells(9)[7:], ("quite another", "good", "Ms Doe"), name="test")
        planned = plan_trials(specs, TASK, leaking(train, test), POLICY)
        with pytest.raises(UnfairComparison, match=r"train\.jsonl:7.* one group with, test\.jsonl:3"):
            check_planned(planned, AuditedTexts.of(train, test, audited(train, test)))

    def test_every_row_is_counted(self, rows: Rows, specs: list[ArmSpec]) -> None:
        train, test = rows(*cells(20)), rows(*cells(10), name="test")
        planned = plan_trials(specs, TASK, leaking(train, test), POLICY)
        with pytest.raises(UnfairComparison, match=r"\(10 such rows in all\)"):
            check_planned(planned, AuditedTexts.of(train, test, audited(train, test)))

    def test_a_smaller_fit_of_the_learning_curve_is_looked_at_too(self, rows: Rows, specs: list[ArmSpec]) -> None:
        dataset = rows(*cells(300))
        audit = audited(dataset)
        split = split_dataset(dataset, audit.groups, POLICY, 1)
        planned, curve = plan_trials(specs, TASK, split, POLICY), plan_curve(specs, TASK, split, POLICY)
        small = curve[0][0]
        stolen = dataset.examples[split.folds[0].tested[0]]
        leaky = [replace(trial, rows=Fold((*trial.rows.train, stolen), trial.rows.tested)) for trial in curve[0]]
        texts = AuditedTexts.of(dataset, None, audit)
        with pytest.raises(UnfairComparison, match=f"would learn in fold 0 from {stolen.place}, which has the text"):
            check_planned([*planned, *leaky, *curve[1]], texts)
        assert small.spec.name == "few_shot"

    @pytest.mark.parametrize("text", [LONG.title(), NEARLY])
    def test_rows_that_nobody_audited_are_compared_by_their_text(
        self, rows: Rows, specs: list[ArmSpec], text: str
    ) -> None:
        train, test = rows(*cells(6)), rows(*cells(9)[7:], (LONG, "bad"), name="test")
        smuggled = replace(leaking(train, test), folds=(Fold((*train.examples, _row(text)), (0, 1, 2)),))
        with pytest.raises(UnfairComparison, match=r"from other\.jsonl:9, which .*test\.jsonl:3"):
            check_planned(
                plan_trials(specs, TASK, smuggled, POLICY), AuditedTexts.of(train, test, audited(train, test))
            )

    def test_a_row_that_the_audit_leaves_out_is_refused(self, rows: Rows, specs: list[ArmSpec]) -> None:
        """Whatever made it leave the row out."""
        train, test = rows(*cells(6)), rows(*cells(9)[6:], name="test")
        audit = audited(train, test).model_copy(update={"left_out": (4,)})
        planned = plan_trials(specs, TASK, leaking(train, test), POLICY)
        with pytest.raises(UnfairComparison, match=r"from train\.jsonl:5, which the audit leaves out of every fit"):
            check_planned(planned, AuditedTexts.of(train, test, audit))

    def test_an_audit_of_other_rows_is_refused(self, rows: Rows) -> None:
        with pytest.raises(ValueError, match=r"shorter|longer"):
            AuditedTexts.of(rows(*cells(9)), None, audited(rows(*cells(8))))

    def test_nothing_planned_is_fair(self, rows: Rows) -> None:
        check_planned([], AuditedTexts.of(rows(*cells(9)), None, audited(rows(*cells(9)))))


class TestDescriptions:
    @pytest.mark.parametrize("text", [LONG, NEARLY])
    def test_a_description_that_is_a_tested_row_is_refused(self, rows: Rows, specs: list[ArmSpec], text: str) -> None:
        dataset = rows(*cells(40), (LONG, "bad"))
        task = Task(TASK.labels, (("good", "everything that went well for a customer"), ("bad", text)))
        with pytest.raises(UnfairComparison, match=r"The description of label 'bad' is the text of train\.jsonl:41"):
            self._check(dataset, task, specs)

    @pytest.mark.parametrize("text", ["not very good", "everything that a customer complains of"])
    def test_words_of_ones_own_are_fair_and_so_is_a_name_that_somebody_wrote(
        self, rows: Rows, specs: list[ArmSpec], text: str
    ) -> None:
        dataset = rows(*cells(40), ("Not very good!", "bad"), ("bad", "bad"))
        self._check(dataset, Task(TASK.labels, (("bad", text),)), specs)

    def _check(self, dataset: Dataset, task: Task, specs: list[ArmSpec]) -> None:
        audit = audited(dataset)
        planned = plan_trials(specs, task, split_dataset(dataset, audit.groups, POLICY, 1), POLICY)
        check_planned(planned, AuditedTexts.of(dataset, None, audit))


class TestEqualTerms:
    @pytest.fixture
    def check(self, rows: Rows) -> Callable[[Sequence[ArmSpec]], None]:
        dataset = rows(*cells(40))
        audit = audited(dataset)
        split = split_dataset(dataset, audit.groups, POLICY, 1)

        def of(specs: Sequence[ArmSpec]) -> None:
            check_planned(plan_trials(specs, TASK, split, POLICY), AuditedTexts.of(dataset, None, audit))

        return of

    @pytest.mark.parametrize(
        ("base_model", "determined_by", "told"),
        [
            ("another", {}, "lora on another"),
            ("another", {"weights": "f" * 64}, "lora on another"),
            ("none", {"weights": "f" * 64}, "lora on other files of none"),
            ("none", {"weights": "0" * 64, "encoder": "another tokenizer"}, "lora on other files of none"),
        ],
    )
    def test_another_base_model_must_be_declared(
        self,
        check: Callable[[Sequence[ArmSpec]], None],
        specs: list[ArmSpec],
        base_model: str,
        determined_by: dict[str, str],
        told: str,
    ) -> None:
        other = replace(specs[-1], base_model=base_model, determined_by=determined_by)
        with pytest.raises(UnfairComparison, match=f"head rests on none, {told}, and nobody declared it"):
            check([*specs[:-1], other])
        check([*specs[:-1], replace(other, own_base_model=True)])

    def test_equal_weights_under_two_names_are_one_base_model(
        self, check: Callable[[Sequence[ArmSpec]], None], specs: list[ArmSpec]
    ) -> None:
        check([*specs[:-1], replace(specs[-1], base_model="a copy of none")])

    def test_settings_chosen_on_more_labelled_rows_are_refused(
        self, check: Callable[[Sequence[ArmSpec]], None], specs: list[ArmSpec]
    ) -> None:
        tuned = [*specs[:-1], replace(specs[-1], validation_rows=50)]
        told = "lora's settings were chosen on 50 labelled rows beyond the training rows, head's on 0; choose them"
        with pytest.raises(UnfairComparison, match=told):
            check(tuned)
        check([replace(spec, validation_rows=50) for spec in specs])

    @pytest.mark.parametrize(
        ("train", "told"),
        [
            (lambda train: train[:-1], "lora from 35"),
            (lambda train: (*train, _row("one more")), "lora from 37"),
            (lambda train: (*train[:-1], _row("another")), "lora from 36 others"),
            (lambda train: (*train[:-1], replace(train[-1], output="relabelled")), "lora from 36 others"),
        ],
    )
    def test_every_arm_gets_the_same_rows(
        self,
        rows: Rows,
        specs: list[ArmSpec],
        train: Callable[[tuple[Example, ...]], tuple[Example, ...]],
        told: str,
    ) -> None:
        dataset = rows(*cells(40))
        audit = audited(dataset)
        split = split_dataset(dataset, audit.groups, POLICY, 1)
        planned = plan_trials(specs, TASK, split, POLICY)
        favoured = [
            replace(trial, rows=Fold(train(trial.rows.train), trial.rows.tested))
            if trial.spec.name == "lora"
            else trial
            for trial in planned
        ]
        with pytest.raises(UnfairComparison, match=f"would learn from 36 rows in fold 0, {told}; give every arm"):
            check_planned(favoured, AuditedTexts.of(dataset, None, audit))

    def test_trials_that_the_gate_has_not_admitted_yet_are_no_fault(self, rows: Rows, specs: list[ArmSpec]) -> None:
        dataset = rows(*cells(40))
        audit = audited(dataset)
        planned = plan_trials(specs, TASK, split_dataset(dataset, audit.groups, POLICY, 1), POLICY)
        admitted = [trial for trial in planned if trial.spec.name != "lora" or trial.fold == 3]
        check_planned(admitted, AuditedTexts.of(dataset, None, audit))


@dataclass
class BaseModel:
    """Notes what it reads while somebody looks."""

    noted: set[Read] = field(default_factory=set)
    looked_at: bool = False

    @contextmanager
    def observed(self) -> Iterator[set[Read]]:
        self.noted, self.looked_at = set(), True
        yield self.noted
        self.looked_at = False

    def read(self, texts: Sequence[str], token_limit: int = 256) -> None:
        if self.looked_at:
            self.noted.update(Read(text, token_limit) for text in texts)


@dataclass
class ReadingArm:
    """Reads texts with its base model: as they are, unless told otherwise."""

    base: BaseModel
    at_fit: Callable[[list[str]], list[str]] = lambda texts: texts
    at_predict: Callable[[list[str]], list[str]] = lambda texts: texts
    limits: tuple[int, int] = (256, 256)
    validation_rows: int = 0
    predicted: list[int] = field(default_factory=list)

    def fit(self, train: Sequence[Example], seed: int) -> None:
        del seed
        self.base.read(self.at_fit(inputs_of(train)), self.limits[0])

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        self.predicted.append(len(inputs))
        self.base.read(self.at_predict(list(inputs)), self.limits[1])
        return [Prediction("good") for _ in inputs]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)


def _template(texts: list[str]) -> list[str]:
    return [f"Sort this text: {text}" for text in texts]


def _cut(texts: list[str]) -> list[str]:
    """One row of the 30 is shorter."""
    return [text[:10] for text in texts]


def _row(text: str) -> Example:
    return Example("x", text, "bad", 9, "other.jsonl")


@dataclass
class World:
    """One planned trial on 30 rows, tested on five others."""

    planned: PlannedTrial
    texts: AuditedTexts
    folder: Path

    def run(self, arm: Arm, base: BaseModel | None) -> FinishedTrial:
        spec = replace(self.planned.spec, build=lambda _: arm, observe=base.observed if base else None)
        return run_trial(replace(self.planned, spec=spec), self.folder)

    def check(self, arm: Arm, base: BaseModel | None) -> FinishedTrial:
        finished = self.run(arm, base)
        check_finished(self.planned, finished, self.texts)
        return finished


class TestWhatWasSeen:
    @pytest.fixture
    def world(self, rows: Rows, guessing: Guessing, tmp_path: Path) -> World:
        tested = [*((f"tested {number}: {'so ' * number}it was = bad", "bad") for number in range(4)), (LONG, "bad")]
        train, test = rows(*cells(30)), rows(*tested, name="test")
        split = leaking(train, test)
        planned = plan_trials([guessing(Family.HEAD)], TASK, split, POLICY)[0]
        return World(planned, AuditedTexts.of(train, test, audited(train, test)), tmp_path)

    @pytest.mark.parametrize(
        ("way", "texts"),
        [
            ({}, 30),
            ({"at_fit": lambda texts: texts[::4]}, 8),
            ({"at_fit": lambda _: []}, 0),
            ({"at_fit": lambda _: ["bad", "good"]}, 0),
            ({"at_fit": _template, "at_predict": _template}, 30),
            ({"at_fit": lambda texts: _template(texts[:3]), "at_predict": _template}, 3),
            ({"at_fit": _cut, "at_predict": _cut, "limits": (64, 64)}, 30),
        ],
        ids=["all rows", "some rows", "none", "the labels", "a template", "few rows in a template", "cut"],
    )
    def test_an_arm_that_reads_its_rows_alike_is_fair(self, world: World, way: dict[str, object], texts: int) -> None:
        base = BaseModel()
        seen = world.check(ReadingArm(base, **way), base).trial.observation
        assert seen is not None
        assert (seen.texts, seen.strangers, seen.tested, seen.misread) == (texts, 0, (), 0)

    @pytest.mark.parametrize("shown", [LONG, f" {LONG.upper()}!", NEARLY])
    @pytest.mark.parametrize("in_template", [False, True])
    def test_a_tested_row_among_what_it_learns_from_is_found_and_named(
        self, world: World, shown: str, in_template: bool
    ) -> None:
        """Whatever it was given: here the row comes from somewhere else, and may be wrapped like the others."""
        base = BaseModel()
        arm = ReadingArm(base, at_fit=lambda texts: [*texts[:5], shown])
        if in_template:
            arm = ReadingArm(base, lambda texts: [f"{text} ->" for text in (*texts, shown)], lambda texts: [
                f"{text} ->" for text in texts
            ])  # fmt: skip
        with pytest.raises(UnfairComparison) as refused:
            world.check(arm, base)
        assert str(refused.value) == (
            "head (fold 0, run 0) read the text of test.jsonl:5, exactly or nearly, while it was fitted, and is tested "
            "on it; take it out of its demonstrations, index or training rows."
        )

    def test_what_it_reads_when_it_is_built_counts_too(self, world: World) -> None:
        base = BaseModel()

        def build(_: Task) -> Arm:
            base.read([LONG])
            return ReadingArm(base)

        planned = replace(world.planned, spec=replace(world.planned.spec, build=build, observe=base.observed))
        with pytest.raises(UnfairComparison, match=r"test\.jsonl:5"):
            check_finished(planned, run_trial(planned, world.folder), world.texts)

    @pytest.mark.parametrize(
        ("way", "told"),
        [
            ({"at_fit": _cut}, r"read 29 texts while it was fitted that are neither training rows"),
            ({"at_fit": _template}, r"read 30 texts while it was fitted that are neither training rows"),
            ({"at_predict": _template}, r"reads 8 of 8 training texts otherwise when it predicts"),
            ({"limits": (128, 256)}, r"reads 8 of 8 training texts otherwise when it predicts"),
            ({"at_fit": lambda texts: [*texts, "from the web"]}, r"read 1 text while it was fitted that are neither"),
        ],
        ids=["cut at fit", "template at fit", "template at predict", "another limit", "a text from elsewhere"],
    )
    def test_texts_prepared_differently_are_found(self, world: World, way: dict[str, object], told: str) -> None:
        base = BaseModel()
        with pytest.raises(UnfairComparison, match=told):
            world.check(ReadingArm(base, **way), base)

    def test_a_cut_that_shortens_long_texts_alone_is_found_by_the_longest(self, world: World) -> None:
        """One of 30 training rows is longer than the cut at prediction."""
        long = _row("a long story " * 30)
        planned = replace(world.planned, rows=Fold((*world.planned.rows.train, long), world.planned.rows.tested))
        base = BaseModel()
        arm = ReadingArm(base, at_predict=lambda texts: [text[:300] for text in texts])
        with pytest.raises(UnfairComparison, match="reads 1 of 8 training texts otherwise"):
            replace(world, planned=planned).check(arm, base)

    def test_a_fair_arm_is_asked_for_few_texts_more(self, world: World) -> None:
        base = BaseModel()
        arm = ReadingArm(base)
        world.check(arm, base)
        assert arm.predicted == [5, 8]

    def test_more_rows_to_choose_by_than_there_are_to_learn_from(self, world: World) -> None:
        base = BaseModel()
        with pytest.raises(UnfairComparison, match=r"chose its settings by 31 rows, where every arm is given 30"):
            world.check(ReadingArm(base, validation_rows=31), base)
        finished = world.check(ReadingArm(base, validation_rows=30), base)
        assert finished.trial.validation_rows == 30

    def test_an_arm_that_nobody_can_look_into_is_asked_for_nothing_more(self, world: World) -> None:
        arm = ReadingArm(BaseModel())
        assert world.check(arm, None).trial.observation is None
        assert arm.predicted == [5]

    def test_the_record_holds_no_text(self, world: World) -> None:
        base = BaseModel()
        finished = world.run(ReadingArm(base, at_fit=lambda _: [LONG]), base)
        record = (world.folder / finished.trial.key / "trial.json").read_text()
        assert json.loads(record)["observation"]["tested"] == [4]
        assert not [text for text in (*world.planned.inputs, *inputs_of(world.planned.rows.train)) if text in record]


class TestRun:
    def test_stops_at_the_first_unfair_fit_also_when_it_is_read_back(
        self, rows: Rows, guessing: Guessing, tmp_path: Path
    ) -> None:
        train, test = rows(*cells(30)), rows(*cells(40)[30:], name="test")
        base, fits = BaseModel(), []

        def build(_: Task) -> Arm:
            fits.append(1)
            return ReadingArm(base, at_fit=lambda texts: [*texts, cells(40)[30][0]])

        spec = replace(guessing(Family.LORA), build=build, observe=base.observed)
        planned = plan_trials([spec], TASK, leaking(train, test), POLICY)
        texts = AuditedTexts.of(train, test, audited(train, test))
        assert len(planned) == 5
        for _ in range(2):
            with pytest.raises(UnfairComparison, match=r"lora \(fold 0, run 0\) read the text of test\.jsonl:1"):
                run_trials(
                    planned, tmp_path, lambda: None, lambda _: None,
                    lambda plan, finished: check_finished(plan, finished, texts),
                )  # fmt: skip
        assert len(fits) == 1

    def test_a_saved_trial_that_nobody_looked_at_is_run_again(
        self, rows: Rows, guessing: Guessing, tmp_path: Path
    ) -> None:
        base = BaseModel()
        unseen = replace(guessing(Family.HEAD), build=lambda _: ReadingArm(base))
        split = leaking(rows(*cells(30)), rows(*cells(40)[30:], name="test"))
        for spec in (unseen, replace(unseen, observe=base.observed)):
            done = run_trials(plan_trials([spec], TASK, split, POLICY), tmp_path, lambda: None, lambda _: None)
        assert done[0].trial.observation is not None


class TestTold:
    def test_what_was_equal_and_what_nobody_saw(self, rows: Rows, guessing: Guessing, tmp_path: Path) -> None:
        base = BaseModel()
        seen = replace(
            guessing(Family.HEAD), build=lambda _: ReadingArm(base, validation_rows=29), observe=base.observed,
            chooses="how far its weights may grow",
        )  # fmt: skip
        unseen = replace(guessing(Family.LORA), own_base_model=True, base_model="another")
        train, test = rows(*cells(30)), rows(*cells(40)[30:], name="test")
        planned = plan_trials([seen, unseen], TASK, leaking(train, test), POLICY)
        told = describe_fairness([seen, unseen], run_trials(planned, tmp_path, lambda: None, lambda _: None))
        assert told.checked == (
            "No row that one of the 6 fits learnt from has the text of a row that it is tested on, exactly or as a "
            "near copy of its group; all arms learnt from the same rows.",
            "What the base model read in 1 fit was noted: training rows and the labels' sentences, nothing else. 8 "
            "training texts were predicted afterwards and read the same way.",
            "What arms choose, they choose by training rows alone: head: how far its weights may grow (by 29 of 30 "
            "rows).",
            "head rest on none, lora on another, as declared: differences are of arm and base model together.",
        )
        assert told.not_checked == ("Nobody could look at what was read while these arms were fitted: lora.",)

    @pytest.mark.parametrize(
        ("models", "told"),
        [
            (("a", "a"), ()),
            (("a", "b"), ("Recorded arms rest on different base models (a, b): differences are of arm and base model "
                          "together.",)),
            (("a", "not stated"), ("No base model is stated (column 'model'), so a difference may be its own: lora.",)),
        ],
    )  # fmt: skip
    def test_recorded_arms(self, models: tuple[str, str], told: tuple[str, ...]) -> None:
        arms = tuple(
            RecordedArm(name, Family(name), False, model, ({"1": Answer(1.0, "good")},))
            for name, model in zip(("few_shot", "lora"), models, strict=True)
        )
        found = describe_fairness([], [], Recorded("answers.jsonl", "0", "output", arms))
        assert found.checked == ()
        assert found.not_checked == (
            "What was learnt from, shown, read and tuned on is not known of recorded arms: few_shot, lora.", *told
        )  # fmt: skip


def test_designs_are_what_they_say() -> None:
    """The splits above are of all three kinds."""
    assert [POLICY.design(63), POLICY.design(723), POLICY.design(40, 30)] == [
        Design.CROSS_FIT, Design.SEALED, Design.GIVEN,
    ]  # fmt: skip
