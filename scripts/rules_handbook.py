"""Writes docs/rules.md from the rules. Run it after a change to a rule, a question or a threshold."""

from pathlib import Path

from rules.handbook import handbook

PAGE = Path(__file__).resolve().parents[1] / "docs" / "rules.md"

if __name__ == "__main__":
    PAGE.write_text(handbook(), encoding="utf-8")
