"""What a planned comparison takes: calls, tokens, money and minutes, worked by hand."""

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.effort import Range
from rules.estimate import Estimate, Money, estimate
from rules.family import Family
from rules.form import Form
from rules.known_model import KnownModel, TokenPrices
from rules.layout import Backend, lay_out, planned_arms
from rules.material import Material
from rules.policy import Policy

POLICY = Policy()
ALL = tuple(Family)
CHEAP = tuple(family for family in Family if not family.is_fine_tune)
MEASURED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "benchmarks" / "results" / "open_data.json").read_text()
)
COUNTED = Material(examples=300, test_examples=100, labels=5, input_tokens=50, answer_tokens=5)
SORTING = Form.parse({"task": {"kind": "classification"}, "operations": {"prompt_tokens": 200}})
PRICES = TokenPrices(input=2, output=8, training=20, source="us", seen_on=None)


def taken(
    material: Material = COUNTED,
    form: Form = SORTING,
    prices: TokenPrices | None = PRICES,
    backend: Backend = Backend.ENDPOINT,
    families: Sequence[Family] = ALL,
    policy: Policy = POLICY,
) -> Estimate:
    split = lay_out(material, policy)
    assert split is not None
    model = KnownModel(name="a model", provider="a provider", prices=prices)
    return estimate(planned_arms(families, split, backend, policy), split, backend, material, form, model, policy)


def exactly(value: float) -> Range:
    return Range(low=value, high=value)


def asked(prompt_tokens: int | None = None, **sections: dict[str, Any]) -> Form:
    return Form.parse({"operations": {"prompt_tokens": prompt_tokens}, **sections})


def about(quantity: Range | Money | None, low: float, high: float) -> bool:
    assert quantity is not None
    return (quantity.low, quantity.high) == (pytest.approx(low), pytest.approx(high))


class TestCalls:
    def test_each_arm_asks_for_each_row_in_each_draw_and_a_head_for_none(self) -> None:
        # 100 zero-shot, 3 draws of 100, 100 with retrieval, 0 of the head, 3 seeds of 100.
        assert taken().calls == 800
        assert taken(families=[Family.HEAD]).calls == 0

    def test_a_head_asks_a_language_model_nothing(self) -> None:
        assert taken() == taken(families=[family for family in ALL if family is not Family.HEAD])

    @pytest.mark.parametrize("backend", [Backend.ENDPOINT, Backend.LOCAL])
    @pytest.mark.parametrize(
        ("rows", "twice"),
        [
            (Material(examples=300, test_examples=100), Material(examples=300, test_examples=200)),
            (Material(examples=40), Material(examples=80)),
            (Material(examples=120), Material(examples=240)),
            (Material(examples=700), Material(examples=1_400)),
        ],
    )
    def test_twice_the_rows_are_twice_the_calls(self, backend: Backend, rows: Material, twice: Material) -> None:
        one, other = taken(rows, backend=backend), taken(twice, backend=backend)
        assert other.calls == 2 * one.calls
        assert one.tokens
        assert other.tokens
        assert other.tokens.input == one.tokens.input.times(2)
        assert other.tokens.output == one.tokens.output.times(2)

    @pytest.mark.parametrize(
        ("material", "trainings"),
        [
            (Material(examples=40), 10),
            (Material(examples=402), 5),
            (Material(examples=500), 3),
            (Material(examples=200, test_examples=100), 5),
        ],
    )
    @pytest.mark.parametrize("backend", list(Backend))
    def test_trainings_are_the_fits_of_the_fine_tune(
        self, backend: Backend, material: Material, trainings: int
    ) -> None:
        assert taken(material, backend=backend).trainings == trainings
        assert taken(material, backend=backend, families=CHEAP).trainings == 0


