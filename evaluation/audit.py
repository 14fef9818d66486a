"""What is wrong with the examples, before anything is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from evaluation.dataset import Dataset, Example
from evaluation.duplicates import Meaning, Vectors, find_duplicates
from evaluation.faults import Faults
from evaluation.findings import AuditFinding, Severity
from evaluation.label_errors import Classifier, LabelNoise, find_label_noise, out_of_fold, suspected_label_errors
from evaluation.languages import language_findings
from evaluation.policy import EvaluationPolicy
from evaluation.privacy import Names
from evaluation.shortcuts import shortcut_features

MAY_BE_SIGNED_OFF = ("AUDIT03", "AUDIT07", "AUDIT12", "AUDIT16")
"""Blockers that a person may answer for. The others leave nothing to compute with."""


Embed = Callable[[Sequence[str]], Vectors]
"""Texts to unit vectors, (texts, dimensions)."""


@dataclass(frozen=True)
class Instruments:
    """What an audit can use beside its own eyes. `fit_head` fits a classifier on the encoder's vectors, to judge labels
    by rows that it has not seen; `encoder_language` is the one that the encoder reads well (ISO 639), None for any;
    `names` finds names of people and places, None where nothing is installed that does."""

    fit_head: Callable[[Sequence[Example]], Classifier] | None = None
    encoder_language: str | None = None
    names: Names | None = None


class NearSearch(StrEnum):
    """What near duplicates were searched by."""

    NOTHING = "nothing"
    LETTERS = "letters"
    MEANING = "letters and meaning"


SEARCHED = {
    NearSearch.NOTHING: "Near duplicates were not searched, only exact ones.",
    NearSearch.LETTERS: "Near duplicates were searched by letters (character n-grams), not by meaning.",
    NearSearch.MEANING: "Near duplicates were searched by letters (character n-grams) and by meaning (embeddings).",
}


class SignOff(BaseModel):
    """One blocker that somebody answers for by name; the report repeats it."""

    model_config = ConfigDict(frozen=True)

    code: str
    by: str


class SignOffRefused(ValueError):
    """A finding cannot be signed off; the message says which, and why."""


class Audit(BaseModel):
    """Counts and findings. `groups` numbers the sets of training rows that must not be split; `left_out` are the
    training rows (by number) that repeat a row of the test file, exactly or nearly, or belong to its group, and so are
    not trained on; `twinned` are the test rows (by number) that a training row repeats, exactly or nearly."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    fingerprint: str
    test_fingerprint: str | None
    examples: int
    test_examples: int | None
    class_sizes: dict[str, int]
    findings: tuple[AuditFinding, ...]
    groups: tuple[int, ...]
    test_groups: tuple[int, ...]
    left_out: tuple[int, ...]
    twinned: tuple[int, ...] = ()
    near_search: NearSearch = NearSearch.LETTERS
    label_noise: LabelNoise | None = None
    """Of the training rows; None where it was not looked for, or cannot be told."""
    signed_off: tuple[SignOff, ...] = ()

    @property
    def ceiling(self) -> float:
        """The highest accuracy that these labels let any arm be measured to have; 1 where nothing is known of them."""
        noise = self.label_noise
        return noise.ceiling_high if noise is not None and noise.is_reliable else 1.0

    @property
    def searched(self) -> str:
        """How near duplicates were searched, as a sentence."""
        return SEARCHED[self.near_search]

    @property
    def blockers(self) -> tuple[AuditFinding, ...]:
        """What stops a comparison, without what somebody answers for."""
        answered_for = {sign_off.code for sign_off in self.signed_off}
        blocking = (finding for finding in self.findings if finding.severity is Severity.BLOCKER)
        return tuple(finding for finding in blocking if finding.code not in answered_for)

    def signed_off_by(self, name: str, codes: Sequence[str]) -> Audit:
        """This audit with blockers that a person answers for.

        Raises `SignOffRefused` for codes that block nothing here or that nobody can answer for.
        """
        blocking = [finding.code for finding in self.blockers]
        for code in codes:
            if code not in blocking:
                found = f"it blocks on {', '.join(blocking)}" if blocking else "nothing blocks it"
                raise SignOffRefused(f"{code} does not block {self.dataset}; {found}.")
            if code not in MAY_BE_SIGNED_OFF:
                allowed = ", ".join(MAY_BE_SIGNED_OFF)
                raise SignOffRefused(f"{code} leaves nothing to compare; only {allowed} may be signed off.")
        return self.model_copy(
            update={"signed_off": tuple(SignOff(code=code, by=name) for code in dict.fromkeys(codes))}
        )


