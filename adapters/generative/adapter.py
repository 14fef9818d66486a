"""LoRA adapters in peft's own format, put on a model for a while and taken off again."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from adapters.generative.local import LocalModel
from adapters.generative.weights import WeightsError

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"


@dataclass(frozen=True)
class Adapter:
    """What a training changed: `config` as in adapter_config.json, `tensors` by the names that peft gives them."""

    config: Mapping[str, Any]
    tensors: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Writes what `PeftModel.from_pretrained(base, folder)` and `vllm serve --lora-modules name=folder` load."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True)
        (folder / CONFIG).write_text(json.dumps(self.config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        save_file(dict(self.tensors), folder / WEIGHTS, metadata={"format": "pt"})

    @classmethod
    def load(cls, folder: Path) -> Adapter:
        """Raises WeightsError where the folder has no safetensors adapter: pickled ones are not loaded."""
        from safetensors.torch import load_file

        if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
            raise WeightsError(f"{folder} has no adapter as safetensors ({CONFIG} and {WEIGHTS}); train it again.")
        return cls(json.loads((folder / CONFIG).read_text(encoding="utf-8")), load_file(folder / WEIGHTS))


@contextmanager
def with_fresh_adapter(model: LocalModel, rank: int, alpha: int, dropout: float) -> Iterator[Any]:
    """The model with untrained low-rank matrices beside every linear layer but the output's, as a peft model.

    Draws from torch's global generator, as peft does; the caller forks and seeds it. Afterwards the model is as before.
    """
    from peft import LoraConfig, TaskType

    config = LoraConfig(
        task_type=TaskType.CAUSAL_LM, r=rank, lora_alpha=alpha, lora_dropout=dropout,
        target_modules=_linear_layers(model.model),
    )  # fmt: skip
    with _put_on(model, config) as adapted:
        yield adapted


@contextmanager
def wearing(model: LocalModel, adapter: Adapter) -> Iterator[None]:
    """Within it the model answers with the adapter; afterwards it is as before."""
    import torch
    from peft import LoraConfig, set_peft_model_state_dict

    config = LoraConfig(**{**adapter.config, "base_model_name_or_path": None})
    # peft draws fresh weights before it reads the trained ones.
    with torch.random.fork_rng(), _put_on(model, config) as adapted:
        missing = set_peft_model_state_dict(adapted, dict(adapter.tensors))
        if missing.unexpected_keys:
            raise WeightsError(f"The adapter was trained on another model than {model.name}; train it again.")
        yield


def taken_off(adapted: Any, name: str) -> Adapter:
    """The trained part of a peft model, on the processor. `name` is the base model's, for use elsewhere."""
    from peft import get_peft_model_state_dict

    config = adapted.peft_config["default"]
    written = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    # A folder of this machine means nothing elsewhere.
    written |= {"base_model_name_or_path": name, "inference_mode": True}
    tensors = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    plain = json.loads(json.dumps(written, default=str))
    return Adapter(plain, {key: tensors[key].detach().cpu().contiguous().clone() for key in sorted(tensors)})


def _linear_layers(base: Any) -> list[str]:
    """Last names of every linear layer but the output's. peft's own "all-linear" means the same, but writes every layer
    out by its whole name, which not every server reads."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head = base.get_output_embeddings()
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in base.named_modules()
            if isinstance(module, torch.nn.Linear | Conv1D) and module is not head
        }
    )


@contextmanager
def _put_on(model: LocalModel, config: Any) -> Iterator[Any]:
    from peft import get_peft_model

    base = model.model
    trained = [parameter for parameter in base.parameters() if parameter.requires_grad]
    with _without_peft_s_warning():
        adapted = get_peft_model(base, config)
    try:
        yield adapted.eval()
    finally:
        adapted.unload()
        for name in ("peft_config", "_hf_peft_config_loaded"):
            if name in vars(base):
                delattr(base, name)
        for parameter in trained:
            parameter.requires_grad_(True)
        base.eval()


@contextmanager
def _without_peft_s_warning() -> Iterator[None]:
    """peft 0.21 reads a property that transformers 5 renames, and says that it turned the matrices of a GPT-2."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing`", category=FutureWarning)
        warnings.filterwarnings("ignore", message="fan_in_fan_out is set to False", category=UserWarning)
        yield
