"""The passages of a corpus in one file on disk; in memory are those that are being looked at."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from evaluation.arm import Passage

BATCH: Final = 2_000


class PassageStore:
    """Passages by their row, 0 and up, in the order in which they were written."""

    def __init__(self, path: Path) -> None:
        """Opens what `write` made."""
        self._path = path
        with closing(self._connection()) as connection:
            self._count = int(connection.execute("select count(*) from passages").fetchone()[0])

    @classmethod
    def write(cls, path: Path, passages: Iterable[Passage]) -> PassageStore:
        passages = iter(passages)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("create table passages (place integer primary key, id text, document text, body text)")
            first = 0
            while batch := list(islice(passages, BATCH)):
                rows = ((place, one.id, one.document, one.text) for place, one in enumerate(batch, start=first))
                connection.executemany("insert into passages values (?, ?, ?, ?)", rows)
                first += len(batch)
        return cls(path)

    def __len__(self) -> int:
        return self._count

    def at(self, rows: Sequence[int]) -> list[Passage]:
        """The passages of these rows, in this order. Raises IndexError for a row that is not there."""
        with closing(self._connection()) as connection:
            found = [
                connection.execute("select id, document, body from passages where place = ?", (row,)).fetchone()
                for row in rows
            ]
        if None in found:
            raise IndexError(f"no passage {rows[found.index(None)]} of {len(self):,}")
        return [Passage(*values) for values in found]

    def texts(self) -> Iterator[str]:
        """Every text, in order."""
        for batch in self.batches():
            yield from batch

    def batches(self, size: int = BATCH) -> Iterator[list[str]]:
        """The texts in order, `size` at a time, each batch read when it is asked for."""
        for first in range(0, len(self), size):
            with closing(self._connection()) as connection:
                rows = connection.execute(
                    "select body from passages where place >= ? and place < ? order by place", (first, first + size)
                ).fetchall()
            yield [text for (text,) in rows]

    def _connection(self) -> sqlite3.Connection:
        # Read only, and one connection a call: searches may come from several threads.
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
