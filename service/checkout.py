"""Refuses to run with somebody else's package under one of our four names."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

PACKAGES = ("rules", "evaluation", "adapters", "service")
ROOT = Path(__file__).resolve().parent.parent


def refuse_foreign_packages() -> None:
    """End with one line unless `rules`, `evaluation`, `adapters` and `service` come from this checkout.

    Other projects on the package index use the same names; an installed one would be imported silently.
    """
    for package in PACKAGES:
        found = PathFinder.find_spec(package)
        origin = Path(found.origin).resolve() if found is not None and found.origin else None
        if origin is None or origin.parent.parent != ROOT:
            sys.exit(
                f"The package {package!r} would be loaded from {origin or 'nowhere'} instead of {ROOT}; "
                "another project uses the same name. Run 'make install' in an environment of its own."
            )
