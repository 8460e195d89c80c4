"""What verdicts are called, wherever they are shown: each has a mark and a word, besides its colour."""

MARKS = {
    "holds": "✓",
    "weak": "≈",
    "absent": "∅",
    "reversed": "✗",
    "inconclusive": "?",
    "not applicable": "–",
}
MARGINAL = "†"  # beside a mark: the verdict is taken back by `results.multiplicity`
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


def conjugate(verdict: str, count: int) -> str:
    """`1 holds`, `3 hold`: how many claims have a verdict."""
    return f"{count} {(VERBS if count == 1 else PLURALS)[verdict]}"
