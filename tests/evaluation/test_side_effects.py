"""Before a fine-tune is recommended: invalid answers, saved copies, texts of other topics, fits that collapsed."""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.arm import Arm, ArmSpec, Family, Prediction
from evaluation.collapse import FitScore, find_collapsed, fit_scores
from evaluation.dataset import Dataset, Example, Task
from evaluation.duplicates import find_duplicates
from evaluation.foreign_texts import TEXTS
from evaluation.invalid_answers import count_invalid
from evaluation.policy import EvaluationPolicy
from evaluation.recorded import Answer, Recorded, RecordedArm
from evaluation.scoring import ScoredArm, score_arm
from evaluation.side_effects import Compared, SideEffects, find_side_effects
from evaluation.splits import Split, split_dataset
from evaluation.statistics import Design, Outcomes
from evaluation.trials import FITTED, FinishedTrial, plan_trials, run_trials

Rows = Callable[..., Dataset]
Scored = Callable[..., ScoredArm]
Damage = Callable[[Path], None]
POLICY = EvaluationPolicy()
LABELS = ("bad", "good")
FOREIGN = set(TEXTS)
LORA_DEVIATION = 0.042


def fits(*right: float, rows: int) -> list[FitScore]:
    return [FitScore(fold, 0, count, rows) for fold, count in enumerate(right)]


