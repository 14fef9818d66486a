"""The worker's end of its child process, with children that misbehave."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from service.jobs.runner import Runner, RunnerDied
from service.settings import Settings

CHILD = """#!{python}
import json, sys, time
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "die in the middle of a line":
        sys.stdout.write('{{"done": "ha')
        sys.stdout.flush()
        sys.exit(3)
    print(json.dumps({{"event": "begun", "data": {{}}}}), flush=True)
    print(json.dumps({{"done": request["do"]}}), flush=True)
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    child = tmp_path / "child"
    child.write_text(CHILD.format(python=sys.executable))
    child.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(child))
    runner = Runner(Settings(data_folder=tmp_path))
    yield runner
    runner.close()


def silent(*_told: Any) -> None:
    """Whoever does not listen."""


def test_an_answer_that_nobody_took_is_not_given_to_the_next_request(runner: Runner) -> None:
    def database_is_away(*_told: Any) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        runner.ask({"do": "the first"}, database_is_away, lambda: True)
    assert runner.ask({"do": "the second"}, silent, lambda: True) == {"done": "the second"}


def test_a_child_that_dies_in_the_middle_of_its_answer_has_died(runner: Runner) -> None:
    with pytest.raises(RunnerDied):
        runner.ask({"do": "die in the middle of a line"}, silent, lambda: True)
    assert runner.ask({"do": "the next"}, silent, lambda: True) == {"done": "the next"}
