"""`advisor backup FILE` and `advisor restore FILE`."""

from __future__ import annotations

from pathlib import Path

from service.backup import make_backup
from service.restore import restore
from service.settings import load_settings


def run_backup(target: Path) -> None:
    manifest = make_backup(load_settings(), target)
    size = sum(entry.size for entry in manifest.files.values())
    print(
        f"{target}: the database and {len(manifest.files) - 1} files, {size / 1e6:.1f} MB. It holds your rows and "
        "answers: keep it as safe as them."
    )


def run_restore(source: Path, *, replace: bool) -> None:
    settings = load_settings()
    there = restore(settings, source, replace=replace)
    print(
        f"Restored to {settings.data_folder}: {there.comparisons} comparisons, {there.datasets} data sets, "
        f"{there.corpora} corpora, {there.assessments} assessments."
    )
    if there.unfinished:
        print(f"{there.unfinished} comparisons were under way. They are cancelled; resume them to have them finished.")