class TestCollapse:
    def test_the_published_collapse(self) -> None:
        """BANKING77, 256 labels, 250 test items: 14.8% where the other four mean is 61.2% (protocol 1.4)."""
        found = find_collapsed(fits(37, 148, 149, 153, 162, rows=250), 0.02, 0.0, LORA_DEVIATION)
        assert [(fit.fold, fit.accuracy) for fit in found] == [(0, 0.148)]
        assert found[0].expected == pytest.approx(0.612)

    def test_no_other_published_fine_tune_collapsed(self, data_folder: Path) -> None:
        path = data_folder / "published" / "bertsch_lora.csv"
        if not path.exists():
            pytest.skip(f"no {path}")
        cells: dict[tuple[str, int], list[float]] = defaultdict(list)
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                cells[row["task"], int(row["n_shots"])].append(float(row["accuracy"]))
        found = {
            cell: [fit.accuracy for fit in collapsed]
            for cell, accuracies in cells.items()
            if (collapsed := find_collapsed(
                fits(*(250 * accuracy for accuracy in accuracies), rows=250),
                0.02, 0.0, POLICY.run_deviation(Family.LORA, cell[1], 0),
            ))
        }  # fmt: skip
        assert sum(map(len, cells.values())) == 249
        assert found == {("banking77", 256): [0.148]}

    @pytest.mark.parametrize(("right", "collapsed"), [(0, True), (1, True), (2, False), (3, False)])
    def test_one_fold_of_five_rows_among_nine_that_are_all_right(self, right: int, collapsed: bool) -> None:
        """At 1 - 0.05 / 10 the exact upper bounds of 0, 1, 2 of 5 are 65.3, 81.5 and 91.7%: against 100% less three
        deviations of 4.2 points, 87.4%."""
        found = find_collapsed(fits(right, *[5] * 9, rows=5), 0.2, 0.0, LORA_DEVIATION)
        assert [fit.fold for fit in found] == ([0] if collapsed else [])

    @pytest.mark.parametrize(
        ("right", "majority", "collapsed"),
        [
            # Upper bound of 120 of 240 at 1 - 0.05 / 3: 57.1%. The other two are at 70%.
            (120, 0.55, True),  # no better than the label: below 70% - 6.3 points
            (120, 0.49, True),  # better than it: below 70% - 12.6 points = 57.4% too
            (126, 0.55, True),  # upper bound 59.5%
            (126, 0.49, False),
        ],
    )
    def test_no_better_than_the_most_frequent_label(self, right: int, majority: float, collapsed: bool) -> None:
        found = find_collapsed(fits(right, 168, 168, rows=240), majority, 0.0, LORA_DEVIATION)
        assert bool(found) is collapsed

    def test_where_all_do_no_better_than_that_label_the_cheaper_arm_tells(self) -> None:
        alike = fits(100, 104, 98, rows=240)
        assert len(find_collapsed(alike, 0.45, 0.8, LORA_DEVIATION)) == 3
        assert find_collapsed(alike, 0.45, 0.5, LORA_DEVIATION) == ()
        assert find_collapsed(alike, 0.05, 0.8, LORA_DEVIATION) == ()

    def test_one_fit_alone_is_held_against_the_cheaper_arm(self) -> None:
        assert find_collapsed(fits(100, rows=240), 0.45, 0.8, LORA_DEVIATION)[0].expected == 0.8
        assert find_collapsed(fits(150, rows=240), 0.45, 0.8, LORA_DEVIATION) == ()

    def test_copies_of_a_text_count_once(self, scored: Scored) -> None:
        """Ten tested rows of two folds; rows 0 to 3 are copies of one text."""
        arm = scored(Family.LORA, [1, 1, 1, 0, 1, 0, 0, 1, 1, 1], LORA_DEVIATION, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
        design = Design(np.array([0, 0, 0, 0, 1, 2, 3, 4, 5, 6]), 1.22, 4.0)
        assert fit_scores(arm, design) == [FitScore(0, 0, 1.75, 3), FitScore(1, 0, 3.0, 4)]

    @pytest.mark.parametrize(
        ("folds", "rows", "accuracy", "most"), [(10, 5, 0.7, 0.03), (10, 5, 0.9, 0.03), (5, 80, 0.7, 0.03)]
    )
    def test_fits_that_vary_as_published_hardly_ever_look_collapsed(
        self, folds: int, rows: int, accuracy: float, most: float
    ) -> None:
        rng = np.random.default_rng(1)
        alarms = 0
        for _ in range(400):
            levels = np.clip(accuracy + LORA_DEVIATION * rng.standard_normal(folds), 0, 1)
            drawn = rng.binomial(rows, levels).tolist()
            alarms += bool(find_collapsed(fits(*drawn, rows=rows), 0.5, accuracy, LORA_DEVIATION))
        assert alarms / 400 <= most


class TestInvalid:
    @pytest.fixture
    def with_invalid(self, scored: Scored) -> Callable[..., ScoredArm]:
        """An arm that is right wherever it answers; a run is the number of its first rows without a label."""

        def make(family: Family, *invalid: int, rows: int = 100) -> ScoredArm:
            return scored(family, [[0.0] * count + [1.0] * (rows - count) for count in invalid], LORA_DEVIATION)

        return make

    def test_every_run_with_wilsons_interval(
        self, with_invalid: Callable[..., ScoredArm], alone: Callable[..., Design]
    ) -> None:
        """Of 5 of 100: 2.15 to 11.18%; of 0 of 100: 0 to 3.70%."""
        found = count_invalid(with_invalid(Family.LORA, 5, 0), None, alone(100), POLICY)
        assert [(run.invalid, run.rows, run.share) for run in found.runs] == [(5, 100, 0.05), (0, 100, 0.0)]
        assert (found.runs[0].low, found.runs[0].high) == pytest.approx((0.02154, 0.11175), abs=1e-4)
        assert (found.runs[1].low, found.runs[1].high) == pytest.approx((0.0, 0.03699), abs=1e-4)
        assert (found.share, found.more, found.too_many) == (0.025, None, False)

    @pytest.mark.parametrize(
        ("tuned", "cheaper", "too_many"),
        [((10,), 0, True), ((3,), 0, False), ((10,), 8, False), ((0,), 10, False), ((4, 4, 4), 0, True)],
        ids=["ten more", "no more than the margin", "two more", "fewer", "a few in every run"],
    )
    def test_too_many_are_certainly_more_and_by_more_than_the_margin(
        self,
        with_invalid: Callable[..., ScoredArm],
        alone: Callable[..., Design],
        tuned: tuple[int, ...],
        cheaper: int,
        too_many: bool,
    ) -> None:
        arms = with_invalid(Family.LORA, *tuned), with_invalid(Family.HEAD, cheaper)
        found = count_invalid(*arms, alone(100), POLICY)
        assert found.margin == pytest.approx(0.03)
        assert found.more == pytest.approx(tuned[0] / 100 - cheaper / 100)
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.more < found.high
        assert found.too_many is too_many

    @pytest.mark.parametrize(
        ("invalid", "rows", "certain"), [(20, 1000, True), (2, 30, False)], ids=["certain, small", "large, uncertain"]
    )
    def test_one_of_the_two_is_not_enough(
        self,
        with_invalid: Callable[..., ScoredArm],
        alone: Callable[..., Design],
        invalid: int,
        rows: int,
        certain: bool,
    ) -> None:
        arms = with_invalid(Family.LORA, invalid, rows=rows), with_invalid(Family.HEAD, 0, rows=rows)
        found = count_invalid(*arms, alone(rows), POLICY)
        assert found.low is not None
        assert (found.low > 0, found.more is not None and found.more > 0.03) == (certain, not certain)
        assert not found.too_many

    def test_in_words(self, with_invalid: Callable[..., ScoredArm], alone: Callable[..., Design]) -> None:
        found = count_invalid(with_invalid(Family.LORA, 10), with_invalid(Family.HEAD, 0), alone(100), POLICY)
        told = "10.0% of its answers are no label or failed (5.5% to 17.4%); 10.0 points more than of the head (95% "
        assert found.told("the head").startswith(told)


def cells(count: int) -> list[tuple[str, str]]:
    """No two alike; the label stands at the end."""
    return [(f"{row * 7919 % 100003} {row * 104729 % 99991} = {LABELS[row % 2]}", LABELS[row % 2])
            for row in range(count)]  # fmt: skip


@dataclass
class KeptArm:
    """Reads the label that ends a text, and answers others with `other`. `sure` are its confidences in its own texts,
    the odd and the even ones by length, and in the others; what it is made of stands in a file."""

    sure: tuple[float | None, float | None, float | None]
    other: str = "bad"
    keeps: bool = True

    def fit(self, train: Sequence[Example], seed: int) -> None:
        pass

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return [
            Prediction(self.other, self.sure[2])
            if text in FOREIGN
            else Prediction(text.rpartition(" = ")[2], self.sure[len(text) % 2])
            for text in inputs
        ]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "arm.json").write_text(json.dumps([self.sure, self.other]))

    @classmethod
    def load(cls, folder: Path) -> Arm:
        sure, other = json.loads((folder / "arm.json").read_text())
        return cls(sure, other)


