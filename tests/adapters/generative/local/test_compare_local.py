"""As a user: `advisor compare DATA --backend local --model FOLDER`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.__main__ import app


@pytest.fixture(autouse=True)
def _rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty rows to learn from and thirty to test, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVISOR_DATA_FOLDER", str(tmp_path / "data"))
    for name, numbers in (("train", range(30)), ("test", range(30, 60))):
        texts = [f"{('cold', 'warm')[n % 2]} {n * 7919 % 997} {chr(97 + n % 26) * 4}" for n in numbers]
        rows = ({"input": text, "output": "ab"[n % 2]} for n, text in zip(numbers, texts, strict=True))
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))


def compare(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["compare", "train.jsonl", "--test", "test.jsonl", *arguments])


def test_every_way_over_one_model_and_the_fine_tune_among_them(make_llama: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_llama(tmp_path / "tiny", context=2048)
    result = compare("--backend", "local", "--model", str(folder), "--no-learning-curve")
    assert result.exit_code == 0, result.output
    report = json.loads(Path("advisor-runs/train/report.json").read_text())
    assert [arm["name"] for arm in report["arms"]] == ["zero_shot", "few_shot", "similar_examples", "lora"]
    assert {arm["base_model"] for arm in report["arms"]} == {"tiny"}
    tuned = report["arms"][-1]
    assert tuned["fits"] == 5
    # That a fine-tune learns is shown in test_small_model.py; these weights are random.
    assert all(len(arm["run_accuracies"]) == arm["fits"] for arm in report["arms"])
    assert [found["arm"] for found in report["side_effects"]] == ["lora"]
    assert report["spending"]["paid_for"] is False
    # Labels are chosen by likelihood, so that every answer has a confidence.
    assert report["automation"]["arm"] == report["verdict"]["arm"]
    assert len(report["automation"]["results"]) == 2
    assert any("not what it would write" in line for line in report["spending"]["terms"])
    assert "tiny needs 0 MB of memory for its weights" in result.stderr
    assert any(line in result.stderr for line in report["spending"]["terms"])
    told = report["times"]["machine"][0]
    assert "Since tiny was loaded, at most" in told
    assert told in Path("advisor-runs/train/report.md").read_text()
    saved = list(Path("advisor-runs/train/trials").glob("*/fitted/adapter/adapter_config.json"))
    assert len(saved) == 5


def test_the_likeliest_label_cannot_be_asked_for_again(llama_folder: Path) -> None:
    result = compare("--backend", "local", "--model", str(llama_folder), "--temperature", "0.8")
    assert result.exit_code == 2
    assert "the likeliest label is the same every time; add --written-labels" in result.stderr


def test_a_model_that_is_not_there() -> None:
    result = compare("--backend", "local", "--model", "nowhere")
    assert result.exit_code == 2
    assert "nowhere is neither a folder nor a model name" in result.stderr


@pytest.mark.parametrize("option", ["--four-bit", "--written-labels"])
def test_what_is_meant_for_a_model_of_this_machine_wants_one(option: str) -> None:
    result = compare(option)
    assert result.exit_code == 2
    assert "add --backend local --model MODEL" in result.stderr


def test_passages_want_documents(llama_folder: Path) -> None:
    result = compare("--backend", "local", "--model", str(llama_folder), "--passages", "2")
    assert result.exit_code == 2
    assert "there is nothing to find them in; name documents with --corpus" in result.stderr


@pytest.mark.parametrize("arguments", [("--backend", "local"), ("--model", "x")])
def test_backend_and_model_go_together(arguments: tuple[str, ...]) -> None:
    result = compare(*arguments)
    assert result.exit_code == 2
    assert "--backend local and --model go together" in result.stderr
