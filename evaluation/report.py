"""The decision memo as facts; how they look is decided in evaluation/render."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from evaluation.admission import Admission
from evaluation.answer_languages import OtherLanguage
from evaluation.audit import Audit
from evaluation.automation import Automation
from evaluation.contrasts import Contrast
from evaluation.decision import Verdict
from evaluation.fairness import Fairness
from evaluation.flips import Flip
from evaluation.judged_pair import JudgedPair
from evaluation.leakage import LeakageEffect
from evaluation.learning import Learning
from evaluation.origin import Origin
from evaluation.outlook import Outlook
from evaluation.policy import EvaluationPolicy
from evaluation.provenance import Provenance
from evaluation.repetition import Repetition
from evaluation.retrieval_quality import RetrievalQuality
from evaluation.scoring import ScoredArm
from evaluation.side_effects import SideEffects
from evaluation.spending import Spending
from evaluation.splits import Split
from rules.assess import Assessment

VERSION = 1
MOST_DISAGREEMENTS = 200
DELETED = "(deleted)"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class ArmResult(_Record):
    """One arm. Accuracy and macro-F1 are 0..1; macro-F1 is None where answers are not labels, its interval also below
    100 rows."""

    name: str
    title: str
    family: str
    base_model: str
    accuracy: float
    low: float
    high: float
    macro_f1: float | None
    macro_f1_low: float | None
    macro_f1_high: float | None
    run_accuracies: tuple[float, ...]
    fits: int
    train_size: int
    failures: int
    unread: int
    price: float
    """In accuracy: what it must earn to pay, from the policy."""
    metrics: dict[str, float] = {}
    """Every metric of the task, 0..1, mean over rows and runs, the deciding one first; empty for recorded answers."""
    support: float | None = None
    """Share of the answers' words that stand in the passages shown."""


class Disagreement(_Record):
    """A test row on which arms differ; `answers` and `scores` hold each arm's first run, None for a failure."""

    id: str
    file: str
    line: int
    input: str
    target: str
    answers: dict[str, str | None]
    scores: dict[str, float] = {}


class SplitSummary(_Record):
    """How rows were tested, in numbers."""

    design: str
    folds: int
    tested: int
    train_size: int
    clusters: int
    left_out: int


class ArmTime(_Record):
    """Measured on the machine of the run."""

    fit_seconds: float
    total_seconds: float
    milliseconds_per_item: float


class Times(_Record):
    """The only part of a report that differs between two runs of the same comparison."""

    created: datetime
    arms: dict[str, ArmTime]
    machine: tuple[str, ...] = ()
    """What models took of this machine in this run, in sentences."""


class Report(_Record):
    """Everything the memo says."""

    version: int
    task_name: str
    verdict: Verdict
    arms: tuple[ArmResult, ...]
    contrasts: tuple[Contrast, ...]
    admissions: tuple[Admission, ...] = ()
    """What was decided about training each fine-tune."""
    side_effects: tuple[SideEffects, ...] = ()
    """Of each fine-tune that was trained."""
    fairness: Fairness | None = None
    """On which terms the arms were compared."""
    leakage: LeakageEffect | None = None
    """Scores on test rows with a twin among the training rows, beside the others; None where none has one."""
    automation: Automation | None = None
    """Which answers may go out by themselves; None where the recommended arm gives no confidence."""
    learning: Learning | None = None
    """What more labelled rows would change; None where no arm learns from rows or nobody asked."""
    spending: Spending | None = None
    """What the answers took, foreseen and measured; None where none was paid for."""
    repetition: Repetition | None = None
    """How answers agree when the recommended arm is asked the same again; None where nobody asked for it."""
    retrieval: dict[str, RetrievalQuality] = {}
    """What each searching arm found of the rows' evidence, and what came of it."""
    other_languages: tuple[OtherLanguage, ...] = ()
    """Of arms that answer in another language than the examples."""
    metric: str = "accuracy"
    """What decides: the mean of it over rows is an arm's `accuracy`."""
    similarity_model: str | None = None
    """Which embedding model the semantic similarity among the metrics is by; None where there is none."""
    flips: tuple[Flip, ...]
    outlook: Outlook
    audit: Audit
    split: SplitSummary
    assessment: Assessment | None
    target: float | None
    """Accuracy that the form asks for (success.target)."""
    disagreements: tuple[Disagreement, ...]
    disagreements_in_all: int
    policy: EvaluationPolicy
    provenance: Provenance
    times: Times
    origin: Origin | None = None
    """Of recorded answers, if any were compared."""
    judged: JudgedPair | None = None
    """What a judge and people say of two arms' answers, added after the comparison; None where nobody asked."""

    def without_texts(self) -> Report:
        """The same report after its rows were deleted: figures, labels and ids, no text of a row."""
        bare = [
            each.model_copy(
                update={"input": DELETED, "target": DELETED, "answers": dict.fromkeys(each.answers, DELETED)}
            )
            for each in self.disagreements
        ]
        return self.model_copy(update={"disagreements": tuple(bare)})

    def arm(self, name: str) -> ArmResult:
        return next(arm for arm in self.arms if arm.name == name)


def find_disagreements(arms: Sequence[ScoredArm], split: Split) -> list[Disagreement]:
    """Test rows on which not all arms give the same answer, in file order; free texts differ by their scores."""
    found = []
    by_label = all(arm.answers_are_labels for arm in arms)
    for position, example in enumerate(split.tested):
        answers = {arm.spec.name: arm.answers[0][position] for arm in arms}
        scores = {arm.spec.name: float(arm.outcomes.scores[0, position]) for arm in arms}
        if len(set((answers if by_label else scores).values())) > 1:
            found.append(
                Disagreement(
                    id=example.id, file=example.source, line=example.line, input=example.input,
                    target=example.output, answers=answers, scores=scores,
                )
            )  # fmt: skip
    return found


def summarise_split(split: Split, left_out: int) -> SplitSummary:
    return SplitSummary(
        design=split.design,
        folds=len(split.folds),
        tested=len(split.tested),
        train_size=split.train_size,
        clusters=len(set(split.clusters)),
        left_out=left_out,
    )
