"""Reads recorded answers, one a row, and checks that every arm answered every item as often."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from evaluation.answers import read_label
from evaluation.arm_names import guess_family
from evaluation.dataset import Dataset
from evaluation.items import targets_are_labels
from evaluation.metrics.catalogue import EXAMPLE_METRICS
from evaluation.policy import EvaluationPolicy
from evaluation.readers import DatasetError
from evaluation.recorded import BY_LABEL, NOT_STATED, Answer, Recorded, RecordedArm
from evaluation.rows import TRUTHS, CellError, Row, Table, listed, read_table
from rules.family import Family

WHAT = "one recorded answer a row"
EXAMPLE = '{"id": "...", "arm": "...", "output": "..."}'
JUDGEMENTS = {"correct": "0 or 1", "score": "a number from 0 to 1", BY_LABEL: "the answer's text"}
"""Columns that an answer can be judged by, and what they hold; the first one that is whole decides."""
FAMILIES = ", ".join(Family)
LONGEST_NAME = 100
FAILURE = Answer(0.0, None, failed=True)


@dataclass(frozen=True)
class Reading:
    """How to read what the file leaves open: families by arm, and whether missing answers count as failures."""

    families: Mapping[str, Family] = field(default_factory=dict)
    missing_as_failures: bool = False


@dataclass(frozen=True)
class _AnswerRow:
    line: int
    id: str
    arm: str
    model: str
    run: str
    family: Family | None
    correct: float | None
    score: float | None
    output: str | None
    failed: bool
    train_size: int | None
    demonstrations: int | None
    cost: float | None
    latency: float | None


def read_recorded(path: Path, items: Dataset, policy: EvaluationPolicy, reading: Reading = Reading()) -> Recorded:
    """Read the answers to `items`.

    Raises `DatasetError` for a file that cannot be read, missing columns, cells that cannot be used, items that are
    not there, an answer given twice, answers that are missing, and arms whose family nobody tells.
    """
    table = read_table(path, WHAT, EXAMPLE)
    _refuse_missing_columns(table)
    rows = table.parse(_answer_row)
    _refuse_unknown_items(table, rows, items)
    _refuse_repeats(table, rows)
    judged_by = _judged_by(table, rows)
    if judged_by == BY_LABEL:
        _refuse_free_text(table, items, policy)
    arms = _arms(table, rows, items, reading, _Judge(items, judged_by))
    if not reading.missing_as_failures:
        _refuse_missing_answers(table, arms, items)
    return Recorded(table.name, table.sha256, judged_by, tuple(arms))


def read_families(options: Iterable[str]) -> dict[str, Family]:
    """`NAME=FAMILY` as a pair; a name may itself hold an equals sign. Raises `DatasetError`."""
    families: dict[str, Family] = {}
    for option in options:
        name, _, family = option.rpartition("=")
        if not name or family not in tuple(Family):
            raise DatasetError(f"--family {option}: expected NAME=FAMILY, where FAMILY is one of {FAMILIES}.")
        families[name] = Family(family)
    return families


def _answer_row(row: Row) -> _AnswerRow:
    family, error, output = row.text("family"), row.text("error"), row.text("output")
    if family is not None and family not in tuple(Family):
        raise CellError(f"column 'family': {family!r}; expected one of {FAMILIES}.")
    if output is None and isinstance(row.cells.get("output"), str):
        output = ""  # a model that said nothing gave an answer all the same
    row.number("confidence", most=1)
    return _AnswerRow(
        line=row.line,
        id=row.needed("id"),
        arm=_name(row, "arm") or row.needed("arm"),
        model=_name(row, "model") or NOT_STATED,
        run=row.text("run") or "0",
        family=None if family is None else Family(family),
        correct=row.truth("correct"),
        score=row.number("score", most=1),
        output=output,
        failed=error is not None and TRUTHS.get(error.lower()) != 0.0,
        train_size=row.count("train_size"),
        demonstrations=row.count("demonstrations"),
        cost=row.number("cost"),
        latency=row.number("latency"),
    )


def _name(row: Row, column: str) -> str | None:
    """A name that may be printed: square brackets would be markup in a terminal."""
    name = row.text(column)
    if name is not None and (len(name) > LONGEST_NAME or not name.isprintable()):
        raise CellError(
            f"column {column!r}: {name[:40]!r}; expected a name of up to {LONGEST_NAME} printable characters."
        )
    return name and name.replace("[", "(").replace("]", ")")


def _refuse_missing_columns(table: Table) -> None:
    missing = [name for name in ("id", "arm") if name not in table.columns]
    if not any(name in table.columns for name in JUDGEMENTS):
        missing.append(" or ".join(JUDGEMENTS))
    if missing:
        raise DatasetError(
            f"{table.name}: no column {missing[0]} among {listed(table.columns)}; "
            f"expected id, arm and one of {', '.join(JUDGEMENTS)}."
        )


def _refuse_unknown_items(table: Table, rows: Sequence[_AnswerRow], items: Dataset) -> None:
    known = {item.id for item in items.examples}
    unknown = [row for row in rows if row.id not in known]
    if unknown:
        file = items.examples[0].source
        more = f" ({len(unknown):,} such rows in all)" if len(unknown) > 1 else ""
        raise DatasetError(
            f"{table.name}, {table.at(unknown[0].line)}: there is no item {unknown[0].id!r} in {file}; "
            f"expected ids such as {items.examples[0].id!r}{more}."
        )


def _refuse_repeats(table: Table, rows: Sequence[_AnswerRow]) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        first = seen.setdefault((row.arm, row.model, row.run, row.id), row.line)
        if first != row.line:
            raise DatasetError(
                f"{table.name}, {table.at(row.line)}: arm {row.arm!r} answers item {row.id!r} on "
                f"{table.at(first)} already, in the same run ({row.run}); expected every answer once; "
                "number repeated runs in a column 'run'."
            )


def _judged_by(table: Table, rows: Sequence[_AnswerRow]) -> str:
    """A column of scores that is whole; the texts only where there are no scores at all."""
    given = [row for row in rows if not row.failed]
    lacking = {name: [row for row in given if getattr(row, name) is None] for name in JUDGEMENTS}
    for name in ("correct", "score"):
        if not lacking[name]:
            return name
    begun = [name for name in JUDGEMENTS if len(lacking[name]) < len(given)] or [BY_LABEL]
    if begun[0] == BY_LABEL and not lacking[BY_LABEL]:
        return BY_LABEL
    row, others = lacking[begun[0]][0], len(given) - len(lacking[begun[0]])
    raise DatasetError(
        f"{table.name}, {table.at(row.line)}, column {begun[0]!r}: no value, though {others:,} other rows have one; "
        f"expected {JUDGEMENTS[begun[0]]} in every row without an 'error'."
    )


def _refuse_free_text(table: Table, items: Dataset, policy: EvaluationPolicy) -> None:
    judge = f"add a column 'correct' (0 or 1) or 'score' (0 to 1) to {table.name}"
    without = next((item for item in items.examples if not item.output), None)
    if without is not None:
        raise DatasetError(f"{without.place}: item {without.id!r} has no target to compare answers with; {judge}.")
    if not targets_are_labels(items, policy):
        raise DatasetError(
            f"{table.name}: answers without a judgement can be compared with labels only, and the {len(items):,} items "
            f"have {len(items.labels):,} different targets; {judge}."
        )


class _Judge:
    """Scores one answer."""

    def __init__(self, items: Dataset, judged_by: str) -> None:
        self._judged_by = judged_by
        self._targets = {item.id: item.output for item in items.examples}
        self._labels = items.labels

    def answer(self, row: _AnswerRow) -> Answer:
        if row.failed:
            return FAILURE
        if self._judged_by == BY_LABEL:
            label = read_label(row.output, self._labels)
            return Answer(EXAMPLE_METRICS["accuracy"](self._targets[row.id], label), label)
        score = row.correct if self._judged_by == "correct" else row.score
        assert score is not None, "the column is whole"
        return Answer(score, row.output or {0.0: "wrong", 1.0: "right"}.get(score, f"{score:.2f}"))


def _arms(
    table: Table, rows: Sequence[_AnswerRow], items: Dataset, reading: Reading, judge: _Judge
) -> list[RecordedArm]:
    """One for each pair of arm and model; where a name goes with several models, each gets its model's name too."""
    of_pair: dict[tuple[str, str], list[_AnswerRow]] = defaultdict(list)
    for row in rows:
        of_pair[row.arm, row.model].append(row)
    models = Counter(arm for arm, _ in of_pair)
    names = {pair: pair[0] if models[pair[0]] == 1 else f"{pair[0]} ({pair[1]})" for pair in of_pair}
    strange = [name for name in reading.families if name not in {*names.values(), *models}]
    if strange:
        raise DatasetError(f"--family {strange[0]}=...: {table.name} has the arms {listed(tuple(names.values()))}.")
    arms, nameless = [], []
    for pair, same in of_pair.items():
        family = reading.families.get(names[pair]) or reading.families.get(pair[0]) or _stated(table, names[pair], same)
        guess = family or guess_family(pair[0])
        if guess is None:
            nameless.append(names[pair])
        else:
            arms.append(_arm(names[pair], guess, family is None, same, items, judge))
    if nameless:
        raise DatasetError(
            f"{table.name}: the names do not tell what kind of arm these are: {listed(nameless)}; add a column "
            f"'family', or say it: --family {nameless[0]!r}=FAMILY, where FAMILY is one of {FAMILIES}."
        )
    return arms


