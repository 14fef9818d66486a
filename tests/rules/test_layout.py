"""Rows, folds and fits of a planned comparison, and what they can see (protocol 1.3, 1.4, 7.2, 7.4)."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.design import Design
from rules.family import Family
from rules.form import Form
from rules.layout import Backend, PlannedSplit, Sight, backend_of, lay_out, look, planned_arms
from rules.material import Material, material_of
from rules.policy import Policy

POLICY = Policy()
REACH = 1.959964 + 0.841621
"""Standard errors between nothing and a gain found four times in five: 2.80."""
ALL = tuple(Family)
CHEAP = tuple(family for family in Family if not family.is_fine_tune)


def split_of(material: Material, policy: Policy = POLICY) -> PlannedSplit:
    split = lay_out(material, policy)
    assert split is not None
    return split


def seen(
    material: Material, gain: float | None = None, families: Sequence[Family] = ALL, policy: Policy = POLICY
) -> Sight:
    """What these arms see on the encoder."""
    split = lay_out(material, policy)
    arms = planned_arms(families, split, Backend.ENCODER, policy)
    return look(worth(gain), material, Backend.ENCODER, arms, split, policy)


def worth(gain: float | None) -> Form:
    return Form() if gain is None else Form.parse({"success": {"worthwhile_gain": gain}})


def known(gain: float | None) -> float:
    assert gain is not None
    return gain


class TestRows:
    @pytest.mark.parametrize(
        ("examples", "design", "tested", "train_size", "folds"),
        [
            (30, Design.CROSS_FIT, 30, 27, 10),
            (40, Design.CROSS_FIT, 40, 36, 10),
            # The largest of ten folds holds 10 of 99 rows; of five folds, 20 of 100, 81 of 402, 100 of 499.
            (99, Design.CROSS_FIT, 99, 89, 10),
            (100, Design.CROSS_FIT, 100, 80, 5),
            (402, Design.CROSS_FIT, 402, 321, 5),
            (499, Design.CROSS_FIT, 499, 399, 5),
            (500, Design.SEALED, 200, 300, 1),
            (1_200, Design.SEALED, 480, 720, 1),
            (1_500, Design.SEALED, 600, 900, 1),
            (3_000, Design.SEALED, 600, 2_400, 1),
        ],
    )
    def test_by_the_number_of_examples(
        self, examples: int, design: Design, tested: int, train_size: int, folds: int
    ) -> None:
        split = split_of(Material(examples=examples))
        assert (split.design, split.tested, split.train_size, split.folds) == (design, tested, train_size, folds)

    @pytest.mark.parametrize("examples", [50, 499, 500, 5_000])
    def test_a_test_set_of_ones_own_is_used_as_it_is(self, examples: int) -> None:
        split = split_of(Material(examples=examples, test_examples=35))
        assert (split.design, split.tested, split.train_size, split.folds) == (Design.GIVEN, 35, examples, 1)

    def test_an_empty_test_set_is_none(self) -> None:
        assert lay_out(Material(examples=400, test_examples=0), POLICY) == lay_out(Material(examples=400), POLICY)

    @pytest.mark.parametrize("material", [Material(), Material(test_examples=100), Material(examples=0)])
    def test_what_is_not_known_or_not_there_is_not_divided(self, material: Material) -> None:
        assert lay_out(material, POLICY) is None

    @pytest.mark.parametrize("examples", [199, 200, 499, 500])
    def test_the_reason_names_the_threshold_that_holds(self, examples: int) -> None:
        policy = Policy(cross_fit_below=200)
        moved = split_of(Material(examples=examples), policy)
        assert moved.design is (Design.CROSS_FIT if examples < 200 else Design.SEALED)
        assert "200" in moved.why
        assert "500" in split_of(Material(examples=examples)).why

    @pytest.mark.parametrize(
        ("examples", "success", "expected"),
        [
            ({}, {"held_out_examples": 100}, Material()),
            ({"count": 400}, {}, Material(examples=400)),
            ({"count": 400}, {"held_out_examples": 29}, Material(examples=400)),
            ({"count": 400}, {"held_out_examples": 30}, Material(examples=370, test_examples=30)),
            # Nothing would be left to learn from.
            ({"count": 400}, {"held_out_examples": 400}, Material(examples=400)),
        ],
    )
    def test_what_the_form_says(self, examples: dict[str, int], success: dict[str, int], expected: Material) -> None:
        assert material_of(Form.parse({"examples": examples, "success": success}), POLICY) == expected


class TestFits:
    @pytest.mark.parametrize(
        ("material", "fits"),
        [
            # Ten and five folds; three draws of demonstrations in each; one seed of the fine-tune in each.
            (Material(examples=40), [10, 30, 10, 10, 10]),
            (Material(examples=402), [5, 15, 5, 5, 5]),
            # One fold: three draws, three seeds, but five seeds on fewer than 256 rows.
            (Material(examples=500), [1, 3, 1, 1, 3]),
            (Material(examples=255, test_examples=100), [1, 3, 1, 1, 5]),
            (Material(examples=256, test_examples=100), [1, 3, 1, 1, 3]),
        ],
    )
    def test_of_every_family(self, material: Material, fits: list[int]) -> None:
        arms = planned_arms(ALL, split_of(material), Backend.ENCODER, POLICY)
        assert [arm.fits for arm in arms] == fits

    @pytest.mark.parametrize("backend", [Backend.ENDPOINT, Backend.LOCAL])
    @pytest.mark.parametrize(
        ("material", "calls"),
        [
            # Cross-fitting asks each row once a draw: folds multiply fits, not calls.
            (Material(examples=402), [402, 1_206, 402, 0, 402]),
            (Material(examples=500), [200, 600, 200, 0, 600]),
            (Material(examples=100, test_examples=80), [80, 240, 80, 0, 400]),
        ],
    )
    def test_calls_of_a_language_model(self, backend: Backend, material: Material, calls: list[int]) -> None:
        assert [arm.calls for arm in planned_arms(ALL, split_of(material), backend, POLICY)] == calls

    def test_the_encoder_is_asked_nothing_that_costs(self) -> None:
        assert {arm.calls for arm in planned_arms(ALL, split_of(Material(examples=402)), Backend.ENCODER, POLICY)} == {
            0
        }

    def test_arms_come_cheapest_first_in_whatever_order_they_are_named(self) -> None:
        arms = planned_arms(ALL[::-1], split_of(Material(examples=402)), Backend.ENCODER, POLICY)
        assert [arm.family for arm in arms] == list(Family)
        assert all(POLICY.price(one.family) <= POLICY.price(other.family) for one, other in pairwise(arms))

    def test_without_a_number_of_examples_arms_are_named_and_not_counted(self) -> None:
        arms = planned_arms(ALL, None, Backend.ENDPOINT, POLICY)
        assert [arm.family for arm in arms] == list(Family)
        assert {(arm.fits, arm.calls) for arm in arms} == {(0, 0)}


@pytest.mark.parametrize(
    ("kind", "hosting", "model", "backend"),
    [
        (None, None, None, Backend.ENCODER),
        ("classification", None, None, Backend.ENCODER),
        ("classification", "provider_api", None, Backend.ENCODER),
        ("classification", "self_hosted", None, Backend.ENCODER),
        # Nobody has said where it runs, so nobody can say what it costs.
        ("classification", None, "a model", Backend.ENCODER),
        ("classification", "provider_api", "a model", Backend.ENDPOINT),
        (None, "provider_api", "a model", Backend.ENDPOINT),
        ("classification", "self_hosted", "a model", Backend.LOCAL),
        ("classification", "on_device", "a model", Backend.LOCAL),
        # The encoder only sorts.
        ("extraction", None, None, Backend.ENDPOINT),
        ("question_answering", "provider_api", None, Backend.ENDPOINT),
        ("generation", "self_hosted", None, Backend.LOCAL),
    ],
)
def test_what_runs_the_arms(kind: str | None, hosting: str | None, model: str | None, backend: Backend) -> None:
    form = Form.parse({"task": {"kind": kind}, "operations": {"hosting": hosting, "model": model}})
    assert backend_of(form) is backend


class TestSight:
    @pytest.mark.parametrize(
        ("material", "points"),
        [
            # 2.80 sqrt(psi/n + tau^2/S), psi = .25, widened by 1.22 where cross-fitted.
            # .25*1.4884/40 = .0093025; .042^2/10 = .0001764; 2.801585 * sqrt(.0094789)
            (Material(examples=40), 27.276),
            # .25*1.4884/402 = .00092562; five folds are five seeds: .042^2/5 = .0003528; sqrt(.00127842)
            (Material(examples=402), 10.017),
            # .25/200 = .00125; 300 rows to learn from, three seeds: .042^2/3 = .000588; sqrt(.001838)
            (Material(examples=500), 12.011),
            # .25/480 = .00052083; 720 rows: .017^2/3 = .00009633; sqrt(.00061717)
            (Material(examples=1_200), 6.960),
            # .25/600 = .00041667; 7,400 rows: .006^2/3 = .000012; sqrt(.00042867)
            (Material(examples=8_000), 5.800),
            # .25/100 = .0025; 255 rows, five seeds: .042^2/5 = .0003528; sqrt(.0028528)
            (Material(examples=255, test_examples=100), 14.964),
        ],
    )
    def test_worked_by_hand(self, material: Material, points: float) -> None:
        sight = seen(material)
        assert 100 * known(sight.detectable_gain) == pytest.approx(points, abs=0.001)
        assert sight.repeated is Family.LORA

    @pytest.mark.parametrize(
        ("tested", "row"),
        [
            (20, [17.7, 24.3, 31.3, 39.6]),
            (50, [11.2, 15.3, 19.8, 25.1]),
            (100, [(7.9, 8.4), (10.9, 11.2), (14.0, 14.3), (17.7, 17.9)]),
            (200, [(5.6, 6.2), (7.7, 8.2), (9.9, 10.3), (12.5, 12.8)]),
            (400, [(4.0, 4.8), (5.4, 6.1), (7.0, 7.5), (8.9, 9.3)]),
            (800, [(2.8, 3.9), (3.8, 4.7), (5.0, 5.7), (6.3, 6.8)]),
            (3_000, [(1.4, 3.1), (2.0, 3.4), (2.6, 3.8), (3.2, 4.2)]),
        ],
    )
    def test_the_protocols_table(self, tested: int, row: Sequence[float | tuple[float, float]]) -> None:
        # 1,000 rows to learn from: 1.7 points between fine-tunes, three seeds.
        material = Material(examples=1_000, test_examples=tested)
        for discordance, cell in zip((0.08, 0.15, 0.25, 0.40), row, strict=True):
            alone, with_runs = cell if isinstance(cell, tuple) else (cell, None)
            sight = seen(material, policy=Policy(discordance=discordance))
            assert 100 * known(sight.detectable_by_rows_alone) == pytest.approx(alone, abs=0.06)
            if with_runs:
                assert 100 * known(sight.detectable_gain) == pytest.approx(with_runs, abs=0.06)

    @pytest.mark.parametrize(
        ("families", "repeated", "deviation", "fits"),
        [
            (ALL, Family.LORA, 0.042, 5),
            # Ten demonstrations, three draws in each of five folds.
            (CHEAP, Family.FEW_SHOT, 0.06, 15),
            ((Family.ZERO_SHOT, Family.RETRIEVAL), None, 0, 1),
        ],
    )
    def test_only_the_arm_whose_fits_differ_adds_to_the_rows(
        self, families: Sequence[Family], repeated: Family | None, deviation: float, fits: int
    ) -> None:
        sight = seen(Material(examples=402), families=families)
        rows = REACH * sqrt(0.25 * 1.22**2 / 402)
        assert sight.repeated is repeated
        assert sight.detectable_by_rows_alone == pytest.approx(rows, rel=1e-6)
        assert sight.detectable_gain == pytest.approx(sqrt(rows**2 + (REACH * deviation) ** 2 / fits), rel=1e-6)

    @pytest.mark.parametrize(("labels", "deviation"), [(None, 0.06), (1, 0.06), (5, 0.04), (20, 0.03), (77, 0.02)])
    def test_more_labels_show_the_encoder_more_demonstrations(self, labels: int | None, deviation: float) -> None:
        material = Material(examples=2_000, test_examples=400, labels=labels)
        sight = seen(material, families=CHEAP)
        runs = known(sight.detectable_gain) ** 2 - known(sight.detectable_by_rows_alone) ** 2
        assert sqrt(runs) == pytest.approx(REACH * deviation / sqrt(3), rel=1e-5)

    def test_a_language_model_is_shown_as_many_whatever_the_labels(self) -> None:
        material = Material(examples=2_000, test_examples=400, labels=77)
        split = split_of(material)
        arms = planned_arms(CHEAP, split, Backend.ENDPOINT, POLICY)
        of_endpoint = look(Form(), material, Backend.ENDPOINT, arms, split, POLICY)
        few_labels = seen(material.model_copy(update={"labels": None}), families=CHEAP)
        assert of_endpoint.detectable_gain == few_labels.detectable_gain

    def test_the_form_says_what_is_worth_while_nothing_included(self) -> None:
        assert seen(Material(examples=402)).worthwhile_gain == 0.03
        assert seen(Material(examples=402), policy=Policy(worthwhile_gain=0.05)).worthwhile_gain == 0.05
        assert seen(Material(examples=402), gain=0.08).worthwhile_gain == 0.08
        assert seen(Material(examples=402), gain=0.0).worthwhile_gain == 0

    @pytest.mark.parametrize("gain", [0.0, 1e-12])
    @pytest.mark.parametrize("material", [Material(), Material(examples=402), Material(examples=3_000)])
    def test_next_to_nothing_takes_no_number_of_rows(self, gain: float, material: Material) -> None:
        sight = seen(material, gain)
        assert (sight.items_needed, sight.fits_factor) == (None, 1)

    def test_the_largest_gain_takes_a_handful(self) -> None:
        # .25*1.4884 / ((1/2.801585)^2 - .042^2/5) = .3721 / .127056 = 2.93
        sight = seen(Material(examples=402), 1.0)
        assert (sight.items_needed, sight.fits_factor) == (3, 1)

    def test_rows_and_fits_worked_by_hand(self) -> None:
        # Three points leave (.03/2.801585)^2 = .00011467. Seeds take .0003528, more than that; half of it is .00005733,
        # and .0003528/.00005733 = 6.2. Seven times the seeds take .0000504: .3721/.00006427 = 5,790.
        sight = seen(Material(examples=402), 0.03)
        assert sight.fits_factor == 7
        assert sight.items_needed == pytest.approx(5_790, abs=1)
        # Six points leave .00045867, and .3721/(.00045867 - .0003528) = 3,515.
        enough_fits = seen(Material(examples=402), 0.06)
        assert enough_fits.fits_factor == 1
        assert enough_fits.items_needed == pytest.approx(3_515, abs=1)

    def test_without_a_number_of_examples_only_what_is_needed_is_told(self) -> None:
        sight = seen(Material())
        assert (sight.detectable_gain, sight.detectable_by_rows_alone, sight.repeated) == (None, None, None)
        # (1.959964*.5 + .841621*sqrt(.25 - .0009))^2 / .0009
        assert (sight.items_needed, sight.fits_factor) == (2_178, 1)

    @pytest.mark.parametrize(("discordance", "inflation"), [(0.25, 1.22), (1.0, 1.22), (1.0, 10.0)])
    def test_no_gain_is_larger_than_the_whole(self, discordance: float, inflation: float) -> None:
        sight = seen(Material(examples=30), policy=Policy(discordance=discordance, cross_fit_inflation=inflation))
        assert 0 < known(sight.detectable_by_rows_alone) <= known(sight.detectable_gain) <= 1
        # 2.8 * 10 / sqrt(30) would be 5.1.
        assert (sight.detectable_gain == 1) is (inflation == 10)


materials = st.builds(
    Material,
    examples=st.integers(30, 9_000),
    test_examples=st.none() | st.integers(30, 5_000),
    labels=st.none() | st.integers(2, 200),
)


@settings(max_examples=150, deadline=None)
@given(materials, st.floats(0.001, 0.999), st.sampled_from([ALL, CHEAP]), st.sampled_from(list(Backend)))
@example(Material(examples=402), 0.03, ALL, Backend.ENCODER)
@example(Material(examples=3_000), 0.001, ALL, Backend.ENDPOINT)
def test_the_rows_needed_show_the_gain_and_one_fewer_do_not(
    material: Material, gain: float, families: Sequence[Family], backend: Backend
) -> None:
    form, split = worth(gain), split_of(material)
    arms = planned_arms(families, split, backend, POLICY)
    first = look(form, material, backend, arms, split, POLICY)
    assert first.items_needed is not None
    more = [arm.model_copy(update={"fits": arm.fits * first.fits_factor}) for arm in arms]

    def with_rows(tested: int) -> float:
        again = split.model_copy(update={"tested": tested})
        return known(look(form, material, backend, more, again, POLICY).detectable_gain)

    assert with_rows(first.items_needed) <= gain * (1 + 1e-9)
    if first.items_needed > 1:
        assert with_rows(first.items_needed - 1) > gain * (1 - 1e-9)
    # Fits are multiplied where no number of rows would do with those that are planned, and nowhere else.
    endless = split.model_copy(update={"tested": 10**15})
    floor = known(look(form, material, backend, arms, endless, POLICY).detectable_gain)
    assert (first.fits_factor > 1) is (floor >= gain)


@settings(max_examples=100, deadline=None)
@given(materials)
def test_more_test_rows_never_see_less(material: Material) -> None:
    fewer = seen(material.model_copy(update={"test_examples": 100}))
    more = seen(material.model_copy(update={"test_examples": 101}))
    assert known(more.detectable_gain) < known(fewer.detectable_gain) <= 1
