"""The questions of the form, asked one by one in a terminal: the most telling first, every answer kept at once."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from rules.assess import Assessment
from rules.form import Form, FormError
from rules.question import Question
from rules.questionnaire import questions_by_path
from service.commands.documents import read_form
from service.commands.hanging import hang, paragraph
from service.commands.typed_answer import how_to_answer, meaning, said_back
from service.form_document import to_yaml, write_form
from service.refusals import STOPPED, Refusal

BATCH: Final = 7
"""Questions before the first answer, and between one answer and the next."""

_FIRST: Final = "task.kind"
"""Asked before everything else: it decides what can be compared at all."""
_INDENT: Final = 9
_GO_ON: Final = ("", "b", "q")


class _Stop(Exception):
    """The user has had enough."""


def run_dialogue(
    out: Path, judge: Callable[[Form], Assessment], show: Callable[[Assessment, Console], None], again: str
) -> None:
    """Ask until all is answered or the user stops; `again` is the command that shows the result once more.

    Answers in `out` are taken up. Ends with exit code 130 on Ctrl-C, with 0 on q and at the end of the input; raises
    `Refusal` where the file cannot be read or written, or no input comes at all.
    """
    if out.suffix.lower() == ".json":
        raise Refusal(f"--out {out}: answers are kept as YAML; expected a name such as form.yaml.")
    with contextlib.suppress(ImportError):
        # Arrow keys work in input() as soon as this is loaded.
        import readline  # noqa: F401
    dialogue = _Dialogue(out, judge, show)
    stopped = False
    try:
        dialogue.run()
    except KeyboardInterrupt:
        stopped = True
    except EOFError:
        if not dialogue.heard and not sys.stdin.isatty():
            raise Refusal(
                "No answers came in; name an answered FORM, or fill in what 'advisor assess --blank' prints."
            ) from None
    except _Stop:
        pass
    dialogue.close(again)
    if stopped:
        sys.exit(STOPPED)


class _Dialogue:
    """The form so far, what was asked, and what was left open in this run."""

    def __init__(
        self, out: Path, judge: Callable[[Form], Assessment], show: Callable[[Assessment, Console], None]
    ) -> None:
        self.out, self.judge, self.show = out, judge, show
        self.console = Console(highlight=False)
        self.found = out.exists()
        self.form = read_form(out) if self.found else Form()
        # Comments that somebody wrote by hand are no answers, and would be gone.
        self.by_hand = self.found and out.read_text(encoding="utf-8-sig") != to_yaml(self.form)
        self.asked: list[str] = []
        self.left_open: set[str] = set()
        self.heard = False

    def run(self) -> None:
        """Batches of questions with the assessment after each, until nothing is left to ask."""
        self._greet()
        back = False
        while True:
            self._ask_batch(back)
            self.show(self.judge(self.form), self.console)
            if not self._open():
                self._say("Nothing more to ask.")
                return
            while (line := self._read(" Enter for more questions, b to go back, q to stop: ").lower()) not in _GO_ON:
                self._say("Enter, b or q.", "yellow")
            if line == "q":
                raise _Stop
            back = line == "b"

    def close(self, again: str) -> None:
        """Say where the answers lie."""
        self.console.print()
        if not self.found:
            self._say("Nothing answered, nothing kept.")
            return
        self._say(f"{self._answered()} answered, kept in {self.out}. The same command goes on from here.")
        self._say(f"To see the result again: {again}")

    def _greet(self) -> None:
        self.console.print()
        if self.found:
            self._say(f"Going on with {self.out}: {self._answered()} answered.")
        self._say(
            f"Questions about your task, the most telling first; after {BATCH} of them comes the answer so far. "
            f"Enter leaves a question open, ? tells why it is asked, b goes back, q stops. Every answer is kept in "
            f"{self.out} at once."
        )

    def _answered(self) -> int:
        return sum(self._now(path) is not None for path in questions_by_path())

    def _now(self, path: str) -> Any:
        return attrgetter(path)(self.form)

    def _open(self) -> list[str]:
        """What is worth asking, in order."""
        first = [_FIRST] if self.form.task.kind is None else []
        paths = [*first, *(asked.field for asked in self.judge(self.form).next_questions)]
        return [path for path in dict.fromkeys(paths) if path not in self.left_open]

    def _ask_batch(self, back: bool) -> None:
        """Up to seven questions; `back` begins with the last one of the batch before."""
        waiting = [*([self.asked.pop()] if back and self.asked else ()), *self._open()]
        start = len(self.asked)
        while waiting and len(self.asked) - start < BATCH:
            number = len(self.asked) - start + 1
            if self._ask(waiting[0], f"{number} of {min(BATCH, number - 1 + len(waiting))}"):
                self.asked.append(waiting[0])
                waiting = self._open()
            else:
                waiting.insert(0, self.asked.pop())
                start = min(start, len(self.asked))

    def _ask(self, path: str, progress: str) -> bool:
        """Ask until there is an answer, or none is wanted; False to go back."""
        question = questions_by_path()[path]
        self._pose(question, progress)
        while True:
            line = self._read(f"{'':{_INDENT}}> ")
            match line.lower():
                case "q":
                    raise _Stop
                case "b" if self.asked:
                    return False
                case "b":
                    self._hang("", "This is the first question.", "yellow")
                case "?":
                    self._explain(question)
                case "" | "-":
                    if line and self._now(path) is not None:
                        self._keep(self._with(path, None))
                    if self._now(path) is None:
                        self.left_open.add(path)
                    return True
                case _:
                    if self._accept(question, line):
                        return True

    def _pose(self, question: Question, progress: str) -> None:
        self.console.print()
        self._hang(f"{progress:<{_INDENT - 1}}", question.title, "bold")
        self._hang("", question.help)
        for number, choice in enumerate(question.choices if question.kind != "date" else (), start=1):
            self._hang("", f"{number} {choice}")
        self._hang("", how_to_answer(question), "dim")
        now = self._now(question.path)
        if now is not None:
            self._hang("", f"Now: {said_back(now)} (Enter keeps it, - takes it back)", "dim")

    def _explain(self, question: Question) -> None:
        bare = self.judge(self._with(question.path, None))
        why = next((asked.why for asked in bare.next_questions if asked.field == question.path), "")
        why = why or "No score depends on it; the plan of the comparison does."
        self._hang("", f"{why} Source: {', '.join(question.source)}.", "cyan")

    def _accept(self, question: Question, line: str) -> bool:
        """Keep the answer, or say in a line why it cannot be one."""
        try:
            form = self._with(question.path, meaning(line, question))
        except FormError as error:
            told = [p.message if p.path == question.path else str(p) for p in error.problems]
            self._hang("", "; ".join(told), "yellow")
            return False
        self._keep(form)
        self.left_open.discard(question.path)
        understood = said_back(self._now(question.path))
        if understood != line:
            self._hang("", f"= {understood}", "dim")
        return True

    def _with(self, path: str, answer: Any) -> Form:
        """The form with another answer; raises `FormError` if that cannot be."""
        answers = self.form.model_dump(exclude_none=True)
        *sections, name = path.split(".")
        place = answers
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = answer
        return Form.parse(answers)

    def _keep(self, form: Form) -> None:
        if self.by_hand:
            self._set_aside()
        write_form(self.out, form)
        self.form, self.found = form, True

    def _set_aside(self) -> None:
        """Keep a copy of the file as somebody wrote it. `Refusal` if that cannot be."""
        before = next(path for n in count(1) if not (path := self.out.with_name(f"{self.out.name}.{n}")).exists())
        try:
            shutil.copy2(self.out, before)
        except OSError as error:
            raise Refusal(f"{before} cannot be written: {error.strerror}; name another file with --out.") from None
        self._hang("", f"Comments of your own are not taken over; the file as it was is now {before.name}.", "dim")
        self.by_hand = False

    def _read(self, prompt: str) -> str:
        """One line without the spaces around it. Raises EOFError and KeyboardInterrupt as input() does."""
        try:
            line = input(prompt).strip()
        except UnicodeDecodeError:
            raise Refusal("The answers are not UTF-8; answers before that are kept.") from None
        self.heard = True
        if not sys.stdin.isatty():
            # Nobody's terminal has shown it.
            print(line)
        return line

    def _say(self, text: str, style: str = "") -> None:
        hang(self.console, Text(" "), paragraph(text, style))

    def _hang(self, lead: str, text: str, style: str = "") -> None:
        hang(self.console, Text(f" {lead:<{_INDENT - 1}}"), paragraph(text, style))
