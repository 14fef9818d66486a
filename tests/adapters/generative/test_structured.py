"""Objects are read out of whatever a model puts around them, and only those that were asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.generative.structured import instruction, is_valid, read_object

LABEL = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["Billing", "Shipping"]}},
    "required": ["label"],
    "additionalProperties": False,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"label": "Billing"}',
        '  {"label":\n"Billing"}\n',
        '```json\n{"label": "Billing"}\n```',
        'The label is {"label": "Billing"}. I hope that helps {you}!',
        '<think>{"label": "Neither"} would be wrong</think>{"label": "Billing"}',
        '{ not json } {"label": "Billing"}',
        '{"reasoning": {"label": "Billing"}}',
    ],
)
def test_found(text: str) -> None:
    assert read_object(text, LABEL) == {"label": "Billing"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Billing",
        '{"label": "Bil',
        '{"label": "Returns"}',
        '{"label": "Billing", "sure": true}',
        "{}",
        '["Billing"]',
    ],
)
def test_not_found(text: str) -> None:
    assert read_object(text, LABEL) is None


def test_thousands_of_braces_are_read_in_no_time() -> None:
    assert read_object("{" * 20_000, LABEL) is None


@pytest.mark.parametrize(
    ("value", "schema", "valid"),
    [
        (True, {"type": "boolean"}, True),
        (True, {"type": "integer"}, False),
        (1, {"type": "number"}, True),
        (1.5, {"type": "integer"}, False),
        (None, {"type": ["string", "null"]}, True),
        ([1, "a"], {"type": "array", "items": {"type": "integer"}}, False),
        ({"a": {"b": 1}}, {"properties": {"a": {"required": ["c"]}}}, False),
        ({"a": 1}, {"type": "object"}, True),
    ],
)
def test_validity_by_hand(value: Any, schema: dict[str, Any], valid: bool) -> None:
    assert is_valid(value, schema) is valid


@given(value=st.dictionaries(st.text(max_size=5), JSON, max_size=4), before=st.text("abc \n`."), after=st.text("xyz}"))
def test_any_object_is_read_back(value: dict[str, Any], before: str, after: str) -> None:
    assert read_object(before + json.dumps(value) + after, {"type": "object"}) == value


@given(text=st.text(st.sampled_from('{}[]",:ab1 \\\n'), max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    found = read_object(text, LABEL)
    assert found is None or is_valid(found, LABEL)


def test_the_instruction_holds_the_schema() -> None:
    assert json.dumps(LABEL) in instruction(LABEL)
