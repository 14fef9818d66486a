"""Numbers as text, in one place. Accuracy is shown in percent, differences in points (hundredths of accuracy)."""

from __future__ import annotations


def percent(share: float, digits: int = 1) -> str:
    """0.8125 -> '81.2%'. A share strictly between 0 and 1 never shows as 0% or 100%."""
    smallest = 10**-digits
    text = f"{100 * share:.{digits}f}"
    if share > 0 and float(text) == 0:
        return f"<{smallest:.{digits}f}%"
    if share < 1 and float(text) == 100:
        return f">{100 - smallest:.{digits}f}%"
    return f"{text}%"


def points(difference: float, digits: int = 1) -> str:
    """0.034 -> '+3.4 points'; -0.01 -> '-1.0 points'; 0 -> '0.0 points'. No negative zero."""
    value = round(100 * difference, digits)
    if value == 0:
        return f"{0:.{digits}f} points"
    return f"{value:+.{digits}f} points"


def unsigned_points(size: float, digits: int = 1) -> str:
    """0.034 or -0.034 -> '3.4 points': for sizes, where a sign would only confuse."""
    return points(abs(size), digits).lstrip("+")


def seconds(duration: float) -> str:
    """0.42 -> '0.4 s'; 75 -> '1 min 15 s'; 4000 -> '1 h 7 min'."""
    if round(duration, 1) < 60:
        return f"{duration:.1f} s"
    if round(duration) < 3600:
        return f"{round(duration) // 60} min {round(duration) % 60} s"
    minutes = round(duration / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def milliseconds(duration: float) -> str:
    """0.04 -> '<0.1 ms'; 12.34 -> '12.3 ms'."""
    return "<0.1 ms" if duration < 0.05 else f"{duration:.1f} ms"


def probability(p: float) -> str:
    """p-values: 0.0312 -> '0.031'; tiny ones as '<0.001'."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"
