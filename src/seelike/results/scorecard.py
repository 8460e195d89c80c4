"""Every claim's entry in every published run, from result files alone."""

from pathlib import Path

from seelike.results.claims import CLAIMS
from seelike.results.results import Result
from seelike.results.runs import read_published, read_runs

Found = dict[str, dict[str, dict]]


def gather(results_dir: str | Path) -> Found:
    """Run → claim id → its entry in the result file of its chapter; what is not published is left out."""
    results = gather_results(results_dir)
    return {run: {claim: e for each in results[run] for claim, e in each.claims.items()} for run in results}


def gather_results(results_dir: str | Path) -> dict[str, list[Result]]:
    """Run → its results of all chapters with claims, in their order; runs in theirs."""
    found: dict[str, list[Result]] = {run: [] for run in read_runs()}
    for chapter in dict.fromkeys(claim.chapter for claim in CLAIMS.values()):
        for run, result in read_published(chapter, results_dir).items():
            found[run].append(result)
    return {run: results for run, results in found.items() if results}
