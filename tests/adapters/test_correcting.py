"""The arm that improves its own instruction: what it keeps, when it stops, what it never looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.generative.correcting import EDITOR, MOST_ROUNDS, SystemMessage, drawn_halves, is_right
from adapters.generative.exchange import ChatAnswer, ChatRequest, Reply, Sent, judge
from adapters.generative.structured import Structure
from evaluation.arm import Choosing
from evaluation.dataset import Example, Task

TASK = Task(("yes", "no"), instruction="Say it.")


class Student:
    """Right on a text of so many letters once its instruction names as many hints; as an editor it adds one."""

    def __init__(self, hints: Sequence[str] = ("hint1", "hint2", "hint3", "hint4", "hint5")) -> None:
        self.hints = list(hints)
        self.edits: list[str] = []
        self.asked: set[str] = set()

    def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: ChatRequest) -> ChatAnswer:
        system, text = request.messages[0].content, request.messages[-1].content
        if system == EDITOR:
            self.edits.append(text)
            said = f"Say it. {' '.join(self.hints[: len(self.edits)])}"
        else:
            self.asked.add(text)
            said = "yes" if len(text) <= 1 + system.count("hint") else "no"
        reply = Reply(said, "stop", False, "m", None, 10, 1)
        return judge(reply, request, Sent(0.0, 0, Structure.NONE), None, cached=False)


def rows(longest: int = 3, count: int = 40) -> list[Example]:
    """The right answer is always yes."""
    return [Example(str(n), "x" * (1 + n % longest), "yes", n, "rows") for n in range(count)]


def fitted(model: Student, train: Sequence[Example], task: Task = TASK) -> SystemMessage:
    arm = SystemMessage(model, task)
    arm.fit(train, seed=1)
    return arm


def test_goes_on_as_long_as_held_out_rows_gain() -> None:
    model = Student()
    arm = fitted(model, rows(longest=3))
    # One letter is known from the start, two and three take a hint each; then nothing is wrong any more.
    assert arm.rounds == len(model.edits) == 2
    assert [prediction.output for prediction in arm.predict(["xxx", "xxxx"])] == ["yes", "no"]


def test_stops_at_the_first_instruction_that_is_no_better() -> None:
    model = Student(hints=["hint1", "useless", "hint3"])
    arm = fitted(model, rows(longest=4))
    assert (arm.rounds, len(model.edits)) == (1, 2)
    assert [prediction.output for prediction in arm.predict(["xx", "xxx"])] == ["yes", "no"]


def test_ends_after_four_rounds() -> None:
    model = Student()
    assert fitted(model, rows(longest=8, count=60)).rounds == MOST_ROUNDS
    assert len(model.edits) == MOST_ROUNDS


def test_the_editor_sees_errors_of_rows_that_do_not_judge_it() -> None:
    train = [replace(row, input=f"{row.input}{'y' * (row.line % 2)}{row.line:03}") for row in rows()]
    model = Student()
    fitted(model, train)
    shown, held_out = drawn_halves(train, 1)
    assert not {row.input for row in shown} & {row.input for row in held_out}
    assert any(row.input in model.edits[0] for row in shown)
    assert not any(f"Text: {row.input}\n" in model.edits[0] for row in held_out)


def test_says_by_how_many_rows_it_chose() -> None:
    arm = fitted(Student(), rows(count=100))
    assert isinstance(arm, Choosing)
    assert arm.validation_rows == 30


def test_what_is_neither_right_nor_wrong_is_left_alone() -> None:
    model = Student()
    fitted(model, rows(), Task(kind="generation", instruction="Write."))
    assert not model.asked
    assert not model.edits


def test_the_form_of_the_answer_stays_whatever_the_editor_writes() -> None:
    arm = fitted(Student(), rows())
    (request,) = arm.requests(["x"])
    assert "hint2" in request.messages[0].content
    assert "- yes\n- no\n" in request.messages[0].content


def test_loaded_it_asks_the_same(tmp_path: Path) -> None:
    model = Student()
    arm = fitted(model, rows())
    arm.save(tmp_path / "arm")
    assert SystemMessage.load(model, tmp_path / "arm").requests(["x"]) == arm.requests(["x"])


def test_the_estimate_is_no_less_than_what_is_asked() -> None:
    class Counting(Student):
        calls = 0

        def ask_all(self, requests: Sequence[ChatRequest]) -> list[ChatAnswer]:
            self.calls += len(requests)
            return super().ask_all(requests)

    model, train = Counting(), rows(longest=8, count=60)
    fitted(model, train)
    foreseen = len(SystemMessage(model, TASK).requests_to_fit(train, 1))
    assert model.calls * 0.8 < foreseen < model.calls * 1.5


@pytest.mark.parametrize(
    ("task", "accepted", "text", "right"),
    [
        (Task(("a", "b")), ("a",), "The category is a.", True),
        (Task(("a", "b")), ("a",), "b", False),
        (Task(("a", "b")), ("a",), "neither", False),
        (Task(("a", "b"), several_labels=True), ("b; a",), '["a", "b"]', True),
        (Task(kind="extraction"), ('{"x": ["1"]}',), '```json\n{"x": ["1"]}\n```', True),
        (Task(kind="extraction"), ('{"x": ["1"]}',), '{"x": []}', False),
        (Task(kind="question_answering"), ("Ada Lovelace", "Ada"), "Answer: ada.", True),
        (Task(kind="question_answering"), ("NO_ANSWER",), "The text does not say.", True),
    ],
)
def test_right_is_what_is_read_and_accepted(task: Task, accepted: tuple[str, ...], text: str, right: bool) -> None:
    row = Example("1", "in", accepted[0], 1, "rows", references=accepted[1:])
    assert is_right(task, row, text) is right
