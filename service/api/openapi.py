"""The description of the API, with an example for every call that is worked out by the code it describes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from evaluation.render.assessment import to_markdown
from rules.assess import Assessment
from rules.questionnaire import questionnaire
from service.access.entrance import UNGUARDED
from service.api import access_examples, comparison_examples
from service.api.assessments import show, show_version
from service.api.dependencies import JSON, MERGE_PATCH, MULTIPART
from service.api.forms import judge, parse_form
from service.api.merge_patch import merge
from service.errors import FormRefused
from service.problems import MEDIA_TYPE, Problem, problem, problems
from service.rulebook import Rulebook
from service.storage.assessments import Judged, Stored, Version

FORM = {
    "task": {
        "name": "Support tickets",
        "kind": "classification",
        "modality": "text",
        "requests_per_month": 20000,
    },
    "examples": {"count": 420, "consistent": True},
}
PATCH = {"examples": {"reviewed": "experts"}, "task": {"narrow": True}}

ONE = "/v1/assessments/{id}"
COMPARISON = "/v1/comparisons/{id}"
REQUESTS = {
    ("/v1/assessments", "post"): (JSON, "new_assessment"),
    (ONE, "patch"): (MERGE_PATCH, "patch"),
    ("/v1/datasets", "post"): (MULTIPART, "new_dataset"),
    ("/v1/corpora", "post"): (MULTIPART, "new_corpus"),
    ("/v1/comparisons", "post"): (JSON, "new_comparison"),
    (COMPARISON + "/resume", "post"): (JSON, "limits"),
}
RESPONSES = {
    ("/healthz", "get"): ("200", "health"),
    ("/readyz", "get"): ("200", "readiness"),
    ("/metrics", "get"): ("200", "metrics"),
    ("/v1/questionnaire", "get"): ("200", "questionnaire"),
    ("/v1/assessments", "post"): ("201", "assessment"),
    ("/v1/assessments", "get"): ("200", "assessment_page"),
    (ONE, "get"): ("200", "assessment"),
    (ONE + ".md", "get"): ("200", "printed_assessment"),
    (ONE, "patch"): ("200", "changed_assessment"),
    (ONE + "/versions", "get"): ("200", "version_page"),
    ("/v1/datasets", "post"): ("201", "dataset"),
    ("/v1/datasets", "get"): ("200", "dataset_page"),
    ("/v1/datasets/{id}", "get"): ("200", "dataset"),
    ("/v1/datasets/{id}", "delete"): ("200", "deleted_dataset"),
    ("/v1/corpora", "post"): ("201", "corpus"),
    ("/v1/corpora", "get"): ("200", "corpus_page"),
    ("/v1/corpora/{id}", "get"): ("200", "corpus"),
    ("/v1/comparisons", "post"): ("202", "waiting_comparison"),
    ("/v1/comparisons", "get"): ("200", "comparison_page"),
    (COMPARISON, "get"): ("200", "comparison"),
    (COMPARISON + "/approve", "post"): ("200", "comparison"),
    (COMPARISON + "/cancel", "post"): ("200", "comparison"),
    (COMPARISON + "/resume", "post"): ("200", "comparison"),
    (COMPARISON + "/events", "get"): ("200", "events"),
    (COMPARISON + "/report.json", "get"): ("200", "report"),
    (COMPARISON + "/report.md", "get"): ("200", "printed_report"),
    (COMPARISON + "/report.html", "get"): ("200", "report_page"),
}
BY_MEDIA_TYPE = {
    "application/json": "report", "text/markdown": "printed_report", "text/html": "report_page",
}  # fmt: skip
"""Examples of the one call whose form depends on `Accept`."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app; worked out once, when somebody first asks for it."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        _add_access(document)
        _summarise(document)
        _add_problems(document)
        _add_examples(document)
        app.openapi_schema = document
    return app.openapi_schema


def examples(version: str) -> dict[str, Any]:
    """One example for each body, by name."""
    id, now = UUID("6f1f4c1e-6f0c-4d3c-9a53-0c8f5b7c2d11"), datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    first, changed = (
        Stored(
            id,
            judged.name,
            now,
            Version(id, number, judged.form, judged.assessment, judged.ruleset_sha256, now),
        )
        for number, judged in enumerate((_judged(FORM), _judged(merge(FORM, PATCH))), start=1)
    )
    item = {key: show(changed)[key] for key in ("id", "name", "created_at", "version")}
    return {
        "health": {"status": "ok", "version": version},
        "readiness": {"status": "ready", "parts": ["database", "queue", "data_folder", "worker"]},
        "metrics": 'advisor_comparisons{status="running"} 1.0\n',
        "questionnaire": questionnaire().model_dump(mode="json"),
        "new_assessment": {"form": FORM},
        "patch": PATCH,
        "assessment": show(first),
        "changed_assessment": show(changed),
        "printed_assessment": to_markdown(
            Assessment.model_validate(changed.version.assessment), parse_form(changed.version.form)
        ),
        "assessment_page": {"items": [item], "next_cursor": None},
        "version_page": {"items": [show_version(changed.version)], "next_cursor": "dmVyc2lvbiAy"},
        "problem": _example_problem(),
        **comparison_examples.examples(),
    }


def _judged(form: dict[str, Any]) -> Judged:
    return judge(parse_form(form), Rulebook())


def _example_problem() -> dict[str, Any]:
    try:
        parse_form({"task": {"kindd": "classification"}}, under=["form"])
    except FormRefused as refused:
        return problem(refused, "0f5c2f0c6f7a4d0e9d8f0a1b2c3d4e5f").model_dump(exclude_none=True)
    raise AssertionError("the rules accept the unknown field task.kindd")


def _add_access(document: dict[str, Any]) -> None:
    """What every call may meet before it reaches its route: the entrance, and the limit of bodies."""
    described = {"type": "http", "scheme": "bearer", "description": "A key, made by `advisor keys create`."}
    document["components"]["securitySchemes"] = {"key": described}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["security"] = [] if path in UNGUARDED else [{"key": []}]
            may_be = ([] if path in UNGUARDED else [429]) + ([413] if "requestBody" in operation else [])
            operation["responses"].update({str(status): told for status, told in problems(*may_be).items()})


def _summarise(document: dict[str, Any]) -> None:
    """By the first sentence, in place of the function's name."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["summary"] = re.split(r"(?<=[^.])\.(?=\s|$)|[;:]\s", operation["description"], maxsplit=1)[0]


def _add_problems(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(described.pop("$defs"), Problem=described)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]  # FastAPI adds it wherever there is a parameter; ours are in the routes
            for response in responses.values():
                if MEDIA_TYPE in response.get("content", {}):
                    _show(response["content"][MEDIA_TYPE], "problem")


def _add_examples(document: dict[str, Any]) -> None:
    values = examples(document["info"]["version"]) | access_examples.examples()
    document["components"]["examples"] = {name: {"value": value} for name, value in values.items()}
    paths = document["paths"]
    for (path, method), (media_type, name) in (REQUESTS | access_examples.REQUESTS).items():
        _show(paths[path][method]["requestBody"]["content"][media_type], name)
    for (path, method), (status, name) in (RESPONSES | access_examples.RESPONSES).items():
        for content in paths[path][method]["responses"][status]["content"].values():
            _show(content, name)
    for media_type, content in paths[COMPARISON + "/report"]["get"]["responses"]["200"]["content"].items():
        _show(content, BY_MEDIA_TYPE[media_type])


def _show(content: dict[str, Any], name: str) -> None:
    content["examples"] = {name: {"$ref": f"#/components/examples/{name}"}}
