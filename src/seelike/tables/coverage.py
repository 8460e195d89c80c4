"""How often intervals hold the truth: what `benchmarks/coverage.py` found on many sets of drawings, in a table."""

from pathlib import Path

import numpy as np

from seelike.results import json_text
from seelike.results.claims import CLAIMS, OF_PAPER, PARTS
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS
from seelike.tables.markdown import table

FILE = RESULTS / "coverage.json"
IMAGES = "images"  # the key of intervals that cover images alone


def read(path: str | Path = FILE) -> dict:
    """What the simulations found. Raises InputError, which names the file, if it is missing or something else."""
    found = json_text.read(path, "the file of benchmarks/coverage.py")
    if not isinstance(found, dict) or not {"sets", "minibatches", "minibatch", "spreads", "chapters"} <= found.keys():
        raise InputError(f"the file {path} is none of benchmarks/coverage.py")
    return found


def kinds(found: dict) -> dict[str, dict[str, dict[str, float]]]:
    """What intervals draw anew → "images", or the spread of trainings beside them → part of a claim → its share.

    The share is that of sets whose interval holds the truth.
    """
    sorted_out: dict[str, dict[str, dict[str, float]]] = {}
    for part, known in parts(found).items():
        covers = next(claim.covers for claim in CLAIMS.values() if PARTS[part] in claim.parts)
        shares = {IMAGES: known[IMAGES], **known["images_and_trainings"]}
        for kind, share in shares.items():
            sorted_out.setdefault(covers, {}).setdefault(kind, {})[part] = share
    return sorted_out


def parts(found: dict) -> dict[str, dict]:
    """Part of a claim → what was found of it, in the order of the claims."""
    known = {part: each for chapter in found["chapters"].values() for part, each in chapter["parts"].items()}
    return {part: known[part] for part in PARTS if part in known}


def coverage(found: dict) -> str:
    """One row for what intervals draw anew: how often they hold the truth, alone and with trainings that differ."""
    spreads = [f"Trainings that differ {factor} times as much" for factor in found["spreads"]]
    head = ["An interval covers", "Parts of claims", "Images alone", *spreads]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for covers, shares in kinds(found).items():
        lines.append([covers, str(len(shares[IMAGES])), *(_tell(each.values()) for each in shares.values())])
    return table(lines)


def _tell(shares) -> str:
    """`95% (90% to 98%)`: the mean over parts, the least and the most."""
    least, most = min(shares), max(shares)
    return f"{np.mean(list(shares)):.0%} ({least:.0%} to {most:.0%})"


def phrases(found: dict) -> dict[str, str]:
    """Every number that prose may cite, by name."""
    shares = {part: known[IMAGES] for part, known in parts(found).items()}
    return {
        "coverage_sets": str(found["sets"]),
        "coverage_parts": f"{len(shares)} of {sum(len(claim.parts) for claim in OF_PAPER.values())}",
        "coverage_minibatches": str(found["minibatches"]),
        "coverage_minibatch": str(found["minibatch"]),
        "coverage_trainings": str(found["trainings"]),
        "coverage_error": f"{1.96 * (0.95 * 0.05 / found['sets']) ** 0.5 * 100:.0f} points",
        "coverage_least": min(shares, key=shares.get),
        "coverage_least_share": f"{min(shares.values()):.0%}",
    }
