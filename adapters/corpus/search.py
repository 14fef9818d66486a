"""Searches the team's documents: indexed once, kept on disk, found again by what they were made of."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Final, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from adapters.corpus.bm25 import Bm25Search
from adapters.corpus.dense import EXACT_BELOW, DenseSearch
from adapters.corpus.document import CorpusError
from adapters.corpus.fusion import DEPTH, fuse
from adapters.corpus.passages import CUTTING, Cutting, cut
from adapters.corpus.ranking import Ranking
from adapters.corpus.reading import Note, corpus_sha256, read_corpus, untold
from adapters.corpus.store import PassageStore
from evaluation.arm import Passage

Method = Literal["dense", "bm25", "fusion"]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done, and of how many (0 where nobody knows)."""
LIBRARIES: Final = (
    "beautifulsoup4", "bm25s", "faiss-cpu", "markdown-it-py", "markdownify", "pypdf", "PyStemmer",
    "semantic-text-splitter",
)  # fmt: skip
PASSAGES, DENSE, BM25, ABOUT = "passages.sqlite3", "dense", "bm25", "about.json"
BATCH: Final = 256
"""Passages embedded at once: what a killed run loses, and how often progress is told. On a slow machine ten seconds."""
REPORTED: Final = 1_000
COUNTED: Final = 10_000


def unseen(what: str, done: int, of: int) -> None:
    """For callers who show no progress."""