@dataclass
class World:
    """A fine-tune and a cheaper arm, fitted in five folds of 20 rows, and saved."""

    arms: list[ScoredArm]
    finished: list[FinishedTrial]
    split: Split
    folder: Path

    def look(self, seed: int = 1) -> SideEffects:
        compared = Compared(self.arms, self.finished, self.split, POLICY, self.folder)
        (found,) = find_side_effects(compared, np.random.default_rng(seed))
        return found

    def damage(self, damage: Damage, copies: int = 1) -> SideEffects:
        tuned = [trial for trial in self.finished if trial.trial.arm == "lora"]
        for trial in tuned[:copies]:
            damage(self.folder / trial.trial.key / FITTED / "arm.json")
        return self.look()


@pytest.fixture
def world(rows: Rows, guessing: Callable[..., ArmSpec], tmp_path: Path) -> Callable[..., World]:
    def make(
        tuned: Callable[[], Arm] = lambda: KeptArm((0.8, 0.9, 0.6)),
        cheaper: Callable[[], Arm] = lambda: KeptArm((0.8, 0.9, 0.85)),
        load: Callable[[Path], Arm] = KeptArm.load,
    ) -> World:
        dataset, task = rows(*cells(100)), Task(LABELS)
        split = split_dataset(dataset, range(100), POLICY, 1)
        specs = [
            replace(guessing(Family.HEAD), build=lambda _: cheaper(), load=load),
            replace(guessing(Family.LORA), build=lambda _: tuned(), load=load),
        ]
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        finished = run_trials(plan_trials(specs, task, split, POLICY), folder, lambda: None, lambda _: None)
        arms = [
            score_arm(spec, [trial for trial in finished if trial.trial.arm == spec.name], split, task, POLICY)
            for spec in specs
        ]
        return World(arms, finished, split, folder)

    return make


