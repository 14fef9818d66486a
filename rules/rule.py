"""A rule: a check, its code, and the answers it depends on."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from rules.finding import Finding
from rules.form import Form

Grounds = TypeVar("Grounds")
"""What a check judges a form by: the policy, or the estimate of its plan."""

Check = Callable[[Form, Grounds], Finding | None]

_HEADINGS: Final = ("Why it matters", "What to do", "Source")
_HEADING: Final = re.compile(rf"^({'|'.join(_HEADINGS)}):", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Rule(Generic[Grounds]):
    """One line of the catalogue. `reads` names every answer that can change the rule's points or vetoes."""

    code: str
    check: Check[Grounds]
    reads: tuple[str, ...]

    @property
    def name(self) -> str:
        """The fault, or the merit, that the rule finds."""
        return self.check.__name__

    @property
    def title(self) -> str:
        """The rule in one sentence."""
        return self._explanation["title"]

    @property
    def why(self) -> str:
        """Why it matters."""
        return self._explanation["Why it matters"]

    @property
    def what_to_do(self) -> str:
        """What a team does about it."""
        return self._explanation["What to do"]

    @property
    def source(self) -> tuple[str, ...]:
        """The numbers of the source documents."""
        return tuple(self._explanation["Source"].replace(",", " ").split())

    def judge(self, form: Form, grounds: Grounds) -> Finding | None:
        """Return the finding with the rule's name and explanation, or nothing."""
        finding = self.check(form, grounds)
        return finding and self.sign(finding)

    def sign(self, finding: Finding) -> Finding:
        """Add to a finding which rule says it, and why."""
        return finding.model_copy(update=self._signature)

    def answers(self, form: Form) -> tuple[Any, ...]:
        """Return the answers to the questions that the rule reads, None where there is none."""
        return self._answers(form)

    @cached_property
    def _signature(self) -> dict[str, Any]:
        words = ("code", "name", "why", "what_to_do", "source")
        return {word: getattr(self, word) for word in words}

    @cached_property
    def _answers(self) -> Callable[[Form], tuple[Any, ...]]:
        if not self.reads:
            return lambda _: ()
        read = attrgetter(*self.reads)
        return read if len(self.reads) > 1 else lambda form: (read(form),)

    @cached_property
    def _explanation(self) -> dict[str, str]:
        title, *sections = _HEADING.split(inspect.getdoc(self.check) or "")
        texts = dict(zip(sections[::2], sections[1::2], strict=True))
        flat = {heading: " ".join(texts.get(heading, "").split()) for heading in _HEADINGS}
        return {"title": " ".join(title.split()), **flat}
