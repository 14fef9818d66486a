"""Assessments in real databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from service.errors import EditConflict, NotFound
from service.storage.assessments import Assessments, Judged, Position
from service.storage.database import open_database
from service.storage.migrate import migrate


@pytest.fixture
def assessments(database_url: str) -> Iterator[Assessments]:
    database = open_database(database_url)
    migrate(database)
    yield Assessments(database)
    database.close()


def judged(name: str | None = "Tickets", **answers: object) -> Judged:
    return Judged(form={"task": answers}, assessment={"score": 61.5}, ruleset_sha256="f" * 64, name=name)


def test_what_was_added_is_read_back(assessments: Assessments) -> None:
    added = assessments.add(judged(kind="classification", note="schön ☂"))
    assert assessments.get(added.id) == added
    assert added.version.number == 1
    assert added.created_at.tzinfo == UTC


def test_what_was_never_added_is_not_found(assessments: Assessments) -> None:
    with pytest.raises(NotFound, match="there is no assessment"):
        assessments.get(uuid4())
    with pytest.raises(NotFound):
        assessments.versions(uuid4(), 10)


def test_a_revision_keeps_the_version_before(assessments: Assessments) -> None:
    first = assessments.add(judged(narrow=False))
    second = assessments.revise(first, judged("Renamed", narrow=True))
    assert assessments.get(first.id) == second
    assert (second.name, second.version.number, second.created_at) == ("Renamed", 2, first.created_at)
    assert assessments.versions(first.id, 10) == [second.version, first.version]


def test_a_revision_of_an_old_version_is_refused_and_stores_nothing(assessments: Assessments) -> None:
    first = assessments.add(judged())
    second = assessments.revise(first, judged(narrow=True))
    with pytest.raises(EditConflict):
        assessments.revise(first, judged(narrow=False))
    assert assessments.get(first.id) == second
    assert len(assessments.versions(first.id, 10)) == 2


def test_of_many_revisions_at_once_exactly_one_wins(assessments: Assessments) -> None:
    first = assessments.add(judged())
    gate, outcomes = threading.Barrier(8), []

    def revise(count: int) -> None:
        gate.wait()
        try:
            assessments.revise(first, judged(count=count))
            outcomes.append("stored")
        except EditConflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=revise, args=(count,)) for count in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["refused"] * 7 + ["stored"]
    assert [version.number for version in assessments.versions(first.id, 10)] == [2, 1]


def test_pages_meet_without_gap_or_repeat(assessments: Assessments) -> None:
    ids = [assessments.add(judged(f"number {number}")).id for number in range(7)]
    seen, position = [], None
    while page := assessments.page(3, position):
        seen += page
        position = Position(page[-1].created_at, page[-1].id)
    assert [item.id for item in seen] == ids[::-1]


def test_pages_hold_when_two_were_added_in_the_same_moment(
    assessments: Assessments, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedClock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
            return datetime(2026, 1, 5, tzinfo=UTC)

    monkeypatch.setattr("service.storage.assessments.datetime", StoppedClock)
    ids = {assessments.add(judged()).id for _ in range(5)}
    first = assessments.page(2)
    rest = assessments.page(10, Position(first[-1].created_at, first[-1].id))
    assert len(rest) == 3
    assert {item.id for item in [*first, *rest]} == ids


def test_versions_page_by_number(assessments: Assessments) -> None:
    stored = assessments.add(judged(count=1))
    for count in range(2, 6):
        stored = assessments.revise(stored, judged(count=count))
    assert [version.number for version in assessments.versions(stored.id, 2)] == [5, 4]
    assert [version.number for version in assessments.versions(stored.id, 9, below=4)] == [3, 2, 1]
