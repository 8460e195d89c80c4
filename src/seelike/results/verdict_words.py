"""What verdicts are called, wherever they are shown: each has a mark and a word, besides its colour."""

from collections.abc import Mapping

from seelike.results.robustness import is_fragile

MARKS = {
    "holds": "✓",
    "weak": "≈",
    "absent": "∅",
    "reversed": "✗",
    "inconclusive": "?",
    "not applicable": "–",
}
MARGINAL = "†"  # beside a mark: the verdict is taken back by `results.multiplicity`
FRAGILE = "◇"  # likewise: fewer than nine in ten universes give it, see `results.robustness`
VERBS = {
    "holds": "holds",
    "weak": "holds in direction only",
    "absent": "is shown to be absent",
    "reversed": "is reversed",
    "inconclusive": "is inconclusive",
    "not applicable": "does not apply",
}
PLURALS = {
    "holds": "hold",
    "weak": "hold in direction only",
    "absent": "are shown to be absent",
    "reversed": "are reversed",
    "inconclusive": "are inconclusive",
    "not applicable": "do not apply",
}


def tell_universes(entry: Mapping) -> str:
    """`46 of 48`, or `fragile, 20 of 48`: in how many of its universes a verdict stands; "" where that is not known."""
    known = entry.get("universes")
    counted = f"{known['agree']} of {known['combinations']}" if known else ""
    return f"fragile, {counted}" if is_fragile(entry) else counted


def conjugate_entry(entry: Mapping, marginal: bool = False) -> str:
    """`holds`, or `holds (marginal; fragile: only 20 of 48 analyses agree)`."""
    doubts = ["marginal"] if marginal else []
    doubts += [f"{tell_universes(entry).replace(', ', ': only ')} analyses agree"] if is_fragile(entry) else []
    said = f" ({'; '.join(doubts)})" if doubts else ""
    return f"{VERBS[entry['verdict']]}{said}"


def conjugate(verdict: str, count: int) -> str:
    """`1 holds`, `3 hold`: how many claims have a verdict."""
    return f"{count} {(VERBS if count == 1 else PLURALS)[verdict]}"
