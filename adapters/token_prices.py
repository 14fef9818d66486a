"""Token prices by genai-prices: what a named model costs on a day. Nothing else imports that package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from rules.known_model import TokenPrices

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic, PriceCalculation, TieredPrices

# Where prices depend on the hour (DeepSeek), those at noon UTC count: office hours in Europe.
NOON = time(12, tzinfo=UTC)
# What people and litellm call a host, and what genai-prices calls the provider behind it.
PROVIDERS = {
    "azure_ai": "azure",
    "bedrock": "aws",
    "fireworks_ai": "fireworks",
    "gemini": "google",
    "github_copilot": "github-copilot",
    "moonshot": "moonshotai",
    "together_ai": "together",
    "vertex_ai": "google",
    "xai": "x-ai",
}
# Hosts that sell a maker's models at the maker's price. genai-prices borrows prices in more cases, but is then off by a
# factor of two and more (DeepSeek on Azure, for one); those stay unknown.
SOLD_AT_THE_MAKERS_PRICE = {"azure": "openai", "google": "anthropic"}
# Listed under openai, which publishes the weights and does not host them: every host asks a price of its own.
NOT_HOSTED_BY_OPENAI = "gpt-oss"
# How the name of a snapshot ends: -2024-08-06, -20250929, @20240620, -0613, -latest, @default.
ENDING = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|default)$")


def provider_of(host: str) -> str:
    """The provider behind a host's name in lower case; a name that is not in the table stands for itself."""
    return PROVIDERS.get(host, host)


def token_prices(name: str, day: date) -> tuple[str, TokenPrices] | None:
    """Provider and prices in USD per million tokens, valid on a day; None where genai-prices does not know the model.

    `name` is in lower case, with or without its host: `gpt-4o-mini`, `azure/gpt-4o-mini`, `ft:gpt-4o-mini-2024-07-18`.
    Where long prompts cost more per token, the base tier counts: texts to classify never reach the others. Prices of
    batches and of cached tokens are left out. The data are those inside the package; nothing is fetched.

    genai-prices finds many models by how their name begins, so that `claude-sonnet-4-5-of-my-own` would cost what
    Anthropic asks. Here a price counts only where the data spell out the asked name, or that name without the ending of
    a snapshot.
    """
    from genai_prices import __version__

    host, slash, rest = name.partition("/")
    if name.startswith("ft:"):
        # genai-prices prices fine-tunes of OpenAI only, and does not see from the name that they are OpenAI's.
        host, slash, rest = "openai", "/", name
    # A slash may also be part of a name that says by itself whose it is: accounts/fireworks/models/...
    found = (_find(rest, provider_of(host), day) if slash else None) or _find(name, None, day)
    if found is None:
        return None
    into, out = _base(found.model_price.input_mtok), _base(found.model_price.output_mtok)
    if into is None or out is None:
        return None
    source = f"genai-prices {__version__}"
    if not _is_own(found):
        source += f", at the price of {SOLD_AT_THE_MAKERS_PRICE[found.provider.id]}"
    # The package does not say on which day it was released.
    return found.provider.id, TokenPrices(input=into, output=out, source=source, seen_on=None)


def _find(name: str, provider: str | None, day: date) -> PriceCalculation | None:
    """What genai-prices finds, unless it stretches the name, the provider or the price."""
    found = _calculation(name, provider, day)
    if found is None or (provider is not None and found.provider.id != provider):
        return None
    spelt = {found.model.id.lower(), *_spellings(found.model.match)}
    if name not in spelt and ENDING.sub("", name) not in spelt:
        return None
    if name.startswith(NOT_HOSTED_BY_OPENAI) and found.provider.id in {"openai", "azure"}:
        return None
    if not _is_own(found):
        maker = SOLD_AT_THE_MAKERS_PRICE.get(found.provider.id)
        asked_of_maker = _calculation(name, maker, day) if maker else None
        if asked_of_maker is None or asked_of_maker.model is not found.model:
            return None
    return found


def _calculation(name: str, provider: str | None, day: date) -> PriceCalculation | None:
    from genai_prices import Usage, calc_price

    one_each = Usage(input_tokens=1, output_tokens=1)
    try:
        return calc_price(one_each, name, provider_id=provider, genai_request_timestamp=datetime.combine(day, NOON))
    except LookupError:
        return None


def _is_own(found: PriceCalculation) -> bool:
    """Whether the price stands in the provider's own list, not in that of a maker whose models it sells."""
    return any(model is found.model for model in found.provider.models)


def _base(price: Decimal | TieredPrices | None) -> float | None:
    from genai_prices.types import TieredPrices

    if price is None:
        return None
    return float(price.base if isinstance(price, TieredPrices) else price)


def _spellings(match: MatchLogic) -> Iterator[str]:
    """Names that a model's pattern writes out as a whole, or as the beginning of a family; parts of names are none."""
    from genai_prices.types import ClauseAnd, ClauseEquals, ClauseOr, ClauseStartsWith

    match match:
        case ClauseEquals():
            yield match.equals.lower()
        case ClauseStartsWith():
            yield match.starts_with.lower()
        case ClauseOr():
            for clause in match.or_:
                yield from _spellings(clause)
        case ClauseAnd():
            for clause in match.and_:
                yield from _spellings(clause)
