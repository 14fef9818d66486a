"""Answers as JSON objects: how a schema is put to a server, and how an object is read out of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

OF: Final[Mapping[str, type | tuple[type, ...]]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


class Structure(StrEnum):
    """How an object is asked for. `NONE` where none is."""

    NONE = "none"
    SCHEMA = "schema"
    INSTRUCTION = "instruction"


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a call by which a server that can is held to a schema."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": dict(schema)}}


def instruction(schema: Mapping[str, Any]) -> str:
    """The same in words, for a server that cannot."""
    return (
        "Answer with one JSON object and nothing else. It must be valid against this JSON schema:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def read_object(text: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first JSON object in the text that is valid against the schema, whatever stands around it; None without one.

    Checked are type, enum, properties, required, additionalProperties and items; other keywords are not read.
    """
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and is_valid(found, schema):
            return found
        start = text.find("{", start + 1)
    return None


def is_valid(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is what the read part of JSON schema allows."""
    if "enum" in schema and value not in schema["enum"]:
        return False
    types = schema.get("type")
    if types is not None and not any(_is_a(value, name) for name in ([types] if isinstance(types, str) else types)):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        if not set(schema.get("required", ())) <= value.keys():
            return False
        if schema.get("additionalProperties") is False and not value.keys() <= properties.keys():
            return False
        return all(is_valid(value[name], part) for name, part in properties.items() if name in value)
    if isinstance(value, list) and "items" in schema:
        return all(is_valid(part, schema["items"]) for part in value)
    return True


def _is_a(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, OF[name])
