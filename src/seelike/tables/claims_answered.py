"""A chapter's answer at its very top: what became of each of its claims, in one line, from one result."""

from collections import Counter

from seelike.results.claims import CLAIMS, VERDICTS
from seelike.results.results import Result
from seelike.results.robustness import is_fragile
from seelike.results.verdict_words import MARKS, VERBS, conjugate, tell_universes
from seelike.tables.markdown import join, mark


def answer(result: Result) -> str:
    """How many claims have which verdict, then a line for each claim: its verdict, its text, and that of the control.

    Of a chapter's other runs nothing is said; "" for a result without claims.
    """
    lines = (f"- {_tell(id, entry)}" for id, entry in result.claims.items())
    return "\n".join([f"**The answer.** {_count(result)}", "", *lines]) if result.claims else ""


def _count(result: Result) -> str:
    """`Of 6 claims 3 hold, 2 are reversed and 1 is inconclusive.`"""
    found = Counter(entry["verdict"] for entry in result.claims.values())
    best_first = (verdict for verdict in reversed(VERDICTS) if found[verdict])
    return f"Of {len(result.claims)} claims {join([conjugate(each, found[each]) for each in best_first])}."


def _tell(id: str, entry: dict) -> str:
    """`✓ **U1 holds.** Lower and higher layers … *Untrained: ✗ reversed. Fragile, 20 of 48 analyses.*`."""
    verdict = f"{MARKS[entry['verdict']]} **{id} {VERBS[entry['verdict']]}.**"
    fragile = f" {tell_universes(entry).capitalize()} analyses." if is_fragile(entry) else ""
    return f"{verdict} {CLAIMS[id].text} *Untrained: {mark(entry['control_verdict'])}.{fragile}*"
