"""One line of the catalogue: an arm's name and where its code lies. Nothing heavy is imported until it is asked for."""

from __future__ import annotations

import hashlib
import os
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from evaluation.arm import Family, Randomness


class Entry(NamedTuple):
    """`module`, under adapters, holds the class."""

    name: str
    title: str
    family: Family
    randomness: Randomness
    module: str
    arm_class: str
    takes_task: bool = False
    demonstrations: int = 0
    """For each label; the same number as in the arm's module, which is not imported before an arm is built."""
    chooses: str = ""
    """Which setting it chooses on its training rows."""
    rewrites: bool = False
    """Whether a fit has the model write its own instruction."""


def arm_class(entry: Entry) -> Any:
    """The class that fits and predicts."""
    # Before the first model library is imported: it reads the variable only then.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return getattr(import_module(f"adapters.{entry.module}"), entry.arm_class)


def source_sha256(package: str) -> str:
    """Source instead of a version number: nobody has to remember to raise it."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in (folder / "index.py", *sorted((folder / package).glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