SURER = "its saved copies are surer or less sure than it was, by up to "


def _write(text: str) -> Damage:
    return lambda path: path.write_text(text) and None


class TestSavedCopies:
    def test_a_sound_save_answers_as_it_did(self, world: Callable[..., World]) -> None:
        found = world().look()
        assert (found.reload.fits, found.reload.compared, found.reload.same) == (5, 50, 50)
        assert (found.reload.confidence_gap, found.reload.unreadable, found.reload.not_checked) == (0.0, (), None)
        assert found.blocks == ()
        assert "Its saved copies answer all of 50 tested rows as it did." in found.notes

    @pytest.mark.parametrize(
        ("damage", "blocks"),
        [
            (_write('[[0.8, 0.5, 0.6], "bad"]'), SURER + "0.400"),
            (_write('[[0.8, 0.9021, 0.6], "bad"]'), SURER + "0.002"),
            (_write('[[0.8, 0.9009, 0.6], "bad"]'), None),
            (_write("[[0.8,"), "1 of its 5 saved copies cannot be used (JSONDecodeError)"),
            (_write('[[], "bad"]'), "1 of its 5 saved copies cannot be used (IndexError)"),
            (lambda path: shutil.rmtree(path.parent), "1 of its 5 saved copies cannot be used (FileNotFoundError)"),
        ],
        ids=["confidence", "confidence, a little", "within the tolerance", "half a file", "breaks later", "gone"],
    )  # fmt: skip
    def test_one_damaged_save_is_a_fault(self, world: Callable[..., World], damage: Damage, blocks: str | None) -> None:
        found = world().damage(damage)
        assert found.blocks == ((blocks,) if blocks else ())

    def test_an_answer_that_changed_is_a_fault(self, world: Callable[..., World]) -> None:
        class Other(KeptArm):
            def predict(self, inputs: Sequence[str]) -> list[Prediction]:
                answers = super().predict(inputs)
                return [replace(answer, output="bad") for answer in answers]

            @classmethod
            def load(cls, folder: Path) -> Arm:
                return Other(KeptArm.load(folder).sure) if "lora" in _arm_of(folder) else KeptArm.load(folder)

        found = world(load=Other.load).look()
        assert found.reload.compared == 50
        assert 15 <= 50 - found.reload.same <= 35
        assert found.blocks == (f"its saved copies answer {50 - found.reload.same} of 50 tested rows otherwise",)

    def test_all_damaged(self, world: Callable[..., World]) -> None:
        found = world().damage(_write(""), copies=5)
        assert found.blocks == ("5 of its 5 saved copies cannot be used (JSONDecodeError)",)
        assert found.topics.not_checked == "its saved copies cannot be used"

    def test_an_arm_without_a_way_back_is_said_not_to_be_checked(self, world: Callable[..., World]) -> None:
        def load(_: Path) -> Arm:
            raise NotImplementedError

        found = world(load=load).look()
        assert found.blocks == ()
        assert "Saved and reloaded: not checked, lora cannot be loaded." in found.notes
        assert "Texts of other topics: not checked, lora cannot be loaded." in found.notes

    def test_sound_copies_are_not_asked_again_until_a_byte_of_them_changes(self, world: Callable[..., World]) -> None:
        loads: list[Path] = []

        def load(folder: Path) -> Arm:
            loads.append(folder)
            return KeptArm.load(folder)

        kept = world(load=load)
        first = kept.look()
        assert len(loads) == 10  # five fits of two arms
        assert kept.look() == first
        assert len(loads) == 10
        kept.look(seed=2)
        assert len(loads) == 20
        for path in (kept.folder / "reloaded").iterdir():
            path.write_text("{")
        assert kept.look() == first
        assert len(loads) == 30
        assert kept.damage(_write('[[0.8, 0.5, 0.6], "bad"]')).blocks == (SURER + "0.400",)
        assert kept.look().blocks == (SURER + "0.400",)
        assert len(loads) == 40  # a fault is looked at again

    def test_what_is_kept_of_it_holds_none_of_the_users_texts(self, world: Callable[..., World]) -> None:
        kept = world()
        kept.look()
        files = [path.read_text() for path in (kept.folder / "reloaded").iterdir()]
        assert len(files) == 2
        assert not [row.input for row in kept.split.tested if row.input in "".join(files)]


