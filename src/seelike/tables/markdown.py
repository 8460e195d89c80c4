"""What all tables are made of: rows of cells, numbers with their intervals, marks of verdicts."""

from collections.abc import Iterable

from seelike.results.claims import VERDICTS

NO_BREAK = "\N{NO-BREAK SPACE}"
VERBS = {"holds": "holds", "fails": "fails", "open": "stays open"}
MARKS = {verdict: f"{mark}{NO_BREAK}{verdict}" for verdict, mark in zip(VERDICTS, "✓✗○", strict=True)}


def number(entry: dict, kind: str = "effect") -> str:
    """`0.42 [0.40, 0.44]`: an effect (or its control) with its interval; a third digit where two hide the sign."""
    effect, (low, high) = entry[kind], entry["interval" if kind == "effect" else "control_interval"]
    if effect is None:
        return "not defined"
    if low is None:
        return signed(effect)
    fine = high - low < 0.015 or any(0 < abs(value) < 0.005 for value in (effect, low, high))
    effect, low, high = (signed(value, 3 if fine else 2) for value in (effect, low, high))
    return f"{effect}{NO_BREAK}[{low},{NO_BREAK}{high}]"


def signed(value: float, decimals: int = 2) -> str:
    text = f"{value:.{decimals}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def span(counts: Iterable[int]) -> str:
    """`768`, or `320 to 1,024` where counts differ."""
    known = sorted(counts)
    return f"{known[0]:,}" if known[0] == known[-1] else f"{known[0]:,} to {known[-1]:,}"


def table(lines: list[list[str]]) -> str:
    """Rows of cells as a Markdown table; the second row is the rule under the heads."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
