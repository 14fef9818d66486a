"""The questionnaire is the form, told to people."""

import re

import pytest

from rules.form import Form
from rules.question import Question
from rules.questionnaire import questionnaire

QUESTIONS = [question for section in questionnaire().sections for question in section.fields]
each_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.path)


def test_sections_come_in_the_order_of_the_form() -> None:
    assert [section.name for section in questionnaire().sections] == list(Form.model_fields)
    assert questionnaire().version == 1


@each_question
def test_every_question_can_be_asked(question: Question) -> None:
    assert question.title.strip().endswith("?")
    assert question.help.strip().endswith((".", "?"))
    assert question.source
    assert bool(question.choices) is (question.kind in ("choice", "choices", "date"))
    assert question.unit or question.kind not in ("whole_number", "number", "share")


@each_question
def test_no_question_needs_a_specialist(question: Question) -> None:
    jargon = r"\b(LoRA|epoch|hyperparameter|embedding|RAG|few-shot|zero-shot|fine-tun\w+|inference|MLOps|F1)\b"
    assert not re.search(jargon, f"{question.title} {question.help}", re.IGNORECASE)


def test_a_question_inside_a_tried_method_names_the_method() -> None:
    titles = {question.path: question.title for question in QUESTIONS}
    assert titles["tried.few_shot.tried"] != titles["tried.zero_shot.tried"]


def test_kinds_units_and_choices_are_read_from_the_form() -> None:
    by_path = {question.path: question for question in QUESTIONS}
    assert by_path["task.change_interval"].choices == (
        "never",
        "yearly",
        "quarterly",
        "monthly",
        "weekly",
        "daily",
    )
    kinds = {path: by_path[path].kind for path in ("task.failures", "examples.count", "success.target")}
    assert kinds == {"task.failures": "choices", "examples.count": "whole_number", "success.target": "share"}
    assert by_path["operations.model_retires_on"].kind == "date"
    assert by_path["operations.prompt_tokens"].unit == "tokens"