def _arm_of(folder: Path) -> str:
    return (folder.parent / "trial.json").read_text()


class TestOtherTopics:
    def test_how_sure_both_are(self, world: Callable[..., World]) -> None:
        """Own confidences are 0.8 and 0.9, their median one of the two. The fine-tune gives foreign texts 0.6, the
        cheaper arm 0.95."""
        found = world(cheaper=lambda: KeptArm((0.8, 0.9, 0.95), "good")).look().topics
        assert (found.tuned.share, found.cheaper.share, found.more) == (0.0, 1.0, -1.0)
        assert found.high < 0
        assert (found.tuned.label, found.tuned.label_share) == ("bad", 1.0)
        assert (found.cheaper.label, found.cheaper.label_share) == ("good", 1.0)
        text, named = found.told("the fine-tune", "the head")
        assert "the fine-tune was as sure as of half of its own tested rows in 0.0% (0.0% to " in text
        assert "the head in 100.0% (" in text
        assert "It is less certain of itself on foreign texts, by 100.0 points (95% interval " in text
        assert named == "Its most frequent answer to them was 'bad', in 100.0%."

    def test_surer_of_foreign_texts_than_the_cheaper_arm_is_told_and_blocks_nothing(
        self, world: Callable[..., World]
    ) -> None:
        found = world(lambda: KeptArm((0.8, 0.9, 0.99)), lambda: KeptArm((0.8, 0.9, 0.5))).look()
        assert found.topics.low > 0
        assert "It is more certain of itself on foreign texts, by 100.0 points" in " ".join(found.notes)
        assert found.blocks == ()

    def test_each_arm_is_measured_by_its_own_confidences(self, world: Callable[..., World]) -> None:
        """Half as sure of everything is as sure of foreign texts as of its own."""
        found = world(lambda: KeptArm((0.4, 0.45, 0.475)), lambda: KeptArm((0.8, 0.9, 0.95))).look().topics
        assert (found.tuned.share, found.cheaper.share, found.more) == (1.0, 1.0, 0.0)
        assert "No clear difference in being sure of foreign texts: 0.0 points" in found.told("it", "that")[0]

    def test_as_sure_as_of_half_of_its_own_rows_is_sure(self, world: Callable[..., World]) -> None:
        found = world(lambda: KeptArm((0.9, 0.9, 0.9)), lambda: KeptArm((0.9, 0.9, 0.8999))).look().topics
        assert (found.tuned.share, found.cheaper.share) == (1.0, 0.0)

    def test_without_confidences_there_is_nothing_to_tell(self, world: Callable[..., World]) -> None:
        found = world(lambda: KeptArm((None, None, None))).look().topics
        assert (found.tuned, found.not_checked) == (None, "it gives no confidences")
        found = world(cheaper=lambda: KeptArm((None, None, None))).look().topics
        assert (found.more, found.cheaper) == (None, None)
        assert "and the head arm cannot be held against it" in found.told("it", "the head arm")[0]

    def test_the_texts_are_short_and_no_two_alike(self) -> None:
        assert len(TEXTS) == 60
        assert not find_duplicates(TEXTS, 0.5, [None] * 60, 100).near
        assert all(3 <= len(text.split()) <= 20 for text in TEXTS)
        assert sum(text.endswith("?") for text in TEXTS) in range(20, 41)