class TestTokens:
    def test_worked_by_hand_from_what_a_file_counts(self) -> None:
        tokens = taken().tokens
        assert tokens
        # A prompt is 200 + 50; ten examples of 50 + 5 make it 800.
        # 100*250 + 300*800 + 100*800 + 300*250
        assert tokens.input == exactly(420_000)
        assert tokens.output == exactly(4_000)
        # 250 + 5 for each of 300 rows, read three times by each of three seeds.
        assert tokens.training == exactly(688_500)

    @pytest.mark.parametrize(
        ("family", "read", "written", "trained"),
        [
            (Family.ZERO_SHOT, 25_000, 500, 0),
            (Family.FEW_SHOT, 240_000, 1_500, 0),
            (Family.RETRIEVAL, 80_000, 500, 0),
            (Family.HEAD, 0, 0, 0),
            (Family.LORA, 75_000, 1_500, 688_500),
        ],
    )
    def test_arm_by_arm(self, family: Family, read: int, written: int, trained: int) -> None:
        tokens = taken(families=[family]).tokens
        assert tokens
        assert (tokens.input, tokens.output, tokens.training) == (exactly(read), exactly(written), exactly(trained))

    def test_worked_by_hand_from_what_is_assumed(self) -> None:
        # An instruction of 300, inputs of 20 to 400, labels of 1 to 15; ten examples of 21 to 415.
        form = asked(task={"kind": "classification"})
        tokens = taken(Material(examples=300, test_examples=100), form).tokens
        assert tokens
        assert about(tokens.input, 400 * 320 + 400 * (320 + 210), 400 * 700 + 400 * (700 + 4_150))
        assert about(tokens.output, 800, 12_000)
        assert about(tokens.training, 2_700 * 321, 2_700 * 715)

    @pytest.mark.parametrize(
        ("kind", "low", "high"),
        [
            ("classification", 1, 15),
            ("extraction", 30, 400),
            ("question_answering", 30, 400),
            ("generation", 30, 400),
            (None, 1, 400),
        ],
    )
    def test_an_answer_is_as_long_as_its_kind(self, kind: str | None, low: float, high: float) -> None:
        material = Material(examples=300, test_examples=100)
        tokens = taken(material, asked(task={"kind": kind}), families=[Family.ZERO_SHOT]).tokens
        assert tokens
        assert about(tokens.output, 100 * low, 100 * high)

    @pytest.mark.parametrize(
        ("kind", "documents", "shown"),
        [
            # Ten examples of 50 + 5, or passages of 1,000 where answers need facts that are written down.
            ("question_answering", True, (550, 1_000)),
            ("question_answering", False, (550, 550)),
            ("question_answering", None, (550, 550)),
            ("classification", True, (550, 550)),
        ],
    )
    def test_retrieval_shows_examples_or_passages(
        self, kind: str, documents: bool | None, shown: tuple[float, float]
    ) -> None:
        form = asked(200, task={"kind": kind}, knowledge={"documents_available": documents})
        tokens = taken(form=form, families=[Family.RETRIEVAL]).tokens
        assert tokens
        assert about(tokens.input, *(100 * (250 + length) for length in shown))

    def test_the_policy_moves_what_is_assumed(self) -> None:
        policy = Policy(many_demonstrations=20, training_epochs=1)
        tokens = taken(policy=policy).tokens
        assert tokens
        assert tokens.input == exactly(420_000 + 400 * 550)
        assert tokens.training == exactly(688_500 / 3)

    def test_assumed_bounds_in_the_wrong_order_are_refused(self) -> None:
        with pytest.raises(ValueError, match="fewest_input_tokens"):
            Policy(fewest_input_tokens=500)


