"""The choices behind every number: what could as well have been chosen, and how each option is called.

A claim names its choices in `claims.yaml`, each with the option of its published verdict; where the chapter has a
parameter of the choice's name, that is its option. A **universe** is one option of each.
"""

from collections.abc import Mapping

Choices = dict[str, str]  # choice → option
DEPTHS = {"thirds": 3, "quarters": 4, "halves": 2}  # how many parts of the depth the lowest and the highest are of

CHOICES: dict[str, dict[str, str]] = {
    "measure": {
        "cka": "linear CKA, estimated without bias",
        "rsa": "rank correlation of distances",
        "knn": "common nearest neighbours",
        "procrustes": "orthogonal Procrustes",
        "rbf_cka": "CKA of radial basis functions",
    },
    "layers": {"all": "all layers of the paper's axes", "blocks": "the outputs of blocks alone"},
    "representation": {
        "flattened": "all that a layer returns",
        "pooled": "the mean over positions",
        "CLS": "the CLS token, where a layer has one, else the mean over positions",
    },
    "minibatch": {"whole": "the published minibatches", "halves": "minibatches of half the size"},
    "depth": {"thirds": "thirds of the depth", "quarters": "quarters", "halves": "halves"},
    "chance": {
        "calibrated": "best matches held against those of shuffled images",
        "raw": "best matches as they are",
    },
    "ratio": {
        "logs": "the mean logarithm of the tokens' ratios",
        "plain": "the logarithm of their mean",
        "norms": "the logarithm of the ratio of mean norms",
    },
    "average": {"median": "the median of sublayers", "mean": "their mean"},
    "skips": {"identity": "skips that are the identity", "all": "convolutions, too"},
    "keys": {
        "patches": "attention to patches, scaled to sum to 1",
        "all": "attention as it is; to CLS it has no distance",
    },
    "ends": {"two": "two blocks at either end", "one": "one", "three": "three"},
    "gradient": {"absolute": "the absolute gradient", "squared": "its square"},
    "windows": {"common": "the windows of the coarser grid", "own": "those of each model's own grid"},
    "rest": {"interior": "against other patches of the interior", "all": "against all other patches"},
    "readout": {
        "best": "the better of two readouts",
        "pooled": "pooled tokens",
        "CLS": "the CLS token, if there is one",
    },
    "shots": {"ten": "ten images of each class to learn from", "five": "five", "fifteen": "fifteen"},
    "images": {"first": "the published images", "second": "as many others, none of them the same"},
}


def find_published(published: Choices, parameters: Mapping[str, object]) -> Choices:
    """The published options of a claim's choices, of a chapter with these parameters."""
    return {name: str(parameters.get(name, option)) for name, option in published.items()}
