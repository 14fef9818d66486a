"""Dockerfile and compose.yaml say only what the code has: commands, options, settings, paths."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from service.__main__ import app
from service.api.health import router
from service.settings import PREFIX, Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent
VARIABLES = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", "", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    return [(word, rest) for line in lines.splitlines() if line for word, _, rest in [line.partition(" ")]]


DOCKERFILE = instructions()


def of(word: str) -> list[str]:
    return [rest for name, rest in DOCKERFILE if name == word]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for rest in of("ENV") for pair in shlex.split(rest))


def refuse_unknown(arguments: list[str]) -> None:
    """Parse a command as `advisor` would, without running it."""
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        name, *arguments = arguments
        command = command.commands[name]
    with command.make_context(name, arguments) as context:
        assert context.args == []


def test_every_copied_path_is_in_the_repository_and_gets_into_the_image() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for rest in of("COPY") for source in rest.split()[:-1]}
    assert copied <= let_in
    assert all((ROOT / source).exists() for source in copied)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["packages"]
    assert set(packages) <= copied


def test_the_image_installs_what_is_locked_and_the_same_torch() -> None:
    installs = " ".join(rest for rest in of("RUN") if "pip install" in rest)
    assert "--require-hashes --requirement requirements.lock" in installs
    torch = next(
        wanted
        for wanted in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        if wanted.startswith("torch==")
    )
    assert torch in installs
    assert torch in (ROOT / "Makefile").read_text()
    assert "whl/cpu" in installs


def test_the_base_is_a_supported_python_and_the_user_an_ordinary_one() -> None:
    assert of("FROM")[0].startswith("python:3.11-slim")
    position = [word for word, _ in DOCKERFILE].index("USER")
    assert of("USER") == ["advisor"]
    assert not [word for word, _ in DOCKERFILE[position:] if word in ("RUN", "COPY", "USER")][1:]


def test_the_image_runs_a_command_that_exists() -> None:
    entry = json.loads(of("ENTRYPOINT")[0])
    assert entry == list(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])
    refuse_unknown(json.loads(of("CMD")[0]))


def test_the_health_check_asks_a_path_that_exists_on_the_port_that_is_served() -> None:
    check = of("HEALTHCHECK")[0]
    port, path = re.search(r"127\.0\.0\.1:(\d+)(/\w+)", check).groups()  # type: ignore[union-attr]
    assert path in {getattr(route, "path", "") for route in router.routes}
    assert of("EXPOSE") == [port]
    assert int(port) == Settings().port


def test_every_variable_is_a_setting() -> None:
    stated = {*image_environment()} | {
        name for service in COMPOSE["services"].values() for name in service.get("environment", {})
    }
    assert {name for name in stated if name.startswith(PREFIX)} <= VARIABLES
    assert {name for name in stated if not name.startswith(PREFIX)} <= {
        "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB",
    }  # fmt: skip


def test_the_images_settings_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in image_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ADVISOR_DATABASE_URL", filled_in("service")["ADVISOR_DATABASE_URL"])
    settings = load_settings()
    assert settings.data_folder == Path("/data")
    assert settings.log == "json"
    assert settings.database == "postgresql://advisor:secret@database/advisor"


def filled_in(service: str) -> dict[str, str]:
    environment = COMPOSE["services"][service]["environment"]
    return {name: re.sub(r"\$\{POSTGRES_PASSWORD[^}]*\}", "secret", value) for name, value in environment.items()}


def test_compose_runs_commands_that_exist() -> None:
    for name in ("service", "worker"):
        refuse_unknown(COMPOSE["services"][name]["command"])
    assert "--no-worker" in COMPOSE["services"]["service"]["command"]


def test_the_first_steps_that_compose_tells_exist() -> None:
    told = re.findall(r"^# +docker compose run --rm (\w+) (.+)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE)
    assert told
    for service, command in told:
        assert service in COMPOSE["services"]
        refuse_unknown(command.split())


def test_service_and_worker_share_the_database_and_the_data_folder() -> None:
    service, worker = COMPOSE["services"]["service"], COMPOSE["services"]["worker"]
    assert service["environment"] == worker["environment"]
    assert service["volumes"] == worker["volumes"]
    assert service["image"] == worker["image"]
    mounted = dict(mount.split(":") for mount in service["volumes"])
    folders = image_environment()
    assert set(mounted.values()) == {folders["ADVISOR_DATA_FOLDER"], folders["ADVISOR_CACHE_FOLDER"]}
    assert set(mounted) <= set(COMPOSE["volumes"])
    assert set(of("VOLUME")[0].split()) == set(mounted.values())


def test_the_database_is_the_one_that_the_settings_name() -> None:
    database = filled_in("database")
    url = filled_in("service")["ADVISOR_DATABASE_URL"]
    assert url == (
        f"postgresql://{database['POSTGRES_USER']}:{database['POSTGRES_PASSWORD']}@database/{database['POSTGRES_DB']}"
    )
    needs = COMPOSE["services"]["service"]["depends_on"]
    assert set(needs) <= set(COMPOSE["services"])


def test_no_secret_stands_in_the_files_and_only_this_machine_is_let_in() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert "${POSTGRES_PASSWORD" in line
    assert COMPOSE["services"]["service"]["ports"] == [f"127.0.0.1:{Settings().port}:{Settings().port}"]
    assert "ports" not in COMPOSE["services"]["database"]
