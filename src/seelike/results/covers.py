"""What a claim's interval covers. Claims of one kind of interval are never counted together with those of the other.

An interval covers trainings where every model that takes part was trained more than once; otherwise images alone.
"""

from collections.abc import Mapping

from seelike.results.claims import NOT_APPLICABLE

TRAININGS, IMAGES = "images and trainings", "images"  # as result files have them
KINDS = {"trainings": TRAININGS, "images": IMAGES}


def covers_trainings(entry: dict) -> bool:
    """Whether the interval of a claim's entry covers trainings, too."""
    return entry["covers"] == TRAININGS


def split(claims: Mapping[str, dict]) -> dict[str, dict[str, dict]]:
    """`trainings` and `images` → the claims whose intervals cover them, without those that do not apply."""
    there = {claim: entry for claim, entry in claims.items() if entry["verdict"] != NOT_APPLICABLE}
    return {kind: {c: e for c, e in there.items() if e["covers"] == covers} for kind, covers in KINDS.items()}
