"""What the models of a result can do, in words: a figure of capability, beside that of the same model untrained."""

from seelike.results.results import Result

NOTHING = {"measure": "nothing", "reason": "an older result"}
HOW = {"top-1": "top-1 accuracy", "nearest neighbours": "nearest neighbours of pooled features right in"}


def is_measured(result: Result, role: str) -> bool:
    """Whether a result says what the model of one role can do."""
    return _find(result, role)["measure"] != "nothing"


def tell(result: Result, role: str) -> str:
    """A phrase, for the model of one role."""
    found, control = _find(result, role), _find(result, f"{role}_random")
    if not is_measured(result, role):
        return f"not measured ({found['reason']})"
    same = is_measured(result, f"{role}_random") and control["measure"] == found["measure"]
    untrained = f"{control['accuracy']:.0%}" if same else "not measured"
    return (
        f"{HOW[found['measure']]} {found['accuracy']:.0%} (untrained {untrained}, chance {found['chance']:.0%}), "
        f"{found['images']:,} images of {found['dataset']} in {found['classes']:,} classes"
    )


def _find(result: Result, role: str) -> dict:
    return result.provenance["models"].get(role, {}).get("capability", NOTHING)
