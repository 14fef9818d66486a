"""Finds the folder of a causal language model and refuses what would run foreign code or unpickle foreign bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

READ: Final = (".safetensors", ".json", ".jinja", ".txt", ".model")
"""Endings of the files that decide an answer: weights, settings, tokenizer and chat template."""
HUB_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
CONFIG: Final = "config.json"


class WeightsError(ValueError):
    """The model cannot be used; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class ModelFolder:
    """A model as it lies on this disk. `name` is what others know it by: its hub name, else the folder's name."""

    path: Path
    name: str

    @cached_property
    def sha256(self) -> str:
        """Over every file that decides an answer, names included; seconds for each ten gigabytes."""
        digest = hashlib.sha256()
        for file in sorted(self.path.rglob("*")):
            if file.is_file() and file.suffix in READ:
                with file.open("rb") as opened:
                    content = hashlib.file_digest(opened, "sha256").hexdigest()
                digest.update(f"{file.relative_to(self.path)} {content}\n".encode())
        return digest.hexdigest()

    @property
    def determined_by(self) -> Mapping[str, str]:
        return {"weights": self.sha256}


def find_model(name: str, revision: str | None = None, *, download: bool = False) -> ModelFolder:
    """A folder, or a name on the Hugging Face hub such as `org/model`.

    A hub model is taken from this machine's cache; it is fetched only with `download`, and then only safetensors and
    text files. Raises WeightsError.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _checked(ModelFolder(folder.resolve(), folder.resolve().name))
    if not HUB_NAME.fullmatch(name):
        raise WeightsError(f"{name} is neither a folder nor a model name such as org/model; name one of the two.")
    return _checked(ModelFolder(_from_hub(name, revision, download), name))


def _from_hub(name: str, revision: str | None, download: bool) -> Path:
    if not download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from huggingface_hub import snapshot_download

    try:
        # The library's file names, not patterns of the hub's owner: no pickle and no program is ever fetched.
        found = snapshot_download(
            name, revision=revision, local_files_only=not download, allow_patterns=[f"*{ending}" for ending in READ]
        )
    except Exception as error:
        what = "could not be fetched" if download else "is not in this machine's cache"
        raise WeightsError(
            f"The model {name} {what} ({type(error).__name__}); fetch it with 'hf download {name}', or name a folder."
        ) from error
    return Path(found)


def _checked(model: ModelFolder) -> ModelFolder:
    if not (model.path / CONFIG).is_file():
        raise WeightsError(f"{model.path} has no {CONFIG}; name the folder of a transformers model.")
    try:
        config = json.loads((model.path / CONFIG).read_text(encoding="utf-8"))
        kind = config.get("model_type", "")
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"{model.path / CONFIG} is not a JSON object; fetch the model again.") from error
    if not any(model.path.glob("*.safetensors")):
        raise WeightsError(
            f"{model.path} has no safetensors weights; other formats can hold programs and are not loaded. "
            "Name a model that is published as safetensors."
        )
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        own = " It brings its own code, which is not run here." if "auto_map" in config else ""
        raise WeightsError(
            f"{model.name} is of the kind '{kind}', which transformers does not know as a causal language model.{own} "
            "Name another model."
        )
    return model
