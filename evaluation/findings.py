"""What the audit says: one fault, how heavy it is, and the rows it is about."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from evaluation.files import is_parquet


class Severity(StrEnum):
    """A blocker stops the comparison; a warning is repeated in the report."""

    BLOCKER = "blocker"
    WARNING = "warning"


class Place(BaseModel):
    """One row, where a person finds it."""

    model_config = ConfigDict(frozen=True)

    id: str
    file: str
    line: int


class AuditFinding(BaseModel):
    """One fault. `rows` lists the places in sets that belong together (two copies, a label's rows)."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    severity: Severity
    message: str
    what_to_do: str
    rows: tuple[tuple[Place, ...], ...] = ()

    @property
    def unit(self) -> str:
        """What `lines` counts: `row` where all files are Parquet, else `line`."""
        return "row" if all(is_parquet(place.file) for rows in self.rows for place in rows) else "line"

    @property
    def lines(self) -> str:
        """The places as text: `3 and 17; 20 and 41`, with the file where there are two."""
        files = {place.file for rows in self.rows for place in rows}
        return "; ".join(
            " and ".join(f"{place.file}:{place.line}" if len(files) > 1 else str(place.line) for place in rows)
            for rows in self.rows
        )


def blocker(
    code: str, name: str, message: str, what_to_do: str, rows: tuple[tuple[Place, ...], ...] = ()
) -> AuditFinding:
    """A fault that stops the comparison."""
    return AuditFinding(
        code=code, name=name, severity=Severity.BLOCKER, message=message, what_to_do=what_to_do, rows=rows
    )


def warning(
    code: str, name: str, message: str, what_to_do: str, rows: tuple[tuple[Place, ...], ...] = ()
) -> AuditFinding:
    """A fault that the report repeats."""
    return AuditFinding(
        code=code, name=name, severity=Severity.WARNING, message=message, what_to_do=what_to_do, rows=rows
    )
