"""The numbers that the prose of the chapter on data may cite."""

from seelike.measures.block_probes import middle_third_accuracy
from seelike.measures.corresponding_layers import low_high_cka_gap
from seelike.results.labelled_array import Measures
from seelike.results.shares import rows_of


def phrases(measures: Measures) -> dict[str, str]:
    """Numbers that prose may cite beside the claims' own, as far as they are there.

    CKA as means over the lowest and the highest third of blocks and their difference: `cka_<percent>_low`, `…_high`,
    `…_gap`, and likewise `cka_seeds_…`, the mean of the other seeds, and `cka_untrained_seeds_…`; accuracies of
    probes: `probe_<model>_<percent>_first`, `…_middle`, `…_last`, and likewise `transfer_…`, and `cls_…` of CLS tokens.
    """
    trained, control = (measures.get(f"data_scale_cka{kind}", {}) for kind in ("", "_random"))
    rows = {f"cka_{percent}": values for percent, values in rows_of(trained.get("vit"))}
    for key, cka in (("cka_seeds", trained), ("cka_untrained_seeds", control)):
        if "vit_seeds" in cka:
            rows[key] = cka["vit_seeds"].values.mean(0)
    found = {}
    for key, values in rows.items():
        third = len(values) // 3
        ends = {"low": values[:third].mean(), "high": values[-third:].mean(), "gap": low_high_cka_gap(values)}
        found |= {f"{key}_{end}": f"{value:.2f}" for end, value in ends.items()}
    accuracies = {"probe": "probe_accuracy", "transfer": "transfer_accuracy", "cls": "cls_probe_accuracy"}
    for kind, measure in accuracies.items():
        for role, array in measures.get(measure, {}).items():
            for percent, values in rows_of(array):
                means = {"first": values[0], "middle": middle_third_accuracy(values), "last": values[-1]}
                found |= {f"{kind}_{role}_{percent}_{part}": f"{value:.0%}" for part, value in means.items()}
    return found
