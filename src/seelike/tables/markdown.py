"""What all tables are made of: rows of cells, numbers with their intervals, marks of verdicts."""

from collections.abc import Iterable, Mapping

from seelike.results.claims import INTERVALS
from seelike.results.robustness import is_fragile
from seelike.results.verdict_words import FRAGILE, MARGINAL, MARKS, tell_universes

NO_BREAK = "\N{NO-BREAK SPACE}"
JOINER = "\N{WORD JOINER}"  # between signs, and after a dash, where lines would break even before such a space


def number(part: dict, kind: str = "effect", limits: Iterable[float] = (0,)) -> str:
    """`0.42 [0.40, 0.44]`: a part's effect, its control or what training changes, with the interval.

    It has a third digit where two hide on which side of a limit a number lies, 0 or what a verdict is made by.
    """
    value, (low, high) = part[kind], part[INTERVALS[kind]]
    if value is None:
        return "not defined"
    if low is None:
        return signed(value)
    fine = high - low < 0.015 or any(_hide(each, limit) for each in (value, low, high) for limit in limits)
    value, low, high = (signed(each, 3 if fine else 2) for each in (value, low, high))
    return f"{value}{NO_BREAK}[{low},{NO_BREAK}{high}]"


def _hide(value: float, limit: float) -> bool:
    """Whether two digits make a number and a limit alike that are not."""
    return value != limit and round(value, 2) == round(limit, 2)


def mark(verdict: str) -> str:
    """`✓ holds`."""
    return mark_entry({"verdict": verdict})


def mark_entry(entry: Mapping, marginal: bool = False) -> str:
    """`✓ holds, 46 of 48`, or `✓†◇ holds, marginal, fragile, 20 of 48`: a verdict with all that qualifies it."""
    beside = f"{MARGINAL if marginal else ''}{FRAGILE if is_fragile(entry) else ''}"
    signs = JOINER.join((MARKS[entry["verdict"]], *beside)).replace("–", f"–{JOINER}")
    verdict = f"{signs}{NO_BREAK}{entry['verdict'].replace(' ', NO_BREAK)}"
    universes = tell_universes(entry).replace(" ", NO_BREAK).replace(f",{NO_BREAK}", ", ")
    return ", ".join(filter(None, (verdict, "marginal" if marginal else "", universes)))


def signed(value: float, decimals: int = 2) -> str:
    text = f"{value:.{decimals}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def span(counts: Iterable[int]) -> str:
    """`768`, or `320 to 1,024` where counts differ."""
    known = sorted(counts)
    return f"{known[0]:,}" if known[0] == known[-1] else f"{known[0]:,} to {known[-1]:,}"


def join(words: list[str]) -> str:
    """`A3, S4 and L2`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def table(lines: list[list[str]]) -> str:
    """Rows of cells as a Markdown table; the second row is the rule under the heads."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
