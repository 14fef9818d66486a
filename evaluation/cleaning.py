"""What has to go from a file, or be changed in it, so that its audit no longer objects; each row with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from evaluation.audit import Audit
from evaluation.dataset import Dataset, Example
from evaluation.duplicates import normalised
from evaluation.findings import Place
from evaluation.privacy import masked

REMOVING = ("AUDIT07", "AUDIT12", "AUDIT13", "AUDIT11", "AUDIT09", "AUDIT10")
"""Findings whose rows are removed; a row that several object to is removed for the first."""
MASKING = ("AUDIT14", "AUDIT18")
"""Findings whose rows are kept with placeholders; a row with both is listed under the second."""
PLACEHOLDERS = {
    "AUDIT14": "data about people replaced with placeholders",
    "AUDIT18": "what looks like a secret replaced with a placeholder",
}
CLEANABLE = tuple(sorted((*REMOVING, *MASKING)))
BY_DEFAULT = tuple(code for code in CLEANABLE if code != "AUDIT10")
"""Near duplicates are no fault: they are kept together in every split, and both may be needed."""
MOST_NAMED = 5


class Edit(BaseModel):
    """One row of the training file that is not copied as it is. `text` is its new input, None where the row goes;
    `reason` repeats nothing of what the row says."""

    model_config = ConfigDict(frozen=True)

    id: str
    file: str
    line: int
    code: str
    reason: str
    text: str | None

    @property
    def removes(self) -> bool:
        return self.text is None


class Cleaning(BaseModel):
    """Edits in file order, at most one a row. `unmasked` are rows (by line) in which something was found that has no
    placeholder, such as names of people: they are kept as they are."""

    model_config = ConfigDict(frozen=True)

    edits: tuple[Edit, ...]
    unmasked: tuple[int, ...]

    @property
    def removed(self) -> dict[str, int]:
        """Rows removed for each finding."""
        return dict(sorted(Counter(edit.code for edit in self.edits if edit.removes).items()))

    @property
    def changed(self) -> dict[str, int]:
        """Rows changed for each finding."""
        return dict(sorted(Counter(edit.code for edit in self.edits if not edit.removes).items()))

    def applied_to(self, dataset: Dataset) -> Dataset:
        """The examples that are left, with their old lines."""
        by_line = {edit.line: edit for edit in self.edits}
        kept = []
        for example in dataset.examples:
            edit = by_line.get(example.line)
            if edit is None:
                kept.append(example)
            elif edit.text is not None:
                kept.append(replace(example, input=edit.text))
        return Dataset(dataset.name, tuple(kept))


def clean(dataset: Dataset, test: Dataset | None, audit: Audit, codes: Collection[str] = BY_DEFAULT) -> Cleaning:
    """What the findings named in `codes` object to in the training file; the test file is never changed.

    Personal data and secrets are replaced first, and copies are looked for in the texts as they will then be: of copies
    with one label the first stays; copies with different labels all go, since nobody knows which label is right. Rows
    that repeat a test row go. Raises ValueError for codes outside `CLEANABLE`.
    """
    unknown = sorted(set(codes) - set(CLEANABLE))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} cannot be cleaned away; expected some of {', '.join(CLEANABLE)}.")
    found = {code: _rows_of(code, dataset, audit) for code in MASKING if code in codes}
    flagged = {row: code for code in MASKING for row in found.get(code, ())}
    texts = [masked(row.input) if number in flagged else row.input for number, row in enumerate(dataset.examples)]
    gone = _removals(dataset, test, audit, texts, codes)
    edits, unmasked = [], []
    for number, example in enumerate(dataset.examples):
        if number in gone:
            edits.append(_edit(example, *gone[number], None))
        elif texts[number] != example.input:
            edits.append(_edit(example, flagged[number], PLACEHOLDERS[flagged[number]], texts[number]))
        elif number in flagged:
            unmasked.append(example.line)
    return Cleaning(edits=tuple(edits), unmasked=tuple(unmasked))


def _edit(example: Example, code: str, reason: str, text: str | None) -> Edit:
    return Edit(id=example.id, file=example.source, line=example.line, code=code, reason=reason, text=text)


def _removals(
    dataset: Dataset, test: Dataset | None, audit: Audit, texts: Sequence[str], codes: Collection[str]
) -> dict[int, tuple[str, str]]:
    """Finding and reason of every training row that goes, by row number."""
    rows = (*dataset.examples, *(test.examples if test else ()))
    sets = _same_texts((*texts, *(row.input for row in rows[len(dataset) :])), rows, len(dataset))
    reasons: dict[str, Mapping[int, str]] = {
        "AUDIT07": {row: "no text" for row, text in enumerate(texts) if not text.strip()},
        "AUDIT12": _tested(sets),
        "AUDIT13": {
            row: f"nearly the text of {other.file}:{other.line}, or of its group"
            for row, other in _partners("AUDIT13", dataset, audit)
        },
        "AUDIT11": _conflicting(sets),
        "AUDIT09": _copied(sets),
    }
    gone: dict[int, tuple[str, str]] = {}
    for code, found in reasons.items():
        if code in codes:
            gone |= {row: (code, reason) for row, reason in found.items() if row not in gone}
    if "AUDIT10" in codes:
        gone |= _nearly_copied(dataset, audit, gone)
    return gone


@dataclass(frozen=True)
class _SameText:
    """Rows of one text: training rows by number, and test rows."""

    trained_on: Mapping[int, Example]
    tested: Sequence[Example]

    @property
    def labels(self) -> set[str]:
        return {example.output for example in (*self.trained_on.values(), *self.tested)}


def _same_texts(texts: Sequence[str], rows: Sequence[Example], first_tested: int) -> list[_SameText]:
    sets: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        sets[normalised(text)].append(row)
    return [
        _SameText(
            {row: rows[row] for row in same if row < first_tested}, [rows[row] for row in same if row >= first_tested]
        )
        for same in sets.values()
        if len(same) > 1
    ]


def _tested(sets: Sequence[_SameText]) -> dict[int, str]:
    return {row: f"the text of {same.tested[0].place}" for same in sets if same.tested for row in same.trained_on}


def _conflicting(sets: Sequence[_SameText]) -> dict[int, str]:
    found: dict[int, str] = {}
    for same in sets:
        if len(same.labels) > 1:
            places = [f"line {example.line}" for example in same.trained_on.values()]
            places += [example.place for example in same.tested]
            more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
            reason = f"one text, different labels: {', '.join(places[:MOST_NAMED])}{more}"
            found |= dict.fromkeys(same.trained_on, reason)
    return found


def _copied(sets: Sequence[_SameText]) -> dict[int, str]:
    found: dict[int, str] = {}
    for same in sets:
        if len({example.output for example in same.trained_on.values()}) == 1:
            first, *others = same.trained_on
            found |= dict.fromkeys(others, f"text and label of line {same.trained_on[first].line}, which stays")
    return found


def _nearly_copied(dataset: Dataset, audit: Audit, gone: Mapping[int, object]) -> dict[int, tuple[str, str]]:
    """Of rows that nearly say the same under one label, all but the first that stays."""
    rows = _row_numbers(dataset)
    found: dict[int, tuple[str, str]] = {}
    for first, place in sorted(_partners("AUDIT10", dataset, audit), key=lambda pair: pair[0]):
        second = rows.get(place)
        if second is None or not {first, second}.isdisjoint({*gone, *found}):
            continue
        if dataset.examples[first].output == dataset.examples[second].output:
            line = dataset.examples[first].line
            found[second] = ("AUDIT10", f"nearly the text, and the label, of line {line}, which stays")
    return found


def _row_numbers(dataset: Dataset) -> dict[Place, int]:
    return {
        Place(id=example.id, file=example.source, line=example.line): row
        for row, example in enumerate(dataset.examples)
    }


def _rows_of(code: str, dataset: Dataset, audit: Audit) -> list[int]:
    """Training rows that a finding names."""
    rows = _row_numbers(dataset)
    named = (place for finding in audit.findings if finding.code == code for places in finding.rows for place in places)
    return [rows[place] for place in named if place in rows]


def _partners(code: str, dataset: Dataset, audit: Audit) -> list[tuple[int, Place]]:
    """Training rows that a finding names first in a pair, each with the other place."""
    rows = _row_numbers(dataset)
    pairs = (places for finding in audit.findings if finding.code == code for places in finding.rows)
    return [(rows[one], other) for one, other in pairs if one in rows]
