"""What charts are drawn from: numbers in the unit of their axis, and the words beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evaluation.numbers import percent, points

if TYPE_CHECKING:
    from evaluation.render.view import View

Chart = dict[str, Any]


def arms_chart(view: View) -> Chart:
    """A forest plot of every arm, in percent."""
    return {
        "kind": "forest", "axis": f"{view.metric}, percent", "zero": False,
        "rows": [
            {
                "name": arm.title, "low": 100 * arm.low, "value": 100 * arm.accuracy, "high": 100 * arm.high,
                "chosen": arm is view.chosen,
                "text": f"{percent(arm.accuracy)}, {view.level} interval {percent(arm.low)} to {percent(arm.high)}",
            }
            for arm in view.report.arms
        ],
    }  # fmt: skip


def contrasts_chart(view: View) -> Chart:
    """A forest plot of every other arm less the recommended one, in points."""
    pairs = [
        pair.reversed() if pair.first == view.chosen.name else pair
        for pair in view.report.contrasts
        if view.chosen.name in (pair.first, pair.second)
    ]
    return {
        "kind": "forest", "axis": f"points of {view.metric}, less {view.chosen.title}", "zero": True,
        "rows": [
            {
                "name": view.title(pair.first), "low": 100 * pair.low, "value": 100 * pair.difference,
                "high": 100 * pair.high, "chosen": False,
                "text": f"{points(pair.difference)}, {view.level} interval {points(pair.low)} to {points(pair.high)}",
            }
            for pair in pairs
        ],
    }  # fmt: skip


def curve_chart(view: View) -> Chart:
    """Accuracy after learning from so many rows, in percent."""
    assert view.report.learning is not None
    return {
        "kind": "curve", "axis": f"{view.metric}, percent", "across": "rows to learn from",
        "series": [
            {
                "name": view.title(curve.arm),
                "points": [[size, 100 * share] for size, share in zip(curve.sizes, curve.accuracies, strict=True)],
            }
            for curve in view.report.learning.curves
        ],
    }  # fmt: skip
