"""The server that the settings name, ready to be asked on behalf of one comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient
from adapters.generative.endpoint import Endpoint
from rules.known_model import KnownModel
from service.refusals import Refusal
from service.settings import Settings
from service.storage.folders import ANSWERS


def configured_endpoint(settings: Settings) -> Endpoint:
    """`Refusal` where the settings name none, `EndpointError` where they name one that cannot be used."""
    if settings.endpoint is None or not settings.endpoint_model:
        raise Refusal(
            "No endpoint is set: say which server and model to ask, such as ADVISOR_ENDPOINT=http://127.0.0.1:8000/v1 "
            "ADVISOR_ENDPOINT_MODEL=my-model, with the key in ADVISOR_API_KEY or ADVISOR_API_KEY_FILE."
        )
    return Endpoint(
        base_url=settings.endpoint,
        model=settings.endpoint_model,
        api_key=_key(settings),
        max_concurrency=settings.endpoint_concurrency,
        connect_seconds=settings.endpoint_connect_seconds,
        call_seconds=settings.endpoint_seconds,
        parameters=settings.endpoint_parameters,
    )


class Limits(Protocol):
    """What a command says of spending; None leaves it to the settings."""

    @property
    def budget(self) -> float | None: ...

    @property
    def calls(self) -> int | None: ...


def budget_of(settings: Settings, model: KnownModel | None, limits: Limits) -> Budget:
    """`model` is what is known of the one that is asked: its prices."""
    return Budget(
        settings.budget_calls if limits.calls is None else limits.calls,
        settings.budget_money if limits.budget is None else limits.budget,
        model.prices if model else None,
    )


def chat_client(settings: Settings, fingerprint: str, comparison: Path, budget: Budget) -> ChatClient:
    """Keeps what it is told in the data folder, by the data set's `fingerprint`; what this `comparison` spends counts
    towards the `budget`."""
    folder = settings.data_folder / ANSWERS / fingerprint[:16]
    return ChatClient(configured_endpoint(settings), folder, _ledger_name(settings, comparison), budget)


def _ledger_name(settings: Settings, comparison: Path) -> str:
    """Where it lies; in the data folder from there on, since that may be restored to another place."""
    place = comparison.absolute()
    inside = place.is_relative_to(settings.data_folder)
    return str(place.relative_to(settings.data_folder) if inside else place)


def _key(settings: Settings) -> SecretStr | None:
    if settings.api_key_file is None:
        return settings.api_key
    if settings.api_key is not None:
        raise Refusal("Both ADVISOR_API_KEY and ADVISOR_API_KEY_FILE are set; keep one of them.")
    try:
        return SecretStr(settings.api_key_file.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        raise Refusal(f"ADVISOR_API_KEY_FILE: {settings.api_key_file} cannot be read as text.") from None
