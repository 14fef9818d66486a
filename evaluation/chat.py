"""Chats as OpenAI takes them for fine-tuning, one a line, read as examples.

    {"messages": [{"role": "system", "content": "..."}, {"role": "user", "content": "..."},
                  {"role": "assistant", "content": "..."}]}

The answer is the last message, the assistant's. The input is what was said before it: the user's text alone where there
is just one message; else every message after its role, `user: ...`, one below the other. Only the last answer of a chat
is an example; what the assistant said earlier is part of the input.

A system message is no part of the input: it is the instruction, the same for all rows, and belongs into the task file,
where every arm is given it once. Two different ones refuse the file, since what differs between rows is input. Other
columns of a row (`id`, `group`, `references`, ...) are read as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from evaluation.columns import INPUT_NAMES, REFERENCES, Columns
from evaluation.files import DatasetError, FileRow, FileRows

MESSAGES: Final = "messages"
INPUT, OUTPUT = "input", "output"
INSTRUCTING: Final = ("system", "developer")
ANSWERING: Final = "assistant"
SPEAKING: Final = ("user", ANSWERING)


class ChatError(ValueError):
    """A chat that is no example; the message says which message, what was found and what was expected."""


@dataclass(frozen=True)
class Chat:
    """One chat as an example. `asked` are the texts that the input is made of, one for each text part."""

    instruction: str | None
    input: str
    output: str
    asked: tuple[str, ...]


@dataclass(frozen=True)
class _Message:
    role: str
    parts: tuple[str, ...]
    weight: Any

    @property
    def text(self) -> str:
        return "\n".join(self.parts)


def read_chat(messages: Any) -> Chat:
    """Of the value of `messages`. Text parts of one message are put on lines of their own.

    Raises `ChatError` for anything but a chat in which a user asks and the assistant has the last word; for parts that
    are no text (pictures, sound, calls of tools); and for a last answer of weight 0, which nobody is to learn from: it
    is refused, not left out, so that the rows that are measured are the rows of the file.
    """
    if not isinstance(messages, list) or not messages:
        raise ChatError(f"{MESSAGES!r}: expected a list of messages.")
    read = [_message(number, message) for number, message in enumerate(messages, start=1)]
    start = next((at for at, message in enumerate(read) if message.role in SPEAKING), len(read))
    for number, message in enumerate(read[start:], start=start + 1):
        if message.role in INSTRUCTING:
            raise ChatError(f"message {number}: a {message.role} message; expected it before all others.")
    if start == len(read) or read[-1].role != ANSWERING:
        raise ChatError(f"the last message is of the {read[-1].role}; expected the answer of the {ANSWERING}.")
    said, answer = read[start:-1], read[-1]
    if not any(message.role == "user" for message in said):
        raise ChatError("no message of the user before the last answer; expected what was asked.")
    if answer.weight == 0:
        raise ChatError("the last answer has weight 0, so nobody is to learn from it; delete the row, or the weight.")
    if not answer.text.strip():
        raise ChatError("the last answer is empty; fill it in or delete the row.")
    whole = said[0].text if len(said) == 1 else "\n".join(f"{message.role}: {message.text}" for message in said)
    return Chat(
        "\n".join(message.text for message in read[:start]) or None, whole, answer.text,
        tuple(part for message in said for part in message.parts),
    )  # fmt: skip


def from_chats(name: str, file: FileRows, columns: Columns) -> FileRows:
    """The rows with columns `input` and `output` where they are chats; as they are where none is one, or where columns
    were named, which are then read instead.

    Raises `DatasetError` for the first row that cannot be used: see `read_chat`; one without messages among others with
    them; one that has an input or output besides; another system message than before.
    """
    first = next((row for row in file.rows if isinstance(row.values.get(MESSAGES), list)), None)
    if first is None or columns.are_named:
        return file
    rows, problems, instructed = [], [], _Instruction()
    for row in file.rows:
        try:
            if MESSAGES not in row.values:
                raise ChatError(f"no {MESSAGES!r}, but line {first.line} has them; expected chats in all rows or none.")
            rows.append(_example(row, columns, instructed))
        except ChatError as error:
            problems.append(f"{name}, line {row.line}: {error}")
    if problems:
        more = f" ({len(problems)} bad rows in all)" if len(problems) > 1 else ""
        raise DatasetError(problems[0] + more)
    return FileRows(tuple(dict.fromkeys(column for row in rows for column in row.values)), tuple(rows))


@dataclass
class _Instruction:
    text: str | None = None
    line: int = 0

    def compare(self, text: str | None, line: int) -> None:
        if self.text is None:
            self.text, self.line = text, line
        elif text is not None and text != self.text:
            raise ChatError(
                f"another system message than on line {self.line}; expected the same in all rows: put what differs "
                "into the user's message, and the rest into the task file."
            )


def _example(row: FileRow, columns: Columns, instructed: _Instruction) -> FileRow:
    others = {column: value for column, value in row.values.items() if column != MESSAGES}
    rivals = {*INPUT_NAMES, *columns.outputs} - {REFERENCES}
    clash = next((column for column in others if column.lower() in rivals), None)
    if clash is not None:
        raise ChatError(
            f"both {MESSAGES!r} and {clash!r}; leave one of them out, or name the columns to read with --input-column "
            "and --output-column."
        )
    chat = read_chat(row.values[MESSAGES])
    instructed.compare(chat.instruction, row.line)
    return FileRow(row.line, {INPUT: chat.input, OUTPUT: chat.output, **others})


def _message(number: int, message: Any) -> _Message:
    if not isinstance(message, dict):
        raise ChatError(f"message {number}: {type(message).__name__}; expected an object with role and content.")
    role, content = message.get("role"), message.get("content")
    if role not in (*INSTRUCTING, *SPEAKING):
        raise ChatError(f"message {number}: role {str(role)[:40]!r}; expected system, developer, user or assistant.")
    if message.get("tool_calls") or message.get("function_call"):
        raise ChatError(f"message {number}: a call of a tool; expected text alone.")
    parts = content if isinstance(content, list) else [content]
    return _Message(role, tuple(_text(number, part) for part in parts), message.get("weight"))


def _text(number: int, part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text":
        part = part.get("text")
    elif isinstance(part, dict):
        raise ChatError(f"message {number}: a part of type {str(part.get('type'))[:40]!r}; expected type 'text' alone.")
    if not isinstance(part, str):
        found = "no content" if part is None else type(part).__name__
        raise ChatError(f"message {number}: {found}; expected text.")
    return part
