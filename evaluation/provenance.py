"""What it takes to get the same numbers again."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict

LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "transformers",
    "peft",
    "sentence-transformers",
    "faiss-cpu",
    "bm25s",
    "openai",
)
FLOORS = ("rules", "evaluation", "adapters", "service")


class Provenance(BaseModel):
    """Hashes are SHA-256 (hex). Times are kept elsewhere: these fields are equal for equal runs."""

    model_config = ConfigDict(frozen=True)

    advisor: str
    source_sha256: str
    python: str
    machine: str
    libraries: dict[str, str]
    dataset_sha256: str
    test_sha256: str | None
    split_sha256: str
    policy_sha256: str
    seed: int
    base_models: dict[str, str]
    trials: dict[str, str]
    """Trial key by `arm/fold/run`."""


def advisor_version() -> str:
    """As installed: pyproject.toml is the only place that states it."""
    return metadata.version("adaptation-advisor")


def library_versions() -> dict[str, str]:
    """Installed versions, read from metadata: nothing is imported."""
    return {name: metadata.version(name) for name in LIBRARIES}


def source_sha256() -> str:
    """Hash of the advisor's own Python source, so that a changed checkout shows."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for floor in FLOORS:
        for path in sorted((root / floor).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def python_version() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def machine() -> str:
    """System and processor kind; floating-point results may differ between kinds."""
    return f"{platform.system()} {platform.machine()}"
