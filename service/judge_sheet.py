"""The sheet on which a person says which of two answers is better, and the key that tells whose they were.

The sheet is a CSV file that nothing in tells the arms; the key stays in the comparison's folder.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from evaluation.judge import FEWEST_HUMAN_LABELS, PLACES, HumanSample, Pair, Question
from evaluation.kept_rows import KeptRow
from evaluation.rows import CellError, Row, Table, read_table
from service.refusals import Refusal
from service.run_folder import write_whole

KEYS: Final = "judge"
"""Folder of a comparison's folder."""
CODE, BETTER = "code", "better"
COLUMNS: Final = (CODE, "row", "input", "references", "answer 1", "answer 2", BETTER)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would take a cell that begins so for a formula: it would run it, or show an error for a list's dash."""


class Place(BaseModel):
    """One row of a sheet; `swapped` if the second arm's answer stands first."""

    model_config = ConfigDict(frozen=True)

    code: str
    row: int
    swapped: bool


class SheetKey(BaseModel):
    """Which arms a sheet compares, all `rows` that were drawn, and the `places` of those that people are asked about,
    in the order of the sheet."""

    model_config = ConfigDict(frozen=True)

    arms: tuple[str, str]
    seed: int
    rows: tuple[int, ...]
    places: tuple[Place, ...]

    @classmethod
    def of(cls, sample: HumanSample, arms: tuple[str, str], seed: int, kept: Sequence[KeptRow]) -> SheetKey:
        places = (
            Place(code=_code(question, kept), row=question.row, swapped=question.swapped)
            for question in sample.questions
        )
        return cls(arms=arms, seed=seed, rows=sample.rows, places=tuple(places))

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(place.code for place in self.places)

    def sample(self, pairs: Sequence[Pair], kept: Sequence[KeptRow]) -> HumanSample:
        """What was drawn. `Refusal` where the answers in the folder are no longer those on the sheet."""
        questions = tuple(
            Question(place.row, place.swapped, pairs[place.row].material(place.swapped))
            for place in self.places
            if place.row < len(pairs)
        )
        if [_code(question, kept) for question in questions] != [place.code for place in self.places]:
            raise Refusal(
                "The answers of this comparison have changed since the sheet was drawn; draw and grade another with "
                "--sheet FILE.csv."
            )
        return HumanSample(self.rows, questions)


@dataclass(frozen=True)
class Grades:
    """A sheet that came back: the verdict by code ("1", "2", "tie"), None where none was filled in."""

    name: str
    verdicts: Mapping[str, str | None]
    lines: Mapping[str, int]

    def on(self, key: SheetKey, sample: HumanSample, kept: Sequence[KeptRow]) -> tuple[HumanSample, dict[int, str]]:
        """What was graded of the sample, and the verdicts by row. `Refusal` for fewer than 30, and for rows left out:
        by choice, as far as anybody can tell."""
        told = [self.verdicts.get(place.code) for place in key.places]
        filled = sum(verdict is not None for verdict in told)
        if filled < FEWEST_HUMAN_LABELS:
            raise Refusal(
                f"{self.name}: {filled} rows have a grade, and a judge needs at least {FEWEST_HUMAN_LABELS}; "
                f"{FEWEST_HUMAN_LABELS - filled} are missing. Fill in the column {BETTER!r} with 1, 2 or tie, from the "
                "top."
            )
        end = told.index(None) if None in told else len(told)
        if end < filled:
            place = key.places[end]
            where = f", line {self.lines[place.code]}" if place.code in self.lines else ""
            raise Refusal(
                f"{self.name}{where}: row {kept[place.row].id!r} has no grade, though later ones of the draw have; "
                "rows left out by choice would make it no random sample. Grade it, a tie if need be."
            )
        graded = sample.first(end)
        return graded, {place.row: str(self.verdicts[place.code]) for place in key.places[:end]}


