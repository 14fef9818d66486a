"""Makes the small language model of the tests: python scripts/make_small_model.py OUT_FOLDER [--checkpoints FOLDER].

Trained from nothing on conversations that scripts/small_model_texts.py makes up, on a processor, in about an hour
on one core. The same seed, versions and number of threads give the same weights. A training that was stopped goes on
from its last checkpoint; checkpoints are safetensors too.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from small_model_texts import Turn, conversation
from torch.nn.functional import cross_entropy

SEED: Final = 7
VOCABULARY: Final = 2048
CONTEXT: Final = 2048
DRAWN: Final = 40
"""Texts of which a step takes those of like length."""
SPECIAL: Final = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE: Final = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SHAPE: Final = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 4, "tie_word_embeddings": True, "max_position_embeddings": CONTEXT,
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Steps of each stage, easy texts first, and the tokens that a step reads at most."""

    steps: tuple[int, ...] = (50, 1100, 1250, 1500, 700)
    tokens: tuple[int, ...] = (1536, 1536, 2560, 1536, 1536)
    learning_rate: float = 6e-4
    warmup: int = 50
    save_every: int = 50

    @property
    def all_steps(self) -> int:
        return sum(self.steps)

    def stage(self, step: int) -> int:
        return next(stage for stage in range(len(self.steps)) if step < sum(self.steps[: stage + 1]))

    def rate(self, step: int) -> float:
        """Up within the warm-up, down along a cosine: once over the first three stages, and once in each later one."""
        stage = self.stage(step)
        since = step - sum(self.steps[:stage]) if stage > 2 else step
        rising = min(1.0, (since + 1) / self.warmup)
        span = self.steps[stage] if stage > 2 else 2550
        return self.learning_rate * rising * (0.02 + 0.98 * (1 + math.cos(math.pi * since / span)) / 2)


def make_tokenizer(rng: np.random.Generator) -> Any:
    """Byte-pair encoding. Every line begins with a space of its own, which decoding takes away: so a word is the same
    token wherever it stands."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r" *\n *"), "\n "), normalizers.Prepend(" ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]| ?\n|\s"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteLevel(), decoders.Replace("\n ", "\n"), decoders.Strip(" ", 1, 0)]
    )
    texts = (turn.content for _ in range(6_000) for turn in conversation(rng, 2))
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIAL[0], eos_token=SPECIAL[1], model_max_length=CONTEXT,
        chat_template=TEMPLATE, clean_up_tokenization_spaces=False, padding_side="left",
        additional_special_tokens=list(SPECIAL[2:]),
    )  # fmt: skip


def make_model(tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, **SHAPE,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    start_with_copying(model)
    return model


def start_with_copying(model: Any) -> None:
    """Sets first weights so that the first layer sees the token before each token, and the second finds the place where
    the present token stood before and says what followed there (an induction circuit: Olsson et al. 2022,
    arXiv:2209.11895). Found by training it takes longer than all the rest; everything stays free to change.

    Dimension 0 is constant, 1-63 are the token itself, 64-127 the token before.
    """
    width = SHAPE["hidden_size"] // SHAPE["num_attention_heads"]
    planes = width // 2
    frequencies = 10_000.0 ** (-torch.arange(planes) / planes)
    slow = [plane for plane in range(planes) if frequencies[plane] < 0.01]
    content = [*slow, *(plane + planes for plane in slow)]
    with torch.no_grad():
        vectors = model.model.embed_tokens.weight
        vectors.normal_()
        vectors[:, 64:] = 0.0
        # Of one length, else the normalisation makes the constant differ from token to token.
        vectors *= 0.8 / vectors[:, 1:].norm(dim=1, keepdim=True)
        vectors[:, 0] = 0.2
        before, again = (model.model.layers[layer].self_attn for layer in (0, 1))
        for attention in (before, again):
            for weight in attention.parameters():
                weight *= 0.1
        for head in range(SHAPE["num_attention_heads"]):
            rows = head * width
            if head < 2:
                # Turned by one position, so that the product is largest one token back; quick planes only, because the
                # slow ones hardly tell neighbours apart.
                for plane in range(5):
                    before.q_proj.weight[rows + plane, 0] = 2.8
                    before.k_proj.weight[rows + plane, 0] = 2.8 * torch.cos(frequencies[plane])
                    before.k_proj.weight[rows + planes + plane, 0] = 2.8 * torch.sin(frequencies[plane])
                for place in range(min(width, 63 - rows)):
                    before.v_proj.weight[rows + place, 1 + rows + place] = 1.0
                    before.o_proj.weight[64 + rows + place, rows + place] = 0.1
            for place, row in enumerate(content):
                dimension = 1 + (head * len(content) + place) % 63
                again.q_proj.weight[rows + row, dimension] = 2.0
                again.k_proj.weight[rows + row, 63 + dimension] = 2.0
            for place in range(16):
                if head * 16 + place < 63:
                    again.v_proj.weight[rows + place, 1 + head * 16 + place] = 1.0
                    again.o_proj.weight[1 + head * 16 + place, rows + place] = 0.8


class Encoded:
    """Token ids of a conversation and which of them the model is taught to write."""

    def __init__(self, tokenizer: Any) -> None:
        inner = tokenizer.backend_tokenizer
        self._ids = {name: inner.token_to_id(name) for name in SPECIAL}
        self._encode = inner.encode

    def of(self, turns: list[Turn]) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        taught: list[int] = []
        for turn in turns:
            written = [*self._encode(turn.content).ids, self._ids["<|end|>"]]
            ids += [self._ids[f"<|{turn.role}|>"], *written]
            taught += [-100, *(written if turn.role == "assistant" else [-100] * len(written))]
        return ids, taught


def batch_of(step: int, plan: Plan, encoded: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of one length class, (texts, tokens) twice: ids, and ids to be written with -100 elsewhere."""
    rng = np.random.default_rng([SEED, step])
    stage = plan.stage(step)
    drawn = sorted((encoded.of(conversation(rng, stage)) for _ in range(DRAWN)), key=lambda pair: len(pair[0]))
    start = int(rng.integers(0, DRAWN))
    taken = []
    for pair in drawn[start:] + drawn[:start][::-1]:
        if taken and (len(taken) + 1) * max(len(pair[0]), *(len(ids) for ids, _ in taken)) > plan.tokens[stage]:
            break
        taken.append(pair)
    longest = max(len(ids) for ids, _ in taken)
    ids = torch.zeros((len(taken), longest), dtype=torch.long)
    targets = torch.full((len(taken), longest), -100)
    for row, (text, taught) in enumerate(taken):
        ids[row, : len(text)] = torch.tensor(text)
        targets[row, : len(text)] = torch.tensor(taught)
    return ids, targets


