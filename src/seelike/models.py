"""Models by timm name: pretrained, from a local file, or with random weights."""

import difflib
import hashlib
from functools import lru_cache
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from seelike import zoo
from seelike.errors import InputError


def check_model(parameter: str, name: str, checkpoint: str = "") -> None:
    """Refuse a name that timm does not know and a checkpoint that cannot be read; loads nothing.

    Raises InputError, which names `parameter` (or `parameter`_checkpoint).
    """
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise InputError(
            f"{parameter}={name!r} is no model that timm knows{_nearest(architecture, timm.list_models())}"
        )
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        offered = f"one of {', '.join(tags)}" if tags else "none"
        raise InputError(f"{parameter}={name!r}: timm knows {architecture}, but its weights are {offered}, not {tag!r}")
    if not tags and not checkpoint:
        raise InputError(f"{parameter}={name!r} has no public weights: give a file as {parameter}_checkpoint")
    if checkpoint:
        _check_file(f"{parameter}_checkpoint", Path(checkpoint))
    elif architecture in zoo.ARCHITECTURES:
        zoo.check_weights(timm.get_pretrained_cfg(name).file)


def load_model(parameter: str, name: str, checkpoint: str = "", image_size: int = 0, device: str = "cpu") -> nn.Module:
    """The trained model, in evaluation mode.

    Args:
        parameter: "vit" or "cnn", named where something is refused.
        checkpoint: a safetensors file instead of timm's own weights.
        image_size: side in pixels; 0 for the model's own. Position embeddings are resampled.

    Raises InputError if the weights cannot be had or do not fit.
    """
    overlay = {"file": checkpoint, "custom_load": False} if checkpoint else None
    try:
        return _create(parameter, name, image_size, device, pretrained=True, pretrained_cfg_overlay=overlay)
    except InputError:
        raise
    except Exception as error:  # the hub and torch raise many kinds
        load_random(parameter, name, image_size, device)  # raises if it was the image size, not the weights
        complaint = (
            f"{parameter}_checkpoint={checkpoint!r} does not fit {name}"
            if checkpoint
            else f"{parameter}={name!r}: its weights could not be had (give a file as {parameter}_checkpoint)"
        )
        raise InputError(f"{complaint}: {_in_one_line(error)}") from None


def load_random(parameter: str, name: str, image_size: int = 0, device: str = "cpu", seed: int = 0) -> nn.Module:
    """The control: the same architecture with random weights, in evaluation mode.

    For a bundled model it is the very state that its training started from; for others timm's own
    initialisation, drawn from `seed`, but for one thing. Some families start their branches at (nearly) zero,
    by a last norm of 0 or a LayerScale of 1e-5: the blocks then do nothing, and all layers are the same one.
    Such scales start at 1 here, as in the paper's models, which have none.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _create(parameter, name, image_size, device, pretrained=False)
    for key, scale in model.named_parameters():
        if (
            scale.ndim <= 1
            and not key.endswith("bias")
            and (scale == scale.flatten()[0]).all()
            and scale.abs().max() < 0.1
        ):
            nn.init.ones_(scale)
    return model


def transform_of(model: nn.Module, image_size: int = 0):
    """The model's own evaluation transform: PIL image → (3, h, w); one object for all models of the same."""
    config = timm.data.resolve_model_data_config(model)
    if image_size:
        config["input_size"] = (3, image_size, image_size)
    return _create_transform(tuple(sorted(config.items())))


@lru_cache
def _create_transform(config: tuple):
    return timm.data.create_transform(**dict(config), is_training=False)


def describe(model: nn.Module, name: str, checkpoint: str = "", initial: bool = False) -> dict:
    """Name and hashes of a model, for the provenance of a result; an `initial` state has no file."""
    digest = hashlib.sha256()
    for key, value in model.state_dict().items():
        digest.update(key.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    known = {"name": name, "parameters": sum(p.numel() for p in model.parameters()), "state_sha256": digest.hexdigest()}
    file = checkpoint or (timm.get_pretrained_cfg(name).file if name.partition(".")[0] in zoo.ARCHITECTURES else "")
    if file and not initial:
        known |= {"file": Path(file).name, "file_sha256": zoo.sha256(file)}
    return known


def _create(parameter: str, name: str, image_size: int, device: str, **how) -> nn.Module:
    """Create a model and pass one blank image through it, so that an unsuitable size shows at once."""
    fixed = image_size and timm.get_pretrained_cfg_value(name, "fixed_input_size")
    model = timm.create_model(name, **how, **({"img_size": image_size} if fixed else {})).eval().to(device)
    shape = timm.data.resolve_model_data_config(model)["input_size"]
    height, width = (image_size, image_size) if image_size else shape[1:]
    try:
        with torch.inference_mode():
            model(torch.zeros(1, 3, height, width, device=device))
    except Exception as error:  # whatever the architecture's own checks raise
        size = f"image_size={image_size}" if image_size else f"a {height}×{width} RGB image"
        raise InputError(f"{size} does not suit {parameter}={name!r}: {_in_one_line(error)}") from None
    return model


def _check_file(parameter: str, file: Path) -> None:
    if not file.is_file():
        raise InputError(f"{parameter}={str(file)!r} is not a file")
    if file.suffix != ".safetensors":
        raise InputError(f"{parameter} must be a .safetensors file, not {file.name!r}")
    try:
        with safe_open(file, framework="pt") as tensors:
            tensors.keys()
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"{parameter}={str(file)!r} is truncated or no safetensors file: {_in_one_line(error)}"
        ) from None


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"; the nearest are {', '.join(near)}" if near else ""


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(": ")
