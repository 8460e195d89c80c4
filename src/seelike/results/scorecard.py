"""Every claim's entry at every scale, from result files alone."""

from pathlib import Path

from seelike.results.claims import CLAIMS
from seelike.results.results import SCALES, read_published

Found = dict[str, dict[str, dict]]


def gather(results_dir: str | Path) -> Found:
    """Scale → claim id → its entry in the result file of its chapter; what is not published is left out."""
    found: Found = {}
    for chapter in dict.fromkeys(claim.chapter for claim in CLAIMS.values()):
        for scale, result in read_published(chapter, results_dir).items():
            found.setdefault(scale, {}).update(result.claims)
    return {scale: found[scale] for scale in SCALES if scale in found}