def train(model: Any, plan: Plan, encoded: Encoded, checkpoints: Path | None) -> None:
    decayed = [parameter for parameter in model.parameters() if parameter.dim() > 1]
    others = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.98)
    )
    began = time.monotonic()
    model.train()
    seen: list[tuple[float, float]] = []
    for step in range(resume(model, optimizer, checkpoints), plan.all_steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate(step)
        ids, targets = batch_of(step, plan, encoded)
        hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
        wanted = targets[:, 1:]
        kept = wanted != -100
        logits = model.lm_head(hidden[kept])
        loss = cross_entropy(logits, wanted[kept])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        right = float((logits.argmax(dim=1) == wanted[kept]).float().mean())
        seen.append((float(loss.detach()), right))
        if (step + 1) % plan.save_every == 0:
            loss_mean, right_mean = np.mean(seen[-plan.save_every :], axis=0)
            print(f"{step + 1}\tstage {plan.stage(step)}\tloss {loss_mean:.3f}\tright {right_mean:.3f}"
                  f"\t{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
            if checkpoints is not None:
                keep(model, optimizer, checkpoints, step + 1)


def keep(model: Any, optimizer: torch.optim.Optimizer, folder: Path, step: int) -> None:
    """Weights and the optimizer's moments in one file, written whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f"weight:{name}"] = parameter.detach().clone()
        for moment in ("exp_avg", "exp_avg_sq", "step"):
            tensors[f"{moment}:{name}"] = optimizer.state[parameter][moment].clone()
    save_file(tensors, folder / "next.safetensors", metadata={"step": str(step)})
    (folder / "next.safetensors").replace(folder / "last.safetensors")
    (folder / "step.json").write_text(json.dumps(step))


def resume(model: Any, optimizer: torch.optim.Optimizer, folder: Path | None) -> int:
    """The step to go on from."""
    if folder is None or not (folder / "step.json").exists():
        return 0
    tensors = load_file(folder / "last.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"weight:{name}"])
            optimizer.state[parameter] = {
                moment: tensors[f"{moment}:{name}"] for moment in ("step", "exp_avg", "exp_avg_sq")
            }
    step: int = json.loads((folder / "step.json").read_text())
    return step


def shares_right(model: Any, tokenizer: Any, encoded: Encoded, count: int) -> Iterator[tuple[int, float]]:
    """For each stage: the share of answers that are right to the last token, on texts never trained on."""
    model.eval()
    for stage in range(5):
        rng = np.random.default_rng([SEED, 10**9, stage])
        right = asked = 0
        for _ in range(count):
            ids, taught = (torch.tensor([part]) for part in encoded.of(conversation(rng, stage)))
            with torch.no_grad():
                best = model(input_ids=ids).logits[0, :-1].argmax(dim=1)
            wanted = taught[0, 1:]
            wrong = (wanted != -100) & (wanted != best)
            ends = (wanted == tokenizer.eos_token_id).nonzero()[:, 0].tolist()
            begin = 0
            for end in ends:
                right += not bool(wrong[begin : end + 1].any())
                asked += 1
                begin = end + 1
        yield stage, right / asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--checkpoints", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, nargs=5, default=Plan.steps, help="of the five stages")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(SEED)
    plan = Plan(steps=tuple(options.steps))
    tokenizer = make_tokenizer(np.random.default_rng(SEED))
    model = make_model(tokenizer)
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters", flush=True)
    encoded = Encoded(tokenizer)
    train(model, plan, encoded, options.checkpoints)
    for stage, share in shares_right(model, tokenizer, encoded, 200):
        print(f"stage {stage}: {share:.1%} of the answers right to the last token", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)


if __name__ == "__main__":
    main()