class TextEncoder(Protocol):
    """What a corpus needs of the encoder."""

    @property
    def fingerprint(self) -> str: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class CorpusSearch:
    """Finds passages of a corpus by meaning (`dense`), by words (`bm25`) or by both (`fusion`).

    Made by `open_corpus`. `notes` are single lines for the report: what the corpus holds and what was left out.
    """

    def __init__(
        self, store: PassageStore, dense: DenseSearch | None, bm25: Bm25Search | None,
        determined_by: Mapping[str, str], notes: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """At least one of the two searches is needed."""
        self._store, self._dense, self._bm25 = store, dense, bm25
        self.determined_by, self.notes = dict(determined_by), tuple(notes)

    def search(self, queries: Sequence[str], k: int) -> list[list[Passage]]:
        """For each query, in order, at most k passages, the best first; the same ones in every run."""
        return [self._store.at(ranking.rows.tolist()) for ranking in self.rank(queries, k)]

    def rank(self, queries: Sequence[str], k: int) -> list[Ranking]:
        """The passages' rows and scores; those of a fusion are between 0 and 1."""
        if k < 1:
            raise ValueError("a search is for at least one passage")
        depth = max(k, DEPTH) if self._dense is not None and self._bm25 is not None else k
        by_meaning = self._dense.rank(queries, depth) if self._dense is not None else []
        by_words = self._bm25.rank(queries, depth) if self._bm25 is not None else []
        if by_meaning and by_words:
            return [fuse(meaning, words, k) for meaning, words in zip(by_meaning, by_words, strict=True)]
        return by_meaning or by_words


def open_corpus(
    path: Path, encoder: TextEncoder, folder: Path, method: Method = "fusion", cutting: Cutting = CUTTING,
    language: str = "en", note: Note = untold, progress: Progress = unseen,
    exact_below: int = EXACT_BELOW,
) -> CorpusSearch:  # fmt: skip
    """The search over the documents at `path`, a file or a folder; made in `folder` unless it is there already.

    What is made lies under a name that is the hash of the documents, the settings, the encoder and the code: another
    run with the same finds it, and embeds nothing. A run that is killed leaves nothing half made; texts that were
    embedded stay in the encoder's cache. `language` is the documents' ISO 639 code. Raises `CorpusError`.
    """
    if method not in get_args(Method):
        raise CorpusError(f"Unknown way to search {method!r}; expected one of {', '.join(get_args(Method))}.")
    if not path.exists():
        raise CorpusError(f"{path}: no such file or folder.")
    determined_by = {
        "documents": corpus_sha256(path), "encoder": encoder.fingerprint, "language": language,
        "cutting": f"{cutting.tokens} tokens, {cutting.overlap} repeated", "exact_below": str(exact_below),
        "code": _code_sha256(),
    }  # fmt: skip
    home = folder / hashlib.sha256(json.dumps(determined_by, sort_keys=True).encode()).hexdigest()[:32]
    try:
        about = _passages(home, path, cutting, encoder, note, progress)
        store = PassageStore(home / "passages" / PASSAGES)
        dense = _dense(home / DENSE, store, encoder, exact_below, progress) if method != "bm25" else None
        bm25 = _bm25(home / BM25, store, language, progress) if method != "dense" else None
    except OSError as error:
        raise CorpusError(f"The index under {home} cannot be kept: {error.strerror or error}.") from error
    notes = [*about, *([dense.statement()] if dense is not None else [])]
    return CorpusSearch(store, dense, bm25, {**determined_by, "search": method}, notes)


def _passages(
    home: Path, path: Path, cutting: Cutting, encoder: TextEncoder, note: Note, progress: Progress
) -> list[str]:  # fmt: skip
    """Reads and cuts the documents unless that was done; the notes about them."""
    documents = 0

    def read() -> Iterator[Passage]:
        nonlocal documents
        for document in read_corpus(path, left_out.append):
            yield from cut(document, cutting, encoder.count_tokens)
            documents += 1
            if documents % REPORTED == 0:
                progress("reading documents", documents, 0)

    left_out: list[str] = []
    with _made_whole(home / "passages", progress) as making:
        if making is not None:
            store = PassageStore.write(making / PASSAGES, read())
            if not len(store):
                raise CorpusError(f"{path.name} holds no text to search.")
            progress("reading documents", documents, documents)
            about = [f"{documents:,} documents, cut into {len(store):,} passages.", *left_out]
            (making / ABOUT).write_text(json.dumps(about, ensure_ascii=False))
    told: list[str] = json.loads((home / "passages" / ABOUT).read_text())
    for line in told[1:]:
        note(line)
    return told


def _dense(
    home: Path, store: PassageStore, encoder: TextEncoder, exact_below: int, progress: Progress
) -> DenseSearch:  # fmt: skip
    with _made_whole(home, progress) as making:
        if making is not None:
            DenseSearch.build(making, store.batches(BATCH), len(store), encoder, progress, exact_below)
    return DenseSearch.load(home, encoder)


def _bm25(home: Path, store: PassageStore, language: str, progress: Progress) -> Bm25Search:
    with _made_whole(home, progress) as making:
        if making is not None:
            Bm25Search(_told(store, progress), language).save(making)
            progress("counting words", len(store), len(store))
    return Bm25Search.load(home)


def _told(store: PassageStore, progress: Progress) -> Iterator[str]:
    for number, text in enumerate(store.texts()):
        if number % COUNTED == 0:
            progress("counting words", number, len(store))
        yield text


@contextmanager
def _made_whole(home: Path, progress: Progress) -> Iterator[Path | None]:
    """A folder to fill, which takes the name `home` when it is complete; None where `home` is there already.

    Of several processes that want the same, one makes it and the others wait.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(home.parent, progress):
        if home.is_dir():
            yield None
            return
        making = home.parent / f".{home.name}"
        # Of a run that was killed: hundreds of megabytes where the corpus is large.
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        try:
            yield making
            making.rename(home)
        finally:
            shutil.rmtree(making, ignore_errors=True)


@contextmanager
def _alone_in(folder: Path, progress: Progress) -> Iterator[None]:
    """Held by one process at a time; the system lets go of it for one that is killed."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another run that indexes the same documents", 0, 0)
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _code_sha256() -> str:
    """Of the source that reads, cuts and searches, and the versions of what it stands on."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in (here.parent / "index.py", *sorted(here.glob("*.py"))):
        digest.update(path.read_bytes())
    digest.update(json.dumps({name: metadata.version(name) for name in LIBRARIES}).encode())
    return digest.hexdigest()
