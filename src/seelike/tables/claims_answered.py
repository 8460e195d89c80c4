"""A chapter's answer at its very top: what became of each of its claims, in one line, from one result."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from seelike.results.claims import CLAIMS, NOT_APPLICABLE, VERDICTS
from seelike.results.results import Result
from seelike.results.robustness import is_fragile
from seelike.results.scorecard import find_marginal_of
from seelike.results.verdict_words import FRAGILE, MARGINAL, MARKS, VERBS, conjugate
from seelike.tables.markdown import join

HOLDS = VERDICTS[-1]


def answer(result: Result, results_dir: str | Path = "") -> str:
    """How many claims have which verdict, which hold untrained, then a line for each claim: its verdict and its text.

    "" for a result without claims. By the other chapters' results in `results_dir`, or those that came with the book,
    verdicts are found to be marginal.
    """
    if not result.claims:
        return ""
    marginal = find_marginal_of(result, results_dir)
    own = {id: result.claims.get(id) for id, claim in CLAIMS.items() if claim.chapter == result.chapter}
    lines = [f"- {_tell(id, entry, id in marginal)}" for id, entry in own.items()]
    return "\n".join([f"**The answer.** {_count(result.claims, list(own.values()).count(None))}", "", *lines])


def _count(claims: Mapping[str, dict], missing: int) -> str:
    """`Of this chapter's 6 claims, 3 hold, 2 are reversed and 1 is not measured. With random weights, U1 and U2 hold.`

    Nothing is said of random weights where no claim has such a control.
    """
    found = Counter(entry["verdict"] for entry in claims.values())
    counts = [conjugate(verdict, found[verdict]) for verdict in reversed(VERDICTS) if found[verdict]]
    if missing:
        counts.append(f"{missing} {'are' if missing > 1 else 'is'} not measured")
    return f"Of this chapter's {len(claims) + missing} claims, {join(counts)}.{_untrained(claims)}"


def _untrained(claims: Mapping[str, dict]) -> str:
    controls = {id: entry["control_verdict"] for id, entry in claims.items()}
    asked = [id for id, verdict in controls.items() if verdict != NOT_APPLICABLE]
    if not asked:
        return ""
    hold = [id for id in asked if controls[id] == HOLDS]
    found = f"{join(hold) or 'none'} {'hold' if len(hold) > 1 else 'holds'}"
    if len(asked) == len(controls):
        return f" With random weights, {found}."
    return f" Only {join(asked)} can be asked of random weights: {found}."


def _tell(id: str, entry: Mapping | None, marginal: bool) -> str:
    """`✓ **U1 holds:**`, or `✓†◇ **U1 holds, marginal, fragile:**`, then what is claimed."""
    if entry is None:
        return f"– **{id} is not measured:** {CLAIMS[id].text}"
    beside = {MARGINAL: ", marginal"} if marginal else {}
    beside |= {FRAGILE: ", fragile"} if is_fragile(entry) else {}
    said = f"{VERBS[entry['verdict']]}{''.join(beside.values())}"
    return f"{MARKS[entry['verdict']]}{''.join(beside)} **{id} {said}:** {CLAIMS[id].text}"