class TestMoney:
    def test_worked_by_hand(self) -> None:
        # .42 million read at 2, .004 written at 8, .6885 trained at 20.
        found = taken()
        assert about(found.money, 0.84 + 0.032 + 13.77, 14.642)
        assert found.money
        assert found.money.currency == "USD"
        assert found.prices == PRICES

    @pytest.mark.parametrize(
        ("price", "amount"), [({"input": 2.0}, 0.84), ({"output": 8.0}, 0.032), ({"training": 20.0}, 13.77)]
    )
    def test_each_price_counts_its_own_tokens(self, price: dict[str, float], amount: float) -> None:
        nothing = {"input": 0.0, "output": 0.0, "training": 0.0}
        prices = TokenPrices(**(nothing | price), currency="EUR", source="our contract", seen_on=None)
        money = taken(prices=prices).money
        assert about(money, amount, amount)
        assert money
        assert money.currency == "EUR"

    def test_what_is_assumed_is_a_range(self) -> None:
        form = asked(task={"kind": "classification"})
        # Tokens as above: 340,000 to 2,220,000 read, 800 to 12,000 written, 866,700 to 1,930,500 trained.
        money = taken(Material(examples=300, test_examples=100), form).money
        assert about(money, 0.68 + 0.0064 + 17.334, 4.44 + 0.096 + 38.61)

    def test_hosted_training_counts_only_at_a_known_price_and_says_so(self) -> None:
        untold = PRICES.model_copy(update={"training": None})
        without = taken(prices=untold)
        assert about(without.money, 0.872, 0.872)
        assert without.tokens == taken().tokens
        assert any("training_price" in words for words in without.not_counted)
        assert not any("training_price" in words for words in taken().not_counted)
        # Nothing is trained, so nothing is missing.
        assert taken(prices=untold, families=CHEAP).not_counted == ()
        # A price of nothing is a price.
        free = taken(prices=PRICES.model_copy(update={"training": 0.0}))
        assert free.money == without.money
        assert not any("training_price" in words for words in free.not_counted)

    def test_an_unknown_price_is_no_price(self) -> None:
        found = taken(prices=None)
        assert (found.money, found.prices) == (None, None)
        assert any(words.startswith("Money: no price is known") for words in found.not_counted)
        assert (found.calls, found.tokens, found.minutes) == (taken().calls, taken().tokens, taken().minutes)

    def test_ones_own_machine_is_not_priced_by_a_provider(self) -> None:
        found = taken(backend=Backend.LOCAL)
        assert (found.money, found.prices, found.minutes) == (None, None, None)
        assert found.tokens == taken().tokens
        assert found.calls == 800
        assert len(found.not_counted) == 1
        assert found.not_counted[0].startswith("Money and minutes")


class TestMinutes:
    def test_of_calls_worked_by_hand(self) -> None:
        # 800 calls, four at once, half a second to eight each.
        assert about(taken().minutes, 100 / 60, 1_600 / 60)

    @pytest.mark.parametrize(
        ("material", "fits", "rows"),
        [
            (Material(examples=40), 10, 36),
            (Material(examples=402), 5, 321),
            (Material(examples=500), 3, 300),
            (Material(examples=200, test_examples=1_000), 5, 200),
        ],
    )
    def test_on_the_encoder_worked_by_hand(self, material: Material, fits: int, rows: int) -> None:
        # .03 to .15 seconds for each row of each fit, .5 to 10 seconds for each fit, and .2 to 1 minute to start.
        low, high = fits * (0.5 + rows * 0.03) / 60, fits * (10 + rows * 0.15) / 60
        assert about(taken(material, backend=Backend.ENCODER).minutes, 0.2 + low, 1 + high)

    def test_on_the_encoder_only_a_training_takes_long(self) -> None:
        assert about(taken(backend=Backend.ENCODER, families=CHEAP).minutes, 0.2, 1)

    @pytest.mark.parametrize("name", MEASURED)
    def test_what_was_measured_lies_within(self, name: str) -> None:
        result = MEASURED[name]
        measured = result["arms"]["lora"]
        material = Material(examples=result["train_size"], test_examples=result["tested"])
        found = taken(material, backend=Backend.ENCODER)
        assert found.trainings == measured["fits"]
        assert found.minutes
        # Starting was not measured: whatever it took, the whole lies within.
        minutes = measured["seconds"] / 60
        assert found.minutes.low <= minutes + POLICY.fewest_minutes_to_start
        assert minutes + POLICY.most_minutes_to_start <= found.minutes.high


