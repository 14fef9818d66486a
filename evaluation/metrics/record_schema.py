"""Whether records have the form that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

JSON_TYPES: Final[Mapping[type, str]] = {
    str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object", type(None): "null",
}  # fmt: skip


class SchemaError(ValueError):
    """The schema itself cannot be used; one line says where and why."""


class RecordSchema:
    """A JSON Schema (draft 2020-12 unless "$schema" names another), ready to check records. References to other files
    are not followed. Raises `SchemaError` for a schema that is none."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        # Imported by name, and here: half a second, and no types to check against.
        jsonschema, self._referencing = import_module("jsonschema"), import_module("referencing")
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise SchemaError(f"The schema is not valid at {error.json_path}: {error.message[:200]}.") from None
        # Without a registry of its own, jsonschema would fetch references from the network.
        self._validator = kind(schema, registry=self._referencing.Registry())

    def faults(self, record: Any) -> tuple[str, ...]:
        """What the record breaks, one line each with the field's path, in the order of paths; empty for a valid record.
        Raises `SchemaError` where the schema refers to something that is not in it."""
        try:
            found = sorted(self._validator.iter_errors(record), key=lambda error: (error.json_path, error.message))
        except self._referencing.exceptions.Unresolvable as error:
            raise SchemaError(f"The schema refers to {error.ref!r}, which is not in it; put it under $defs.") from None
        return tuple(f"{error.json_path}: {error.message[:200]}" for error in found)


def schema_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The schema that all records obey, of the types of their fields alone: no field is required, none but these are
    allowed, and a list may hold what any of the lists in its field holds. Without records, any object is valid."""
    if not records:
        return {"type": "object"}
    fields: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            fields.setdefault(name, []).append(value)
    return {
        "type": "object",
        "properties": {name: _type_of(values) for name, values in sorted(fields.items())},
        "additionalProperties": False,
    }


def _type_of(values: Sequence[Any]) -> dict[str, Any]:
    types = sorted({JSON_TYPES[type(value)] for value in values})
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if "object" in types:
        schema |= schema_of([value for value in values if isinstance(value, dict)])
        schema["type"] = types[0] if len(types) == 1 else types
    elements = [element for value in values if isinstance(value, list) for element in value]
    if elements:
        schema["items"] = _type_of(elements)
    return schema
