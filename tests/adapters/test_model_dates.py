"""The script that makes the list of days, run over a small wheel."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRICES = "https://example.com/prices"
MODELS = {
    "sample_spec": {"mode": "chat", "litellm_provider": "one of", "deprecation_date": "YYYY-MM-DD"},
    "gpt-x-0613": {
        "mode": "chat",
        "litellm_provider": "openai",
        "deprecation_date": "2027-01-14",
        "source": PRICES,
        "input_cost_per_token": 1e-06,
    },
    "gpt-x": {"mode": "chat", "litellm_provider": "openai", "source": PRICES},
    "ft:gpt-x-0613": {
        "mode": "completion",
        "litellm_provider": "openai",
        "deprecation_date": "2027-01-01",
        "source": "OpenAI needs to add this",
    },
    "azure/x-codex": {"mode": "responses", "litellm_provider": "azure", "supported_output_modalities": ["text"]},
    "gpt-audio-preview": {"mode": "chat", "litellm_provider": "openai"},
    "x-singer": {"mode": "chat", "litellm_provider": "gemini", "supported_output_modalities": ["audio"]},
    "x-speaker": {"mode": "chat", "litellm_provider": "gemini", "supported_output_modalities": ["text", "audio"]},
    "x-embedding": {"mode": "embedding", "litellm_provider": "openai", "deprecation_date": "2027-01-14"},
    "x-painter": {"mode": "image_generation", "litellm_provider": "openai"},
}


def wheel(folder: Path, models: dict[str, dict[str, object]], year: int = 2026) -> Path:
    path = folder / "litellm-9.8.7-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as opened:
        entry = zipfile.ZipInfo("litellm/model_prices_and_context_window_backup.json", (year, 10, 21, 10, 18, 0))
        opened.writestr(entry, json.dumps(models))
        opened.writestr("litellm-9.8.7.dist-info/METADATA", "Metadata-Version: 2.4\nName: litellm\nVersion: 9.8.7\n")
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "model_dates.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_text_models_with_provider_day_and_source_sorted(tmp_path: Path) -> None:
    out = tmp_path / "dates.json"
    done = run(wheel(tmp_path, MODELS), "--out", out, "--made-on", "2026-11-21")
    assert done.returncode == 0, done.stderr
    assert "4 models, 2 with a date" in done.stdout
    document = json.loads(out.read_text())
    models = document.pop("models")
    assert list(models.items()) == [
        ("azure/x-codex", {"provider": "azure"}),
        ("ft:gpt-x-0613", {"provider": "openai", "deprecation_date": "2027-01-01"}),
        ("gpt-x", {"provider": "openai"}),
        ("gpt-x-0613", {"provider": "openai", "deprecation_date": "2027-01-14", "source": PRICES}),
    ]
    assert "Copyright (c) 2023 Berri AI" in document.pop("notice")
    assert document == {
        "source": "litellm 9.8.7",
        "licence": "MIT",
        "made_on": "2026-11-21",
        "packed_on": "2026-10-21",
    }


def test_the_same_wheel_and_day_give_the_same_bytes_and_a_nulled_clock_no_day(tmp_path: Path) -> None:
    texts = []
    for models in (MODELS, dict(reversed(MODELS.items()))):
        run(wheel(tmp_path, models, year=1980), "--out", tmp_path / "dates.json", "--made-on", "2026-11-21")
        texts.append((tmp_path / "dates.json").read_bytes())
    assert texts[0] == texts[1]
    assert "packed_on" not in json.loads(texts[0])


@pytest.mark.parametrize("content", [b"", b"not a wheel", None])
def test_something_else_than_a_wheel_is_refused_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "litellm.whl"
    if content is not None:
        path.write_bytes(content)
    done = run(path, "--out", tmp_path / "dates.json")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "expected a litellm wheel" in done.stderr
    assert not (tmp_path / "dates.json").exists()


def test_a_day_that_is_none_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    broken = {"gpt-x": {"mode": "chat", "litellm_provider": "openai", "deprecation_date": "soon"}}
    done = run(wheel(tmp_path, broken), "--out", tmp_path / "dates.json")
    assert done.returncode == 1
    assert not (tmp_path / "dates.json").exists()