def test_the_encoder_costs_nothing() -> None:
    for material in (Material(examples=40), Material(examples=402), Material(examples=10**6)):
        found = taken(material, backend=Backend.ENCODER)
        assert (found.calls, found.tokens, found.prices, found.not_counted) == (0, None, None, ())
        assert found.money == Money(low=0, high=0, currency="USD")


class TestAssumptions:
    def test_only_what_nobody_answered_or_counted_is_assumed(self) -> None:
        told = " ".join(taken().assumptions)
        for words in ("operations.prompt_tokens", "An input has", "An answer has"):
            assert words not in told
        guessed = " ".join(taken(Material(examples=300), asked()).assumptions)
        assert "300 tokens (operations.prompt_tokens is open)" in guessed
        assert "An input has 20 to 400 tokens" in guessed
        assert "An answer has 1 to 400 tokens" in guessed

    def test_they_name_the_thresholds_that_hold(self) -> None:
        policy = Policy(instruction_tokens=1_234, many_demonstrations=17, training_epochs=9, calls_at_once=6)
        told = " ".join(taken(Material(examples=300), asked(), policy=policy).assumptions)
        for words in ("1,234 tokens", "shows 17", "9 times", "6 run at once"):
            assert words in told

    def test_of_the_encoder(self) -> None:
        (only,) = taken(backend=Backend.ENCODER).assumptions
        assert "Two processor cores" in only


materials = st.builds(
    Material,
    examples=st.integers(30, 10**9),
    test_examples=st.none() | st.integers(30, 10**9),
    labels=st.none() | st.integers(1, 10**6),
    input_tokens=st.none() | st.floats(0, 1e6),
    answer_tokens=st.none() | st.floats(0, 1e6),
)
kinds = st.sampled_from([None, "classification", "extraction", "question_answering", "generation"])
price = st.floats(0, 1e6)
prices = st.none() | st.builds(
    TokenPrices, input=price, output=price, training=st.none() | price, source=st.just("us"), seen_on=st.none()
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    materials,
    kinds,
    st.none() | st.booleans(),
    st.none() | st.sampled_from([0, 10**9]) | st.integers(0, 10_000),
    prices,
    st.sampled_from(list(Backend)),
    st.sampled_from([ALL, CHEAP]),
)
def test_every_range_runs_upwards(
    material: Material,
    kind: str | None,
    documents: bool | None,
    prompt_tokens: int | None,
    prices: TokenPrices | None,
    backend: Backend,
    families: Sequence[Family],
) -> None:
    form = asked(prompt_tokens, task={"kind": kind}, knowledge={"documents_available": documents})
    found = taken(material, form, prices, backend, families)
    tokens = found.tokens
    ranges = [found.money, found.minutes, *((tokens.input, tokens.output, tokens.training) if tokens else ())]
    for quantity in ranges:
        if quantity is not None:
            assert 0 <= quantity.low <= quantity.high
            assert isfinite(quantity.high)
    assert found.calls >= 0
    assert Estimate.model_validate_json(found.model_dump_json()) == found
    # What cannot be told is said to be missing, and the other way round.
    assert (found.money is None) is any(words.startswith("Money") for words in found.not_counted)
    assert bool(found.tokens) is (backend is not Backend.ENCODER)


@settings(max_examples=100, deadline=None)
@given(materials, prices, st.sampled_from(ALL))
def test_an_arm_more_never_takes_less(material: Material, prices: TokenPrices | None, family: Family) -> None:
    fewer = taken(material, prices=prices, families=[other for other in ALL if other is not family])
    more = taken(material, prices=prices)
    assert more.calls >= fewer.calls
    if more.money and fewer.money:
        assert more.money.low >= fewer.money.low * (1 - 1e-9)
        assert more.money.high >= fewer.money.high * (1 - 1e-9)
