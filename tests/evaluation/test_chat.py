"""OpenAI's chats for fine-tuning are examples: what was asked, and the assistant's last answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.columns import GUESSED, Columns
from evaluation.dataset import Example
from evaluation.items import read_items
from evaluation.metrics.marking import Asked
from evaluation.readers import DatasetError, read_dataset
from evaluation.rewriting import Replacement, rewritten
from evaluation.written import read_written

SYSTEM = {"role": "system", "content": "Which team should answer?"}
ANSWER = {"role": "assistant", "content": "Billing"}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def chat(*messages: Any, **others: Any) -> dict[str, Any]:
    return {"messages": list(messages), **others}


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "chats.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def only(path: Path) -> Example:
    (example,) = read_dataset(path).examples
    return example


def refusal(path: Path, columns: Columns = GUESSED) -> str:
    with pytest.raises(DatasetError) as caught:
        read_dataset(path, columns)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.endswith((".", ")"))
    return message


class TestReading:
    def test_the_users_text_and_the_answer(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, chat(SYSTEM, user("Charged twice"), ANSWER), chat(user("No light"), ANSWER, id="a", group="g")
        )
        first, second = read_dataset(path).examples
        assert (first.id, first.input, first.output, first.line) == ("line-1", "Charged twice", "Billing", 1)
        assert (second.id, second.group, second.input) == ("a", "g", "No light")

    def test_several_turns_stand_after_their_roles(self, tmp_path: Path) -> None:
        asks = {"role": "assistant", "content": "Which month?", "weight": 0}
        example = only(write(tmp_path, chat(SYSTEM, user("Charged twice"), asks, user("May"), {**ANSWER, "weight": 1})))
        assert example.input == "user: Charged twice\nassistant: Which month?\nuser: May"
        assert example.output == "Billing"

    def test_text_parts_are_joined(self, tmp_path: Path) -> None:
        parts = [{"type": "text", "text": "Charged"}, {"type": "text", "text": "twice"}]
        answer = {"role": "assistant", "content": [{"type": "text", "text": "Billing"}]}
        example = only(write(tmp_path, chat(user(parts), answer)))
        assert (example.input, example.output) == ("Charged\ntwice", "Billing")

    def test_a_developer_message_is_an_instruction_too(self, tmp_path: Path) -> None:
        assert only(write(tmp_path, chat({**SYSTEM, "role": "developer"}, user("Hello"), ANSWER))).input == "Hello"

    def test_answers_that_are_written(self, tmp_path: Path) -> None:
        path = write(
            tmp_path, chat(SYSTEM, user("Who?"), {"role": "assistant", "content": "Ada"}, references=["Lovelace"])
        )
        (example,) = read_written(path, Asked("question_answering"), Columns()).examples
        assert (example.input, example.accepted) == ("Who?", ("Ada", "Lovelace"))

    def test_items_that_were_answered_elsewhere(self, tmp_path: Path) -> None:
        (item,) = read_items(write(tmp_path, chat(user("Who?"), ANSWER, id="q1"))).examples
        assert (item.id, item.input, item.output) == ("q1", "Who?", "Billing")

    def test_columns_that_are_named_are_read_instead(self, tmp_path: Path) -> None:
        path = write(tmp_path, chat(user("Who?"), ANSWER, prompt="p", category="c"))
        (example,) = read_dataset(path, Columns("prompt", "category")).examples
        assert (example.input, example.output) == ("p", "c")
        assert "no column 'nope' for the input" in refusal(path, Columns("nope"))

    def test_messages_that_are_no_list_are_a_column_like_another(self, tmp_path: Path) -> None:
        assert only(write(tmp_path, {"messages": "3", "input": "one", "output": "x"})).input == "one"


class TestRefusals:
    @pytest.mark.parametrize(
        ("messages", "says"),
        [
            ([], "'messages': expected a list of messages."),
            (["Hello", ANSWER], "message 1: str; expected an object with role and content."),
            ([SYSTEM, ANSWER], "no message of the user before the last answer"),
            ([user("Hello")], "the last message is of the user; expected the answer of the assistant."),
            ([SYSTEM], "the last message is of the system; expected the answer"),
            ([user("Hello"), ANSWER, user("Thanks")], "the last message is of the user"),
            ([user("Hello"), SYSTEM, ANSWER], "message 2: a system message; expected it before all others."),
            ([user("Hello"), {**ANSWER, "weight": 0}], "the last answer has weight 0"),
            ([user("Hello"), {**ANSWER, "content": " "}], "the last answer is empty; fill it in or delete the row."),
            ([user("Hello"), {"role": "tool", "content": "7"}, ANSWER], "message 2: role 'tool'; expected system"),
            ([user("Hello"), {"role": "assistant", "tool_calls": [{}]}], "message 2: a call of a tool; expected text"),
            ([user(None), ANSWER], "message 1: no content; expected text."),
            ([user(7), ANSWER], "message 1: int; expected text."),
            ([user([{"type": "image_url"}]), ANSWER], "message 1: a part of type 'image_url'; expected"),
            ([user([{"type": "text"}]), ANSWER], "message 1: no content; expected text."),
        ],
    )  # fmt: skip
    def test_a_chat_that_is_no_example(self, tmp_path: Path, messages: list[Any], says: str) -> None:
        path = write(tmp_path, chat(user("Good"), ANSWER), {"messages": messages}, chat(user("Good"), ANSWER))
        assert refusal(path).startswith(f"chats.jsonl, line 2: {says}")

    def test_chats_and_plain_rows_in_one_file(self, tmp_path: Path) -> None:
        rows = [chat(user("Hello"), ANSWER), {"input": "one", "output": "x"}, {"input": "two", "output": "x"}]
        expected = "no 'messages', but line {} has them; expected chats in all rows or none. (2 bad rows in all)"
        assert refusal(write(tmp_path, *rows)) == f"chats.jsonl, line 2: {expected.format(1)}"
        assert refusal(write(tmp_path, *rows[1:], rows[0])) == f"chats.jsonl, line 1: {expected.format(3)}"

    def test_a_row_with_both(self, tmp_path: Path) -> None:
        message = refusal(write(tmp_path, chat(user("Hello"), ANSWER, label="Sales")))
        assert "line 1: both 'messages' and 'label'; leave one of them out, or name the columns" in message

    def test_another_system_message(self, tmp_path: Path) -> None:
        other = {"role": "system", "content": "The customer is called Ada."}
        rows = (chat(user("One"), ANSWER), chat(SYSTEM, user("Two"), ANSWER), chat(other, user("Three"), ANSWER))
        message = refusal(write(tmp_path, *rows))
        assert message.startswith("chats.jsonl, line 3: another system message than on line 2; expected the same")
        assert "Ada" not in message


class TestRewriting:
    def test_the_users_text_is_replaced_and_all_else_stays(self, tmp_path: Path) -> None:
        rows = [
            '{"messages": [{"role": "system", "content": "Sort."},  {"role":"user","content":"caf\\u00e9 a@x.org"}, '
            '{"role": "assistant", "content": "B"}], "n": 1.50}',
            '{"messages": [{"role": "user", "content": "gone"}, {"role": "assistant", "content": "B"}]}',
            '{"messages": [{"role": "user", "content": "kept"}, {"role": "assistant", "content": "B"}]}',
        ]
        path = tmp_path / "a.jsonl"
        path.write_text("\n".join(rows))
        changed = rewritten(path, {1: Replacement("café a@x.org", "café <m>"), 2: None})
        assert changed == "\n".join([rows[0].replace("a@x.org", "<m>"), rows[2]])

    def test_each_message_of_several_gets_its_placeholders(self, tmp_path: Path) -> None:
        parts = [{"type": "text", "text": "mail ada@example.org"}, {"type": "text", "text": "please"}]
        asks = {"role": "assistant", "content": "To ada@example.org?"}
        path = write(tmp_path, chat(SYSTEM, user(parts), asks, user("Yes"), ANSWER, id="a"))
        old = only(path)
        new = old.input.replace("ada@example.org", "<e-mail address>")
        path.write_text(rewritten(path, {1: Replacement(old.input, new)}))
        assert only(path) == Example("a", new, "Billing", 1, "chats.jsonl")
        assert json.loads(path.read_text())["messages"][0] == SYSTEM

    def test_what_cannot_be_put_back_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path, chat(user("mail ada@example.org"), ANSWER, user("now"), ANSWER))
        with pytest.raises(DatasetError, match=r"chats\.jsonl, line 1: what is to be replaced runs over two messages"):
            rewritten(path, {1: Replacement(only(path).input, "user: mail <all of it>")})
        with pytest.raises(DatasetError, match="line 1: not the row that was audited"):
            rewritten(write(tmp_path, chat(user("other"), ANSWER)), {1: Replacement("mail a@x.org", "<m>")})
