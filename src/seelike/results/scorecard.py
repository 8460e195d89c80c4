"""Every claim's entry in every published run, from result files alone."""

from collections.abc import Container
from pathlib import Path

from seelike.results import robustness
from seelike.results.claims import CLAIMS, NOT_APPLICABLE, OF_PAPER
from seelike.results.multiplicity import find_marginal
from seelike.results.results import Result
from seelike.results.runs import OWN, read_published, read_robustness, read_runs

Found = dict[str, dict[str, dict]]


def gather(results_dir: str | Path, claims: Container[str] = OF_PAPER) -> Found:
    """Run → claim id → its entry in the result file of its chapter; what is not published is left out.

    Args:
        results_dir: where result files are looked for first.
        claims: those that are asked for; but for the book's own, a run that measured none of them is left out.
    """
    results = gather_results(results_dir)
    found = {run: {id: e for each in results[run] for id, e in each.claims.items() if id in claims} for run in results}
    return {run: entries for run, entries in found.items() if entries or run == OWN}


def find_marginal_of(result: Result, results_dir: str | Path = "") -> set[str]:
    """The claims of a chapter's result that are marginal among all that its run judges, see `results.multiplicity`."""
    return find_marginal(gather(results_dir, CLAIMS).get(result.profile, {}) | result.claims)


def gather_results(results_dir: str | Path) -> dict[str, list[Result]]:
    """Run → its results of all chapters with claims, in their order; runs in theirs."""
    found: dict[str, list[Result]] = {run: [] for run in read_runs()}
    for chapter in dict.fromkeys(claim.chapter for claim in CLAIMS.values()):
        for run, result in read_published(chapter, results_dir).items():
            found[run].append(result)
    return {run: results for run, results in found.items() if results}


def gather_robustness(results_dir: str | Path) -> dict[str, robustness.Found]:
    """Run → its claims in all their universes, runs in their order; those for which that is not published are left out.

    Only claims whose verdict there is the one of the run's results, see `robustness.attach`, or that do not apply.
    """
    found = {}
    for run, claims in gather(results_dir, CLAIMS).items():
        known = {key for key, entry in claims.items() if "universes" in entry or entry["verdict"] == NOT_APPLICABLE}
        found[run] = {claim: each for claim, each in read_robustness(run, results_dir).items() if claim in known}
    return {run: robust for run, robust in found.items() if robust}
