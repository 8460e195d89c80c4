"""What the models of a result can do, in words: a figure of capability, beside that of the same model untrained.

A chapter whose images have no labels that would do takes it from a published one that measured the same weights.
"""

from functools import lru_cache

from seelike.results.results import Result
from seelike.results.scorecard import gather_results
from seelike.system.paths import RESULTS

NOTHING = {"measure": "nothing", "reason": "an older result"}
HOW = {"top-1": "top-1 accuracy", "nearest neighbours": "nearest neighbours of pooled features right in"}


def is_measured(result: Result, role: str) -> bool:
    """Whether a result says what the model of one role can do."""
    return _find(result, role)["measure"] != "nothing"


def tell(result: Result, role: str) -> str:
    """A phrase, for the model of one role."""
    found, control = _find(result, role), _find(result, f"{role}_random")
    if not is_measured(result, role):
        other = _find_elsewhere(result, role)
        return f"{tell(*other)}, in the chapter {other[0].chapter}" if other else f"not measured ({found['reason']})"
    same = is_measured(result, f"{role}_random") and control["measure"] == found["measure"]
    untrained = f"{control['accuracy']:.0%}" if same else "not measured"
    return (
        f"{HOW[found['measure']]} {found['accuracy']:.0%} (untrained {untrained}, chance {found['chance']:.0%}), "
        f"{found['images']:,} images of {found['dataset']} in {found['classes']:,} classes"
    )


def _find_elsewhere(result: Result, role: str) -> tuple[Result, str] | None:
    """Where a published result has measured what the model of one role can do, and under which role."""
    own = result.provenance["models"].get(role)
    for other in _read_published() if own else ():
        for its_role, model in other.provenance["models"].items():
            if _identify(model) == _identify(own) and is_measured(other, its_role):
                return other, its_role
    return None


def _identify(model: dict) -> tuple[str, str]:
    """Design and weights: those of two designs may be the same at the start."""
    return model["name"].partition(".")[0], model["state_sha256"]


@lru_cache(1)
def _read_published() -> list[Result]:
    return [result for results in gather_results(RESULTS).values() for result in results]


def _find(result: Result, role: str) -> dict:
    return result.provenance["models"].get(role, {}).get("capability", NOTHING)
