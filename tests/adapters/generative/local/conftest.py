"""A tiny language model, loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.generative.local import LocalModel
from adapters.generative.weights import find_model


@pytest.fixture
def llama(llama_folder: Path) -> LocalModel:
    """Loaded anew for each test: some change it on the way."""
    return LocalModel(find_model(str(llama_folder)), batch=4)
