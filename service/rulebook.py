"""The rules as this deployment applies them: its thresholds, and what it knows about models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rules.assess import Assessment, assess
from rules.fill_in import fill_in, filled_in_from_model
from rules.form import Form
from rules.known_model import KnownModel
from rules.material import Material
from rules.policy import DEFAULT_POLICY, Policy
from service.policy_file import read_policy

if TYPE_CHECKING:
    from adapters.model_file import ModelFile


@dataclass(frozen=True)
class Rulebook:
    """`own_models` is the user's file of prices and dates, which overrides the known ones."""

    policy: Policy = DEFAULT_POLICY
    own_models: ModelFile | None = None

    def assess(self, form: Form, material: Material | None = None) -> Assessment:
        """Judge a form by these thresholds, with what is known about the model that it names."""
        return assess(form, self.policy, self.known_model(form), material)

    def filled_in(self, form: Form) -> Form:
        """The form with what the named model answers."""
        return fill_in(form, filled_in_from_model(form, self.known_model(form)))

    def known_model(self, form: Form) -> KnownModel | None:
        """What is known about the model that the form names; None where it names none, or one that nobody knows."""
        return self.model(form.operations.model) if form.operations.model else None

    def model(self, name: str) -> KnownModel | None:
        """What is known about a model; None where nobody knows it."""
        # Only now: prices are a large table, and most forms name no model.
        from adapters.model_knowledge import find_model

        return find_model(name, self.own_models)

    def warm_up(self) -> None:
        """Read the rules and the prices once, so that the first caller does not wait for them."""
        self.assess(Form())
        self.assess(Form.model_validate({"operations": {"model": "gpt-4o-mini"}}))


def load_rulebook(policy: Path | None, models: Path | None) -> Rulebook:
    """Read both files, where given. Raises `Refusal` for thresholds and `ModelFileError` for models that are wrong."""
    if models is None:
        return Rulebook(read_policy(policy))
    from adapters.model_file import read_model_file

    return Rulebook(read_policy(policy), read_model_file(models))
