"""What a planned comparison takes: calls, tokens, money, minutes. Assumed figures are ranges, and named."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from rules.effort import EffortPolicy, Range, exactly
from rules.family import Family
from rules.form import Form
from rules.known_model import KnownModel, TokenPrices
from rules.layout import Backend, PlannedArm, PlannedSplit
from rules.material import Material
from rules.policy import Policy

_MILLION: Final = 1_000_000
_SHOWS_EXAMPLES: Final = (Family.FEW_SHOT, Family.RETRIEVAL)


class Tokens(BaseModel):
    """Tokens that a model reads, writes and is trained on."""

    model_config = ConfigDict(frozen=True)

    input: Range
    output: Range
    training: Range


class Money(BaseModel):
    """An amount, between what and what."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    currency: str


class Estimate(BaseModel):
    """What the comparison takes. None means that it cannot be told; `not_counted` says why."""

    model_config = ConfigDict(frozen=True)

    calls: int
    trainings: int
    tokens: Tokens | None
    money: Money | None
    minutes: Range | None
    prices: TokenPrices | None = Field(description="The prices used, with their source and date.")
    assumptions: tuple[str, ...]
    not_counted: tuple[str, ...]


def estimate(
    arms: Sequence[PlannedArm],
    split: PlannedSplit,
    backend: Backend,
    material: Material,
    form: Form,
    model: KnownModel | None,
    policy: Policy,
) -> Estimate:
    """Return what these arms take on this split."""
    trainings = sum(arm.fits for arm in arms if arm.family.is_fine_tune)
    if backend is Backend.ENCODER:
        return _on_the_encoder(trainings, split, policy)
    tokens = _tokens(arms, split, material, form, policy)
    calls = sum(arm.calls for arm in arms)
    prices = model.prices if model and backend is Backend.ENDPOINT else None
    not_counted = tuple(_not_counted(backend, prices, trainings))
    return Estimate(
        calls=calls,
        trainings=trainings,
        tokens=tokens,
        money=_money(tokens, prices),
        minutes=_minutes_of_calls(calls, policy) if backend is Backend.ENDPOINT else None,
        prices=prices,
        assumptions=tuple(_assumptions(material, form, backend, policy)),
        not_counted=not_counted,
    )


def _on_the_encoder(trainings: int, split: PlannedSplit, policy: EffortPolicy) -> Estimate:
    each_row = Range(low=policy.fewest_seconds_per_trained_row, high=policy.most_seconds_per_trained_row)
    each_fit = Range(low=policy.fewest_seconds_per_fit, high=policy.most_seconds_per_fit)
    training = each_row.times(split.train_size).plus(each_fit).times(trainings / 60)
    start = Range(low=policy.fewest_minutes_to_start, high=policy.most_minutes_to_start)
    return Estimate(
        calls=0,
        trainings=trainings,
        tokens=None,
        money=Money(low=0, high=0, currency="USD"),
        minutes=start.plus(training),
        prices=None,
        assumptions=("Two processor cores and short texts of up to about forty tokens; longer ones take longer.",),
        not_counted=(),
    )


def _tokens(arms: Sequence[PlannedArm], split: PlannedSplit, material: Material, form: Form, policy: Policy) -> Tokens:
    inputs = material.inputs(policy)
    answer = exactly(material.answer_tokens) if material.answer_tokens is not None else policy.answers(form.task.kind)
    answered = form.operations.prompt_tokens
    prompt = exactly(policy.instruction_tokens if answered is None else answered).plus(inputs)
    shown = _shown(inputs, answer, form, policy)
    nothing = exactly(0)
    read = written = trained = nothing
    for arm in arms:
        length = prompt.plus(shown) if arm.family in _SHOWS_EXAMPLES else prompt
        read = read.plus(length.times(arm.calls))
        written = written.plus(answer.times(arm.calls))
        if arm.family.is_fine_tune:
            trained = trained.plus(prompt.plus(answer).times(arm.fits * split.train_size * policy.training_epochs))
    return Tokens(input=read, output=written, training=trained)


def _shown(inputs: Range, answer: Range, form: Form, policy: Policy) -> Range:
    """Return what a prompt shows beside instruction and input: examples, or passages where answers need facts."""
    examples = inputs.plus(answer).times(policy.many_demonstrations)
    if form.task.kind == "classification" or form.knowledge.documents_available is not True:
        return examples
    return Range(low=min(examples.low, policy.passage_tokens), high=max(examples.high, policy.passage_tokens))


def _money(tokens: Tokens, prices: TokenPrices | None) -> Money | None:
    if prices is None:
        return None
    amount = tokens.input.times(prices.input).plus(tokens.output.times(prices.output))
    amount = amount.plus(tokens.training.times(prices.training or 0)).times(1 / _MILLION)
    return Money(low=round(amount.low, 4), high=round(amount.high, 4), currency=prices.currency)


def _minutes_of_calls(calls: int, policy: EffortPolicy) -> Range:
    a_call = Range(low=policy.fewest_seconds_per_call, high=policy.most_seconds_per_call)
    return a_call.times(calls / policy.calls_at_once / 60)


def _not_counted(backend: Backend, prices: TokenPrices | None, trainings: int) -> list[str]:
    if backend is Backend.LOCAL:
        return ["Money and minutes: what your own machine costs and how fast it is, nobody has measured yet."]
    missing = []
    if prices is None:
        missing.append(
            "Money: no price is known. Name the model (operations.model), or give its price in a model file."
        )
    elif trainings and prices.training is None:
        missing.append("The price of hosted training: give training_price in a model file.")
    if trainings:
        missing.append("The provider's queue for training jobs, and that a tuned model's answers may cost more.")
    return missing


def _assumptions(material: Material, form: Form, backend: Backend, policy: Policy) -> list[str]:
    said = []
    if form.operations.prompt_tokens is None:
        said.append(f"The instruction has {policy.instruction_tokens:,} tokens (operations.prompt_tokens is open).")
    if material.input_tokens is None:
        inputs = policy.inputs()
        said.append(f"An input has {inputs.low:,.0f} to {inputs.high:,.0f} tokens.")
    if material.answer_tokens is None:
        answers = policy.answers(form.task.kind)
        said.append(f"An answer has {answers.low:,.0f} to {answers.high:,.0f} tokens.")
    said.append(
        f"A prompt with examples shows {policy.many_demonstrations}; training reads each example "
        f"{policy.training_epochs} times."
    )
    if form.task.kind != "classification" and form.knowledge.documents_available:
        said.append(f"Retrieved passages have {policy.passage_tokens:,} tokens a call, where these are looked up.")
    if backend is Backend.ENDPOINT:
        said.append(
            f"A call takes {policy.fewest_seconds_per_call:g} to {policy.most_seconds_per_call:g} seconds, "
            f"{policy.calls_at_once} run at once."
        )
    return said
