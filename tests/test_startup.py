"""Starting is quick, loads no model library, and refuses foreign packages under our names."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = (
    "torch", "transformers", "peft", "sentence_transformers", "faiss", "sklearn", "scipy", "openai", "fastapi", "numpy",
)  # fmt: skip


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def loaded_after(code: str) -> set[str]:
    done = python(f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split("\n")[-2].split())


def test_help_answers_in_under_0_3_seconds() -> None:
    command = [str(Path(sys.executable).parent / "advisor"), "--help"]
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - started)
    assert "compare" in done.stdout
    assert min(seconds) < 0.3


def test_help_loads_nothing_heavy() -> None:
    code = "import service.__main__ as m\ntry:\n    m.app(['--help'])\nexcept SystemExit:\n    pass"
    assert loaded_after(code) == set()


def test_assessing_a_form_loads_no_model_library() -> None:
    code = (
        "from pathlib import Path\nfrom service.commands.assess import run_assess\n"
        "run_assess(Path('examples/tickets/form.yaml'), as_json=True)"
    )
    assert loaded_after(code) == set()


def test_auditing_texts_that_were_read_before_loads_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = (
        "from pathlib import Path\nfrom service.commands.audit import AuditRequest, run_audit\n"
        "run_audit(AuditRequest(Path('examples/tickets/tickets.jsonl')), as_json=True)"
    )
    assert "torch" in loaded_after(code)
    assert loaded_after(code).isdisjoint({"torch", "transformers", "peft", "sentence_transformers", "faiss", "fastapi"})


@pytest.mark.parametrize("package", ["rules", "adapters"])
def test_a_foreign_package_under_our_name_is_refused(package: str, tmp_path: Path) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    code = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nfrom service.checkout import refuse_foreign_packages\n"
    done = python(code + "refuse_foreign_packages()")
    assert done.returncode == 1
    assert package in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
