"""What training does to a claim: adds to its effect, takes away from it, or makes no difference that can be shown.

That is the difference trained − untrained with its own interval, over the same images; a control without a verdict
says nothing about training.
"""

from seelike.results.claims import NOT_APPLICABLE, PARTS, Part

ADDS, TAKES, BOTH, UNCLEAR = "adds", "takes away", "does both", "shows no difference"


def tell_doing(entry: dict) -> str | None:
    """What training does to a claim; None where it does not apply, or the control is fixed by construction.

    Training adds where the difference of some part lies on the claimed side of 0, its whole interval, and that of no
    part on the other; it takes away where it is the other way round; it does both where parts disagree.
    """
    if entry["control_verdict"] == NOT_APPLICABLE:
        return None
    sides = {_side(PARTS[id], *part["training_interval"]) for id, part in entry["parts"].items()}
    if {1, -1} <= sides:
        return BOTH
    return ADDS if 1 in sides else TAKES if -1 in sides else UNCLEAR


def _side(part: Part, low: float | None, high: float | None) -> int:
    """1 where an interval lies on the claimed side of 0, −1 on the other, 0 where it contains 0 or is not there."""
    if low is None or low <= 0 <= high:
        return 0
    return 1 if (low > 0) == part.above else -1
