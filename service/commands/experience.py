"""What is known of the encoder's arms before they meet the user's examples."""

from __future__ import annotations

from pathlib import Path

from adapters import encoder as encoder_package
from adapters.encoder.embedding import Encoder
from evaluation.experience import Experience

FILE = Path(str(encoder_package.__file__)).parent / "experience.json"


def experience_with(encoder: Encoder) -> Experience | None:
    """Their accuracies on open data sets; None for another encoder than the embedded one."""
    return Experience.read(FILE, encoder.sha256)
