"""A real app over a real SQLite file, for every test of the API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Protocol

import pytest
from starlette.testclient import TestClient

from service.access.caller import Role
from service.access.issuing import IssuedKey, issue_key
from service.app import create_app
from service.settings import Settings
from service.storage.database import Database, open_database
from service.storage.migrate import migrate
from service.storage.workspaces import DEFAULT_NAME, Workspaces


@pytest.fixture(autouse=True)
def _tests_call_from_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a browser or curl here would: the client's own default is a strange host, which an open service refuses."""
    here = partialmethod(TestClient.__init__, base_url="http://localhost", client=("127.0.0.1", 50000))
    monkeypatch.setattr(TestClient, "__init__", here)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_folder=tmp_path / "data")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


class Issue(Protocol):
    def __call__(self, name: str, role: Role = ..., workspace: str = ...) -> IssuedKey: ...


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """The database that the app opens too."""
    database = open_database(settings.database)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def issue(database: Database) -> Issue:
    """Makes keys, as `advisor keys create` does."""

    def make(name: str, role: Role = Role.EDITOR, workspace: str = DEFAULT_NAME) -> IssuedKey:
        return issue_key(database, Workspaces(database).named(workspace).id, name, role, "a test")

    return make
