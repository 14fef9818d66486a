"""`advisor demo`: the whole way on the sample tickets."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from rich.console import Console

from evaluation.policy import EvaluationPolicy
from evaluation.readers import Columns
from service.checkout import ROOT
from service.commands.assess import show_assessment
from service.commands.audit import show_audit
from service.commands.compare import Request, run_compare
from service.commands.documents import read_form
from service.commands.examples import configured_encoder, read_examples
from service.rulebook import Rulebook
from service.settings import load_settings

SAMPLE = ROOT / "examples" / "tickets"
REQUEST = Request(SAMPLE / "tickets.jsonl", form=SAMPLE / "form.yaml", labels=SAMPLE / "labels.yaml")


def run_demo(out: Path) -> None:
    console = Console()
    console.rule("1. Assess the form")
    show_assessment(Rulebook().assess(read_form(SAMPLE / "form.yaml")), console)
    console.rule("2. Audit the examples")
    encoder = configured_encoder(load_settings())
    examples = read_examples(REQUEST.data, None, Columns(), encoder, EvaluationPolicy())
    show_audit(examples.audit, console)
    console.rule("3. Compare")
    run_compare(dataclasses.replace(REQUEST, out=out), examples)
