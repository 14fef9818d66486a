"""Which folders are taken for a model, and that nothing foreign is run or fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.local import LocalModel
from adapters.generative.weights import WeightsError, find_model

MakeLlama = Callable[..., Path]
ASKED = ChatRequest((Message("user", "a"),), max_tokens=2)


class TestWeights:
    def test_only_safetensors_are_loaded(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        folder = make_llama(tmp_path / "m")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        with pytest.raises(WeightsError, match="no safetensors weights; other formats can hold programs"):
            find_model(str(folder))

    def test_a_model_s_own_code_never_runs(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        evil = {"model_type": "evil", "auto_map": {"AutoModelForCausalLM": "evil.Evil", "AutoConfig": "evil.Config"}}
        folder = make_llama(tmp_path / "m", **evil)
        (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        with pytest.raises(WeightsError, match="It brings its own code, which is not run here"):
            find_model(str(folder))
        # Code beside a kind that transformers knows is left alone.
        folder = make_llama(tmp_path / "known", auto_map=evil["auto_map"])
        (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        LocalModel(find_model(str(folder))).ask_all([ASKED])
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("name", "told"),
        [("no-such-folder", "neither a folder nor a model name"), ("some/model", "is not in this machine's cache")],
    )
    def test_nothing_is_fetched_unasked(self, name: str, told: str) -> None:
        with pytest.raises(WeightsError, match=told):
            find_model(name)

    def test_other_folders(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=r"has no config\.json"):
            find_model(str(tmp_path))
        (tmp_path / "config.json").write_text("[]")
        with pytest.raises(WeightsError, match="is not a JSON object"):
            find_model(str(tmp_path))

    def test_a_hub_model_is_found_in_the_cache(
        self, llama_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cached = tmp_path / "models--maker--tiny"
        (cached / "refs").mkdir(parents=True)
        (cached / "refs/main").write_text("0" * 40)
        (cached / "snapshots").mkdir()
        (cached / "snapshots" / ("0" * 40)).symlink_to(llama_folder)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        found = find_model("maker/tiny")
        assert (found.name, found.sha256) == ("maker/tiny", find_model(str(llama_folder)).sha256)

    def test_every_file_that_decides_an_answer_counts(self, make_llama: MakeLlama, tmp_path: Path) -> None:
        first = find_model(str(make_llama(tmp_path / "a"))).sha256
        assert find_model(str(make_llama(tmp_path / "b"))).sha256 == first
        assert find_model(str(make_llama(tmp_path / "c", seed=1))).sha256 != first
        assert find_model(str(make_llama(tmp_path / "d", template=None))).sha256 != first
        (tmp_path / "b/README.md").write_text("prose")
        assert find_model(str(tmp_path / "b")).sha256 == first

    def test_four_bits_without_a_gpu(self, llama_folder: Path) -> None:
        if torch.cuda.is_available():
            pytest.skip("there is a GPU")
        with pytest.raises(WeightsError, match="need a GPU and the package bitsandbytes"):
            LocalModel(find_model(str(llama_folder)), four_bit=True).ask_all([ASKED])
