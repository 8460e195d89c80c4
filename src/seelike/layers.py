"""Which layers of a model are measured, and in what order.

Blocks are those that timm itself groups parameters by (`model.group_matcher`), so the rule holds for
every timm family; layers bear their timm module names. Two sets are offered:

`blocks`
    the output of every block: a ViT's, a Mixer's, or a ResNet's residual block.
`all`
    the paper's finer set (Fig. 1): besides the blocks every normalisation, convolution and attention
    output, the hidden activation of every MLP, and the residual sum in the middle of a transformer
    block, which is no module's output but the input of its `norm2`, and called `blocks.0.norm2:input`.
    Six a block in a ViT, as on the paper's axes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from seelike.errors import InputError

LAYER_SETS = ("blocks", "all")
INPUT = ":input"


@dataclass(frozen=True)
class Layer:
    """One measured layer: `name`, and the `stage` it belongs to (None outside the blocks)."""

    name: str
    stage: str | None


def find_layers(model: nn.Module, layers: str, images: torch.Tensor) -> list[Layer]:
    """The layers of a set in the order in which a forward pass of `images` reaches them.

    Layers that the pass does not reach are left out, so an axis never shows a layer that did not fire.
    Raises InputError for an unknown set and for a model without blocks.
    """
    if layers not in LAYER_SETS:
        raise InputError(f"layers must be one of {', '.join(LAYER_SETS)}, not {layers!r}")
    blocks = _find_blocks(model)
    names = list(blocks) if layers == "blocks" else [*blocks, *_find_inner(model, blocks)]
    reached: dict[str, None] = {}
    with hooked(model, names, lambda name, tensor: reached.setdefault(name)), torch.inference_mode():
        model(images)
    if not reached:
        raise InputError(f"{type(model).__name__} has no blocks that timm knows of; choose another model")
    return [Layer(name, _stage(name, blocks)) for name in reached]


class hooked:
    """Context in which `see(name, tensor)` is called for each named layer as a forward pass reaches it.

    On leaving it, however that happens, every hook is gone.
    """

    def __init__(self, model: nn.Module, names: list[str], see):
        self.model, self.names, self.see = model, names, see

    def __enter__(self) -> None:
        modules = dict(self.model.named_modules())
        self.handles = [self._hook(modules[name.removesuffix(INPUT)], name) for name in self.names]

    def __exit__(self, *exception) -> None:
        for handle in self.handles:
            handle.remove()

    def _hook(self, module: nn.Module, name: str):
        if name.endswith(INPUT):
            return module.register_forward_pre_hook(lambda _, inputs: self.see(name, inputs[0]))
        return module.register_forward_hook(lambda _, inputs, output: self._see_output(name, output))

    def _see_output(self, name: str, output) -> None:
        """Some attention modules return a tuple; its first tensor is the output."""
        output = output[0] if isinstance(output, tuple) else output
        if isinstance(output, torch.Tensor):
            self.see(name, output)


def _find_blocks(model: nn.Module) -> dict[str, str]:
    """Module name of every block → its stage ("" where the family has none)."""
    grouping = model.group_matcher(coarse=False).get("blocks", []) if hasattr(model, "group_matcher") else []
    patterns = [(grouping, None)] if isinstance(grouping, str) else grouping
    found = {}
    for name, _ in model.named_modules():
        for pattern, place in ((p, None) if isinstance(p, str) else p for p in patterns):
            match = re.fullmatch(pattern.removeprefix("^"), name)
            if match and place is None:
                found[name] = name[: match.end(1)] if (match.lastindex or 0) > 1 else ""
                break
    return found


def _find_inner(model: nn.Module, blocks: dict[str, str]) -> Iterator[str]:
    """Norms, convolutions, attention outputs, MLP hidden activations and mid-block residual sums."""
    attention: list[str] = []
    modules = dict(model.named_modules())
    classifier = model.get_classifier() if hasattr(model, "get_classifier") else None
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        kind = type(module).__name__
        if name in blocks or module is classifier or any(name.startswith(outer) for outer in attention):
            continue
        if last == "attn" or "Attention" in kind:
            attention.append(name + ".")
            yield name
        elif isinstance(module, nn.Conv2d) or ("Norm" in kind and not _wraps_convolution(module)):
            if last == "norm2" and parent in blocks and _is_pre_norm(modules[parent]):
                yield name + INPUT
            yield name
        elif last == "act" and hasattr(modules[parent], "fc1"):
            yield name


def _wraps_convolution(module: nn.Module) -> bool:
    """A ConvNormAct, say, whose parts are layers of their own."""
    return any(isinstance(child, nn.Conv2d) for child in module.children())


def _is_pre_norm(block: nn.Module) -> bool:
    """A transformer-like block whose norm2 reads the residual sum (not that of Swin V2, say)."""
    return hasattr(block, "norm1") and not hasattr(block, "conv1") and "Post" not in type(block).__name__


def _stage(name: str, blocks: dict[str, str]) -> str | None:
    for block, stage in blocks.items():
        if f"{name}.".startswith(f"{block}."):
            return stage
    return None
