"""Answers that name a label, or several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from evaluation.answers.mentions import BULLET, WrittenLabels, one_of, plain, written_labels
from evaluation.answers.records import read_json
from evaluation.answers.text import read_text
from evaluation.answers.unread import Fault, Unread

NOTHING: Final = frozenset({"none", "no label", "no labels", "n/a"})
LEAD_IN: Final = re.compile(r"^[^:\n;,]{1,60}:\s*")


def read_label(text: str | None, labels: Sequence[str]) -> str | None:
    """The label that `find_label` finds, None if it finds none."""
    found = find_label(text, labels)
    return None if isinstance(found, Unread) else found


def find_label(text: str | None, labels: Sequence[str]) -> str | Unread:
    """The label that the text names. The first of these that finds any decides:

    1. all of the text is a label, exactly, or but for case, spacing and a final full stop;
    2. all of it but for markdown, quotes, brackets, final punctuation, hyphens and underscores, or "it is ...";
    3. a JSON object or list of one: the value under "label", "category", "answer" and the like, read in these ways;
    4. announcements ("the category is ...", "classified as ..."), which must all name the same label;
    5. the first line begins with a label set off by punctuation, or a line is a label; all must be the same;
    6. one label in bold or brackets, where the text mentions no other and denies nothing.

    From 4 on, a label that is denied ("not Billing") is not found, and one whose sentence names another too makes the
    text ambiguous, unless the other is ruled out ("not Lost parcel") or stands in a reason ("because ...").
    """
    if text is None:
        return Unread(Fault.EMPTY)
    if text in labels:
        return text
    same = {label for label in labels if plain(label) == plain(text)}
    if same:
        return one_of(same)
    spoken = read_text(text)
    return spoken if isinstance(spoken, Unread) else written_labels(tuple(labels)).find(spoken)


def read_labels(text: str | None, labels: Sequence[str]) -> frozenset[str] | Unread:
    """Several labels of one text: a JSON list (alone, or the only list of an object), or labels divided by semicolons,
    commas or lines, with bullets or without; "none" and "[]" are the empty set.

    A name that is no label stays in the set as it was written, and so counts as a wrong one; a text in which no name is
    a label cannot be read.
    """
    spoken = read_text(text)
    if isinstance(spoken, Unread):
        return spoken
    written = written_labels(tuple(labels))
    names = _names_in(spoken, written)
    if isinstance(names, Unread):
        return names
    read = frozenset(written.whole(name) or name.strip() for name in names if name.strip())
    return read if not read or read & set(labels) else Unread(Fault.UNKNOWN_LABEL)


def labels_of_row(output: str) -> tuple[str, ...]:
    """The labels in the output of a row that may have several, each once, in order: a JSON list of texts, else divided
    by semicolons, since labels may hold commas. "[]" is none. Raises ValueError for other JSON."""
    names: Any = read_json(output) if output.lstrip().startswith("[") else output.split(";")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f'{output[:40]!r}; expected labels as a JSON list of texts, or as "a; b".')
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _names_in(text: str, written: WrittenLabels) -> Iterable[str] | Unread:
    """Names as they are written."""
    if text[0] in "{[" or text.startswith("```"):
        value = read_json(text)
        if isinstance(value, Unread):
            return value
        lists = [value] if isinstance(value, list) else [item for item in value.values() if isinstance(item, list)]
        if len(lists) != 1 or not all(isinstance(name, str) for name in lists[0]):
            return Unread(Fault.UNKNOWN_LABEL)
        return [str(name) for name in lists[0]]
    if plain(text) in NOTHING:
        return []
    first, *rest = [BULLET.sub("", line) for line in text.splitlines() if line.strip()]
    begun = LEAD_IN.sub("", first) if written.whole(first) is None else first
    return [name for line in (begun, *rest) for name in _parts(line, written)]


def _parts(line: str, written: WrittenLabels) -> Iterator[str]:
    """Divided by semicolons, and by commas and "and" where they are in no label's name."""
    for part in line.split(";"):
        yield from [part] if written.whole(part) is not None else re.split(r",|\band\b", part)