class AuditBlocked(ValueError):
    """The examples do not allow a comparison; the message names the first blocker."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        first = audit.blockers[0]
        more = f" ({len(audit.blockers)} blockers in all)" if len(audit.blockers) > 1 else ""
        super().__init__(f"{first.code} {first.name}: {first.message} {first.what_to_do}{more}")


def audit_dataset(
    dataset: Dataset,
    test: Dataset | None,
    policy: EvaluationPolicy,
    token_limit: int,
    count_tokens: Callable[[Sequence[str]], list[int]],
    embed: Embed | None = None,
    instruments: Instruments = Instruments(),
    *,
    outputs_are_labels: bool = True,
) -> Audit:
    """Every check of protocol section 5, over the examples and, if given, the test file. Those of labels are left out
    where outputs are none.

    `token_limit` is what the chosen model reads of a text, `count_tokens` its tokenizer. `embed` is its embedding: it
    is called once, with every input in file order, as a comparison would, so that neither changes what the other
    finds in a cache. Without it, and above the policy's limit of rows, near duplicates are searched by letters only.
    """
    both = (*dataset.examples, *(test.examples if test else ()))
    inputs = [example.input for example in both]
    vectors = embed(inputs) if embed and len(both) <= policy.most_rows_for_near_duplicates else None
    duplicates = find_duplicates(
        inputs,
        policy.near_duplicate_cosine,
        [example.group for example in both],
        policy.most_rows_for_near_duplicates,
        None if vectors is None else Meaning(vectors, policy.near_duplicate_mean_cosine),
    )
    noun = "label" if outputs_are_labels else "answer"
    faults = Faults(dataset, test, both, duplicates, policy, instruments.names, noun)
    tokens = count_tokens(inputs)
    groups = duplicates.groups[: len(dataset)]
    noise = _label_noise(dataset, groups, policy, instruments) if outputs_are_labels else None
    of_labels = [
        *faults.labels(), *suspected_label_errors(noise), *shortcut_features(dataset.examples, groups),
    ] if outputs_are_labels else []  # fmt: skip
    findings = [
        *of_labels, *faults.sizes(), *faults.groups(), *faults.empty_inputs(),
        *faults.overlong_inputs(tokens, token_limit), *faults.exact_duplicates(), *faults.near_duplicates(),
        *faults.conflicting_labels(), *faults.leakage(), *faults.personal_data(), *faults.secrets(),
        *language_findings(both, instruments.encoder_language),
    ]  # fmt: skip
    by_letters = NearSearch.LETTERS if duplicates.near_searched else NearSearch.NOTHING
    return Audit(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        test_fingerprint=test.fingerprint if test else None,
        examples=len(dataset),
        test_examples=len(test) if test else None,
        class_sizes=dataset.class_sizes if outputs_are_labels else {},
        findings=tuple(sorted(findings, key=lambda finding: (finding.severity is not Severity.BLOCKER, finding.code))),
        groups=groups,
        test_groups=duplicates.groups[len(dataset) :],
        left_out=faults.left_out,
        twinned=faults.twinned,
        near_search=by_letters if vectors is None else NearSearch.MEANING,
        label_noise=noise,
    )


def _label_noise(
    dataset: Dataset, groups: Sequence[int], policy: EvaluationPolicy, instruments: Instruments
) -> LabelNoise | None:
    """None where there is nothing to judge labels by, and where judging them would take minutes."""
    if instruments.fit_head is None or len(dataset.labels) < 2 or len(set(groups)) < policy.fewest_groups:
        return None
    if not policy.fewest_examples <= len(dataset) <= policy.most_rows_for_label_errors:
        return None
    if policy.fewest_of_a_class * len(dataset.labels) > len(dataset):
        return None
    return find_label_noise(dataset, groups, out_of_fold(dataset, groups, policy, 0, instruments.fit_head))
