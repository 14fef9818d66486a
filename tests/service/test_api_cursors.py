"""Cursors: what was written is read, and nothing else is."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from service.api.cursors import number_cursor, position_cursor, read_number, read_position
from service.errors import CursorRefused
from service.storage.assessments import Position


def test_a_position_comes_back() -> None:
    position = Position(datetime(2026, 1, 5, 9, 30, 0, 123456, tzinfo=UTC), uuid4())
    assert read_position(position_cursor(position)) == position
    assert position_cursor(position).isascii()


@pytest.mark.parametrize("number", [1, 2, 99_999])
def test_a_number_comes_back(number: int) -> None:
    assert read_number(number_cursor(number)) == number


FORGED = ["", "x", "ü", "====", "AAAA", base64.urlsafe_b64encode(b"2026-01-05 abc").decode(), "9" * 10_000]


@pytest.mark.parametrize("cursor", [*FORGED, number_cursor(3)])
def test_a_forged_position_is_refused(cursor: str) -> None:
    with pytest.raises(CursorRefused):
        read_position(cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        *FORGED,
        base64.urlsafe_b64encode(f"2026-01-05T00:00:00 {uuid4().hex}".encode()).decode(),
        base64.urlsafe_b64encode(b"version " + b"9" * 30).decode(),
        base64.urlsafe_b64encode("version ²".encode()).decode(),
    ],
)
def test_a_forged_number_is_refused(cursor: str) -> None:
    with pytest.raises(CursorRefused):
        read_number(cursor)
