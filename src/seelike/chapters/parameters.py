"""The parameters that all chapters share: their types and ranges."""

import re
from pathlib import Path

from seelike.activations.layers import LAYER_SETS
from seelike.system.errors import InputError, nearest
from seelike.system.writable import is_writable

MOST_PIXELS = 4096  # a side
REAL = {"busy": (0, 1), "noise": (0, 10)}  # parameters that are no whole numbers: from, to


def check_parameters(parameters: dict) -> None:
    """Types and ranges of the parameters that all chapters share."""
    whole = {"image_size": 0, "n_images": 4, "batch_size": 4, "seed": 0, "n_field_images": 1, "n_seeds": 1}
    whole |= {"n_probe_images": 0, "n_attributed": 0, "n_conflicts": 0, "n_kernels": 2}
    whole |= {"n_datasets": 2, "n_patches": 4, "n_sets": 2, "dimension": 4, "n_examples": 20, "n_steps": 1}
    whole |= {"n_drawings": 40, "steady_from": 0}
    for name, value in parameters.items():
        if name in REAL:
            _check_real(name, value)
            continue
        kind = int if name in whole else str
        if type(value) is not kind:
            raise InputError(f"{name} must be {'a whole number' if kind is int else 'text'}, not {value!r}")
    for name, least in whole.items():
        if name in parameters and parameters[name] < least:
            raise InputError(f"{name} must be {least} or more, not {parameters[name]}")
    if parameters.get("image_size", 0) > MOST_PIXELS:
        raise InputError(f"image_size must be at most {MOST_PIXELS}, not {parameters['image_size']}")
    if parameters["seed"] >= 2**63:
        raise InputError(f"seed must be below 2**63, not {parameters['seed']}")
    if parameters["batch_size"] > parameters["n_images"]:
        raise InputError(
            f"batch_size must be at most n_images, {parameters['n_images']}, not {parameters['batch_size']}"
        )
    used = parameters["n_images"] - parameters["n_images"] % parameters["batch_size"]
    for name in ("n_field_images", "n_attributed"):
        if parameters.get(name, 0) > used:
            raise InputError(f"{name} must be at most {used}, the n_images in full minibatches, not {parameters[name]}")
    if parameters.get("layers", "all") not in LAYER_SETS:
        guess = nearest(parameters["layers"], LAYER_SETS)
        raise InputError(f"layers must be one of {', '.join(LAYER_SETS)}, not {parameters['layers']!r}{guess}")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", parameters["profile"]):
        raise InputError(f"profile must be a plain name, such as pocket or mine, not {parameters['profile']!r}")


def _check_real(name: str, value) -> None:
    least, most = REAL[name]
    if type(value) not in (int, float) or not least <= value <= most:
        raise InputError(f"{name} must be a number from {least} to {most}, not {value!r}")


def check_results_dir(results_dir: str) -> None:
    """Refuse a place where no file could be written at the end; creates nothing."""
    if not isinstance(results_dir, str) or not results_dir:
        raise InputError(f"results_dir must be the name of a folder, not {results_dir!r}")
    if not is_writable(Path(results_dir)):
        raise InputError(f"results_dir must be a folder that can be written to, not {results_dir!r}")
    if results_dir.startswith("~"):
        raise InputError(f"results_dir must be written out, without a ~, not {results_dir!r}")
