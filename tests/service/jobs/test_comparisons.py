"""A comparison over HTTP, from the upload to the report."""

from __future__ import annotations

from typing import Any


def test_from_upload_to_report(house: Any) -> None:
    house.serve()
    dataset = house.upload(house.rows)
    comparison = house.compare(dataset)
    ended = house.ended(comparison)
    assert ended["verdict"]["arm"] in {arm["arm"] for arm in ended["arms"]}
    assert all(arm["finished"] == arm["trials"] > 0 for arm in ended["arms"])
    report = house.report(comparison)
    assert report["verdict"]["headline"] == ended["verdict"]["headline"]
    assert house.http.get(f"/v1/comparisons/{comparison}/report.md").text.startswith("#")
    page = house.http.get(f"/v1/comparisons/{comparison}/report", headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert house.http.get(f"/v1/datasets/{dataset}").json()["audit"]["examples"] == 90
    kinds = [kind for _, kind, _ in house.events(comparison)]
    assert kinds[:2] == ["queued", "started"]
    assert kinds[-1] == "finished"
