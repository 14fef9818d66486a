"""From file names to audited examples: what `audit`, `compare` and `demo` have in common."""

from __future__ import annotations

import sys
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
from evaluation.written import read_written
from rules.material import Material
from service.commands.task_file import ONE_LABEL, AskedFor
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
    data: Path,
    test: Path | None,
    columns: Columns,
    encoder: Encoder,
    policy: EvaluationPolicy,
    asked: AskedFor = ONE_LABEL,
    *,
    encoder_answers: bool = True,
) -> Examples:
    """Raises `DatasetError` for a file that cannot be used; blockers are left in the audit.

    Texts that the encoder has not read yet are read here, the slowest part by far; a terminal says so meanwhile. Where
    it does not answer itself (`encoder_answers`), how much it reads of a text does not matter.
    """

    def read(path: Path) -> Dataset:
        return read_dataset(path, columns) if asked.has_one_label else read_written(path, asked.asked, columns)

    dataset = read(data)
    test_dataset = read(test) if test else None
    console = Console(stderr=True)
    with console.status("reading every text once") if console.is_terminal else nullcontext():
        audit = audit_dataset(
            dataset,
            test_dataset,
            policy,
            encoder.token_limit if encoder_answers else sys.maxsize,
            encoder.count_tokens,
            encoder.embed,
            instruments(encoder, reads_all=encoder_answers),
            outputs_are_labels=asked.has_one_label,
        )
    return Examples(dataset, test_dataset, audit)


def instruments(encoder: Encoder, *, reads_all: bool = True) -> Instruments:
    """What this machine can look with. `reads_all`: whether the encoder answers, so that its language matters."""
    language = "en" if reads_all and encoder.name == EMBEDDED_NAME else None
    return Instruments(head_fit(encoder), language, installed_names())


def configured_encoder(settings: Settings) -> Encoder:
    """The embedded encoder, or the one that the settings name."""
    cache = settings.cache_folder
    return Encoder(settings.encoder, cache) if settings.encoder else Encoder.embedded(cache)
