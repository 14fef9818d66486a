"""A corpus from files to found passages, and what a second run does not do again."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.corpus.document import CorpusError
from adapters.corpus.passages import Cutting
from adapters.corpus.search import Method, open_corpus
from adapters.encoder.embedding import Encoder

ROOT = Path(__file__).parents[3]


class Watched:
    """The real encoder, with the texts that it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self.embedded = encoder, list[str]()
        self.fingerprint = encoder.fingerprint

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self._encoder.count_tokens(texts)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return self._encoder.embed(texts)


@pytest.fixture
def watched(encoder: Encoder) -> Watched:
    return Watched(encoder)


QUESTIONS = ("how long do I have to return an annual plan?", "the router does not work", "when do you open")


@pytest.mark.parametrize("method", ["dense", "bm25", "fusion"])
def test_the_right_document_comes_first(handbook: Path, watched: Watched, tmp_path: Path, method: Method) -> None:
    search = open_corpus(handbook, watched, tmp_path / "index", method)
    found = search.search(QUESTIONS, 2)
    assert [passages[0].document for passages in found] == ["guides/refunds.md", "routers.txt", "faq-1"]
    assert found[0][0].id == "guides/refunds.md#2"
    assert found[0][0].text.startswith("Refunds > Annual plans\nAn annual plan")
    assert all(len(passages) <= 2 for passages in found)
    assert search.determined_by["search"] == method
    assert search.notes[0] == "4 documents, cut into 6 passages."
    assert ("searched exactly" in search.notes[-1]) == (method != "bm25")
    assert bool(watched.embedded) == (method != "bm25")


def test_a_second_run_embeds_only_the_questions(handbook: Path, watched: Watched, tmp_path: Path) -> None:
    (handbook / "logo.png").write_bytes(b"\x89PNG")
    first, told = open_corpus(handbook, watched, tmp_path / "index").search(QUESTIONS, 3), list[str]()
    watched.embedded.clear()
    search = open_corpus(handbook, watched, tmp_path / "index", note=told.append)
    assert watched.embedded == []
    assert search.search(QUESTIONS, 3) == first
    assert watched.embedded == list(QUESTIONS)
    assert told == ["Passed over, of another type: logo.png."]


def test_the_two_searches_share_passages_but_not_names(handbook: Path, watched: Watched, tmp_path: Path) -> None:
    words = open_corpus(handbook, watched, tmp_path / "index", "bm25")
    both = open_corpus(handbook, watched, tmp_path / "index", "fusion")
    assert len(list((tmp_path / "index").iterdir())) == 1
    assert words.determined_by != both.determined_by


@pytest.mark.parametrize("change", ["document", "cutting", "language", "encoder"])
def test_what_determines_the_passages_makes_another_index(
    handbook: Path, watched: Watched, tmp_path: Path, change: str
) -> None:
    before = open_corpus(handbook, watched, tmp_path, "bm25").determined_by
    if change == "document":
        (handbook / "routers.txt").write_text("Routers\n\nPull the plug.\n")
    if change == "encoder":
        watched.fingerprint = "another"
    cutting = Cutting(64, 8) if change == "cutting" else Cutting()
    after = open_corpus(handbook, watched, tmp_path, "bm25", cutting, "de" if change == "language" else "en")
    assert before != after.determined_by
    assert len(list(tmp_path.glob("[0-9a-f]*/passages"))) == 2


