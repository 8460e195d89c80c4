"""Which verdicts of a run would not survive that it judges many claims at once: those are *marginal*.

A rule that errs once in forty makes some verdicts of forty claims by chance alone. Benjamini and Hochberg's procedure
keeps the expected share of false ones among all that are given below what the rule allows a single one. It runs over
the claims of one run and of one table of the scorecard, those left out that do not apply or have no interval, in two
families:

- *holds* asks whether every part reaches its smallest effect. A claim's p-value is the largest of its parts' `p`,
  one-sided, and the share is 2.5 %.
- *weak* and *reversed* ask for a side of the reference. One-sided, `p_sign` is that of the claimed side; that all parts
  lie on it has the largest of them as its p-value, that some part of n lies on the other side n times the smallest of
  1 − `p_sign` (Bonferroni). A claim's p-value is two-sided, twice the smaller of the two, and the share is 5 %.

A marginal claim keeps its verdict and bears a mark. *Absent* and *inconclusive* claim no discovery and are never
marginal.

Benjamini, Hochberg: Controlling the False Discovery Rate. J. R. Stat. Soc. B 57, 1995.
"""

from collections.abc import Mapping

from seelike.results.claims import AROUND, NOT_APPLICABLE, OF_PAPER

ONE_SIDED, TWO_SIDED = 0.025, 0.05


def find_marginal(claims: Mapping[str, dict]) -> set[str]:
    """The claims of one run, id → entry, whose verdict the procedure takes back, in each table by itself."""
    tables = ({id: entry for id, entry in claims.items() if id in table} for table in (OF_PAPER, AROUND))
    return set().union(*map(_find_in_table, tables))


def _find_in_table(claims: Mapping[str, dict]) -> set[str]:
    tested = {claim: entry for claim, entry in claims.items() if _is_tested(entry)}
    reaching = keep({claim: p_reaching(entry) for claim, entry in tested.items()}, ONE_SIDED)
    sided = keep({claim: p_side(entry) for claim, entry in tested.items()}, TWO_SIDED)
    kept = {"holds": reaching, "weak": sided, "reversed": sided}
    return {claim for claim, entry in tested.items() if claim not in kept.get(entry["verdict"], tested)}


def p_reaching(entry: dict) -> float:
    """The p-value of "some part falls short of its smallest effect"."""
    return max(part["p"] for part in entry["parts"].values())


def p_side(entry: dict) -> float:
    """The two-sided p-value of "the parts lie neither all on the claimed side nor any on the other"."""
    signs = [part["p_sign"] for part in entry["parts"].values()]
    claimed, other = max(signs), len(signs) * (1 - max(signs))
    return min(1.0, 2 * min(claimed, other))


def keep(p_values: Mapping[str, float], share: float) -> set[str]:
    """The names that Benjamini and Hochberg's procedure keeps: those up to the last rank k with p ≤ share · k / n."""
    ranked = sorted(p_values, key=p_values.get)
    passed = [k for k, name in enumerate(ranked, 1) if p_values[name] <= share * k / len(ranked)]
    return set(ranked[: max(passed, default=0)])


def _is_tested(entry: dict) -> bool:
    parts = entry["parts"].values()
    return entry["verdict"] != NOT_APPLICABLE and all(None not in (part["p"], part["p_sign"]) for part in parts)
