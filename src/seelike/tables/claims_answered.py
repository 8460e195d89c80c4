"""A chapter's answer at its very top: what became of each of its claims, in one line, from one result."""

from collections import Counter
from collections.abc import Mapping

from seelike.results.claims import CLAIMS, NOT_APPLICABLE, VERDICTS
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
    missing = sum(claim.chapter == result.chapter and id not in result.claims for id, claim in CLAIMS.items())
    return "\n".join([f"**The answer.** {_count(result.claims, missing)}", "", *lines]) if lines else ""


def _count(claims: Mapping[str, dict], missing: int) -> str:
    """`Of the paper's 6 claims, 3 hold, 2 are reversed and 1 is not measured. With random weights, U1 and U2 hold.`

    Nothing is said of random weights where no claim has such a control.
    """
    found = Counter(entry["verdict"] for entry in claims.values())
    counts = [conjugate(verdict, found[verdict]) for verdict in reversed(VERDICTS) if found[verdict]]
    if missing:
        counts.append(f"{missing} {'are' if missing > 1 else 'is'} not measured")
    return f"Of the paper's {len(claims) + missing} claims, {join(counts)}.{_untrained(claims)}"


def _untrained(claims: Mapping[str, dict]) -> str:
    controls = {id: entry["control_verdict"] for id, entry in claims.items()}
    if set(controls.values()) == {NOT_APPLICABLE}:
        return ""
    hold = [id for id, verdict in controls.items() if verdict == HOLDS]
    return f" With random weights, {join(hold) or 'none'} {'hold' if len(hold) > 1 else 'holds'}."


def _tell(id: str, entry: Mapping) -> str:
    """`✓ **U1 holds:** Lower and higher layers …`, or `✓◇ **U1 holds, fragile:** …`, then what is claimed."""
    mark, word = (FRAGILE, ", fragile") if is_fragile(entry) else ("", "")
    return f"{MARKS[entry['verdict']]}{mark} **{id} {VERBS[entry['verdict']]}{word}:** {CLAIMS[id].text}"
