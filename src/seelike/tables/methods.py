"""The numbers that the prose on CKA itself may cite."""

from seelike.results.labelled_array import LabelledArray, Measures
from seelike.tables.markdown import signed, table

MEASURES = {
    "biased_cka": "CKA, biased",
    "cka": "CKA",
    "rsa": "RSA",
    "knn": "Nearest neighbours",
    "procrustes": "Procrustes",
    "rbf_cka": "CKA, RBF kernel",
}
BLIND = 1e-6  # below 1: what is nearer is rounding


def changes(array: LabelledArray) -> str:
    """Which measure sees which change of a layer: a tick where it sees none, otherwise what it gives."""
    heads = ["A layer and itself …", *(MEASURES[measure] for measure in array.axes["measure"])]
    rows = [
        [change, *("✓" if value > 1 - BLIND else signed(value) for value in values)]
        for change, values in zip(array.axes["change"], array.values.T, strict=True)
    ]
    return table([heads, ["---"] + ["---:"] * len(array.axes["measure"]), *rows])


def positions(measures: Measures) -> str:
    """CKA of the ViT's block, flattened and pooled, with another and with itself in another order."""
    if "cka_by_position" not in measures:
        return "The positions in these models' blocks are not known, so that nothing can be said of them."
    array = measures["cka_by_position"]["vit"]
    rows = [
        [pair, *(signed(value) for value in values)]
        for pair, values in zip(array.axes["against"], array.values, strict=True)
    ]
    return table([["The ViT's block against …", "flattened", "pooled"], ["---", "---:", "---:"], *rows])


def phrases(measures: Measures) -> dict[str, str]:
    """The numbers that the prose on CKA itself may cite, by name."""
    pair, unrelated = (measures["cka_by_minibatch"][role] for role in ("vit_cnn", "unrelated"))
    outliers, changed = measures["cka_by_outlier"]["vit_cnn"], measures["cka_by_transformation"]["vit"]
    bars = dict(zip(changed.axes["transformation"], changed.values, strict=True))
    sizes = unrelated.axes["minibatch"]
    values = {
        "biased_unrelated": unrelated.values[2][0],
        "biased_unrelated_largest": unrelated.values[2][-1],
        "unbiased_unrelated": unrelated.values[0][0],
        "outlier_none": outliers.values[0][0],
        "outlier_alone": outliers.values[0][-1],
        "outlier_both": outliers.values[1][-1],
        "first_ten": bars["first 10 components only"],
        "without_ten": bars["without the first 10 components"],
        "stretched": bars["each component scaled by 0.1 to 10"],
    }
    values |= _cite_measures(measures)
    counts = {"smallest": sizes[0], "largest": sizes[-1], "outlier_factor": outliers.axes["factor"][-1]}
    counts["furthest"] = measures["measures_by_translation"]["vit"].axes["distance"][-1]
    counts["widest"] = measures["measures_by_width"]["unrelated"].axes["width"][-1]
    ends = {f"unbiased_{end}": signed(choose(pair.values[0]), 3) for end, choose in (("least", min), ("most", max))}
    return {name: signed(value) for name, value in values.items()} | ends | {k: f"{n:,}" for k, n in counts.items()}


def _cite_measures(measures: Measures) -> dict[str, float]:
    moved, wide = measures["measures_by_translation"]["vit"], measures["measures_by_width"]["unrelated"]
    untrained = measures["untrained_best_match"]["vit"]
    found = {}
    for place, measure in enumerate(moved.axes["measure"]):
        found |= {f"{measure}_moved": moved.values[place][-1], f"{measure}_widest": wide.values[place][-1]}
        for network, of_images in zip(untrained.axes["network"], untrained.values[place], strict=True):
            best, _, calibrated = of_images[1]  # of other images
            found |= {f"{measure}_{network}": best, f"{measure}_{network}_calibrated": calibrated}
    return found
