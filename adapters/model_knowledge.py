"""What is known about a model by the name that a person writes in a form: retirement, end of tuning, prices.

Three sources, none of them over the network: the user's own file (adapters/model_file.py), prices by genai-prices
(adapters/token_prices.py), and two data files beside this one: model_dates.json, made by scripts/model_dates.py, and
hosted_tuning.json, kept by hand.
"""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from adapters.model_file import ModelFile, OwnModel
from adapters.token_prices import provider_of, token_prices
from rules.known_model import Announced, KnownModel, TokenPrices

# Providers whose undated names are aliases that move on to the newest snapshot. Elsewhere `deepseek-v4-flash` and
# `deepseek-v4-flash-0731` are two deployments, and neither's date says anything about the other.
MOVING_ALIASES = {"openai", "anthropic"}
SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|\d{4})$")
FINE_TUNE = re.compile(r"((?:[^/:]+/)?ft:[^:]+):.*")
# Longer than any model's name; what comes over the network must not fill the memory.
LONGEST_NAME = 200


class Listed(NamedTuple):
    """A model of model_dates.json."""

    name: str
    host: str
    day: date | None


class Dates(NamedTuple):
    """model_dates.json, its models by their names in lower case."""

    source: str
    seen_on: date | None
    models: dict[str, Listed]
    hosts: frozenset[str]


def find_model(name: str, own: ModelFile | None = None, day: date | None = None) -> KnownModel | None:
    """Everything known about a model, priced as on a day (today unless told); None where nothing is known.

    `name` as a person writes it: in any case, spaces around, with or without the host (`openai/gpt-4o-mini`), a
    fine-tune with its suffix (`ft:gpt-4o-mini-2024-07-18:acme::abc123`). Nothing is guessed from similar names: a name
    that no source spells out is unknown. The user's own file is believed before the other sources, part by part.

    The day of retirement, by model_dates.json:

    - the model's own;
    - an alias without one takes the latest of its dated snapshots (`gpt-4o` that of `gpt-4o-2024-11-20`), because it
      moves on to the newest; if one of them has no date, none. Only for providers whose aliases are known to move on;
    - a model without either takes that of its fine-tunes (`ft:` and its name): what is tuned on it stops then.

    The source names the entry that was read. A name without a host stands for all hosts of its maker (the Gemini API
    and Vertex AI, say): where their dates differ, there is none.
    """
    written = name.strip().lower()
    if not written or len(written) > LONGEST_NAME:
        return None
    today = day or date.today()
    entry = _own_entry(written, own, today) if own else None
    return _with_own(written, entry, today) if entry else _known(written, today)


@lru_cache(maxsize=1024)
def _known(written: str, day: date) -> KnownModel | None:
    """What the data say about a name in lower case."""
    name = _without_suffix(written)
    entry = _entry(name)
    # A listed name says whose it is: Bedrock's anthropic.claude-... must not be priced at Anthropic.
    priced = token_prices(f"{entry.host}/{name}" if entry and "/" not in name else name, day)
    listed = _listed(name, priced[0] if priced else None)
    if not priced and not listed:
        return None
    provider = priced[0] if priced else provider_of(listed[0].host)
    return KnownModel(
        name=written,
        provider=provider,
        retires=_retirement(listed),
        tuning_ends=_tuning_ends().get(provider),
        prices=priced[1] if priced else None,
    )


def _without_suffix(written: str) -> str:
    """A fine-tune's name up to its base model, as the lists name it: without organisation, label and number."""
    fine_tune = FINE_TUNE.fullmatch(written)
    return fine_tune.group(1) if fine_tune else written


def _entry(name: str) -> Listed | None:
    """The entry under a name, or else that of its fine-tunes: they outlive the mention of their model."""
    models = _dates().models
    return models.get(name) or models.get(f"ft:{name}")


def _listed(name: str, provider: str | None) -> list[Listed]:
    """The entries that a name stands for, one for each host."""
    dates = _dates()
    prefix, slash, bare = name.partition("/")
    if slash and name in dates.models:
        return [dates.models[name]]
    if not slash:
        bare = name
    entry = _entry(bare)
    if slash and prefix in dates.hosts:
        hosts = {prefix}
    else:
        maker = prefix if slash else provider_of(entry.host) if entry else provider
        hosts = {host for host in dates.hosts if provider_of(host) == maker}
    found = [dates.models[key] for key in (f"{host}/{bare}" for host in sorted(hosts)) if key in dates.models]
    return [*found, entry] if entry and entry.host in hosts else found


