"""The user's own file about models: what it may say, and one clear line for everything else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapters.model_file import ModelFileError, OwnModel, read_model_file


def written(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_model_file(path)
    message = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in message
    return message


def test_everything_that_a_table_may_say(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        # What we agreed with our provider.
        [[model]]
        name = " gpt-4o-mini "
        provider = "openai"
        retires_on = 2027-03-31
        tuning_ends_on = 2027-01-31
        input_price = 0.12
        output_price = 1
        training_price = 0
        currency = "EUR"
        source = "contract of May"

        [[model]]
        name = "my-llama"
        """,
    )
    full, bare = read_model_file(path).models
    days = date(2027, 3, 31), date(2027, 1, 31)
    assert full == OwnModel("gpt-4o-mini", "openai", *days, 0.12, 1.0, 0.0, "EUR", "contract of May")
    assert full.full_name == "openai/gpt-4o-mini"
    assert bare == OwnModel("my-llama", None, None, None, None, None, None, "USD", "models.toml")


def test_a_file_saved_by_a_windows_editor(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(b'\xef\xbb\xbf[[model]]\r\nname = "my-llama"\r\n')
    assert [model.name for model in read_model_file(path).models] == ["my-llama"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("retires_on = '2027-01-14'", "retires_on is '2027-01-14'; expected a date without quotes and time"),
        ("retires_on = 2027-01-14T10:00:00Z", "expected a date without quotes and time, such as 2027-01-14"),
        ("tuning_ends_on = 2027", "tuning_ends_on is '2027'; expected a date"),
        ("retire_on = 2027-01-14", "retire_on is no key of a model; did you mean retires_on?"),
        ("prise_input = 3", "prise_input is no key of a model; did you mean"),
        ("input_price = -1\noutput_price = 2", "input_price is -1; expected a price per million tokens"),
        ("input_price = nan\noutput_price = 2", "input_price is nan; expected a price"),
        ("input_price = 1\noutput_price = inf", "output_price is inf; expected a price"),
        ("input_price = true\noutput_price = 2", "input_price is True; expected a price"),
        ("input_price = '0.15'\noutput_price = 2", "input_price is '0.15'; expected a price"),
        ("input_price = 1", "input_price stands without output_price; give both"),
        ("output_price = 1\ntraining_price = 1", "output_price stands without input_price; give both"),
        ("training_price = 1", "training_price stands alone and genai-prices does not know the others"),
        ("training_price = 1\ncurrency = 'EUR'", "training_price stands alone in another currency"),
        ("currency = 'eur'", "currency is 'eur'; expected three capital letters, such as EUR"),
        ("currency = 'EURO'", "currency is 'EURO'; expected three capital letters"),
        ("provider = ''", "provider is ''; expected a text in quotes"),
        ("source = 2027-01-14", "expected a text in quotes"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, lines: str, expected: str) -> None:
    path = written(tmp_path, f'[[model]]\nname = "first"\n\n[[model]]\nname = "my-llama"\n{lines}\n')
    message = refusal(path)
    assert message.startswith("models.toml, line 4, model 'my-llama': ")
    assert expected in message
    assert message[-1] in ".?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "models.toml: no model; expected a [[model]] table for each model, with at least a name."),
        ("[model]\nname = 'x'\n", "models.toml: model without double brackets; expected a [[model]] table"),
        ("model = ['x']\n", "models.toml: model without double brackets; expected a [[model]] table"),
        ("[[models]]\nname = 'x'\n", "models.toml: [[models]] is unknown; did you mean [[model]]?"),
        ("name = 'x'\n[[model]]\nname = 'y'\n", "models.toml: name stands above all models."),
        ("[[model]]\nprovider = 'openai'\n", "models.toml, line 1: no name; expected one, such as"),
        ("[[model]]\nname = 3\n", "models.toml, line 1: name is 3; expected a text in quotes."),
        ("[[model]]\nname = \n", "(at line 2, column 8); expected TOML with [[model]] tables."),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in refusal(written(tmp_path, text))


def test_the_same_name_twice_names_both_lines(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, '[[model]]\nname = "GPT-4o"\n[[ model ]]\nname = "gpt-4o"\n'))
    assert message == "models.toml, line 3: model 'gpt-4o' stands here and in line 1; keep one of them."


def test_a_heading_inside_a_text_gives_no_wrong_line(tmp_path: Path) -> None:
    text = "[[model]]\nname = 'x'\nsource = '''\n[[model]]\n'''\n[[model]]\nname = 'y'\ncurrency = 'eur'\n"
    assert refusal(written(tmp_path, text)).startswith("models.toml, table 2, model 'y': currency")


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.toml").endswith("none.toml: no such file.")
    assert "cannot be read" in refusal(tmp_path)
    path = tmp_path / "models.toml"
    path.write_bytes(b"name = '\xff'")
    assert refusal(path) == "models.toml: not UTF-8; save the file as UTF-8 and try again."
