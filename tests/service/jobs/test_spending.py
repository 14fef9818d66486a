"""A comparison that asks an endpoint: what it may spend, and who agreed to how much. The endpoint is a real server."""

from __future__ import annotations

from typing import Any

import pytest

ASKS = {"backends": ["endpoint"]}
PROBES = 1
"""Calls that find out what the server can do."""


@pytest.fixture
def server(house: Any, serve: Any) -> Any:
    """Imitates the examples that it is shown; the house's settings name it."""
    server = serve(imitates=True)
    house.environment.update({"ADVISOR_ENDPOINT": server.url, "ADVISOR_ENDPOINT_MODEL": "small-1"})
    return server


def waiting(house: Any, id: str) -> dict[str, Any]:
    """What waits for approval, once something does."""
    comparison: dict[str, Any] = house.wait_until(
        lambda: (told := house.comparison(id))["status"] in ("awaiting_approval", "failed", "finished") and told,
        "somebody is asked",
    )
    assert comparison["status"] == "awaiting_approval", comparison["problem"]
    foreseen: dict[str, Any] = comparison["foreseen"]
    return foreseen


def test_a_larger_budget_counts_at_once_and_nothing_is_paid_for_twice(house: Any, server: Any) -> None:
    house.serve()
    id = house.compare(house.upload(house.rows), **ASKS, calls=25)
    assert "budget" in house.ended(id, "failed")["problem"]
    answered = server.calls
    assert 0 < answered <= 25
    again = house.http.post(f"/v1/comparisons/{id}/resume", json={"calls": 30}).json()
    assert again["request"]["calls"] == 30
    assert "budget" in house.ended(id, "failed")["problem"]
    assert answered < server.calls <= 30
    house.http.post(f"/v1/comparisons/{id}/resume", json={"calls": 5000})
    house.ended(id)
    assert max(server.seen()["answered"].values()) == 1
    house.assert_nothing_finished_ran_again(id)


def test_an_approval_covers_what_it_named_and_no_more(house: Any, server: Any) -> None:
    house.environment["ADVISOR_APPROVE_ABOVE_CALLS"] = "20"
    house.serve()
    id = house.compare(house.upload(house.rows), **ASKS, temperatures=[0.7])
    first = waiting(house, id)
    assert server.calls == 0
    assert first["in_all"]["calls"] == first["calls"] > 20
    house.http.post(f"/v1/comparisons/{id}/approve")
    second = waiting(house, id)
    assert second["calls"] > 20
    assert second["in_all"]["calls"] == server.calls + second["calls"] > first["in_all"]["calls"]
    assert server.calls <= first["calls"] + PROBES
    house.http.post(f"/v1/comparisons/{id}/approve")
    house.ended(id)
    assert server.calls <= second["in_all"]["calls"] + PROBES