class TestTogether:
    def test_most_fits_collapsed_blocks(self, scored: Scored, rows: Rows) -> None:
        folds = np.repeat(np.arange(5), 40)
        good, bad = [1.0] * 36 + [0.0] * 4, [1.0] * 10 + [0.0] * 30
        split = split_dataset(rows(*cells(200)), range(200), POLICY, 1)

        def look(collapsed: int) -> SideEffects:
            tuned = scored(Family.LORA, bad * collapsed + good * (5 - collapsed), LORA_DEVIATION, folds)
            answered = replace(tuned, answers=(("some label",) * 200,))
            arms = [scored(Family.HEAD, good * 5, 0.0, folds), answered]
            (found,) = find_side_effects(Compared(arms, [], split, POLICY, Path()), np.random.default_rng(1))
            return found

        assert (look(0).blocks, look(0).collapsed) == ((), ())
        assert (look(2).blocks, len(look(2).collapsed)) == ((), 2)
        assert "2 of its 5 fits collapsed: 25.0% where 73.8% was to be expected (fold 0, run 0)" in " ".join(
            look(2).notes
        )
        assert look(5).blocks[-1].startswith("5 of its 5 fits collapsed: 25.0% where 90.0% was to be expected")

    def test_recorded_arms_have_nothing_to_load(self, rows: Rows, tmp_path: Path) -> None:
        items = rows(*cells(60))

        def run(invalid: int) -> dict[str, Answer]:
            return {
                item.id: Answer(0.0, None, failed=number % 2 == 0) if number < invalid else Answer(1.0, item.output)
                for number, item in enumerate(items.examples)
            }

        arms = (
            RecordedArm("prompt", Family.ZERO_SHOT, False, "m", (run(0),)),
            RecordedArm("tuned", Family.LORA, False, "m", (run(12), run(10))),
        )
        scored = Recorded("answers.jsonl", "0", "output", arms).scored(items.examples, POLICY)
        split = split_dataset(items, range(60), POLICY, 1)
        (found,) = find_side_effects(Compared(scored, [], split, POLICY, tmp_path), np.random.default_rng(1))
        assert found.reload.not_checked == "recorded elsewhere"
        assert found.topics.not_checked == "recorded elsewhere"
        assert [run.invalid for run in found.invalid.runs] == [12, 10]
        assert found.blocks == (found.invalid.told('"prompt"'),)
        assert "18.3% of its answers are no label or failed; in its worst run 20.0% (" in found.blocks[0]

    def test_no_cheaper_arm(self, world: Callable[..., World]) -> None:
        kept = world()
        found = replace(kept, arms=kept.arms[1:]).look()
        assert (found.cheaper, found.invalid.more, found.topics.more) == (None, None, None)
        assert found.blocks == ()
        assert found.topics.told("it", None)[0].endswith("own tested rows in 0.0% (0.0% to 3.3%).")

    def test_no_fine_tune_has_none(self, world: Callable[..., World]) -> None:
        kept = world()
        compared = Compared(kept.arms[:1], kept.finished, kept.split, POLICY, kept.folder)
        assert find_side_effects(compared, np.random.default_rng(1)) == ()

    def test_is_read_back_as_it_was(self, world: Callable[..., World]) -> None:
        found = world().look()
        assert SideEffects.model_validate_json(found.model_dump_json()) == found


def test_an_arm_without_invalid_answers_gives_an_empty_difference(scored: Scored, alone: Callable[..., Design]) -> None:
    arms = scored(Family.LORA, [1] * 50), scored(Family.HEAD, [1] * 50)
    found = count_invalid(*(replace(arm, outcomes=Outcomes(np.ones((1, 50)), np.zeros(50, int), 0.0)) for arm in arms),
                          alone(50), POLICY)  # fmt: skip
    assert (found.more, found.too_many) == (0.0, False)
