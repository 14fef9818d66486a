"""An organisation's thresholds: each may be overridden by its name, and what is wrong is told in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rules.policy import DEFAULT_POLICY, Policy
from service.policy_file import read_policy
from service.refusals import Refusal

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


@pytest.fixture
def refused(write: Write) -> Callable[[str], str]:
    def message(text: str) -> str:
        with pytest.raises(Refusal) as caught:
            read_policy(write(text))
        assert caught.value.code == 2
        said = str(caught.value)
        assert said.startswith("own.toml: ")
        assert "\n" not in said
        return said

    return message


def test_without_a_file_the_usual_thresholds_hold() -> None:
    assert read_policy(None) is DEFAULT_POLICY


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n"])
def test_an_empty_file_changes_nothing(write: Write, text: str) -> None:
    assert read_policy(write(text)).sha256() == DEFAULT_POLICY.sha256()


@pytest.mark.parametrize("name", [name for name in Policy.model_fields if name != "as_of"])
def test_every_threshold_can_be_stated(write: Write, name: str) -> None:
    usual = getattr(DEFAULT_POLICY, name)
    toml = repr(list(usual)) if isinstance(usual, tuple) else repr(usual)
    assert read_policy(write(f"{name} = {toml}")) == DEFAULT_POLICY


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("minimum_examples = 80", "minimum_examples", 80),
        ("discordance = 1", "discordance", 1.0),
        ('interval_that_outruns_retraining = "daily"', "interval_that_outruns_retraining", "daily"),
        ('regions_with_hosted_tuning = ["us", "asia_pacific"]', "regions_with_hosted_tuning", ("us", "asia_pacific")),
        ("regions_with_hosted_tuning = []", "regions_with_hosted_tuning", ()),
    ],
)
def test_an_override_counts_and_changes_the_hash(write: Write, line: str, name: str, value: Any) -> None:
    policy = read_policy(write(line))
    assert getattr(policy, name) == value
    assert policy.sha256() != DEFAULT_POLICY.sha256()
    assert policy.model_dump(exclude={name}) == DEFAULT_POLICY.model_dump(exclude={name})


def test_unknown_names_are_told_all_at_once_with_the_nearest(refused: Callable[[str], str]) -> None:
    said = refused("minimum_exampels = 80\nfew_lables = 3\nminimum_examples = 60")
    assert "minimum_exampels is no threshold; did you mean minimum_examples?" in said
    assert "few_lables is no threshold; did you mean few_labels?" in said


def test_the_day_is_no_threshold(refused: Callable[[str], str]) -> None:
    said = refused("as_of = 2026-07-01")
    assert "as_of may not be set here" in said
    assert "the day of the assessment" in said


def test_a_table_is_refused(refused: Callable[[str], str]) -> None:
    assert "[thresholds] opens a table; expected lines such as" in refused("[thresholds]\nminimum_examples = 60")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('minimum_examples = "80"', "'80'; expected a whole number, at least 1"),
        ("minimum_examples = 80.5", "80.5; expected a whole number"),
        ("minimum_examples = true", "true; expected a whole number"),
        ("minimum_examples = 0", "0; expected a whole number, at least 1 (usually 50)"),
        ("minimum_examples = 2026-07-01", "2026-07-01; expected a whole number"),
        ("test_share = 1.0", "1.0; expected a number, more than 0, less than 1 (usually 0.4)"),
        ("lead_to_pay_more = 101", "101; expected a whole number, at least 0, at most 100"),
        ("discordance = nan", "nan; expected a number"),
        ("low_temperature = inf", "inf; expected a number"),
        ('interval_that_counts_as_stable = "hourly"', "'hourly'; expected one of: never, yearly, quarterly"),
        ('regions_with_hosted_tuning = "us"', "'us'; expected a list of any of: uk_europe, us"),
        ('regions_with_hosted_tuning = ["us", "eu", "mars"]', "['us', 'eu', 'mars']; expected a list of any of"),
    ],
)
def test_a_value_that_is_not_allowed_tells_what_was_expected(
    refused: Callable[[str], str], line: str, expected: str
) -> None:
    said = refused(line)
    assert said.startswith(f"own.toml: {line.split(' = ')[0]} is {expected}")
    assert said.count("expected") == 1


def test_all_wrong_values_are_told_at_once(refused: Callable[[str], str]) -> None:
    said = refused("test_share = 2\nminimum_examples = -1")
    assert "test_share is 2" in said
    assert "minimum_examples is -1" in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minimum_examples = 500", "minimum_examples (500) is above comfortable_examples (100)"),
        ("fewest_label_tokens = 20", "fewest_label_tokens (20) is above most_label_tokens (15)"),
        ('interval_that_counts_as_stable = "weekly"', "is not slower than interval_that_strains_retraining (monthly)"),
    ],
)
def test_thresholds_that_contradict_each_other_are_refused(
    refused: Callable[[str], str], text: str, message: str
) -> None:
    assert message in refused(text)


def test_what_is_not_toml_is_refused_with_its_place(refused: Callable[[str], str]) -> None:
    said = refused("minimum_examples = 80\ntest_share := 1")
    assert "line 2" in said
    assert "expected TOML" in said


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"nowhere\.toml: no such file"):
        read_policy(tmp_path / "nowhere.toml")
    with pytest.raises(Refusal, match="cannot be read: Is a directory"):
        read_policy(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(Refusal, match=r"latin\.toml: not UTF-8"):
        read_policy(tmp_path / "latin.toml")
