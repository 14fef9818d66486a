"""The four floors: imports point down, vendors stay behind their adapter, names say something."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("rules", "evaluation", "adapters", "service")
BELOW = {
    "rules": {"rules"},
    "evaluation": {"rules", "evaluation"},
    "adapters": {"rules", "evaluation", "adapters"},
    "service": {"rules", "evaluation", "adapters", "service"},
}
SEEN_BY_ADAPTERS = {"evaluation.arm", "evaluation.dataset", "evaluation.answers", "evaluation.provenance"}
RULES_SEEN_BY_ADAPTERS = {"rules.known_model"}
SEEN_OF_ADAPTERS = {
    "adapters.catalogue", "adapters.corpus.document", "adapters.corpus.retriever", "adapters.corpus.search",
    "adapters.corpus.search_service", "adapters.encoder.embedding", "adapters.generative.budget",
    "adapters.generative.chat", "adapters.generative.endpoint", "adapters.generative.judging",
    "adapters.generative.local", "adapters.generative.weights", "adapters.model_file", "adapters.model_knowledge",
    "adapters.generative.footprint",
}  # fmt: skip
MODEL_LIBRARIES = {
    "torch", "transformers", "peft", "sentence_transformers", "faiss", "openai", "tokenizers", "safetensors",
}  # fmt: skip
WEB_LIBRARIES = {"fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "typer"}
ALLOWED_IN_RULES = {"pydantic", "pydantic_core", "annotated_types", *FLOORS}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "types", "models", "manager", "handler"}

FILES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions and for type checking too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield node.module


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    for module in imports(path):
        top = module.partition(".")[0]
        if top in FLOORS:
            assert top in BELOW[floor], f"{name_of(path)} imports {module}"
        if floor == "adapters" and top == "evaluation":
            assert module in SEEN_BY_ADAPTERS, f"{name_of(path)} sees {module}: an arm must not know how it is judged"
        if floor == "adapters" and top == "rules":
            assert module in RULES_SEEN_BY_ADAPTERS, f"{name_of(path)} sees {module}: adapters bring facts, not rules"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_vendors_stay_on_their_floor(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    tops = {module.partition(".")[0] for module in imports(path)}
    if floor != "adapters":
        assert not tops & MODEL_LIBRARIES
    if floor != "service":
        assert not tops & WEB_LIBRARIES
    if floor == "rules":
        assert tops <= ALLOWED_IN_RULES | sys.stdlib_module_names
    if "faiss" in tops:
        assert name_of(path) == "adapters/index.py"
    if tops & {"openai", "httpx2"}:
        assert name_of(path) == "adapters/generative/chat.py"
    if "genai_prices" in tops:
        assert name_of(path) == "adapters/token_prices.py"


def test_service_names_arms_only_through_the_catalogue() -> None:
    for path in (ROOT / "service").rglob("*.py"):
        for module in imports(path):
            if module.startswith("adapters."):
                assert module in SEEN_OF_ADAPTERS, f"{name_of(path)}: {module}"


def test_no_import_cycles() -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
    graph = {name: {found for found in imports(path) if found in modules} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way, name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_say_something(path: Path) -> None:
    assert path.stem not in EMPTY_NAMES
    classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if name.lower().endswith(("manager", "handler", "processor", "helper"))]


def test_no_package_in_the_tests_shadows_ours() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
