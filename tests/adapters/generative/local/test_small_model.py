"""What the advisor rests on, shown on real weights: knowledge that changes calls for retrieval, form for a fine-tune.

The model of tests/models/copier has 0.9 million parameters, made by scripts/make_small_model.py to copy from its
context and to follow two lines. Wordings of facts and the form here were never among its texts.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from adapters.corpus.search import open_corpus
from adapters.encoder.embedding import Encoder
from adapters.generative.exchange import ChatRequest, Message
from adapters.generative.local import LocalModel
from adapters.generative.lora import Lora
from adapters.generative.prompting import FewShot, SimilarExamples, ZeroShot
from adapters.generative.retrieval import RetrievedPassages
from adapters.generative.training import TrainingSettings
from adapters.generative.weights import find_model
from evaluation.arm import Arm, Prediction
from evaluation.dataset import Example, Task
from service.__main__ import app

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "tests/models/copier"
THING_WORDS = (
    "lamp door table chair window garden river bridge tower station market library school kitchen engine printer "
    "server camera screen cable battery invoice parcel account project teacher doctor pilot baker farmer"
)
NAME_WORDS = (
    "Monday Tuesday Friday Paris London Oslo Rome Berlin Madrid Vienna Anna Ben Clara David Emma Felix Grace Henry "
    "Karl Laura Maria Noah Olga Peter Rosa Simon Tina Victor lemon copper"
)
THINGS, NAMES = THING_WORDS.split(), NAME_WORDS.split()
WORDINGS = (
    "Right now the owner of the {e} must be {v}.",
    "As of June the {e} is with its new owner {v}.",
    "The {e} has found another owner, {v}.",
    "The owner of the {e} will be {v} this winter.",
    "By now {e} belongs to the owner {v}.",
    "For the {e} we wrote down the owner {v}.",
    "Who has the {e}? Its owner {v}.",
    "The owner now named for the {e}: {v}",
)
QUESTION = "What is the owner of the {e}?"
POINTS = 30.0


@pytest.fixture(scope="module")
def copier() -> LocalModel:
    return LocalModel(find_model(str(FOLDER)), batch=32)


def accuracy(predictions: Sequence[Prediction], answers: Sequence[str]) -> float:
    """In points."""
    right = [prediction.output == answer for prediction, answer in zip(predictions, answers, strict=True)]
    return 100 * float(np.mean(right))


def measured(arm: Arm, train: Sequence[Example], test: Sequence[Example]) -> float:
    arm.fit(train, 0)
    return accuracy(arm.predict([row.input for row in test]), [row.output for row in test])


def questions(answers: dict[str, str]) -> list[Example]:
    return [
        Example(thing, QUESTION.format(e=thing), answers[thing], line, "facts")
        for line, thing in enumerate(THINGS, start=1)
    ]


def orders(count: int, seed: int) -> list[Example]:
    """Who wants what from where, and the form in which a warehouse writes it."""
    rng = np.random.default_rng(seed)
    rows = []
    for line in range(count):
        who, where = rng.permutation(NAMES)[:2]
        thing = rng.choice(THINGS)
        text, form = f"{who} wants the {thing} from {where}.", f"<{thing}> to {who} by {where} #ok"
        rows.append(Example(f"o{seed}-{line}", text, form, line + 1, "orders"))
    return rows


def test_on_facts_that_change_retrieval_beats_a_fine_tune(copier: LocalModel, encoder: Encoder, tmp_path: Path) -> None:
    """The rows hold what was true, the documents what is true now; the fine-tune answers what it learnt."""
    drawn = np.random.default_rng(0).permutation(NAMES).tolist()
    old = dict(zip(THINGS, drawn, strict=True))
    new = dict(zip(THINGS, [drawn[-1], *drawn[:-1]], strict=True))
    documents = tmp_path / "documents.jsonl"
    documents.write_text(
        "".join(
            json.dumps({"id": thing, "text": WORDINGS[place % len(WORDINGS)].format(e=thing, v=new[thing])}) + "\n"
            for place, thing in enumerate(THINGS)
        )
    )
    task = Task(kind="question_answering", longest_answer=max(map(len, NAMES)))
    retriever = open_corpus(documents, encoder, tmp_path / "indexes")
    retrieved = measured(RetrievedPassages(copier, task, retriever, shown=1), questions(old), questions(new))
    training = TrainingSettings(learning_rate=3e-3, fewest_steps=80, most_epochs=40)
    tuned = Lora(copier, task, training=training)
    assert measured(tuned, questions(old), questions(new)) <= retrieved - POINTS
    assert accuracy(tuned.predict([row.input for row in questions(old)]), [old[thing] for thing in THINGS]) >= 80
    assert measured(ZeroShot(copier, task), questions(old), questions(new)) <= 20, "it cannot know them by heart"


def test_on_a_form_that_no_prompt_conveys_a_fine_tune_beats_examples(copier: LocalModel, encoder: Encoder) -> None:
    task = Task(kind="generation", instruction="Write the order in the form of the warehouse.", longest_answer=40)
    train, test = orders(240, seed=1), orders(40, seed=2)
    prompted = max(
        measured(FewShot(copier, task), train, test), measured(SimilarExamples(copier, task, encoder), train, test)
    )
    # Chosen on orders drawn with seeds 11 and 12.
    training = TrainingSettings(learning_rate=5e-3, fewest_steps=200, most_epochs=20)
    assert measured(Lora(copier, task, training=training), train, test) >= prompted + POINTS


class TestVerdicts:
    """The whole comparison as a user runs it, with the training's own settings; one training each keeps it short."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        torch.set_num_threads(1)  # so small a model gains nothing from a second
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ADVISOR_DATA_FOLDER", str(tmp_path / "data"))
        Path("policy.toml").write_text("training_seeds = 1\ntraining_seeds_few_labels = 1\n")

    def test_on_facts_that_change_it_is_to_keep_retrieval(self) -> None:
        """In spring's rows the things have owners that the documents of today no longer name. They are asked about in
        other words: a test row that repeats a training row keeps it out of every fit."""
        drawn = np.random.default_rng(0).permutation(NAMES).tolist()
        spring = dict(zip(THINGS, drawn, strict=True))
        today = dict(zip(THINGS, [drawn[-1], *drawn[:-1]], strict=True))
        write("train.jsonl", [(f"Which owner does the {thing} have?", spring[thing]) for thing in THINGS])
        write("test.jsonl", [(QUESTION.format(e=thing), today[thing]) for thing in THINGS])
        Path("handbook").mkdir()
        for place, thing in enumerate(THINGS):
            told = WORDINGS[place % len(WORDINGS)].format(e=thing, v=today[thing])
            Path(f"handbook/{thing}.txt").write_text(told)
        report = compared("--kind", "question_answering", "--corpus", "handbook", "--passages", "1")
        assert (report["verdict"]["kind"], report["verdict"]["arm"]) == ("keep", "passages"), report["verdict"]
        points = {arm["name"]: 100 * arm["accuracy"] for arm in report["arms"]}
        assert points.pop("passages") >= max(points.values()) + POINTS
        assert {"lora", "lora_passages"} < set(points)

    def test_on_a_form_that_no_prompt_conveys_it_is_to_fine_tune(self) -> None:
        """A simpler form than above: sixty steps, as many as few rows get, teach this small model two words' places."""
        rows = list(dict.fromkeys(place_words(150)))
        write("train.jsonl", rows[30:])
        write("test.jsonl", rows[:30])
        Path("task.yaml").write_text(
            "kind: generation\ninstruction: Write the order in the form of the warehouse.\nmetrics: [same_text]\n"
        )
        report = compared("--task", "task.yaml")
        assert (report["verdict"]["kind"], report["verdict"]["arm"]) == ("fine_tune", "lora"), report["verdict"]
        points = {arm["name"]: 100 * arm["accuracy"] for arm in report["arms"]}
        assert points.pop("lora") >= max(points.values()) + POINTS
        assert set(points) == {"zero_shot", "few_shot", "similar_examples"}


