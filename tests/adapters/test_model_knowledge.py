"""What is known about a named model: facts checked by hand, rules on small made-up lists, and nothing invented."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from types import ModuleType

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import StartDateConstraint, TieredPrices

from adapters import model_knowledge
from adapters.model_file import ModelFile, read_model_file
from adapters.model_knowledge import find_model
from adapters.token_prices import token_prices
from rules.known_model import KnownModel

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 21)


def known(name: str, own: ModelFile | None = None) -> KnownModel:
    found = find_model(name, own, DAY)
    assert found is not None, name
    return found


def retires(name: str) -> str | None:
    day = known(name).retires
    return day.day.isoformat() if day else None


def asked_of_genai_prices(name: str, provider: str | None, day: date) -> tuple[float, float]:
    """Per million tokens, from a thousand, so that no tier for long prompts is reached."""
    noon = datetime.combine(day, clock(12, tzinfo=UTC))
    usage = Usage(input_tokens=1_000, output_tokens=1_000)
    found = calc_price(usage, name, provider_id=provider, genai_request_timestamp=noon)
    return float(found.input_price * 1_000), float(found.output_price * 1_000)


def own_file(folder: Path, text: str) -> ModelFile:
    path = folder / "models.toml"
    path.write_text(text)
    return read_model_file(path)


def with_list(folder: Path, models: dict[str, dict[str, str]]) -> ModuleType:
    """The module beside a list of one's own: it finds its data by its own place."""
    for name in ("model_knowledge.py", "hosted_tuning.json"):
        shutil.copy(ROOT / "adapters" / name, folder)
    header = {"source": "a list", "licence": "MIT", "made_on": "2026-11-21", "packed_on": "2026-11-20"}
    (folder / "model_dates.json").write_text(json.dumps({**header, "models": models}))
    spec = importlib.util.spec_from_file_location("knowledge_of_a_list", folder / "model_knowledge.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Names.


@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini", " GPT-4o-Mini\n", "OpenAI/GPT-4o-mini"])
def test_a_name_as_people_write_it(name: str) -> None:
    plain, found = known("gpt-4o-mini"), known(name)
    assert found == plain.model_copy(update={"name": name.strip().lower()})
    assert found.provider == "openai"


@pytest.mark.parametrize(
    "name",
    [
        "gtp-4o",
        "gpt-4o-mini-of-my-own-making",
        "openai/gpt-4o-mini-of-my-own-making",
        "claude-sonnet-4-5-of-my-own-making",
        "my-llama",
        "my-gemini-2.5-pro",
        "gpt",
        "gpt-4o-",
        "gpt-4o-latest",
        "mycompany/gpt-4o",
        "my-openai-clone/gpt-4o",
        "meta-llama/Llama-3.3-70B-Instruct",
        "ft:open-mistral-7b:587a6b29:20240514:7e773925",
        "ft:my-llama:acme::abc123",
        "openai/",
        "/",
        "",
        "   ",
        "gpt-4o" * 1_000,
    ],
)
def test_nothing_is_guessed_from_a_similar_name(name: str) -> None:
    assert find_model(name) is None


def test_a_fine_tune_is_known_by_its_base_model_with_its_own_price() -> None:
    tuned, base = known("ft:gpt-4o-mini-2024-07-18:acme::abc123"), known("gpt-4o-mini-2024-07-18")
    assert tuned.name == "ft:gpt-4o-mini-2024-07-18:acme::abc123"
    assert tuned.retires is not None
    assert tuned.retires.source.endswith("entry ft:gpt-4o-mini-2024-07-18")
    assert tuned.tuning_ends == base.tuning_ends
    assert tuned.prices is not None
    assert base.prices is not None
    asked = asked_of_genai_prices("ft:gpt-4o-mini-2024-07-18", "openai", DAY)
    assert (tuned.prices.input, tuned.prices.output) == pytest.approx(asked)
    assert tuned.prices.input > base.prices.input


def test_weights_that_everybody_hosts_have_no_price_without_a_host() -> None:
    assert find_model("gpt-oss-120b") is None
    assert find_model("openai/gpt-oss-120b") is None
    assert known("groq/openai/gpt-oss-120b").prices is not None


# Dates.


def test_days_checked_by_hand() -> None:
    assert retires("gpt-4o-2024-08-06") == "2027-01-14"
    assert retires("azure/gpt-4o-2024-08-06") == "2027-04-14"
    assert retires("claude-sonnet-4-5") == "2026-11-30"
    assert retires("claude-haiku-4-5") is None


def test_the_source_names_list_version_and_entry() -> None:
    day = known("gpt-4o-mini").retires
    assert day is not None
    header = json.loads((ROOT / "adapters" / "model_dates.json").read_text())
    assert day.source == f"{header['source']}, entry gpt-4o-mini-2024-07-18"
    assert day.seen_on == date.fromisoformat(header["packed_on"])


def test_an_alias_takes_the_latest_day_of_its_own_snapshots(tmp_path: Path) -> None:
    openai = {"provider": "openai"}
    listed = with_list(
        tmp_path,
        {
            "gpt-x": openai,
            "gpt-x-0301": openai | {"deprecation_date": "2027-01-01"},
            "gpt-x-2026-03-01": openai | {"deprecation_date": "2027-03-01"},
            "gpt-x-20260201": openai | {"deprecation_date": "2027-02-01"},
            # Not snapshots of gpt-x.
            "gpt-x-mini": openai,
            "gpt-x-mini-2026-03-01": openai | {"deprecation_date": "2028-01-01"},
            "gpt-x-12": openai | {"deprecation_date": "2029-01-01"},
            "gpt-x2-0301": openai | {"deprecation_date": "2029-01-01"},
        },
    )
    day = listed.find_model("gpt-x").retires
    assert (day.day, day.source) == (date(2027, 3, 1), "a list, entry gpt-x-2026-03-01")
    assert listed.find_model("gpt-x-mini").retires.day == date(2028, 1, 1)
    assert listed.find_model("gpt-x2") is None


def test_an_alias_has_no_day_if_a_snapshot_has_none(tmp_path: Path) -> None:
    openai = {"provider": "openai"}
    models = {"gpt-x": openai, "gpt-x-0301": openai | {"deprecation_date": "2027-01-01"}, "gpt-x-0601": openai}
    assert with_list(tmp_path, models).find_model("gpt-x").retires is None


def test_the_own_day_of_an_alias_comes_before_its_snapshots(tmp_path: Path) -> None:
    openai = {"provider": "openai"}
    models = {
        "gpt-x": openai | {"deprecation_date": "2026-12-31"},
        "gpt-x-0301": openai | {"deprecation_date": "2027-01-01"},
        "ft:gpt-x": openai | {"deprecation_date": "2026-11-30"},
    }
    assert with_list(tmp_path, models).find_model("gpt-x").retires.day == date(2026, 12, 31)


def test_elsewhere_a_dated_name_is_a_deployment_of_its_own(tmp_path: Path) -> None:
    fireworks = {"provider": "fireworks_ai"}
    models = {"fireworks_ai/v4": fireworks, "fireworks_ai/v4-0731": fireworks | {"deprecation_date": "2027-01-01"}}
    assert with_list(tmp_path, models).find_model("fireworks_ai/v4").retires is None


@pytest.mark.parametrize("base", [{}, {"gpt-x-0613": {"provider": "openai"}}], ids=["unlisted", "undated"])
def test_a_model_without_a_day_takes_that_of_its_fine_tunes(tmp_path: Path, base: dict[str, dict[str, str]]) -> None:
    tuned = {"ft:gpt-x-0613": {"provider": "openai", "deprecation_date": "2027-01-14"}}
    found = with_list(tmp_path, base | tuned).find_model("gpt-x-0613")
    assert found.retires.day == date(2027, 1, 14)
    assert found.retires.source == "a list, entry ft:gpt-x-0613"


def test_a_name_without_its_host_has_a_day_only_if_the_hosts_agree(tmp_path: Path) -> None:
    vertex = {"provider": "vertex_ai-language-models", "deprecation_date": "2027-05-01"}
    models = {"gemini-y": vertex, "gemini-z": vertex}
    models |= {"gemini/gemini-y": {"provider": "gemini"}, "gemini/gemini-z": vertex | {"provider": "gemini"}}
    models |= {"gemini-w": vertex, "gemini/gemini-w": {"provider": "gemini", "deprecation_date": "2027-06-01"}}
    listed = with_list(tmp_path, models)
    assert listed.find_model("gemini-w").retires is None
    assert listed.find_model("gemini-y").retires is None
    assert listed.find_model("gemini/gemini-y").retires is None
    assert listed.find_model("vertex_ai/gemini-y").retires.day == date(2027, 5, 1)
    assert listed.find_model("gemini-z").retires.day == date(2027, 5, 1)
    assert {listed.find_model(name).provider for name in ("gemini-y", "vertex_ai/gemini-y")} == {"google"}


def test_hosted_tuning_ends_at_openai_and_not_at_azure() -> None:
    ends = known("gpt-4.1").tuning_ends
    assert ends is not None
    assert (ends.day, ends.seen_on) == (date(2027, 1, 6), date(2026, 11, 20))
    assert ends.source == "developers.openai.com/api/docs/deprecations"
    assert known("azure/gpt-4.1").tuning_ends is None
    assert known("claude-sonnet-4-5").tuning_ends is None
    assert known("openrouter/openai/gpt-4o").tuning_ends is None


def test_the_shipped_list_is_sane() -> None:
    document = json.loads((ROOT / "adapters" / "model_dates.json").read_text())
    assert date.fromisoformat(document["packed_on"]) <= date.fromisoformat(document["made_on"])
    assert document["licence"] == "MIT"
    assert "Berri AI" in document["notice"]
    models = document["models"]
    assert list(models) == sorted(models)
    assert len(models) > 1_000
    assert len({name.lower() for name in models}) == len(models)
    days = [date.fromisoformat(kept["deprecation_date"]) for kept in models.values() if "deprecation_date" in kept]
    assert len(days) > 100
    assert min(days) >= date(2022, 1, 1)
    assert {key for kept in models.values() for key in kept} == {"provider", "deprecation_date", "source"}
    assert not [name for name in models if "audio" in name or name == "sample_spec"]


# Prices.


def test_prices_are_those_of_genai_prices() -> None:
    prices = known("gpt-4o-mini").prices
    assert prices is not None
    assert (prices.input, prices.output) == pytest.approx(asked_of_genai_prices("gpt-4o-mini", "openai", DAY))
    assert prices.currency == "USD"
    assert prices.training is None
    assert prices.source.startswith("genai-prices ")
    assert prices.seen_on is None


def test_every_price_is_the_base_tier_at_the_same_provider() -> None:
    compared = tiered = 0
    for provider in providers:
        if provider.id not in {"openai", "anthropic", "google", "mistral", "deepseek"}:
            continue
        for model in provider.models:
            found = token_prices(f"{provider.id}/{model.id}".lower(), DAY)
            if found is None:
                continue
            assert found[0] == provider.id
            asked = asked_of_genai_prices(model.id, provider.id, DAY)
            # Models that bill sound or pictures apart answer for text only.
            assert (found[1].input, found[1].output) == pytest.approx(asked), model.id
            compared += 1
            prices = calc_price(Usage(input_tokens=1), model.id, provider_id=provider.id).model_price
            tiered += isinstance(prices.input_mtok, TieredPrices)
    assert compared > 100
    assert tiered > 3


def test_a_price_holds_from_its_first_day_on() -> None:
    changes = 0
    for provider in providers:
        for model in provider.models:
            if not isinstance(model.prices, list) or len(model.prices) != 2:
                continue
            before, after = model.prices
            if not isinstance(after.constraint, StartDateConstraint):
                continue
            if isinstance(before.prices.input_mtok, TieredPrices) or isinstance(after.prices.input_mtok, TieredPrices):
                continue
            start, name = after.constraint.start_date, f"{provider.id}/{model.id}".lower()
            old, new = token_prices(name, date.fromordinal(start.toordinal() - 1)), token_prices(name, start)
            if old is None or new is None or before.prices.input_mtok == after.prices.input_mtok:
                continue
            changes += 1
            assert old[1].input != new[1].input, name
            assert new[1].input == pytest.approx(asked_of_genai_prices(model.id, provider.id, start)[0])
    assert changes > 3


def test_a_host_that_sells_at_the_makers_price_says_so_and_others_stay_unknown() -> None:
    prices = known("azure/gpt-4o").prices
    assert prices is not None
    assert prices.source.endswith(", at the price of openai")
    assert known("azure_ai/deepseek-r1").prices is None


def test_a_listed_name_is_priced_at_its_own_host(tmp_path: Path) -> None:
    found = with_list(tmp_path, {"gpt-4o": {"provider": "bedrock_converse"}}).find_model("gpt-4o")
    assert (found.provider, found.prices, found.tuning_ends) == ("aws", None, None)


# The user's own file.


def test_each_part_of_the_own_file_overrides_the_data_and_the_others_stay(tmp_path: Path) -> None:
    data = known("gpt-4o-mini")
    parts = {
        "retires": "retires_on = 2030-01-01",
        "tuning_ends": "tuning_ends_on = 2029-01-01",
        "prices": 'input_price = 7\noutput_price = 8.5\ncurrency = "EUR"',
    }
    for part, line in parts.items():
        own = own_file(tmp_path, f'[[model]]\nname = "gpt-4o-mini"\nsource = "contract"\n{line}\n')
        found = known("gpt-4o-mini", own)
        assert getattr(found, part).source == "contract"
        assert found.model_copy(update={part: getattr(data, part)}) == data
    assert (found.prices.input, found.prices.output, found.prices.currency) == (7, 8.5, "EUR")


def test_a_training_price_alone_joins_the_known_prices(tmp_path: Path) -> None:
    own = own_file(tmp_path, '[[model]]\nname = "gpt-4o-mini"\ntraining_price = 3\n')
    data, prices = known("gpt-4o-mini").prices, known("gpt-4o-mini", own).prices
    assert data is not None
    assert prices is not None
    assert (prices.input, prices.output, prices.training) == (data.input, data.output, 3)
    assert prices.source == f"{data.source}; training: models.toml"


@pytest.mark.parametrize(
    ("in_file", "in_form"),
    [("gpt-4o-mini", "openai/GPT-4o-mini"), ("OpenAI/gpt-4o-mini", "gpt-4o-mini"), ("GPT-4O-mini", "gpt-4o-mini")],
)
def test_the_own_file_is_found_under_another_spelling(tmp_path: Path, in_file: str, in_form: str) -> None:
    own = own_file(tmp_path, f'[[model]]\nname = "{in_file}"\nretires_on = 2030-01-01\n')
    day = known(in_form, own).retires
    assert day is not None
    assert (day.day, day.source, day.seen_on) == (date(2030, 1, 1), "models.toml", None)


@pytest.mark.parametrize("name", ["azure/gpt-4o", "gpt-4o-mini", "ft:gpt-4o-2024-08-06:acme::x", "gpt-4o-2024-08-06"])
def test_the_own_file_speaks_of_no_other_model(tmp_path: Path, name: str) -> None:
    own = own_file(tmp_path, '[[model]]\nname = "gpt-4o"\nretires_on = 2030-01-01\n')
    assert known(name, own) == known(name)


def test_a_provider_in_the_own_file_chooses_the_dates_of_that_host(tmp_path: Path) -> None:
    own = own_file(tmp_path, '[[model]]\nname = "gpt-4o"\nprovider = "azure"\n')
    found = known("gpt-4o", own)
    assert found.name == "gpt-4o"
    assert found.provider == "azure"
    assert found.retires == known("azure/gpt-4o").retires != known("gpt-4o").retires
    assert found.tuning_ends is None
    elsewhere = known("gpt-4o", own_file(tmp_path, '[[model]]\nname = "gpt-4o"\nprovider = "our cellar"\n'))
    assert elsewhere == KnownModel(name="gpt-4o", provider="our cellar")


def test_a_model_that_only_the_own_file_knows(tmp_path: Path) -> None:
    own = own_file(tmp_path, '[[model]]\nname = "my-llama"\nretires_on = 2030-01-01\n')
    found = known("My-Llama", own)
    assert (found.provider, found.prices, found.tuning_ends) == ("unknown", None, None)
    assert find_model("my-llama-2", own) is None


# Cost of asking.


def test_nothing_is_fetched_and_no_thread_is_started() -> None:
    code = """
import sys, threading
def refuse(event, arguments):
    if event.startswith("socket."):
        raise AssertionError(event)
sys.addaudithook(refuse)
from adapters.model_knowledge import find_model
assert "genai_prices" not in sys.modules
assert find_model("gpt-4o-mini").prices is not None
assert find_model("gtp-4o") is None
assert threading.active_count() == 1
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_asking_again_costs_microseconds() -> None:
    seconds = []
    for _ in range(200):
        started = time.perf_counter()
        model_knowledge.find_model("gpt-4o-mini")
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 50e-6
