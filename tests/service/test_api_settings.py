"""Settings: where they come from and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from service.errors import SettingsRefused
from service.settings import Settings, default_data_folder, is_loopback, load_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATA_FOLDER", "DATABASE_URL", "HOST", "PORT"):
        monkeypatch.delenv(f"ADVISOR_{name}", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_the_defaults_need_no_configuration(tmp_path: Path) -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_folder == tmp_path / "adaptation-advisor"
    assert make_url(settings.database).database == str(tmp_path / "adaptation-advisor" / "advisor.sqlite3")


@pytest.mark.parametrize("stated", ["", "relative/folder"])
def test_the_data_folder_without_a_usable_xdg_data_home(monkeypatch: pytest.MonkeyPatch, stated: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", stated)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_data_folder() == Path("/home/somebody/.local/share/adaptation-advisor")


def test_every_setting_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADVISOR_DATA_FOLDER", str(tmp_path / "there"))
    monkeypatch.setenv("ADVISOR_DATABASE_URL", "postgresql://advisor:secret@db/advisor")
    monkeypatch.setenv("ADVISOR_HOST", "::1")
    monkeypatch.setenv("ADVISOR_PORT", "9000")
    settings = load_settings()
    assert settings.data_folder == tmp_path / "there"
    assert settings.database == "postgresql://advisor:secret@db/advisor"
    assert (settings.host, settings.port) == ("::1", 9000)
    assert "secret" not in repr(settings)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADVISOR_PORT", "")
    monkeypatch.setenv("ADVISOR_HOST", "")
    assert (load_settings().host, load_settings().port) == ("127.0.0.1", 8000)


@pytest.mark.parametrize("folder", ["a b", "100% ü", "what?", "a%20b"])
def test_a_folder_of_any_name_reaches_the_database(tmp_path: Path, folder: str) -> None:
    settings = Settings(data_folder=tmp_path / folder)
    assert make_url(settings.database).database == str(tmp_path / folder / "advisor.sqlite3")


def test_a_home_folder_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert Settings(data_folder=Path("~/advice")).data_folder == Path("/home/somebody/advice")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_only_this_machine_reaches_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org", ""])
def test_others_reach_any_other_address(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"port": "many"}, "ADVISOR_PORT: "),
        ({"port": 70000}, "ADVISOR_PORT: "),
        ({"requests_per_minute": -1}, "ADVISOR_REQUESTS_PER_MINUTE: "),
        ({"database_url": "mysql://db"}, "ADVISOR_DATABASE_URL: a database is sqlite:///FILE or postgresql"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(stated: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsRefused) as caught:
        load_settings(**stated)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)
