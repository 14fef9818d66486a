"""Files of others are the ones that VENDOR names, unchanged, and their licences lie beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "service" / "pages" / "static" / "vendor"


def test_every_file_of_others_is_the_one_that_is_named() -> None:
    named = [line.split() for line in (VENDOR / "VENDOR").read_text().splitlines()[2:]]
    assert {name for name, *_ in named} == {path.name for path in VENDOR.iterdir()} - {"VENDOR", "licences"}
    for name, _package, _version, _licence, sha256 in named:
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == sha256, name


def test_each_package_has_its_licence() -> None:
    licences = {path.name.partition("-")[0] for path in (VENDOR / "licences").iterdir()}
    assert licences == {"htmx", "pico", "echarts", "swagger"}
