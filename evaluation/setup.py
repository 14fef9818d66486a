"""What a comparison is made of, and who watches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.arm import ArmSpec, Foreseen
from evaluation.dataset import Dataset, Task
from evaluation.experience import Experience
from evaluation.metrics.semantic_similarity import SemanticSimilarity
from evaluation.policy import EvaluationPolicy
from evaluation.recorded import Recorded
from evaluation.trials import PlannedTrial
from rules.assess import Assessment
from rules.form import Form


@dataclass(frozen=True)
class TrainingCost:
    """What one training costs, and what one more right answer in a hundred is worth; both in one currency.

    `worth_of_point` is only asked for where a training costs anything.
    """

    of_fit: float = 0.0
    worth_of_point: float = 1.0


@dataclass(frozen=True)
class Comparison:
    """Everything that determines a comparison, and the judged form beside it.

    `folder` keeps its trials; the same comparison in the same folder goes on where it stopped. `recorded` are answers
    of further arms to every test row; without `specs` they are all that is compared, and every row is tested.
    At each of the `temperatures` the recommended arm is asked again, several times the same.
    `exhaustive` trains every fine-tune, whatever the gate says. `experience` is what the same arms did on data sets
    that are none of the user's; without it published results are taken. `given_up` says by title why an arm is not
    among the `specs`: its trials could not be run. `similarity` is told beside the metrics of generated texts; it never
    decides.
    """

    dataset: Dataset
    test: Dataset | None
    task: Task
    form: Form | None
    assessment: Assessment | None
    specs: Sequence[ArmSpec]
    policy: EvaluationPolicy
    seed: int
    folder: Path
    recorded: Recorded | None = None
    learning_curve: bool = True
    training_cost: TrainingCost = TrainingCost()
    exhaustive: bool = False
    experience: Experience | None = None
    temperatures: tuple[float, ...] = ()
    given_up: Mapping[str, str] = field(default_factory=dict)
    similarity: SemanticSimilarity | None = None

    def known_deviation(self, spec: ArmSpec) -> float | None:
        """Standard deviation of accuracy between fits of the arm on other data sets; None where nobody knows."""
        return self.experience.run_deviation(spec) if self.experience is not None else None


class Progress:
    """What happens while a comparison runs; the default shows nothing."""

    def foreseen(self, spending: Foreseen) -> None:
        """Before anything is paid for; not called where nothing is. Whoever does not agree raises an error."""

    def planned(self, trials: Sequence[PlannedTrial]) -> None:
        """Before the first trial, and again where the gate admits more."""

    def preparing(self) -> None:
        """Before the base model reads every text; not called where every trial is read back."""

    def prepared(self) -> None:
        """After every text has been read by the base model."""

    def done(self, trial: PlannedTrial) -> None:
        """After each trial, run or read back."""


def policy_for(comparison: Comparison) -> EvaluationPolicy:
    """The policy with the form's own worthwhile gain, if it is answered."""
    gain = comparison.form.success.worthwhile_gain if comparison.form else None
    return comparison.policy if gain is None else comparison.policy.model_copy(update={"worthwhile_gain": gain})
