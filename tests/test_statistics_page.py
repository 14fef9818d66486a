"""The statistics page tells what the benchmarks measured, and nothing else."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("statistics_page", ROOT / "scripts" / "statistics_page.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_what_the_benchmarks_say(script: ModuleType) -> None:
    stale = "docs/statistics.md is out of date; write it again: make docs"
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), stale


def test_no_measured_figure_is_typed_into_the_template(script: ModuleType) -> None:
    """Percentages in the words themselves are levels and allowances, not results."""
    words = re.sub(r"\{\{.*?\}\}", "", script.TEMPLATE.read_text(encoding="utf-8"))
    assert set(re.findall(r"\d+(?:\.\d+)?%", words)) <= {"95%", "5%", "2.5%"}


def test_a_figure_that_is_gone_is_not_made_up(script: ModuleType) -> None:
    figures = script.Figures({"1": {"figures": [{"what": "known", "cells": {"n = 60": 0.125}, "at_most": 0.3}]}})
    assert figures.percent(1, "known", "n = 60") == "12.5%"
    assert figures.at_most(1, "known") == "30.0%"
    with pytest.raises(KeyError, match="no figure 'forgotten'"):
        figures.percent(1, "forgotten", "n = 60")
