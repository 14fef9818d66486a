"""docs/operate.md names every setting and figure, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.main import get_command

from service.__main__ import app
from service.app import create_app
from service.jobs.leases import Leases
from service.jobs.system import QUEUES
from service.jobs.worker import MOST_ATTEMPTS, PATIENCE
from service.settings import PREFIX, Settings, default_data_folder
from service.storage.database import open_database

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "operate.md").read_text()
VARIABLES = {f"{PREFIX}{name.upper()}": name for name in Settings.model_fields}
ROWS = dict(re.findall(r"^\| `(ADVISOR_\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))


def test_every_setting_has_a_row_and_every_variable_that_is_named_exists() -> None:
    assert set(ROWS) == set(VARIABLES)
    assert set(re.findall(r"ADVISOR_[A-Z_]+[A-Z]", PAGE)) == set(VARIABLES)


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_what_holds_without_it_is_what_the_page_says(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    default, told = getattr(Settings(), VARIABLES[variable]), ROWS[variable].strip()
    if told.startswith("`"):
        assert told.strip("`").replace("~", "/home/somebody") == str(default)
    else:
        assert not default
    assert default_data_folder() == Path("/home/somebody/.local/share/adaptation-advisor")


def test_every_command_on_the_page_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    shown = [line.partition("#")[0].split() for line in PAGE.splitlines() if line.startswith("advisor ")]
    assert shown
    for _, name, *arguments in shown:
        with commands[name].make_context(name, arguments) as context:
            assert context.args == []
    for name in re.findall(r"`advisor (\w+)", PAGE):
        assert name in commands


def test_every_queue_has_a_row() -> None:
    assert re.findall(r"^\| `(\w+)` \| [^`|]+ \|$", PAGE.partition("## Settings")[0], re.MULTILINE) == list(QUEUES)


def test_the_figures_on_the_page_are_those_that_are_told(tmp_path: Path) -> None:
    settings = Settings(data_folder=tmp_path)
    with TestClient(create_app(settings), base_url="http://localhost", client=("127.0.0.1", 50000)) as client:
        database = open_database(settings.database)
        Leases(database, "worker-1", QUEUES, 60).renew()
        database.close()
        told = set(re.findall(r"^# TYPE (advisor_\w+)", client.get("/metrics").text, re.MULTILINE))
    named = set(re.findall(r"^\| `(advisor_\w+)` \|", PAGE, re.MULTILINE))
    assert named == told


def test_numbers_on_the_page_are_those_of_the_code() -> None:
    assert f"workers wait up to {PATIENCE / 60:.0f} minutes" in PAGE
    assert {3: "three times in all"}[MOST_ATTEMPTS] in PAGE
