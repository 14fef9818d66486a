#!/usr/bin/env python3
"""Makes adapters/model_dates.json: the days on which hosted language models are switched off, from a litellm wheel.

    python scripts/model_dates.py                        # downloads the wheel named by LITELLM
    python scripts/model_dates.py litellm-1.106.2-*.whl  # reads this one

Of litellm's list (outside its enterprise folder, so MIT) only text models are kept, and of each only the name, the
provider and, where there is one, the announced day with its source. Undated models are kept too: that a snapshot has no
date is what tells us that its alias has none. Prices come from elsewhere (adapters/token_prices.py).
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

LITELLM = "litellm==1.106.2"
LIST = "litellm/model_prices_and_context_window_backup.json"
HERE = Path(__file__).resolve().parent.parent / "adapters" / "model_dates.json"
TEXT_MODES = {"chat", "completion", "responses"}
# Models of sound and pictures are listed as chat models too; some say so only in their name.
NOT_TEXT = {"audio", "video"}
NOT_TEXT_NAME = re.compile(r"(?<![a-z])(audio|image|realtime|speech|tts|video)(?![a-z])", re.IGNORECASE)
NOTICE = "From litellm, MIT License, Copyright (c) 2023 Berri AI: github.com/BerriAI/litellm/blob/main/LICENSE"


def main(arguments: list[str] | None = None) -> None:
    """Reads the command line; a wheel that is not litellm's ends in one line and exit code 1."""
    parser = argparse.ArgumentParser(description="Make adapters/model_dates.json from a litellm wheel.")
    parser.add_argument("wheel", nargs="?", type=Path, help=f"a litellm wheel; without one, pip downloads {LITELLM}")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write")
    parser.add_argument("--made-on", type=date.fromisoformat, default=date.today(), help="today unless told")
    asked = parser.parse_args(arguments)
    if asked.wheel is not None:
        text = dates_of(asked.wheel, asked.made_on)
    else:
        with tempfile.TemporaryDirectory() as folder:
            text = dates_of(download(Path(folder)), asked.made_on)
    asked.out.write_text(text, encoding="utf-8")
    models = json.loads(text)["models"]
    print(
        f"{asked.out}: {len(models)} models, {sum('deprecation_date' in kept for kept in models.values())} with a date"
    )


def download(folder: Path) -> Path:
    """The wheel of LITELLM, without what it depends on."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    subprocess.run([*pip, LITELLM], check=True)
    return next(folder.glob("litellm-*.whl"))


def dates_of(wheel: Path, made_on: date) -> str:
    """The text of the JSON file, one model a line, sorted: the same wheel and day give the same bytes."""
    try:
        with zipfile.ZipFile(wheel) as opened:
            models = json.loads(opened.read(LIST))
            version = version_in(opened)
            packed = opened.getinfo(LIST).date_time
    except (OSError, zipfile.BadZipFile, KeyError, StopIteration, ValueError) as error:
        sys.exit(f"{wheel}: expected a litellm wheel with {LIST}; found {error}. Name one, or none to download it.")
    header = {"source": f"litellm {version}", "licence": "MIT", "notice": NOTICE, "made_on": made_on.isoformat()}
    # Wheels packed for reproducibility carry the year 1980.
    if packed[0] >= 2000:
        header["packed_on"] = date(*packed[:3]).isoformat()
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in header.items()]
    rows = [f"    {json.dumps(name)}: {json.dumps(kept)}" for name, kept in sorted(text_models(models))]
    return "\n".join(["{", *lines, '  "models": {', ",\n".join(rows), "  }", "}", ""])


def version_in(wheel: zipfile.ZipFile) -> str:
    """The version that the wheel's own metadata name."""
    metadata = next(name for name in wheel.namelist() if re.fullmatch(r"litellm-[^/]+\.dist-info/METADATA", name))
    lines = wheel.read(metadata).decode("utf-8").splitlines()
    return next(line.removeprefix("Version: ") for line in lines if line.startswith("Version: "))


def text_models(models: dict[str, dict[str, Any]]) -> Iterable[tuple[str, dict[str, str]]]:
    """Name and what is kept of every text model; a date that is no date raises ValueError."""
    for name, model in models.items():
        spoken = set(model.get("supported_output_modalities") or ["text"])
        if name == "sample_spec" or model.get("mode") not in TEXT_MODES or NOT_TEXT_NAME.search(name):
            continue
        if "text" not in spoken or spoken & NOT_TEXT:
            continue
        kept = {"provider": model["litellm_provider"]}
        if model.get("deprecation_date"):
            kept["deprecation_date"] = date.fromisoformat(model["deprecation_date"]).isoformat()
            if str(model.get("source", "")).startswith("http"):
                kept["source"] = model["source"]
        yield name, kept


if __name__ == "__main__":
    main()
