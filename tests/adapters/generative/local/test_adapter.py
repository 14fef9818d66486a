"""A trained adapter as others load it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from adapters.generative.adapter import Adapter, wearing
from adapters.generative.exchange import Message
from adapters.generative.local import LocalModel
from adapters.generative.training import Trained, TrainingSettings, train
from adapters.generative.weights import WeightsError, find_model

ROWS = [((Message("system", "Say it."), Message("user", text)), text[::-1]) for text in ("one", "two", "three")]


@pytest.fixture(scope="module")
def trained(llama_folder: Path) -> Trained:
    settings = TrainingSettings(epochs=2, fewest_steps=0, batch=2, learning_rate=1e-2)
    return train(LocalModel(find_model(str(llama_folder))), ROWS, settings, seed=3)


class TestFormat:
    """What vLLM (vllm/lora/peft_helper.py and its checks) and transformers ask of an adapter's folder."""

    def saved(self, trained: Trained, tmp_path: Path) -> Path:
        trained.adapter.save(tmp_path / "adapter")
        return tmp_path / "adapter"

    @pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
    def test_peft_and_transformers_load_it(
        self, llama: LocalModel, trained: Trained, llama_folder: Path, tmp_path: Path
    ) -> None:
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        folder = self.saved(trained, tmp_path)
        base = AutoModelForCausalLM.from_pretrained(llama_folder)
        loaded = PeftModel.from_pretrained(base, str(folder)).eval()
        ids = torch.tensor([llama.template.prompt(ROWS[0][0])])
        with torch.inference_mode(), wearing(llama, trained.adapter):
            torch.testing.assert_close(llama.model(ids).logits, loaded(ids).logits)

    def test_vllm_finds_what_it_needs(self, trained: Trained, tmp_path: Path) -> None:
        config = json.loads((self.saved(trained, tmp_path) / "adapter_config.json").read_text())
        assert (config["peft_type"], config["r"], config["lora_alpha"], config["bias"]) == ("LORA", 16, 32, "none")
        assert config["r"] in (8, 16, 32, 64, 128, 256), "--max-lora-rank takes these"
        assert config["target_modules"] == [
            "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
        ]  # fmt: skip
        assert not config["modules_to_save"]
        assert not config["use_dora"]
        assert not config["use_rslora"]
        assert not config["layers_to_transform"]
        assert not config["rank_pattern"]
        names = "|".join(config["target_modules"])
        shape = rf"base_model\.model\.model\.layers\.\d\.(self_attn|mlp)\.({names})\.lora_[AB]\.weight"
        assert all(re.fullmatch(shape, name) for name in trained.adapter.tensors)
        assert len(trained.adapter.tensors) == 2 * 7 * 2

    def test_it_names_no_folder_of_this_machine(self, trained: Trained, llama_folder: Path, tmp_path: Path) -> None:
        folder = self.saved(trained, tmp_path)
        assert sorted(path.name for path in folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
        for path in folder.iterdir():
            assert str(llama_folder.parent).encode() not in path.read_bytes()
        assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny-llama"

    def test_pickled_and_foreign_adapters_are_refused(
        self, llama: LocalModel, trained: Trained, tmp_path: Path
    ) -> None:
        folder = self.saved(trained, tmp_path)
        read = Adapter.load(folder)
        assert read.tensors.keys() == trained.adapter.tensors.keys()
        assert all(torch.equal(read.tensors[name], tensor) for name, tensor in trained.adapter.tensors.items())
        renamed = Adapter(read.config, {f"other.{name}": tensor for name, tensor in read.tensors.items()})
        with pytest.raises(WeightsError, match="trained on another model than tiny-llama"), wearing(llama, renamed):
            pass
        (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
        with pytest.raises(WeightsError, match="has no adapter as safetensors"):
            Adapter.load(folder)
