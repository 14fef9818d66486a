"""What an encoder arm fitted, as one safetensors file: arrays, labels and settings. Never pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = "fitted.safetensors"


@dataclass(frozen=True)
class Artefact:
    """`labels` in the order of the arrays' rows; `settings` as JSON holds them."""

    labels: tuple[str, ...]
    arrays: Mapping[str, NDArray[np.float32]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        metadata = {"labels": json.dumps(self.labels), "settings": json.dumps(dict(self.settings))}
        contiguous = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        save_file(contiguous, folder / FILE, metadata)

    @classmethod
    def load(cls, folder: Path) -> Artefact:
        from safetensors import safe_open

        with safe_open(folder / FILE, framework="numpy") as file:
            metadata = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return cls(tuple(json.loads(metadata["labels"])), arrays, json.loads(metadata["settings"]))