def test_a_killed_run_leaves_nothing_half_made(handbook: Path, watched: Watched, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def stop(*seen: object) -> None:
        if seen[0] == "embedding passages":
            raise Killed

    with pytest.raises(Killed):
        open_corpus(handbook, watched, tmp_path / "index", "dense", progress=stop)
    (home,) = (tmp_path / "index").iterdir()
    assert [path.name for path in home.iterdir()] == ["passages"]
    search = open_corpus(handbook, watched, tmp_path / "index", "dense")
    assert search.search(QUESTIONS[:1], 1)[0][0].document == "guides/refunds.md"


def test_a_stopped_run_keeps_what_was_embedded(encoder: Encoder, tmp_path: Path) -> None:
    """Stopped after two batches, the next run reads only the rest with the model."""

    class Stopped(BaseException):
        pass

    def stop(*told: object) -> None:
        if told == ("embedding passages", 512, 600):
            raise Stopped

    (tmp_path / "many.jsonl").write_text("".join(f'{{"text": "Fact {number}."}}\n' for number in range(600)))
    corpus, cache = tmp_path / "many.jsonl", tmp_path / "embeddings"
    with pytest.raises(Stopped):
        open_corpus(corpus, Encoder(encoder.folder, cache), tmp_path / "index", "dense", progress=stop)
    with closing(sqlite3.connect(cache / "embeddings.sqlite3")) as kept:
        assert kept.execute("select count(*) from vectors").fetchone() == (512,)
    told: list[tuple[str, int, int]] = []
    search = open_corpus(
        corpus, Encoder(encoder.folder, cache), tmp_path / "index", "dense", progress=lambda *seen: told.append(seen)
    )
    assert told[0] == ("embedding passages", 0, 600)
    assert search.search(["Fact 77."], 1)[0][0].text == "Fact 77."


def test_progress_is_told_in_batches(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "many.jsonl").write_text("".join(f'{{"text": "Fact {number}."}}\n' for number in range(2100)))
    told: list[tuple[str, int, int]] = []
    open_corpus(tmp_path / "many.jsonl", watched, tmp_path / "index", "bm25", progress=lambda *seen: told.append(seen))
    assert told == [
        ("reading documents", 1000, 0), ("reading documents", 2000, 0), ("reading documents", 2100, 2100),
        ("counting words", 0, 2100), ("counting words", 2100, 2100),
    ]  # fmt: skip


def test_counting_the_words_of_a_large_corpus_is_told_on_the_way(watched: Watched, tmp_path: Path) -> None:
    (tmp_path / "many.jsonl").write_text("".join(f'{{"text": "Fact {number}."}}\n' for number in range(21_000)))
    told: list[tuple[str, int, int]] = []
    open_corpus(tmp_path / "many.jsonl", watched, tmp_path / "index", "bm25", progress=lambda *seen: told.append(seen))
    counted = [done for what, done, of in told if (what, of) == ("counting words", 21_000)]
    assert counted == [0, 10_000, 20_000, 21_000]


OPEN = """
import sys
from pathlib import Path
from adapters.corpus.search import open_corpus
from adapters.encoder.embedding import Encoder
def told(what, done, of):
    print(what, done, flush=True)
    if what == sys.argv[3]:
        sys.stdin.readline()
open_corpus(Path(sys.argv[1]), Encoder.embedded(), Path(sys.argv[2]), "bm25", progress=told)
"""


def opening(handbook: Path, folder: Path, pause: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(handbook), str(folder), pause],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_a_kill_left_is_cleared_away_by_the_next_run(handbook: Path, watched: Watched, tmp_path: Path) -> None:
    with opening(handbook, tmp_path / "index", pause="counting words") as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if line.startswith("counting words"):
                break
        killed.send_signal(signal.SIGKILL)
    (home,) = (tmp_path / "index").iterdir()
    assert sorted(path.name for path in home.iterdir()) == [".bm25", "passages"]
    search = open_corpus(handbook, watched, tmp_path / "index", "bm25")
    assert search.search(["router"], 1)[0][0].document == "routers.txt"
    assert sorted(path.name for path in home.iterdir()) == ["bm25", "passages"]


def test_two_runs_at_once_make_one_index_and_the_second_says_that_it_waits(handbook: Path, tmp_path: Path) -> None:
    with opening(handbook, tmp_path / "index", pause="reading documents") as first:
        assert first.stdout is not None
        assert first.stdout.readline().startswith("reading documents")
        with opening(handbook, tmp_path / "index") as second:
            assert second.stdout is not None
            assert second.stdout.readline().startswith("waiting for another run")
            first.communicate("\n", timeout=60)
            rest, _ = second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "reading documents" not in rest
    (home,) = (tmp_path / "index").iterdir()
    assert sorted(path.name for path in home.iterdir()) == ["bm25", "passages"]


def test_more_passages_than_there_are(handbook: Path, watched: Watched, tmp_path: Path) -> None:
    search = open_corpus(handbook, watched, tmp_path)
    assert len({passage.id for passage in search.search(QUESTIONS[:1], 50)[0]}) == 6
    assert search.search([], 5) == []
    with pytest.raises(ValueError, match="at least one passage"):
        search.search(QUESTIONS, 0)


def test_mistakes_end_in_one_line(handbook: Path, watched: Watched, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="expected one of dense, bm25, fusion"):
        open_corpus(handbook, watched, tmp_path, "hybrid")  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match="no such file or folder"):
        open_corpus(tmp_path / "absent", watched, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CorpusError, match="cannot be kept"):
        open_corpus(handbook, watched, tmp_path / "file", "bm25")
