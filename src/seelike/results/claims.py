"""Every claim: its halves, the number that each is judged by, and the rule that judges.

An effect is computed from measurements alone; what deserves the claim's sentence stands in `claims.yaml`. Claims of the
paper and those of papers around it stand in two tables of the scorecard and are never counted together.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import yaml

# From the worst to the best: a claim of several parts has the worst verdict of them.
VERDICTS = ("not applicable", "reversed", "absent", "inconclusive", "weak", "holds")
NOT_APPLICABLE = VERDICTS[0]
PAPER = "raghu2021vision"  # in references.bib: the paper that the book recomputes, "the paper"
# The numbers that a result holds of each part, and where their intervals stand.
INTERVALS = {"effect": "interval", "control": "control_interval", "training": "training_interval"}


@dataclass(frozen=True)
class Part:
    """A half of a claim: `effect` says what is measured, in `units`.

    `reference` is the value of no effect, `smallest` the one that deserves the claim's sentence, for the `reason`
    given; the side on which it lies of the reference is the claimed one. `bounds` are where the number must lie.
    """

    id: str
    effect: str
    units: str
    smallest: float
    reason: str
    reference: float = 0.0
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def above(self) -> bool:
        """Whether the claimed side is above the reference."""
        return self.smallest > self.reference

    def judge(self, low: float, high: float) -> str:
        """The verdict on an interval; NaN bounds are inconclusive.

        With the reference as zero and the claimed side as positive: *holds* if the whole interval reaches the smallest
        effect or lies beyond it; *weak* if it lies above zero; *absent* if it lies within the smallest effect on both
        sides; *reversed* if it lies below zero; otherwise *inconclusive*.
        """
        sign = 1 if self.above else -1
        low, high = sorted((sign * (low - self.reference), sign * (high - self.reference)))
        least = abs(self.smallest - self.reference)
        rules = {"holds": low >= least, "weak": low > 0, "absent": -least < low and high < least, "reversed": high < 0}
        return next((verdict for verdict, true in rules.items() if true), "inconclusive")


@dataclass(frozen=True)
class Claim:
    """A claim of a paper in our words, with its parts.

    `source` is the paper's key in references.bib, `paper` what it shows, and `known` from what: its text, its abstract,
    its authors' code, a figure, a figure's tick labels, or another's text. `covers` names what an interval draws anew,
    `against` what the effect is held against. `of_resnets` is said of a ResNet, not of any CNN. `constructed` is why
    the effect of untrained models is fixed by construction, or "". `choices` are those behind the effects, with the
    published option of each.
    """

    id: str
    chapter: str
    text: str
    paper: str
    known: str
    covers: str
    against: str
    parts: tuple[Part, ...]
    source: str = PAPER
    figures: str = ""
    of_resnets: bool = False
    constructed: str = ""
    choices: dict[str, str] = field(default_factory=dict)

    @property
    def main(self) -> Part:
        """The first part, whose number stands for the claim where there is room for one."""
        return self.parts[0]


def worst(verdicts) -> str:
    """The verdict of a claim from those of its parts."""
    return min(verdicts, key=VERDICTS.index)


def _read(path: Path) -> dict[str, Claim]:
    claims = {}
    for id, claim in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        parts = [part | {"bounds": tuple(part.get("bounds", Part.bounds))} for part in claim.pop("parts")]
        letters = [chr(ord("a") + i) for i in range(len(parts))] if len(parts) > 1 else [""]
        claims[id] = Claim(id, parts=tuple(Part(id + a, **p) for a, p in zip(letters, parts, strict=True)), **claim)
    return claims


CLAIMS = _read(Path(__file__).with_name("claims.yaml"))
OF_PAPER = {id: claim for id, claim in CLAIMS.items() if claim.source == PAPER}
AROUND = {id: claim for id, claim in CLAIMS.items() if claim.source != PAPER}
PARTS = {part.id: part for claim in CLAIMS.values() for part in claim.parts}
