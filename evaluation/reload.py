"""Arms read back from where they were saved: whether they answer as they did, and what they answer to other texts."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.arm import Arm, ArmSpec, Prediction
from evaluation.dataset import inputs_of
from evaluation.splits import Split
from evaluation.trials import FITTED, FinishedTrial

SAMPLE, FEWEST_OF_A_FIT = 50, 5
"""Tested rows answered again: of all fits together, and of each at least."""
MOST_ASKED = 5
"""Fits that answer other texts too: ten would take ten seconds, and differ little in this."""
TOLERANCE = 1e-3
"""Between confidences. Other neighbours in a batch change a float32 logit by some 1e-6; a wrong weight changes more."""
KEPT = "reloaded"
"""Folder of what sound copies answered: as long as no byte of them changes, they are not asked again."""


class Reload(BaseModel):
    """What saved copies of an arm's fits answer, held against the answers they gave when they were fitted.

    `compared` tested rows were answered again, `same` of them alike; `confidence_gap` is the largest difference of two
    confidences, 0 where there are none. `unreadable` names what went wrong with copies that could not be used, one
    entry for each. Where nothing could be read back, `not_checked` says why and all counts are 0.
    """

    model_config = ConfigDict(frozen=True)

    fits: int = 0
    compared: int = 0
    same: int = 0
    confidence_gap: float = 0.0
    unreadable: tuple[str, ...] = ()
    not_checked: str | None = None

    @property
    def is_faultless(self) -> bool:
        """Also where nothing was checked."""
        return self.same == self.compared and self.confidence_gap <= TOLERANCE and not self.unreadable

    @property
    def told(self) -> str:
        """In words, without a full stop."""
        if self.not_checked:
            return f"saved and reloaded: not checked, {self.not_checked}"
        if self.unreadable:
            kinds = ", ".join(sorted(set(self.unreadable)))
            return f"{len(self.unreadable)} of its {self.fits} saved copies cannot be used ({kinds})"
        if self.same < self.compared:
            return f"its saved copies answer {self.compared - self.same} of {self.compared} tested rows otherwise"
        if self.confidence_gap > TOLERANCE:
            return f"its saved copies are surer or less sure than it was, by up to {self.confidence_gap:.3f}"
        return f"its saved copies answer all of {self.compared} tested rows as it did"


@dataclass(frozen=True)
class ReadBack:
    """The comparison, and what the copies answered to other texts: one list a fit."""

    reload: Reload
    others: tuple[tuple[Prediction, ...], ...] = ()


@dataclass(frozen=True)
class Saved:
    """The finished trials of one arm and the folder that keeps them; no trials for an arm recorded elsewhere."""

    spec: ArmSpec
    trials: Sequence[FinishedTrial]
    folder: Path

    def copy_of(self, trial: FinishedTrial) -> Path:
        return self.folder / trial.trial.key / FITTED


def read_back(saved: Saved, split: Split, others: Sequence[str], rng: np.random.Generator) -> ReadBack:
    """Load every fit and let it answer a sample of its own tested rows again; the first ones answer `others` too.

    Sound answers are kept under the hash of every byte of the copies, and not asked for again.
    """
    if not saved.trials:
        return ReadBack(Reload(not_checked="recorded elsewhere"))
    size = max(FEWEST_OF_A_FIT, math.ceil(SAMPLE / len(saved.trials)))
    drawn = [rng.permutation(len(trial.predictions))[:size].tolist() for trial in saved.trials]
    home = saved.folder / KEPT / f"{_key(saved, drawn, others)}.json"
    found = _kept(home)
    if found is None:
        found = _ask(saved, split, drawn, others)
        if found.reload.is_faultless and not found.reload.not_checked:
            _keep(found, home)
    return found


def _ask(saved: Saved, split: Split, drawn: Sequence[Sequence[int]], others: Sequence[str]) -> ReadBack:
    found = Reload(fits=len(saved.trials))
    answered: list[tuple[Prediction, ...]] = []
    for trial, positions in zip(saved.trials, drawn, strict=True):
        more = others if len(answered) < MOST_ASKED else ()
        tested = [split.tested[trial.rows.tested[position]] for position in positions]
        try:
            again = _answers(saved.spec.load(saved.copy_of(trial)), [*inputs_of(tested), *more])
        except NotImplementedError:
            return ReadBack(Reload(not_checked=f"{saved.spec.name} cannot be loaded"))
        except Exception as error:  # whatever a damaged file makes a library raise, on loading or later
            found = found.model_copy(update={"unreadable": (*found.unreadable, type(error).__name__)})
            continue
        found = _compared(found, [trial.predictions[position] for position in positions], again[: len(positions)])
        if more:
            answered.append(tuple(again[len(positions) :]))
    return ReadBack(found, tuple(answered))


def _answers(arm: Arm, texts: Sequence[str]) -> list[Prediction]:
    answers = arm.predict(texts)
    if len(answers) != len(texts):
        raise ValueError(f"{len(answers)} answers to {len(texts)} texts.")
    return answers


def _compared(found: Reload, before: Sequence[Prediction], after: Sequence[Prediction]) -> Reload:
    same = sum(one.output == other.output for one, other in zip(before, after, strict=True))
    gaps = [
        abs(one.confidence - other.confidence)
        for one, other in zip(before, after, strict=True)
        if one.confidence is not None and other.confidence is not None
    ]
    return found.model_copy(
        update={
            "compared": found.compared + len(before),
            "same": found.same + same,
            # Beyond six digits it depends on the processor.
            "confidence_gap": max(found.confidence_gap, round(max(gaps, default=0.0), 6)),
        }
    )


def _key(saved: Saved, drawn: Sequence[Sequence[int]], others: Sequence[str]) -> str:
    """A trial's own key covers rows, source and libraries; its predictions are what the copy is held against."""
    digest = hashlib.sha256(json.dumps([drawn, others, TOLERANCE]).encode())
    for trial in saved.trials:
        digest.update(json.dumps([trial.trial.key, [asdict(answer) for answer in trial.predictions]]).encode())
        home = saved.copy_of(trial)
        for path in sorted(path for path in home.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(home)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _kept(home: Path) -> ReadBack | None:
    try:
        kept = json.loads(home.read_text(encoding="utf-8"))
        others = tuple(tuple(Prediction(**answer) for answer in fit) for fit in kept["others"])
        return ReadBack(Reload.model_validate(kept["reload"]), others)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(found: ReadBack, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    unfinished = home.with_name(f".{home.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(asdict(found) | {"reload": found.reload.model_dump()}), encoding="utf-8")
    unfinished.replace(home)
