"""What was seen of a fit from outside: which texts its base model was given to read, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from evaluation.arm import Arm, ArmSpec, Read
from evaluation.dataset import Example, Task
from evaluation.duplicates import find_duplicates

PROBES = 8
"""Training texts that are predicted again to see how they are read then: the longest, where a cut shows, and others."""
MOST_TEXTS = 20_000
"""Above, comparing all pairs takes minutes; only exact copies are searched."""


class Observation(BaseModel):
    """One fit, seen from outside. Numbers only: a record holds no text.

    `texts` are the labelled texts that the base model read while the arm was fitted; `strangers` of them are neither
    training rows nor what the arm makes of one when it predicts. `tested` are the tested rows (positions in the trial's
    inputs) among the strangers, exactly or nearly. `misread` of the `probes` training texts are read otherwise when
    they are predicted than they were while the arm was fitted.
    """

    model_config = ConfigDict(frozen=True)

    texts: int
    strangers: int
    tested: tuple[int, ...]
    probes: int
    misread: int


@dataclass(frozen=True)
class Handed:
    """What an arm was given: rows to fit on, inputs to predict, the task. `near` is the cosine from which two texts
    count as one."""

    train: Sequence[Example]
    inputs: Sequence[str]
    task: Task
    near: float


def observe_fit(spec: ArmSpec, arm: Arm, at_fit: set[Read], handed: Handed) -> Observation:
    """Compare what was read `at_fit` with what the fitted arm reads when it predicts training rows.

    An arm that reads training rows as they are predicts a few of them again. One that rewrites texts predicts them all:
    only so can be told which of its texts were made of which rows. Sentences made of labels are no labelled texts.
    Finds nothing where the spec cannot be observed or the base model read no labelled text, as in zero-shot.
    """
    if spec.observe is None:
        raise ValueError(f"{spec.name} cannot be observed.")
    given = dict.fromkeys(row.input for row in handed.train)
    sentences = {handed.task.sentence(label) for label in handed.task.labels}
    labelled = {read for read in at_fit if read.text in given or read.text not in sentences}
    strange = {read for read in labelled if read.text not in given}
    known = {read.text for read in labelled} - {read.text for read in strange}
    probes = list(given) if strange else _probes([text for text in given if text in known])
    with spec.observe() as at_predict:
        if probes:
            arm.predict(probes)
    strangers = sorted({read.text for read in strange - at_predict})
    return Observation(
        texts=len({read.text for read in labelled}),
        strangers=len(strangers),
        tested=tuple(sorted({position for _, position in copies_of_tested(strangers, handed.inputs, handed.near)})),
        probes=len(probes),
        misread=sum(_of(text, at_fit) != _of(text, at_predict) for text in probes if text in known),
    )


def copies_of_tested(texts: Sequence[str], tested: Sequence[str], near: float) -> list[tuple[int, int]]:
    """Which of `texts` say the same as which of the `tested`, exactly or nearly: positions in both, in the order of the
    tested. Of several copies on one side the first stands for all."""
    if not texts:
        return []
    count = len(tested)
    found = find_duplicates([*tested, *texts], near, [None] * (count + len(texts)), MOST_TEXTS)
    mixed = [rows for rows in (*found.exact, *found.near) if rows[0] < count <= rows[-1]]
    return sorted(((rows[-1] - count, rows[0]) for rows in mixed), key=lambda pair: pair[::-1])


def _probes(texts: Sequence[str]) -> list[str]:
    """Half of them the longest, the others spread over the rest in the order given."""
    longest = sorted(texts, key=len, reverse=True)[: PROBES // 2]
    others = [text for text in texts if text not in longest]
    wanted = PROBES - len(longest)
    return longest + (others if len(others) <= wanted else [others[len(others) * n // wanted] for n in range(wanted)])


def _of(text: str, reads: set[Read]) -> set[Read]:
    return {read for read in reads if read.text == text}
