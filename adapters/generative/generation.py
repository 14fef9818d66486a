"""Answers in batches, and the likelihood of given answers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.generative.memory import Batches, DoesNotFit


def write(
    model: Any, prompts: Sequence[Sequence[int]], room: int, ends: Sequence[int], chance: tuple[float, int] | None
) -> list[list[int]]:
    """At most `room` new ids for each prompt, up to and with the first of `ends`.

    Prompts are padded on the left and the padding is masked: each is answered as if it were alone, up to rounding.
    Greedy, or drawn with `chance`: a temperature and a seed that leave torch's own generators untouched.
    """
    import torch
    from transformers import GenerationConfig

    longest = max(map(len, prompts))
    ids = torch.full((len(prompts), longest), ends[0])
    mask = torch.zeros((len(prompts), longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    settings: dict[str, Any] = {"do_sample": False}
    if chance is not None:
        settings = {"do_sample": True, "temperature": chance[0], "top_k": 0, "top_p": 1.0}
    config = GenerationConfig(
        max_new_tokens=room, eos_token_id=list(ends), pad_token_id=ends[0], use_cache=True, **settings
    )
    with torch.inference_mode(), torch.random.fork_rng(enabled=chance is not None):
        if chance is not None:
            torch.manual_seed(chance[1])
        written = model.generate(
            input_ids=ids.to(model.device), attention_mask=mask.to(model.device), generation_config=config
        )
    return [_up_to_end(row, ends) for row in written[:, longest:].tolist()]


def log_likelihoods(
    model: Any, prompt: Sequence[int], answers: Sequence[Sequence[int]], batches: Batches
) -> NDArray[np.float64]:
    """Natural logarithm of the probability of each answer after the prompt, its end mark included: (answers,).

    The prompt is read once and its cache shared by all answers. Raises DoesNotFit.
    """
    import torch

    def go_on(places: Sequence[int]) -> list[float]:
        widest = max(len(answers[place]) for place in places) - 1
        ids = torch.zeros((len(places), widest), dtype=torch.long)
        wanted = torch.full((len(places), widest), -1)
        for row, place in enumerate(places):
            ids[row, : len(answers[place]) - 1] = torch.tensor(answers[place][:-1])
            wanted[row, : len(answers[place]) - 1] = torch.tensor(answers[place][1:])
        ids, wanted = ids.to(model.device), wanted.to(model.device)
        cache = copy.deepcopy(read.past_key_values)
        cache.batch_repeat_interleave(len(places))
        # What stands behind a shorter answer is read too, but nothing looks back from it.
        logits = model(input_ids=ids, past_key_values=cache, use_cache=True).logits
        each = torch.log_softmax(logits.float(), dim=-1).gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
        return [float(total) for total in (each * (wanted >= 0)).sum(dim=1)]

    with torch.inference_mode():
        read: Any = batches.work(
            [prompt], lambda _: [model(input_ids=torch.tensor([list(prompt)], device=model.device), use_cache=True)]
        )[0]
        if isinstance(read, DoesNotFit):
            raise read
        first = torch.log_softmax(read.logits[0, -1].float(), dim=-1)
        found = [float(first[answer[0]]) for answer in answers]
        longer = [place for place, answer in enumerate(answers) if len(answer) > 1]
        for place, rest in zip(longer, batches.work(longer, go_on), strict=True):
            if isinstance(rest, DoesNotFit):
                raise rest
            found[place] += rest
    return np.asarray(found, dtype=np.float64)


def _up_to_end(ids: list[int], ends: Sequence[int]) -> list[int]:
    end = next((place for place, token in enumerate(ids) if token in ends), None)
    return ids if end is None else ids[: end + 1]
