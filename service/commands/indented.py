"""Lists in a terminal whose wrapped lines stay under their own text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table


def indented(rows: Iterable[Sequence[str]]) -> Table:
    """A heading or bullet and its text on each row; markup is read, so user text must come escaped."""
    table = Table.grid(padding=(0, 1))
    for row in rows:
        table.add_row("", *row)
    return table
