"""Cursors: where the next page of a list starts, as one opaque word."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from service.errors import CursorRefused, Place
from service.storage.assessments import Position


def position_cursor(position: Position) -> str:
    """The cursor of a place in the list of assessments."""
    return _pack(f"{position.created_at.astimezone(UTC).isoformat()} {position.id.hex}")


def read_position(cursor: str) -> Position:
    """The place that `position_cursor` wrote down; `CursorRefused` for anything else."""
    moment, _, id = _unpack(cursor).partition(" ")
    try:
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None:
            raise ValueError("a position has a time zone")
        return Position(created_at, UUID(id))
    except (ValueError, OverflowError):
        raise _refused() from None


def number_cursor(number: int) -> str:
    """The cursor of a place in a list of versions."""
    return _pack(f"version {number}")


def read_number(cursor: str) -> int:
    """The version number that `number_cursor` wrote down; `CursorRefused` for anything else."""
    word, _, number = _unpack(cursor).partition(" ")
    if word != "version" or not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise _refused()
    return int(number)


def _pack(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpack(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeError):
        raise _refused() from None


def _refused() -> CursorRefused:
    return CursorRefused([Place("this cursor does not come from this list; start without one", parameter="cursor")])
