"""A file of examples without some of its rows and with some inputs replaced; all the rest stays as it was written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.chat import MESSAGES, ChatError, read_chat
from evaluation.files import DELIMITED, DatasetError, allow_long_cells, delimiter_of, is_parquet, text_of
from evaluation.privacy import masked

BYTE_ORDER_MARK = "\ufeff"
BETWEEN_VALUES = re.compile(r"[\s,:]*")
JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"(\s*:)?')
"""With the colon after it, where it is the name of a field."""


@dataclass(frozen=True)
class Replacement:
    """The input of a row and what it becomes."""

    old: str
    new: str


Changes = Mapping[int, Replacement | None]
"""By line, as the reader numbers rows: None takes the row out."""


def rewritten(path: Path, changes: Changes) -> str:
    """The file's text with these changes. Rows, cells and line ends that are not named stay byte for byte.

    Raises `DatasetError` if a line holds no row, or no text that equals its old input: the file is not the one that was
    read. Also where what is replaced in a chat runs over two of its messages, and for Parquet files, which are not
    written.
    """
    if is_parquet(path.name):
        raise DatasetError(f"{path.name}: Parquet files are read, not written; save it as JSONL or CSV.")
    text = text_of(path)
    mark = BYTE_ORDER_MARK if path.read_bytes().startswith(BYTE_ORDER_MARK.encode()) else ""
    if path.suffix.lower() in DELIMITED:
        delimiter = delimiter_of(path, text)
        return mark + "".join(_changed(path, _csv_rows(text, delimiter), changes, partial(_in_csv, delimiter)))
    return mark + "".join(_changed(path, _lines(text), changes, _in_object))


def _changed(
    path: Path,
    pieces: Iterator[tuple[int, str]],
    changes: Changes,
    in_row: Callable[[str, Replacement], str],
) -> Iterator[str]:
    left = dict(changes)
    for line, piece in pieces:
        if line not in left:
            yield piece
            continue
        replacement = left.pop(line)
        if replacement is None:
            continue
        try:
            new = in_row(piece, replacement)
        except ChatError as error:
            raise DatasetError(f"{path.name}, line {line}: {error}") from None
        if new == piece:
            raise _other_file(path, line)
        yield new
    if left:
        raise _other_file(path, min(left))


def _other_file(path: Path, line: int) -> DatasetError:
    return DatasetError(f"{path.name}, line {line}: not the row that was audited; the file has changed, try again.")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their ends; as in the reader, only a newline ends one."""
    return enumerate(re.findall(r"[^\n]*\n|[^\n]+", text), start=1)


def _csv_rows(text: str, delimiter: str) -> Iterator[tuple[int, str]]:
    """Rows with their ends, the header included, each after its first line; a quoted cell may run over several."""
    lines = list(io.StringIO(text, newline=""))
    allow_long_cells(text)
    reader, start = csv.reader(iter(lines), delimiter=delimiter, strict=True), 0
    for _ in reader:
        yield start + 1, "".join(lines[start : reader.line_num])
        start = reader.line_num


def _in_object(line: str, replacement: Replacement) -> str:
    values = json.loads(line)
    changed = _in_json(line, replacement)
    return _in_chat(line, values[MESSAGES], replacement) if changed == line and MESSAGES in values else changed


def _in_chat(line: str, messages: Any, replacement: Replacement) -> str:
    """Every text of the line that equals one of those the input is made of. `ChatError` where that does not make the
    new input, because something was found across two messages."""
    chat = read_chat(messages)
    if chat.input.strip() != replacement.old.strip():
        return line
    new = {text: replacement.new if len(chat.asked) == 1 else masked(text) for text in chat.asked}

    def written(found: re.Match[str]) -> str:
        if found[1] or new.get(text := json.loads(found[0]), text) == text:
            return found[0]
        return json.dumps(new[text], ensure_ascii=found[0].isascii())

    changed = JSON_TEXT.sub(written, line)
    if read_chat(json.loads(changed)[MESSAGES]).input.strip() != replacement.new.strip():
        raise ChatError("what is to be replaced runs over two messages; replace it by hand, or delete the row.")
    return changed


def _in_json(line: str, replacement: Replacement) -> str:
    """Every value of the object that equals the old input; how the others are written does not change."""
    decode, parts, done = json.JSONDecoder().raw_decode, [], 0
    at = _after_blanks(line, line.index("{") + 1)
    while line[at] != "}":
        _, at = decode(line, at)
        start = _after_blanks(line, at)
        value, at = decode(line, start)
        if value == replacement.old:
            written = json.dumps(replacement.new, ensure_ascii=line[start:at].isascii())
            parts += [line[done:start], written]
            done = at
        at = _after_blanks(line, at)
    return "".join(parts) + line[done:]


def _after_blanks(line: str, at: int) -> int:
    between = BETWEEN_VALUES.match(line, at)
    return between.end() if between else at


def _in_csv(delimiter: str, row: str, replacement: Replacement) -> str:
    """Every cell that equals the old input, quoted where it was or has to be; the other cells as they are written."""
    cell = re.compile(rf'"(?:[^"]+|"")*+"|[^{re.escape(delimiter)}\r\n]*')
    parts, at = [], 0
    while found := cell.match(row, at):
        written = found.group()
        quoted = written.startswith('"')
        value = written[1:-1].replace('""', '"') if quoted else written
        parts.append(_cell(replacement.new, delimiter, quoted) if value == replacement.old else written)
        at = found.end()
        if not row.startswith(delimiter, at):
            break
        parts.append(delimiter)
        at += 1
    return "".join(parts) + row[at:]


def _cell(text: str, delimiter: str, quoted: bool) -> str:
    if quoted or any(sign in text for sign in (delimiter, '"', "\n", "\r")):
        return '"' + text.replace('"', '""') + '"'
    return text
