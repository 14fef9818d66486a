"""From file names to audited examples: what `audit`, `compare` and `demo` have in common."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from adapters.catalogue import head_fit
from adapters.encoder.embedding import EMBEDDED_NAME, Encoder
from evaluation.audit import Audit, Instruments, audit_dataset
from evaluation.dataset import Dataset
from evaluation.material import CountTokens, count_material
from evaluation.policy import EvaluationPolicy
from evaluation.privacy import installed_names
from evaluation.readers import Columns, read_dataset
from rules.material import Material
from service.settings import Settings


@dataclass(frozen=True)
class Examples:
    """Read and audited; nothing is fitted yet."""

    dataset: Dataset
    test: Dataset | None
    audit: Audit

    def material(self, count_tokens: CountTokens) -> Material:
        """What they tell a plan."""
        return count_material(self.dataset, self.test, self.audit, count_tokens)


def read_examples(
    data: Path, test: Path | None, columns: Columns, encoder: Encoder, policy: EvaluationPolicy
) -> Examples:
    """Raises `DatasetError` for a file that cannot be used; blockers are left in the audit.

    Texts that the encoder has not read yet are read here, the slowest part by far; a terminal says so meanwhile.
    """
    dataset = read_dataset(data, columns)
    test_dataset = read_dataset(test, columns) if test else None
    console = Console(stderr=True)
    with console.status("reading every text once") if console.is_terminal else nullcontext():
        audit = audit_dataset(
            dataset,
            test_dataset,
            policy,
            encoder.token_limit,
            encoder.count_tokens,
            encoder.embed,
            instruments(encoder),
        )
    return Examples(dataset, test_dataset, audit)


def instruments(encoder: Encoder) -> Instruments:
    """What this machine can look with."""
    language = "en" if encoder.name == EMBEDDED_NAME else None
    return Instruments(head_fit(encoder), language, installed_names())


def configured_encoder(settings: Settings) -> Encoder:
    """The embedded encoder, or the one that the settings name."""
    cache = settings.cache_folder
    return Encoder(settings.encoder, cache) if settings.encoder else Encoder.embedded(cache)