def _stated(table: Table, name: str, rows: Sequence[_AnswerRow]) -> Family | None:
    """The column's family of one arm."""
    first = next((row for row in rows if row.family is not None), None)
    if first is None:
        return None
    for row in rows:
        if row.family not in (None, first.family):
            raise DatasetError(
                f"{table.name}, {table.at(row.line)}: arm {name!r} is of family {row.family} here and {first.family} "
                f"on {table.at(first.line)}; expected one family for each arm."
            )
    return first.family


def _arm(
    name: str, family: Family, guessed: bool, rows: Sequence[_AnswerRow], items: Dataset, judge: _Judge
) -> RecordedArm:
    given: dict[str, dict[str, Answer]] = defaultdict(dict)
    for row in rows:
        given[row.run][row.id] = judge.answer(row)
    return RecordedArm(
        name=name,
        family=family,
        family_is_guessed=guessed,
        model=rows[0].model,
        runs=tuple({item.id: run.get(item.id, FAILURE) for item in items.examples} for run in given.values()),
        missing=sum(len(items) - len(run) for run in given.values()),
        train_size=min((row.train_size for row in rows if row.train_size is not None), default=None),
        demonstrations=min((row.demonstrations for row in rows if row.demonstrations is not None), default=None),
        cost=_mean(row.cost for row in rows),
        latency=_mean(row.latency for row in rows),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return fmean(given) if given else None


def _refuse_missing_answers(table: Table, arms: Sequence[RecordedArm], items: Dataset) -> None:
    gaps = [f"{arm.name} {arm.missing:,} of {len(arm.runs) * len(items):,}" for arm in arms if arm.missing]
    if gaps:
        more = f" and {len(gaps) - 5} more arms" if len(gaps) > 5 else ""
        raise DatasetError(
            f"{table.name}: answers are missing: {', '.join(gaps[:5])}{more}; add them, take these items out of "
            f"{items.examples[0].source}, or count them as failures with --missing-as-failures."
        )
