"""One comparison's folder: its trials, its report, and a lock so that two runs cannot mix."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from evaluation.render.page import to_html, to_markdown
from evaluation.report import Report
from service.refusals import Refusal
from service.storage.folders import REPORT, TRIALS

__all__ = ["REPORT", "TRIALS", "locked", "read_report", "write_report", "write_whole"]


def write_report(folder: Path, report: Report) -> list[Path]:
    """report.html, report.md and report.json; each appears whole or not at all."""
    texts = {"html": to_html(report), "md": to_markdown(report), "json": report.model_dump_json(indent=1) + "\n"}
    return [write_whole(folder / f"{REPORT}.{suffix}", text) for suffix, text in texts.items()]


def write_whole(path: Path, text: str) -> Path:
    """Write beside the target, then rename: a stop in between leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
    return path


def read_report(folder: Path) -> Report:
    """The saved report; `Refusal` says what to do where there is none or another version wrote it."""
    path = folder / f"{REPORT}.json"
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise Refusal(f"{folder} has no {path.name}; name the folder of a finished comparison.") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise Refusal(
            f"{path} is not a report of this version ({'.'.join(map(str, first['loc']))}: {first['msg']}); "
            "run the comparison again: finished trials are used."
        ) from None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Refuses a second run in the same folder while the first is going; a killed run leaves no lock behind."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise Refusal(f"{folder} cannot be written: {error.strerror}; name another folder with --out.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Refusal(
                f"Another comparison is running in {folder}; wait, or name another folder with --out."
            ) from None
        yield
