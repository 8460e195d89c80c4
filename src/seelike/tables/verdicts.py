"""Tables and phrases from results alone, in Markdown."""

from itertools import combinations

from seelike.images import shapes
from seelike.models import bundled
from seelike.models.recipes import RECIPES
from seelike.results.claims import CLAIMS, VERDICTS
from seelike.results.results import Result

NO_BREAK = "\N{NO-BREAK SPACE}"
VERBS = {"holds": "holds", "fails": "fails", "open": "stays open"}
MARKS = {verdict: f"{mark}{NO_BREAK}{verdict}" for verdict, mark in zip(VERDICTS, "✓✗○", strict=True)}


def verdicts(results: dict[str, Result]) -> str:
    """One row a claim, one column a scale: the effect of the trained models, then of the control, with verdicts."""
    head = ["Claim of the paper", *results]
    lines = [head, ["---"] * len(head)]
    for claim in next(iter(results.values())).claims:
        cells = [f"**{claim}** {CLAIMS[claim].text} (Fig. {CLAIMS[claim].figures})"]
        for result in results.values():
            found = result.claims.get(claim)
            if found is None:
                cells.append("not measured")
                continue
            control = f"untrained: {number(found, 'control')} {MARKS[found['control_verdict']]}"
            cells.append(f"**{number(found)}** **{MARKS[found['verdict']]}**<br>{control}")
        lines.append(cells)
    return table(lines)


def ceilings() -> str:
    """How often each cue is the class's own, and what an ideal reader of one, two or three cues reaches."""
    lines = [["Cues read", "Their values are the class's own in", "An ideal reader is right in"], ["---"] * 3]
    for n in (1, 2, 3):
        for cues in combinations(shapes.CUES, n):
            own = ", ".join(f"{shapes.RELIABILITY[cue]:.0%}" for cue in cues)
            lines.append([", ".join(cues), own, f"{shapes.best_accuracy(cues):.1%}"])
    return table(lines)


def cards(accuracy: dict[str, float], initial: dict[str, float]) -> str:
    """One row a bundled model, from the manifest; the accuracies are measured anew, trained and `initial`."""
    head = ["Model", "Size", "Seen", "Distinct", "Right", "Untrained", "SHA-256"]
    lines = [head, ["---"] * len(head)]
    manifest = bundled.read_manifest()
    for name in (name for name in bundled.NAMES if name in manifest):
        card = manifest[name]
        numbers = card["parameters"], card["images_seen"], min(card["images_seen"], card["recipe"]["images"])
        shares = f"**{accuracy[name]:.1%}**", f"{initial[name]:.1%}"
        lines.append([_in_two_lines(name), *(f"{n:,}" for n in numbers), *shares, f"`{card['sha256'][:8]}`"])
    return table(lines)


def budgets() -> str:
    """One row for all models that were trained for as long and at the same rate."""
    groups: dict[tuple, list[str]] = {}
    for name, recipe in RECIPES.items():
        key = (recipe.steps, recipe.batch_size, recipe.rate, bool(recipe.start))
        groups.setdefault(key, []).append(name)
    lines = [["Models", "Steps", "Drawings a step", "Highest learning rate", "Starts from"], ["---"] * 5]
    for (steps, batch_size, rate, tuned), names in groups.items():
        architectures = dict.fromkeys(f"`{name.partition('.')[0]}`" for name in names)
        start = _in_two_lines(RECIPES[names[0]].start) if tuned else "its seed"
        lines.append([", ".join(architectures), f"{steps:,}", str(batch_size), f"{rate:g}", start])
    return table(lines)


def baselines(shares: dict[str, float]) -> str:
    """One row for each way to do without a trained network."""
    return table([["Who answers", "Right"], ["---"] * 2, *([who, f"{share:.1%}"] for who, share in shares.items())])


def phrases(results: dict[str, Result]) -> dict[str, str]:
    """Every number that prose may cite, by name: `<claim>_threshold`, `<scale>_<claim>`, `…_control`, `…_verdict`, …"""
    found = {f"{claim.id}_threshold": f"{claim.threshold:.2f}" for claim in CLAIMS.values()}
    for scale, result in results.items():
        for claim, entry in result.claims.items():
            key = f"{scale}_{claim}"
            found[key] = number(entry)
            found[f"{key}_control"] = number(entry, "control")
            found[f"{key}_runs"] = str(entry.get("runs", 1))
            found[f"{key}_verdict"] = VERBS[entry["verdict"]]
            found[f"{key}_control_verdict"] = VERBS[entry["control_verdict"]]
        provenance = result.provenance
        found |= {f"{scale}_{which}": model["name"] for which, model in provenance["models"].items()}
        found[f"{scale}_images"] = f"{provenance['dataset']['images']:,}"
        found[f"{scale}_batch_size"] = str(result.parameters.get("batch_size", "unknown"))
    return found


def reliability_phrases(measures: dict[str, dict]) -> dict[str, str]:
    """The numbers that the prose on CKA itself may cite, by name."""
    pair, unrelated = (measures["cka_by_minibatch"][which] for which in ("vit_cnn", "unrelated"))
    outliers, changed = measures["cka_by_outlier"]["vit_cnn"], measures["cka_by_transformation"]["vit"]
    bars = dict(zip(changed["axes"]["transformation"], changed["values"], strict=True))
    sizes = unrelated["axes"]["minibatch"]
    values = {
        "biased_unrelated": unrelated["values"][2][0],
        "biased_unrelated_largest": unrelated["values"][2][-1],
        "unbiased_unrelated": unrelated["values"][0][0],
        "outlier_none": outliers["values"][0][0],
        "outlier_alone": outliers["values"][0][-1],
        "outlier_both": outliers["values"][1][-1],
        "first_ten": bars["first 10 components only"],
        "without_ten": bars["without the first 10 components"],
        "stretched": bars["each component scaled by 0.1 to 10"],
    }
    counts = {"smallest": sizes[0], "largest": sizes[-1], "outlier_factor": outliers["axes"]["factor"][-1]}
    ends = {f"unbiased_{end}": _signed(choose(pair["values"][0]), 3) for end, choose in (("least", min), ("most", max))}
    return {name: _signed(value) for name, value in values.items()} | ends | {k: str(n) for k, n in counts.items()}


def number(entry: dict, kind: str = "effect") -> str:
    """`0.42 [0.40, 0.44]`: an effect (or its control) with its interval; a third digit where two hide the sign."""
    effect, (low, high) = entry[kind], entry["interval" if kind == "effect" else "control_interval"]
    if effect is None:
        return "not defined"
    if low is None:
        return _signed(effect)
    fine = high - low < 0.015 or any(0 < abs(value) < 0.005 for value in (effect, low, high))
    effect, low, high = (_signed(value, 3 if fine else 2) for value in (effect, low, high))
    return f"{effect}{NO_BREAK}[{low},{NO_BREAK}{high}]"


def _signed(value: float, decimals: int = 2) -> str:
    text = f"{value:.{decimals}f}"
    return (text.removeprefix("-") if float(text) == 0 else text).replace("-", "−")


def _in_two_lines(name: str) -> str:
    """A long model name, its tag below its architecture."""
    architecture, _, tag = name.partition(".")
    return f"`{architecture}`<br>`.{tag}`"


def table(lines: list[list[str]]) -> str:
    """Rows of cells as a Markdown table; the second row is the rule under the heads."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
