"""Every claim of the paper: what it says, and the number it is judged by.

An effect is computed from results alone; `seelike.chapters.verdicts` has the one rule that judges.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Claim:
    """`text` is the paper's claim in our words; it says that the effect is above (or below) `threshold`."""

    id: str
    chapter: str
    figures: str
    text: str
    effect: str
    threshold: float
    above: bool
    learned: bool
    paper: str
    bounds: tuple[float, float] = (-math.inf, math.inf)  # between which the effect must lie


CLAIMS = {
    id: Claim(id, **claim)
    for id, claim in yaml.safe_load(Path(__file__).with_name("claims.yaml").read_text(encoding="utf-8")).items()
}

VERDICTS = ("holds", "fails", "open")
