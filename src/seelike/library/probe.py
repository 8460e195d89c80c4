"""What a linear probe reads off features that one has already."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from seelike.library.measured import Chosen, Measured
from seelike.measures.probes import DRAWS, SHOTS, choose_folds, measure_accuracy
from seelike.results.labelled_array import LabelledArray
from seelike.system.errors import InputError

Features = np.ndarray | torch.Tensor


def probe(
    features: Features | Mapping[str, Features],
    labels: Features,
    *,
    shots: int = SHOTS,
    n_draws: int = DRAWS,
    seed: int = 0,
) -> "ProbeAccuracy":
    """Accuracy of few-shot linear probes for classes (paper, section 7): ridge regression in closed form.

    Args:
        features: (n, channels), or (n, positions, channels), where each position has a probe of its own; or several by
            name, {layer: features}. NumPy or torch.
        labels: (n,) whole numbers.
        shots: training images a class, in each draw.
        n_draws: disjoint parts of the images, each of which trains and tests a probe.

    Raises InputError, which names `features` or `labels`, for other shapes, features that are not finite, and classes
    of fewer than n_draws × (shots + 1) images.

    >>> import numpy as np, seelike as sl
    >>> labels = np.arange(400) % 4
    >>> noise = np.random.default_rng(0).normal(size=(400, 16))
    >>> found = sl.probe({"noise": noise, "signal": noise + 4 * np.eye(16)[labels]}, labels, shots=5)
    >>> [bool(accuracy > 0.9) for accuracy in found.values]
    [False, True]
    """
    named = features if isinstance(features, Mapping) else {"features": features}
    labels = _read("labels", labels)
    if labels.ndim != 1 or labels.is_floating_point():
        raise InputError(f"labels must be whole numbers of shape (n,), not {labels.dtype} of {tuple(labels.shape)}")
    if not named or min(shots, n_draws) < 1:
        raise InputError("features must have at least one layer, and shots and n_draws must be 1 or more")
    layers = {name: _read_features(name, each, len(labels)) for name, each in named.items()}
    folds = choose_folds(labels, n_draws, shots, seed, parameter="labels")
    return ProbeAccuracy(tuple(layers), measure_accuracy(layers, labels, folds))


@dataclass(frozen=True)
class ProbeAccuracy(Measured):
    """Accuracy (layers,) of probes, 0 to 1; `draws` is (draws, layers)."""

    layers: tuple[str, ...]
    draws: np.ndarray

    @property
    def n_draws(self) -> int:
        """How many draws of training and test images there are."""
        return len(self.draws)

    def compute(self, chosen: Chosen) -> np.ndarray:
        """(layers,), from some draws."""
        return self.draws[chosen].mean(0)

    def array(self) -> LabelledArray:
        """With axis `layer`."""
        return LabelledArray({"layer": self.layers}, self.values)


def _read_features(name: str, features: Features, n_images: int) -> torch.Tensor:
    found = _read(f"features {name}", features)
    if found.ndim not in (2, 3) or len(found) != n_images or found.is_complex() or not found.numel():
        raise InputError(
            f"features must have shape (n, channels) or (n, positions, channels) with n = {n_images} as labels; "
            f"those of {name} have {tuple(found.shape)}"
        )
    return found.float() if found.dtype in (torch.float16, torch.bfloat16) else found


def _read(name: str, numbers: Features) -> torch.Tensor:
    try:
        return torch.as_tensor(numbers).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} must be an array of numbers, not {type(numbers).__name__}") from None