def place_words(count: int) -> list[tuple[str, str]]:
    """Who wants what from where, and only who and where in a form of their own."""
    rng = np.random.default_rng(11)
    drawn = [(*rng.permutation(NAMES)[:2], rng.choice(THINGS)) for _ in range(count)]
    return [(f"{who} wants the {thing} from {where}.", f"to {who} by {where} #ok") for who, where, thing in drawn]


def write(name: str, rows: Sequence[tuple[str, str]]) -> None:
    Path(name).write_text("".join(json.dumps({"input": text, "output": answer}) + "\n" for text, answer in rows))


def compared(*arguments: str) -> Any:
    """The report of `advisor compare train.jsonl --test test.jsonl` over the model."""
    command = ["compare", "train.jsonl", "--test", "test.jsonl", "--backend", "local", "--model", str(FOLDER)]
    result = CliRunner().invoke(app, [*command, "--no-learning-curve", "--policy", "policy.toml", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(Path("advisor-runs/train/report.json").read_text())


@pytest.mark.parametrize(
    ("second", "form"), [("Only the answer.", "{}"), ("Put the answer in square brackets.", "[ {} ]")]
)
def test_it_copies_and_follows_two_lines(copier: LocalModel, second: str, form: str) -> None:
    rng = np.random.default_rng(4)
    answers = dict(zip(THINGS, rng.permutation(NAMES).tolist(), strict=True))
    requests = [
        ChatRequest(
            (
                Message("system", f"Answer the question.\n{second}"),
                Message("user", f"Text:\nThe owner of {thing} is {name}.\n\nQuestion: What is the owner of {thing}?"),
            ),
            max_tokens=12,
        )
        for thing, name in answers.items()
    ]
    found = [answer.text for answer in copier.ask_all(requests)]
    assert np.mean([text == form.format(name) for text, name in zip(found, answers.values(), strict=True)]) >= 0.7


def test_the_wordings_are_none_of_those_it_was_made_with() -> None:
    texts: dict[str, Any] = runpy.run_path(str(ROOT / "scripts/small_model_texts.py"))
    known = {wording.format(a="owner", e="{e}", v="{v}") for wording in texts["WIDE_FACTS"]}
    assert not known & {wording.replace("the {e}", "{e}") for wording in WORDINGS}
    assert not known & set(WORDINGS)


def test_it_is_small_enough_to_be_kept() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 10_000_000
