"""Writes what the encoder's arms did on the open data sets: adapters/encoder/experience.json.

`experience.py` reads the true accuracies that `decision.py` keeps; nothing is measured here.
"""

from __future__ import annotations

import json
from pathlib import Path

from adapters.encoder.embedding import Encoder
from benchmarks.decision_cells import RESULTS
from benchmarks.decision_replay import experience_with
from service.run_folder import write_whole
from service.settings import load_settings

FILE = Path(__file__).resolve().parent.parent / "adapters" / "encoder" / "experience.json"
DIGITS = 4


def main() -> None:
    cells = json.loads(RESULTS.read_text(encoding="utf-8"))["cells"]
    compared = [cells[key] for key in sorted(cells) if "truth" in cells[key]]
    lines = []
    for outcome in experience_with(compared).outcomes:
        record = outcome.model_dump(mode="json")
        record["accuracies"] = {name: round(value, DIGITS) for name, value in outcome.accuracies.items()}
        record["runs"] = {
            name: [round(run, DIGITS) for run in runs] for name, runs in outcome.runs.items() if len(runs) > 1
        }
        lines.append(json.dumps(record))
    encoder = Encoder.embedded(load_settings().cache_folder)
    body = ",\n".join(lines)
    write_whole(FILE, f'{{"model": "{encoder.name}", "weights": "{encoder.sha256}",\n"outcomes": [\n{body}\n]}}\n')
    print(f"{len(lines)} outcomes on {len({cell['dataset'] for cell in compared})} data sets in {FILE.name}")


if __name__ == "__main__":
    main()
