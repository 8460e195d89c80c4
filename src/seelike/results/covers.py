"""What a claim's interval covers. Claims of one kind of interval are never counted together with those of the other.

An interval covers trainings where every model that takes part was trained more than once; otherwise images alone. Where
no model of a run takes part it covers all that there is, which the claim says: kernels, or data sets and trainings.
"""

from collections.abc import Mapping

from seelike.results.claims import NOT_APPLICABLE

TRAININGS, IMAGES = "images and trainings", "images"  # as result files have them
KINDS = {"trainings": True, "images": False}


def covers_trainings(entry: dict) -> bool:
    """Whether the interval of a claim's entry covers all trainings that take part, too."""
    return entry["covers"] != IMAGES


def split(claims: Mapping[str, dict]) -> dict[str, dict[str, dict]]:
    """`trainings` and `images` → the claims whose intervals cover them, without those that do not apply."""
    there = {claim: entry for claim, entry in claims.items() if entry["verdict"] != NOT_APPLICABLE}
    return {kind: {c: e for c, e in there.items() if covers_trainings(e) is whole} for kind, whole in KINDS.items()}
