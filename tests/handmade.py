"""Results by hand, that tests of several rooms share."""

from seelike.results.results import Result


def result(effect=0.5, interval=(0.4, 0.6)) -> Result:
    claim = {"effect": effect, "interval": list(interval), "control": -0.2, "control_interval": [-0.3, 0.1],
             "verdict": "holds", "control_verdict": "open"}  # fmt: skip
    models = {role: {"name": role[0], "origin": "hub"} for role in ("vit", "cnn")}
    provenance = {"models": models, "dataset": {"images": 2048}, "seconds": 3.2, "peak_mib": 900}
    parameters = {"vit": "v", "cnn": "c", "batch_size": 64}
    return Result("uniformity", "pocket", parameters, provenance, {}, {"U1": claim, "U3": claim})


def entry(effect: float, verdict: str, control_verdict: str = "open", runs: int = 1) -> dict:
    return {"runs": runs, "effect": effect, "interval": [effect - 0.1, effect + 0.1], "verdict": verdict,
            "control": 0.0, "control_interval": [-0.1, 0.1], "control_verdict": control_verdict}  # fmt: skip


FOUND = {
    "pocket": {"U1": entry(0.5, "holds", "holds", 3), "A3": entry(-0.3, "fails"), "S2": entry(0.2, "holds", "fails")},
    "pretrained": {"U1": entry(-0.5, "fails", "holds"), "U4": {**entry(0.0, "open"), "interval": [None, None]}},
}
