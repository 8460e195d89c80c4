"""The numbers that the prose on CKA itself may cite."""

from seelike.results.labelled_array import Measures
from seelike.tables.markdown import signed


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
    counts = {"smallest": sizes[0], "largest": sizes[-1], "outlier_factor": outliers.axes["factor"][-1]}
    ends = {f"unbiased_{end}": signed(choose(pair.values[0]), 3) for end, choose in (("least", min), ("most", max))}
    return {name: signed(value) for name, value in values.items()} | ends | {k: str(n) for k, n in counts.items()}
