"""A chapter's answer at its very top: what became of each of its claims, in one line, from one result."""

from collections import Counter
from collections.abc import Mapping

from seelike.results.claims import CLAIMS, VERDICTS
from seelike.results.results import Result
from seelike.results.robustness import is_fragile
from seelike.results.verdict_words import FRAGILE, MARKS, VERBS, conjugate
from seelike.tables.markdown import join

HOLDS = VERDICTS[-1]


def answer(result: Result) -> str:
    """How many claims have which verdict, which hold untrained, then a line for each claim: its verdict and its text.

    "" for a result without claims.
    """
    lines = [f"- {_tell(id, entry)}" for id, entry in result.claims.items()]
    return "\n".join([f"**The answer.** {_count(result.claims)}", "", *lines]) if lines else ""


def _count(claims: Mapping[str, dict]) -> str:
    """`Of 6 claims, 3 hold, 2 are reversed and 1 is inconclusive. With random weights, U1 and U2 hold.`"""
    found = Counter(entry["verdict"] for entry in claims.values())
    counts = [conjugate(verdict, found[verdict]) for verdict in reversed(VERDICTS) if found[verdict]]
    untrained = [id for id, entry in claims.items() if entry["control_verdict"] == HOLDS]
    hold = f"{join(untrained) or 'none'} {'hold' if len(untrained) > 1 else 'holds'}"
    return f"Of {len(claims)} claims, {join(counts)}. With random weights, {hold}."


def _tell(id: str, entry: Mapping) -> str:
    """`✓ **U1 holds.** Lower and higher layers …`, or `✓◇ **U1 holds, fragile.** …`."""
    mark, word = (FRAGILE, ", fragile") if is_fragile(entry) else ("", "")
    return f"{MARKS[entry['verdict']]}{mark} **{id} {VERBS[entry['verdict']]}{word}.** {CLAIMS[id].text}"
