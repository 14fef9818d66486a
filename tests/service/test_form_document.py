"""The form as a file to write in: every question is there, and every answer comes back as it was."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.form import Form, FormError
from rules.question import MOST, Question
from rules.questionnaire import questionnaire, questions_by_path
from service.commands.documents import read_form
from service.form_document import to_yaml, write_form
from service.refusals import Refusal

AWKWARD = [
    "yes", "No", "null", "~", "12", "0x1F", "1e3", "2027-01-31", "12:30:00", "=", "<<", "- a", "? b", "a: b # c", "#",
    "'single' and \"double\"", "tab\there", "back\\slash \\n", "one\ntwo\n\nfour", "a\n---\nb", "...", "%TAG", "@at",
    "carriage\rreturn", "next\x85line \u2028 \u2029", "\x00 \x07 \x1b[31m \x7f", "\ufeffmark", "emoji 😀 漢字",
    "é" * 180, "word " * 300, "x" * 700, ("漢" * 120 + "\n") * 3, "\\" * 150, '"' * 150, "a  b   c " * 40,
    "{a: [b, c]}", "!tag &anchor *alias",
]  # fmt: skip

# No deadline: the machine may be shared, and speed is measured elsewhere.
for_many_forms = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answers(question: Question) -> st.SearchStrategy[Any]:
    match question.kind:
        case "text" if question.path == "budget.currency":
            return st.sampled_from(["EUR", "USD", "NOK"])
        case "text":
            limit = int(question.maximum or 5000)
            texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=limit) | st.sampled_from(AWKWARD)
            return texts.map(lambda text: text[:limit])
        case "choice":
            return st.sampled_from(question.choices)
        case "choices":
            return st.lists(st.sampled_from(question.choices))
        case "yes_no":
            return st.booleans()
        case "whole_number":
            return st.integers(int(question.minimum or 0), int(question.maximum or MOST))
        case "number" | "share":
            return st.floats(question.minimum or 0, question.maximum or MOST)
        case "date":
            return st.dates() | st.just("not_announced")


def readable(flat: dict[str, Any]) -> Form:
    """A form with these answers, less those that contradict others."""
    while True:
        try:
            return Form.parse(nested(flat))
        except FormError as error:
            for problem in error.problems:
                del flat[problem.path]


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, answer in flat.items():
        *sections, name = path.split(".")
        place = form
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = answer
    return form


forms = st.fixed_dictionaries({}, optional={p: answers(q) for p, q in questions_by_path().items()}).map(readable)


def read_back(form: Form) -> Form:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "form.yaml"
        write_form(path, form)
        return read_form(path)


@given(forms)
@for_many_forms
def test_every_form_comes_back_as_it_was(form: Form) -> None:
    assert read_back(form) == form


@given(forms)
@for_many_forms
def test_no_line_is_wider_than_a_hundred_columns(form: Form) -> None:
    assert max(map(len, to_yaml(form).split("\n"))) <= 100


@pytest.mark.parametrize("text", AWKWARD, ids=lambda text: ascii(text[:20]))
def test_awkward_texts_come_back(text: str) -> None:
    form = Form.parse({"task": {"description": text}})
    assert read_back(form) == form
    assert max(map(len, to_yaml(form).split("\n"))) <= 100


def test_a_blank_form_reads_back_as_an_empty_one() -> None:
    assert read_back(Form()) == Form()
    assert set(yaml.safe_load(to_yaml(Form()))) == set(Form.model_fields)


def test_words_that_yaml_takes_for_booleans_stay_words() -> None:
    form = Form.parse({"examples": {"personal_data": "yes", "reviewed": "no"}, "operations": {"rollback": "none"}})
    document = yaml.safe_load(to_yaml(form))
    assert document["examples"]["personal_data"] == "yes"
    assert document["examples"]["reviewed"] == "no"
    assert document["operations"]["rollback"] == "none"


def test_dates_are_dates_and_not_announced_is_a_word() -> None:
    dates = {"model_retires_on": date(2027, 1, 31), "tuning_ends_on": "not_announced"}
    document = yaml.safe_load(to_yaml(Form.parse({"operations": dates})))
    assert {name: document["operations"][name] for name in dates} == dates


def test_every_question_stands_above_its_answer() -> None:
    lines = to_yaml(Form()).splitlines()
    for question in questions_by_path().values():
        comment = comment_above(question.path, lines)
        assert comment.startswith(question.title)
        for word in (question.help, question.expectation, ", ".join(question.source), question.unit or ""):
            assert word in comment


def test_sections_are_introduced() -> None:
    text = to_yaml(Form())
    for section in questionnaire().sections:
        assert f"# === {section.title} ===\n# {section.help}\n{section.name}:\n" in text
    assert "advisor assess" in text.split("\n\n")[0]


def comment_above(path: str, lines: list[str]) -> str:
    """The words of the comment above one answer, found by the way down to it."""
    at = 0
    for depth, name in enumerate(path.split(".")):
        at = lines.index(f"{'  ' * depth}{name}:", at)
    start = at
    while lines[start - 1].lstrip().startswith("# "):
        start -= 1
    return " ".join(line.lstrip().removeprefix("# ") for line in lines[start:at])


def test_writing_leaves_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "form.yaml"
    write_form(path, Form())
    write_form(path, Form.parse({"task": {"name": "second"}}))
    assert read_form(path).task.name == "second"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"form\.yaml cannot be written: .*--out"):
        write_form(tmp_path / "file" / "form.yaml", Form())
    folder = tmp_path / "form.yaml"
    folder.mkdir()
    with pytest.raises(Refusal, match="cannot be written"):
        write_form(folder, Form())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "form.yaml"]