def write_sheet(file: Path, key: SheetKey, pairs: Sequence[Pair], kept: Sequence[KeptRow]) -> None:
    """`Refusal` for a name that is not CSV, and for a file that is there: it may hold somebody's grades."""
    if file.suffix.lower() != ".csv":
        raise Refusal(f"--sheet {file}: expected a name that ends in .csv.")
    if file.exists():
        raise Refusal(f"--sheet {file}: the file is there already and may hold grades; name another, or delete it.")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for place in key.places:
        pair, row = pairs[place.row], kept[place.row]
        first, second = (pair.other, pair.one) if place.swapped else (pair.one, pair.other)
        cells = (place.code, row.id, pair.input, "\n".join(pair.references), first or "", second or "", "")
        writer.writerow([_as_text(cell) for cell in cells])
    # The mark at the beginning tells spreadsheets that the file is UTF-8.
    write_whole(file, "\ufeff" + text.getvalue())


def write_key(folder: Path, key: SheetKey) -> None:
    """Beside those of other draws, which stay: somebody may be grading their sheets."""
    text = key.model_dump_json(indent=1)
    write_whole(folder / KEYS / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json", text + "\n")


def read_grades(file: Path) -> Grades:
    """`DatasetError` for a file that cannot be read as one, `Refusal` for one that lacks a column or names a row
    twice."""
    table = read_table(file, "one row of the sheet", '{"code": "...", "better": "1"}')
    missing = [name for name in (CODE, BETTER) if name not in table.columns]
    if missing:
        raise Refusal(f"{table.name}: no column {missing[0]!r}; expected the sheet that --sheet wrote, filled in.")
    rows = table.parse(lambda row: (row.needed(CODE), _verdict(row), row.line))
    _refuse_repeats(table, [(code, line) for code, _, line in rows])
    return Grades(table.name, {code: said for code, said, _ in rows}, {code: line for code, _, line in rows})


def find_key(folder: Path, grades: Grades) -> SheetKey:
    """The key of the sheet that the grades stand on; `Refusal` where none of this folder has all its rows."""
    keys = [_read_key(path) for path in sorted((folder / KEYS).glob("*.json"))]
    if not keys:
        raise Refusal(f"No sheet was drawn for {folder}; begin with: advisor judge {folder} --sheet FILE.csv")
    best = max(keys, key=lambda key: (len(key.codes & grades.verdicts.keys()), -len(key.places)))
    unknown = next((code for code in grades.verdicts if code not in best.codes), None)
    if unknown is not None:
        raise Refusal(
            f"{grades.name}, line {grades.lines[unknown]}, column {CODE!r}: {unknown[:20]!r} stands on no sheet that "
            f"was drawn for {folder}; is it another comparison's?"
        )
    return best


def _read_key(path: Path) -> SheetKey:
    try:
        return SheetKey.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        raise Refusal(f"{path} is no key of a sheet; delete it, and draw a sheet again with --sheet.") from None


def _code(question: Question, kept: Sequence[KeptRow]) -> str:
    """Stands for a row with its answers in this order. Begins with a letter, or spreadsheets would read some as
    numbers."""
    shown = f"{kept[question.row].id}\n{question.text}"
    return f"r{hashlib.sha256(shown.encode()).hexdigest()[:10]}"


def _verdict(row: Row) -> str | None:
    said = row.text(BETTER)
    if said is None:
        return None
    verdict = said.lower().removesuffix(".0")
    if verdict not in PLACES:
        raise CellError(f"column {BETTER!r}: {said[:40]!r}; expected {', '.join(PLACES[:-1])} or {PLACES[-1]}.")
    return verdict


def _refuse_repeats(table: Table, rows: Sequence[tuple[str, int]]) -> None:
    seen: dict[str, int] = {}
    for code, line in rows:
        if seen.setdefault(code, line) != line:
            raise Refusal(f"{table.name}, line {line}: {code!r} stands on line {seen[code]} already; keep one of them.")


def _as_text(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell
