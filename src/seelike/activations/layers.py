"""Which layers of a model are measured, and in what order.

Blocks are those that timm itself groups parameters by (`model.group_matcher`); where it groups whole stages, or
nothing, the members of the modules called `blocks`. Layers bear their timm module names. A model without either is
refused. Two sets are offered:

`blocks`
    the output of every block: a ViT's, a Mixer's, or a ResNet's residual block.
`all`
    the paper's finer set (Fig. 1): besides the blocks every normalisation, convolution and attention
    output, the hidden activation of every MLP, and the residual sum in the middle of a transformer
    block, which is no module's output but the input of its `norm2`, and called `blocks.0.norm2:input`.
    Six a block in a ViT, as on the paper's axes.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from seelike.system.errors import THE_MODEL, InputError

LAYER_SETS = ("blocks", "all")
INPUT = ":input"
SINGLE = "choose a model whose blocks return one tensor each, such as a ViT or a ResNet"


@dataclass(frozen=True)
class Layer:
    """One measured layer: `name`, and the `stage` it belongs to (None outside the blocks)."""

    name: str
    stage: str | None


def named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules as torch's `named_modules` gives them, and those of a `backbone` that is held outside of these.

    A network that is used as it is, and whose weights are not saved with the model, is no module of it for torch. Every
    module has one name.
    """
    seen = set(model.modules())
    for name, module in model.named_modules():
        yield name, module
        held = getattr(module, "backbone", None)
        if isinstance(held, nn.Module) and held not in seen:
            seen.add(held)
            yield from held.named_modules(prefix=f"{name}.backbone".lstrip("."))


@contextmanager
def reading_layers(model: nn.Module) -> Iterator[dict[str, int]]:
    """Context in which a pass of the same image twice fills {layer: how many tensors it returns}, as it reaches them.

    Left out are layers that do not return one tensor with a part for each image, one image after the other: a position
    embedding, say. Blocks that return several are there.
    """
    blocks, reached = find_blocks(model), {}

    def see(name: str, output: object) -> None:
        tensors = find_tensors(output)
        several = name in blocks and len(tensors) > 1
        if several or (len(tensors) == 1 and _has_part_for_each(tensors[0])):
            reached.setdefault(name, len(tensors))

    with watched(model, [*blocks, *_find_inner(model, blocks)], see):
        yield reached


def choose_layers(family: str, layers: str, blocks: dict[str, str], reached: dict[str, int]) -> tuple[Layer, ...]:
    """The layers of a set, from what `find_blocks` and `reading_layers` give, in the order in which they are reached.

    Raises InputError for an unknown set, and for a model without blocks, or with such as return several streams.
    """
    if layers not in LAYER_SETS:
        raise InputError(f"layers must be one of {', '.join(LAYER_SETS)}, not {layers!r}")
    for name, n_tensors in reached.items():
        if n_tensors > 1:
            raise InputError(f"block {name} returns {n_tensors} tensors, not one; {SINGLE}")
    if not reached.keys() & blocks.keys():
        raise InputError(
            f"{THE_MODEL} must be a model whose blocks timm groups, such as a ViT or a ResNet; "
            f"of {family} it names none"
        )
    order = [name for name in reached if layers == "all" or name in blocks]
    return tuple(Layer(name, _stage(name, blocks)) for i, name in enumerate(order) if not _follows_mlp(name, order[:i]))


def find_stage_ends(layers: Sequence[Layer]) -> list[int]:
    """Where on an axis of layers one stage gives way to the next (or to the stem, or the head)."""
    return [k for k in range(1, len(layers)) if layers[k].stage != layers[k - 1].stage]


def count_last_stage(blocks: Sequence[Layer]) -> int:
    """How many blocks a model's last stage has, from all of its blocks; 0 for a model without stages."""
    stages = [block.stage for block in blocks]
    return stages.count(stages[-1]) if stages[-1] else 0


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Context in which the model is in evaluation mode; then each of its modules is as it was."""
    training = [module for module in model.modules() if module.training]
    if training:
        model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def hooked(model: nn.Module, names: Sequence[str], see: Callable[[str, torch.Tensor], None]) -> Iterator[None]:
    """Context in which `see(name, tensor)` is called for each named layer as a forward pass reaches it.

    On leaving it, however that happens, every hook is gone. Raises InputError for a name that is no module and, in the
    pass, for a layer of several tensors.
    """

    def see_tensor(name: str, output: object) -> None:
        tensors = find_tensors(output)
        if len(tensors) > 1:
            raise InputError(f"layer {name} returns {len(tensors)} tensors, not one; {SINGLE}")
        if tensors:
            see(name, tensors[0])

    with watched(model, names, see_tensor):
        yield


@contextmanager
def watched(model: nn.Module, names: Sequence[str], see: Callable[[str, object], None]) -> Iterator[None]:
    """The same with all that a layer returns, whatever it is."""
    modules = [_find_module(model, name) for name in names]
    handles = [_hook(module, name, see) for module, name in zip(modules, names, strict=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _find_module(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name.removesuffix(INPUT))
    except AttributeError:
        raise InputError(f"{type(model).__name__} has no layer {name!r}") from None


def _hook(module: nn.Module, name: str, see: Callable[[str, object], None]):
    if name.endswith(INPUT):
        return module.register_forward_pre_hook(lambda _, inputs: see(name, inputs[0]))
    return module.register_forward_hook(lambda _, inputs, output: see(name, output))


def check_first(name: str, seen: Container[str]) -> None:
    """Raise InputError if the layer is among those seen in this pass already."""
    if name in seen:
        raise InputError(f"layer {name} runs more than once in a forward pass, so its output is not defined")


def find_tensors(output: object) -> list[torch.Tensor]:
    """All tensors in what a module returns, which may be a tuple, a list or a dictionary of them."""
    if isinstance(output, torch.Tensor):
        return [output]
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, tuple | list) else ()
    return [tensor for part in parts for tensor in find_tensors(part)]


def _has_part_for_each(tensor: torch.Tensor) -> bool:
    """Whether the output for the same image twice is twice the same, one half after the other."""
    if not tensor.numel() or tensor.ndim == 0 or len(tensor) % 2:
        return False
    first, second = tensor.reshape(2, -1).float()
    return torch.allclose(first, second, rtol=1e-3, atol=1e-3 * float(first.nan_to_num().abs().max()), equal_nan=True)


def find_blocks(model: nn.Module) -> dict[str, str]:
    """Module name of every block → its stage ("" where the family has none); empty where there are none."""
    modules = dict(named_modules(model))
    grouped = _find_grouped(model)
    if grouped and not any("Stage" in type(modules[name]).__name__ for name in grouped):
        return grouped
    found = (re.fullmatch(r"(\w+\.\d+|)\.?blocks\.\d+", name) for name in modules)
    return {match[0]: match[1] for match in found if match}


def _find_grouped(model: nn.Module) -> dict[str, str]:
    """The same, as timm groups parameters."""
    grouping = model.group_matcher(coarse=False) if hasattr(model, "group_matcher") else {}
    found = grouping.get("blocks", []) if isinstance(grouping, dict) else []
    patterns = [(p, None) if isinstance(p, str) else p for p in ([found] if isinstance(found, str) else found)]
    blocks = {}
    for name, _ in named_modules(model):
        for pattern, within in patterns:
            match = re.fullmatch(pattern.removeprefix("^"), name)
            if match and within is None:
                blocks[name] = name[: match.end(1)] if (match.lastindex or 0) > 1 else ""
                break
    return blocks


def _find_inner(model: nn.Module, blocks: dict[str, str]) -> Iterator[str]:
    """Norms, convolutions, attention outputs, MLP hidden activations and mid-block residual sums."""
    attention: list[str] = []
    modules = dict(named_modules(model))
    classifier = model.get_classifier() if hasattr(model, "get_classifier") else None
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        kind = type(module).__name__
        if name in blocks or module is classifier or any(name.startswith(outer) for outer in attention):
            continue
        if last == "attn" or "Attention" in kind:
            attention.append(name + ".")
            yield name
        elif isinstance(module, nn.Conv2d) or _normalizes(module):
            if last == "norm2" and parent in blocks and not hasattr(modules[parent], "conv1"):
                yield name + INPUT
            yield name
        elif last == "act" and hasattr(modules[parent], "fc1"):
            yield name


def _normalizes(module: nn.Module) -> bool:
    """Whether a module is a norm; a ConvNormAct or NormMlpClassifierHead has parts that are layers of their own."""
    kind = type(module).__name__
    return "Norm" in kind and "Head" not in kind and not any(isinstance(c, nn.Conv2d) for c in module.children())


def _follows_mlp(name: str, before: list[str]) -> bool:
    """In a block that normalises after the MLP (Swin V2, say), norm2 reads the MLP's output, not the residual sum."""
    mlp = name.removesuffix("norm2" + INPUT) + "mlp."
    return name.endswith("norm2" + INPUT) and any(earlier.startswith(mlp) for earlier in before)


def _stage(name: str, blocks: dict[str, str]) -> str | None:
    for block, stage in blocks.items():
        if f"{name}.".startswith(f"{block}."):
            return stage
    return None
