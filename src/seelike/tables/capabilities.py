"""What the models of a result can do, in words: a figure of capability, beside that of the same model untrained."""

from seelike.results.results import Result

NOTHING = {"measure": "nothing", "reason": "an older result"}
HOW = {"top-1": "top-1 accuracy", "nearest neighbours": "nearest neighbours of pooled features right in"}


def is_measured(result: Result, which: str) -> bool:
    """Whether a result says what the model of one role can do."""
    return _find(result, which)["measure"] != "nothing"


def tell(result: Result, which: str) -> str:
    """A phrase, for the model of one role."""
    found, control = _find(result, which), _find(result, f"{which}_random")
    if not is_measured(result, which):
        return f"not measured ({found['reason']})"
    same = is_measured(result, f"{which}_random") and control["measure"] == found["measure"]
    untrained = f"{control['accuracy']:.0%}" if same else "not measured"
    return (
        f"{HOW[found['measure']]} {found['accuracy']:.0%} (untrained {untrained}, chance {found['chance']:.0%}), "
        f"{found['images']:,} images of {found['dataset']} in {found['classes']:,} classes"
    )


def _find(result: Result, which: str) -> dict:
    return result.provenance["models"].get(which, {}).get("capability", NOTHING)
