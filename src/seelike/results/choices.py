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
    "kept": {
        "share": "the share of accuracy above chance that is kept",
        "raw": "the share of accuracy, guesses included",
        "lost": "accuracy − accuracy on intact images",
        "accuracy": "accuracy on changed images, whatever it is on intact ones",
    },
    "fill": {"black": "holes are black", "mean": "they have the mean colour of images"},
    "dropped": {"half": "half of the patches", "curve": "the mean over a quarter, a half and three quarters"},
    "drawn": {"each": "holes, or orders of tiles, drawn for each image", "minibatch": "one draw for a minibatch"},
    "holes": {"shifted": "the grid of holes moved by half a patch", "finer": "holes of half a patch's width"},
    "tiles": {"own": "tiles that are the ViT's patches", "near": "the mean over these, the next larger and smaller"},
    "classifier": {
        "own": "the model's own head, where it knows the classes",
        "fitted": "a linear head fitted to all models",
    },
    "bias": {
        "decided": "of all decisions for a cue, the share for shape",
        "all": "for shape − for texture, as a share of all pictures",
    },
    "marked": {
        "0.9": "patches that hold 90 % of the attention",
        "0.8": "80 %",
        "0.95": "95 %",
        "mean": "those that get more than an equal share",
    },
    "heads": {"best": "the best head, chosen on other images", "average": "the mean over heads"},
    "token": {"mean": "the mean over patch tokens", "worst": "the token that knows least"},
    "apart": {"both": "CLS and patches do not see each other", "CLS": "patches see CLS, not the other way round"},
    "cutoffs": {"all": "the mean over all cut-offs", "low": "over those below a half"},
    "scale": {
        "points": "accuracy",
        "odds": "the logarithm of its odds",
        "errors": "the logarithm of the share of errors, with its sign changed",
    },
    "cells": {"patches": "patches, by the mean probability over their pixels", "pixels": "single pixels"},
    "overlap": {
        "mean": "mIoU, the mean over all labels",
        "objects": "the mean over the labels of objects, without ground",
        "right": "the share of right labels",
    },
    "association": {
        "best": "how many of a position's best others are of its set",
        "weight": "how much of its attention to others goes to its set",
    },
    "setting": {
        "published": "data and training as published",
        "short": "half as many steps",
        "noisy": "twice the noise",
    },
    "embedding": {"centred": "position embeddings less their mean", "plain": "as they are"},
    "neighbours": {"eight": "the eight positions around a patch", "four": "those that share a side with it"},
    "score": {"NMI": "normalized mutual information", "ARI": "adjusted Rand index", "ACC": "matched accuracy"},
    "clusters": {"head": "the largest share, where a head gives shares", "k-means": "k-means for all"},
    "spread": {"high": "the 90th percentile over the median", "deviation": "the standard deviation of logarithms"},
    "steps": {"late": "the published share of steps, the last", "last": "the last half of these"},
    "images": {"first": "the published images", "second": "as many others, none of them the same"},
}


def find_published(published: Choices, parameters: Mapping[str, object]) -> Choices:
    """The published options of a claim's choices, of a chapter with these parameters."""
    return {name: str(parameters.get(name, option)) for name, option in published.items()}
