"""Models by timm name: pretrained, from a local file, or with random weights.

All weights are a local file before timm sees them: bundled, the user's own, or fetched from the hub. The head is the
file's: a checkpoint of another number of classes, or of none, keeps its own, as the layers below it do not change.
"""

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import timm
import torch
from timm.layers import PatchEmbed
from timm.models import PretrainedCfg
from torch import nn

from seelike.hub import files as hub
from seelike.models import bundled
from seelike.models.checkpoints import Misfit, check_file, check_numbers
from seelike.models.identity import check_label, identify
from seelike.models.names import Blueprint, check_name, fetch_weights, file_parameter, find_blueprint
from seelike.models.parts import Tensors, check_part, choose, find_inner, narrow, read_tensors, split_part, take
from seelike.system import memory
from seelike.system.errors import InputError, in_one_line
from seelike.system.files import sha256
from seelike.system.progress import tell

OF_WEIGHTS = {"url", "file", "part", "hf_hub_id", "hf_hub_filename", "source", "tag"}  # of a card, what says which


def check_model(parameter: str, name: str, checkpoint: str = "", label: str = "") -> None:
    """Refuse a name that timm does not know and a checkpoint that cannot be read; loads nothing, asks no network.

    Raises InputError, which names `parameter` (or `parameter`_checkpoint, `parameter`_label).
    """
    check_label(parameter, label, checkpoint)
    if not checkpoint:
        bundled.check_shipped(name)
    check_name(parameter, name, checkpoint)
    if checkpoint:
        check_file(file_parameter(parameter), Path(split_part(checkpoint)[0]))
        check_part(file_parameter(parameter), checkpoint)
    elif name.partition(".")[0] in bundled.default_cfgs:
        bundled.check_weights(timm.get_pretrained_cfg(name).file)


def load_model(parameter: str, name: str, checkpoint: str = "", image_size: int = 0, device: str = "cpu") -> nn.Module:
    """The trained model, in evaluation mode.

    Args:
        parameter: "vit" or "cnn", named where something is refused.
        name: a timm name, or "hf-hub:owner/name" of a timm model on the hub.
        checkpoint: a file of weights (.safetensors, .pth, .pt, .bin) instead of the name's own; FILE#PART takes a part
            of them, see `seelike.models.parts`.
        image_size: side in pixels; 0 for the model's own. Position embeddings are resampled.

    Raises InputError if the weights cannot be had or do not fit.
    """
    blueprint = find_blueprint(parameter, name)
    source = f"{file_parameter(parameter)}={checkpoint!r}" if checkpoint else f"{parameter}={name!r}"
    load = partial(_load, parameter, name, blueprint, image_size, device, source=source)
    # what a model without weights refuses, such as the image size, was no fault of the weights
    try_without = partial(load_random, parameter, name, image_size, device)
    try:
        if checkpoint:
            model = _load_part(load, try_without, checkpoint, source, name)
        else:
            model = _load_own(load, try_without, _fetch(parameter, name, blueprint))
    except Unfit as error:
        raise InputError(str(error)) from None
    check_numbers(model, source)
    return model


