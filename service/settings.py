"""What differs between deployments. Thresholds live in the policies, never here."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from service.errors import SettingsRefused

PREFIX = "ADVISOR_"
BACKENDS = ("sqlite", "postgresql")


def default_data_folder() -> Path:
    """`$XDG_DATA_HOME/adaptation-advisor`, or the folder that the standard names when it is unset."""
    return _standard_folder("XDG_DATA_HOME", Path(".local", "share"))


def default_cache_folder() -> Path:
    """`$XDG_CACHE_HOME/adaptation-advisor`, or the folder that the standard names when it is unset."""
    return _standard_folder("XDG_CACHE_HOME", Path(".cache"))


def _standard_folder(variable: str, under_home: Path) -> Path:
    stated = Path(os.environ.get(variable, ""))
    base = stated if stated.is_absolute() else Path.home() / under_home
    return base / "adaptation-advisor"


class Settings(BaseSettings):
    """Deployment settings, each also an environment variable: `ADVISOR_PORT=9000`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data_folder: Path = Field(default_factory=default_data_folder)
    """Where the advisor keeps what it stores on this machine."""
    cache_folder: Path = Field(default_factory=default_cache_folder)
    """Where embeddings are kept, by hash and without their texts; may be deleted at any time."""
    encoder: Path | None = None
    """Folder of another sentence-transformers model; unset means the embedded all-MiniLM-L6-v2."""
    policy: Path | None = None
    """TOML file that overrides thresholds of the rules."""
    models: Path | None = None
    """TOML file with prices and dates of models, which override the known ones."""
    endpoint: str | None = None
    """Base URL of an OpenAI-compatible server; examples go there only where a comparison names the endpoint."""
    endpoint_model: str = ""
    """Which of its models answers."""
    api_key: SecretStr | None = Field(default=None, repr=False)
    """The server's key."""
    api_key_file: Path | None = None
    """File that holds the key, instead."""
    endpoint_concurrency: int = Field(default=16, ge=1, le=1000)
    """Calls in work at once, at most."""
    endpoint_connect_seconds: float = Field(default=10.0, gt=0)
    endpoint_seconds: float = Field(default=120.0, gt=0)
    """After which a call without a whole answer is given up."""
    endpoint_parameters: dict[str, Any] = {}
    """Further parts of every call, as JSON: `{"reasoning_effort": "low"}`."""
    search_url: str | None = None
    """Address of the team's own search service, which a comparison asks where it is told to."""
    search_key: SecretStr | None = Field(default=None, repr=False)
    budget_money: float | None = Field(default=None, ge=0)
    """What one comparison may spend on calls, in the currency of the model's prices."""
    budget_calls: int | None = Field(default=None, ge=0)
    approve_above_money: float = Field(default=1.0, ge=0)
    """A comparison that is foreseen to cost more asks first."""
    approve_above_calls: int = Field(default=5000, ge=0)
    """So does one with more calls, whatever they cost."""
    database_url: str = Field(default="", repr=False)
    """SQLAlchemy URL, SQLite or PostgreSQL; empty means a SQLite file in the data folder."""
    upload_bytes: int = Field(default=200_000_000, ge=1)
    """The most that one upload may bring."""
    local_model: str | None = None
    """Folder, or name on the hub, of the model of this machine that a comparison over HTTP may ask for."""
    lease_seconds: float = Field(default=10.0, ge=1)
    """After which the work of a worker that gives no sign is handed to another."""
    log: Literal["text", "json"] = "text"
    """How log lines are written: for people, or as JSON, one object a line."""
    host: str = "127.0.0.1"
    """Address to listen on; beyond loopback callers need keys (`advisor keys create`)."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 lets the system choose."""
    trusted_proxies: str = "127.0.0.1"
    """Addresses of proxies, separated by commas, whose word is taken for who calls and by which scheme."""
    requests_per_minute: int = Field(default=600, ge=0)
    """The most that one key may ask, or one address where there is no key; 0 means no limit."""

    @field_validator("data_folder", "cache_folder", "encoder", "policy", "models", "api_key_file")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return folder and folder.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _known_backend(cls, url: str) -> str:
        backend = url.partition(":")[0].partition("+")[0]
        if url and backend not in BACKENDS:
            raise ValueError(f"a database is sqlite:///FILE or postgresql://..., not {backend!r}")
        return url

    @model_validator(mode="before")
    @classmethod
    def _empty_means_unset(cls, values: Any) -> Any:
        return {key: value for key, value in values.items() if value != ""} if isinstance(values, dict) else values

    @property
    def database(self) -> str:
        """The URL to open: the one that was stated, else the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{quote(str(self.data_folder / 'advisor.sqlite3'))}"

    def environment(self) -> dict[str, str]:
        """The same settings as variables, secrets in plain words: for a child process, and nothing else."""
        stated = ((name, getattr(self, name)) for name in sorted(self.model_fields_set))
        return {f"{PREFIX}{name.upper()}": _variable(value) for name, value in stated if value is not None}


def _variable(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return json.dumps(value) if isinstance(value, (dict, bool)) else str(value)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load_settings(**stated: Any) -> Settings:
    """The settings from the environment, `stated` on top; `SettingsRefused`, one line, if any is wrong."""
    try:
        return Settings(**stated)
    except ValidationError as error:
        raise SettingsRefused("; ".join(map(_line, error.errors()))) from None
    except SettingsError as error:
        name = str(error).partition('"')[2].partition('"')[0].upper()
        raise SettingsRefused(f"{PREFIX}{name}: not JSON; expected an object such as {{}}") from None


def _line(problem: ErrorDetails) -> str:
    name = ".".join(map(str, problem["loc"])).upper()
    return f"{PREFIX}{name}: {problem['msg'].removeprefix('Value error, ')}"
