"""Every metric, one line each."""

from __future__ import annotations

from evaluation.metrics.exact_match import exact_match
from evaluation.metrics.macro_f1 import macro_f1

EXAMPLE_METRICS = {"accuracy": exact_match}
"""One score for each row, so that every contrast is paired."""

CORPUS_METRICS = {"macro_f1": macro_f1}
"""One value for all rows; intervals come from resampling."""