def load_random(parameter: str, name: str, image_size: int = 0, device: str = "cpu", seed: int = 0) -> nn.Module:
    """The control: the same architecture with random weights, in evaluation mode.

    For a bundled model it is the very state that its training started from; for others timm's own
    initialisation, drawn from `seed`, but for one thing. Some families start their branches at (nearly) zero,
    by a last norm of 0 or a LayerScale of 1e-5: the blocks then do nothing, and all layers are the same one.
    Such scales start at 1 here, as in the paper's models, which have none.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _create(parameter, name, find_blueprint(parameter, name), image_size, device)
    for key, scale in model.named_parameters():
        if (
            scale.ndim <= 1
            and not key.endswith("bias")
            and (scale == scale.flatten()[0]).all()
            and scale.abs().max() < 0.1
        ):
            nn.init.ones_(scale)
    return model


def transform_of(model: nn.Module, image_size: int = 0, geometry: PretrainedCfg | None = None):
    """An evaluation transform: PIL image → (3, h, w); one object for all models of the same.

    Size, mean and deviation are the model's own. So are the crop and the interpolation, unless they are to be those of
    the card `geometry`: then models of any sizes see the same part of an image, to a pixel of rounding.

    Raises InputError where their own sizes, of other proportions, make that impossible.
    """
    config = timm.data.resolve_model_data_config(model)
    if image_size:
        config["input_size"] = (3, image_size, image_size)
    if geometry:
        shared = timm.data.resolve_data_config(pretrained_cfg=geometry.to_dict())
        (height, width), (own_height, own_width) = (each["input_size"][1:] for each in (shared, config))
        if not image_size and height * own_width != width * own_height:
            raise InputError(
                f"image_size must be above 0, or geometry own: images of {own_height}×{own_width} and of "
                f"{height}×{width} pixels cannot show the same part of a picture"
            )
        config |= {key: shared[key] for key in ("crop_pct", "crop_mode", "interpolation")}
    plain = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}  # of a JSON card
    return _create_transform(tuple(sorted(plain.items())))


def find_colors(model: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """What black and white pixels are to a model, once its own mean and deviation have normalised them: each (3,)."""
    config = timm.data.resolve_model_data_config(model)
    mean, deviation = torch.tensor(config["mean"]), torch.tensor(config["std"])
    return -mean / deviation, (1 - mean) / deviation


@lru_cache
def _create_transform(config: tuple):
    return timm.data.create_transform(**dict(config), is_training=False)


def describe(model: nn.Module, name: str, checkpoint: str = "", label: str = "", initial: bool = False) -> dict:
    """Name, origin and hashes of a model, for the provenance of a result; an `initial` state has no file.

    Of weights from a file of the user's, `checkpoint`, the name has no tag, and `label` is what the user calls them.
    `classes` is what the model's head tells apart, 0 for a model without one; `repository` and `commit` are the hub's.
    """
    known = identify(model, name, checkpoint, label, initial)
    known |= {"parameters": sum(p.numel() for p in model.parameters()), "state_sha256": hash_state(model)}
    file = split_part(checkpoint)[0] or model.pretrained_cfg.get("file", "")
    if file and not initial:
        known |= {"classes": model.num_classes, "file": Path(file).name, "file_sha256": sha256(file)}
        known |= hub.find_origin(file)
        part = model.pretrained_cfg.get("part", "")
        known |= {"part": part} if part else {}
    return known


def hash_state(model: nn.Module) -> str:
    """The hash of all weights and buffers, with their names."""
    digest = hashlib.sha256()
    for key, value in model.state_dict().items():
        digest.update(key.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def tell_alike(model: nn.Module) -> tuple[str, str]:
    """Equal for models of one design, input and state, whichever weights their names stand for."""
    card = {key: value for key, value in model.pretrained_cfg.items() if key not in OF_WEIGHTS}
    return f"{card} {getattr(model, 'global_pool', '')} {model}", hash_state(model)


class Unfit(Exception):
    """Weights that do not fit, in a sentence; `count` is of those that the model lacks, if that is known."""

    def __init__(self, sentence: str, count: float = math.inf):
        super().__init__(sentence)
        self.count = count


def _fetch(parameter: str, name: str, blueprint: Blueprint) -> dict:
    """Of a model's own weights what timm's card must say; bundled ones stand there and are checked as timm loads."""
    bundled.check_shipped(name)
    file = fetch_weights(parameter, name, blueprint.card)
    if file == blueprint.card.file:
        return {}
    check_file(f"{parameter}={name!r}: its file", Path(file))
    return {"file": file, "custom_load": False}


def _load_own(load: Callable[[dict], nn.Module], try_without: Callable[[], nn.Module], overlay: dict) -> nn.Module:
    try:
        return load(overlay)
    except Unfit:
        try_without()
        raise


def _load_part(
    load: Callable[[dict], nn.Module], try_without: Callable[[], nn.Module], checkpoint: str, source: str, name: str
) -> nn.Module:
    """The model with the weights in a file of the user's: the one part that fits, or of two the running average.

    A part that does not fit is searched for parts that do, among those of half as many weights as the model's or more.
    """
    file, part = split_part(checkpoint)
    tensors, fits, unfit, least = read_tensors(file), {}, [], 0
    ahead = [part]
    for part in ahead:
        try:
            fits |= _load_within(load, tensors, part)
        except Unfit as error:
            unfit.append(error)
            least = least or len(try_without().state_dict()) // 2
            ahead += find_inner(tensors, part, least)
    if not fits:
        raise min(unfit, key=lambda error: error.count)
    part = choose(list(fits), file, source, name) if unfit else next(iter(fits))
    fits[part].pretrained_cfg["part"] = part
    return fits[part]


def _load_within(load: Callable[[dict], nn.Module], tensors: Tensors, part: str) -> dict[str, nn.Module]:
    """A model with all weights of a part, by what is left of their paths; {where they begin: model}. Raises Unfit."""
    unfit = []
    for way in narrow(tensors, part):
        try:
            return {way: load({"state_dict": take(tensors, way), "custom_load": False})}
        except Unfit as error:
            unfit.append(error)
    raise min(unfit, key=lambda error: error.count)


def _load(
    parameter: str, name: str, blueprint: Blueprint, image_size: int, device: str, overlay: dict, source: str
) -> nn.Module:
    """With the head that the file has: where nothing but the classifier does not match, once more with the file's."""
    try:
        model = _create(parameter, name, blueprint, image_size, device, overlay)
    except InputError:
        raise
    except Exception as error:  # torch's on keys and shapes, or whatever a family's own conversion of files raises
        misfit = Misfit.read(error)
        classes = None if "num_classes" in overlay else _count_classes(misfit, blueprint.card, overlay)
        if classes is None:
            fault = misfit if misfit.names() else in_one_line(error)
            at = f" at image_size={image_size}" if image_size else ""
            sentence = f"{source} does not fit {name}{at} (is it of another architecture?): {fault}"
            raise Unfit(sentence, len(misfit.missing) + len(misfit.reshaped) if misfit.names() else math.inf) from None
        model = _load(parameter, name, blueprint, image_size, device, overlay | {"num_classes": classes}, source)
        tell(f"{source}: the file's head tells {classes} classes apart, not {blueprint.card.num_classes}, and stays so")
    model.pretrained_cfg.pop("state_dict", None)  # a second copy of all weights
    return model