def _retirement(listed: list[Listed]) -> Announced | None:
    """The day on which all of a model's hosts agree."""
    counted = [_dated(entry) for entry in listed]
    first = counted[0] if counted else None
    if first is None or first.day is None or any(entry is None or entry.day != first.day for entry in counted):
        return None
    dates = _dates()
    return Announced(day=first.day, source=f"{dates.source}, entry {first.name}", seen_on=dates.seen_on)


def _dated(entry: Listed) -> Listed | None:
    """The entry whose date counts for another one, by the rules of `find_model`; None if there is no date."""
    if entry.day is not None:
        return entry
    alias = entry.name.lower()
    newest = _newest_snapshot(alias) if entry.host in MOVING_ALIASES else None
    return newest or _dates().models.get(f"ft:{alias}")


def _newest_snapshot(alias: str) -> Listed | None:
    """The snapshot that stays longest; None if there is no snapshot, or one without a date."""
    found = [
        (model.day, key) for key, model in _dates().models.items() if key != alias and SNAPSHOT.sub("", key) == alias
    ]
    dated = [(day, key) for day, key in found if day is not None]
    return _dates().models[max(dated)[1]] if dated and len(dated) == len(found) else None


def _own_entry(written: str, own: ModelFile, day: date) -> OwnModel | None:
    """The table of the user's own file for a name: the same name first, then another spelling of the same model."""
    for entry in own.models:
        if entry.name.lower() == written:
            return entry
    asked = _identity(_without_suffix(written), day)
    return next((entry for entry in own.models if _identity(entry.full_name.lower(), day) == asked), None)


def _identity(written: str, day: date) -> str:
    """A name without its host, if the host is the one that the name alone means."""
    host, slash, bare = written.partition("/")
    alone = _known(bare, day) if slash else None
    return bare if alone is not None and alone.provider == provider_of(host) else written


def _with_own(written: str, entry: OwnModel, day: date) -> KnownModel:
    """The own file's parts over those of the data for the same model at the same provider."""
    known = _known(written, day)
    host = entry.provider.lower() if entry.provider else None
    if host and "/" not in written and (known is None or known.provider != provider_of(host)):
        known = _known(f"{host}/{written}", day)
    found = known.provider if known else _named_provider(written)
    provider = provider_of(host) if host else found
    return KnownModel(
        name=written,
        provider=provider,
        retires=_own_day(entry.retires_on, entry) or (known.retires if known else None),
        tuning_ends=_own_day(entry.tuning_ends_on, entry) or _tuning_ends().get(provider),
        prices=_own_prices(entry, known.prices if known else None),
    )


def _named_provider(written: str) -> str:
    """The provider that a name begins with; `unknown` without one, or where it is but somebody's folder."""
    prefix = provider_of(written.partition("/")[0]) if "/" in written else ""
    return prefix if any(provider_of(host) == prefix for host in _dates().hosts) else "unknown"


def _own_day(day: date | None, entry: OwnModel) -> Announced | None:
    return Announced(day=day, source=entry.source, seen_on=None) if day is not None else None


def _own_prices(entry: OwnModel, known: TokenPrices | None) -> TokenPrices | None:
    """The own prices; a training price that stands alone joins those of the data."""
    if entry.input_price is not None and entry.output_price is not None:
        return TokenPrices(
            input=entry.input_price,
            output=entry.output_price,
            training=entry.training_price,
            currency=entry.currency,
            source=entry.source,
            seen_on=None,
        )
    if entry.training_price is None or known is None:
        return known
    source = f"{known.source}; training: {entry.source}"
    return known.model_copy(update={"training": entry.training_price, "source": source})


@cache
def _dates() -> Dates:
    document = json.loads(Path(__file__).with_name("model_dates.json").read_text(encoding="utf-8"))
    models = {
        name.lower(): Listed(name, _host_of(kept["provider"]), _day(kept.get("deprecation_date")))
        for name, kept in document["models"].items()
    }
    hosts = frozenset(model.host for model in models.values())
    # The list is as old as its wheel; the day on which we copied it says nothing.
    return Dates(document["source"], _day(document.get("packed_on")), models, hosts)


def _host_of(provider: str) -> str:
    """The host behind litellm's word for a provider, which tells kinds of models and of requests apart as well."""
    for host in ("bedrock", "vertex_ai"):
        if provider.startswith(host):
            return host
    return {"azure_text": "azure", "cohere_chat": "cohere"}.get(provider, provider.removeprefix("text-completion-"))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def _tuning_ends() -> dict[str, Announced]:
    """By provider, the last day on which it takes new fine-tuning jobs."""
    document = json.loads(Path(__file__).with_name("hosted_tuning.json").read_text(encoding="utf-8"))
    return {
        provider: Announced(day=told["last_new_jobs"], source=told["source"], seen_on=told["seen_on"])
        for provider, told in document["providers"].items()
    }