def _count_classes(misfit: Misfit, card: PretrainedCfg, overlay: dict) -> int | None:
    """What the head of a file tells apart, if nothing but the head does not match; 0 for a file without one."""
    heads = (card.classifier,) if isinstance(card.classifier, str) else card.classifier or ()
    if not misfit.names() or not all(name.rpartition(".")[0] in heads for name in misfit.names()):
        return None
    weight = f"{heads[0]}.weight"
    if weight in misfit.reshaped:
        return misfit.reshaped[weight][0][0]
    if not misfit.unexpected:
        return 0
    held = overlay.get("state_dict") or timm.models.load_state_dict(overlay["file"], weights_only=True)
    return len(held[weight]) if weight in held else 0


def _create(
    parameter: str, name: str, blueprint: Blueprint, image_size: int, device: str, overlay: dict | None = None
) -> nn.Module:
    """Create a model, random without `overlay`; one blank image through it shows an unsuitable size at once."""
    card = blueprint.card
    if card.input_size[0] != 3:
        raise InputError(f"{parameter}={name!r} takes images of {card.input_size[0]} channels, not RGB, which has 3")
    size = {"img_size": image_size} if image_size and card.fixed_input_size else {}
    arguments = blueprint.arguments | size | {"pretrained_cfg_overlay": overlay or None}
    try:
        with memory.explained(f"{parameter}={name!r}"):
            model = timm.create_model(blueprint.name, pretrained=overlay is not None, **arguments)
    except InputError:
        raise
    except Exception as error:
        if overlay is not None:  # the weights may be what is wrong
            raise
        raise InputError(_say_size(parameter, name, card, image_size, error)) from None
    model = model.eval().to(device)
    _check_patches(parameter, name, model, image_size)
    height, width = (image_size, image_size) if image_size else card.input_size[1:]
    try:
        with torch.no_grad(), memory.explained(f"{parameter}={name!r} at {height}×{width} pixels"):
            model(torch.zeros(1, 3, height, width, device=device))
    except InputError:
        raise
    except Exception as error:  # whatever the architecture's own checks raise
        raise InputError(_say_size(parameter, name, card, image_size, error)) from None
    return model


def _say_size(parameter: str, name: str, card: PretrainedCfg, image_size: int, error: Exception) -> str:
    own = "×".join(map(str, card.input_size[1:]))
    size = f"image_size={image_size}" if image_size else f"a {own} RGB image"
    hint = f" (0 is its own size, {own})" if image_size else ""
    return f"{size} does not suit {parameter}={name!r}{hint}: {in_one_line(error)}"


def _check_patches(parameter: str, name: str, model: nn.Module, image_size: int) -> None:
    """Refuse a size of which a model would leave out the last rows and columns, as they do not fill a patch."""
    embed = next((m for m in model.modules() if isinstance(m, PatchEmbed)), getattr(model, "patch_embed", None))
    cut = getattr(embed, "proj", None)
    padded = getattr(embed, "dynamic_img_pad", False)
    if not isinstance(cut, nn.Conv2d) or cut.kernel_size != cut.stride or any(cut.padding) or padded:
        return
    patch = math.lcm(*cut.kernel_size)
    if image_size % patch:
        below = image_size // patch * patch
        near = f"{below} or {below + patch}" if below else patch
        raise InputError(
            f"image_size={image_size} does not suit {parameter}={name!r}, which cuts images into patches of {patch} "
            f"pixels: use {near}"
        )
