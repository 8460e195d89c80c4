"""Where layers lie in a model: in which of its blocks, or in which stage of blocks, by the names that timm gives."""

import re
from itertools import groupby

from matplotlib.axis import Axis

UNIT = re.compile(r"((?:blocks|stages|layers|layer|features)\.?\d+)(?:\.|$)")
OF_BLOCKS = re.compile(r"\.(?:blocks\.)?\d+(?:\.|$)")  # after a unit that is a stage
MOST = 9  # names beside an axis


def find_parts(layers: list[str]) -> tuple[str, dict[str, tuple[int, int]]]:
    """What the parts of a model are called, "block" or "stage", and each part → where its layers begin and end.

    Blocks bear timm's numbers, from 0, and stages count from 1; layers before and after them are of no part. Of names
    that tell neither there are no parts.
    """
    units = [found[1] if (found := UNIT.match(str(layer))) else None for layer in layers]
    below = [str(layer)[len(unit) :] for layer, unit in zip(layers, units, strict=True) if unit]
    kind = "stage" if any(map(OF_BLOCKS.match, below)) else "block"
    parts, start = {}, 0
    for unit, members in groupby(units):
        end = start + len(list(members))
        if unit:
            name = str(len(parts) + 1) if kind == "stage" else re.search(r"\d+", unit)[0]
            parts[name] = (start, end)
        start = end
    return kind, parts


def name_part(layers: list[str], index: int) -> str:
    """`block 3`, or `stage 2`: the part that a layer is of; the layer's own name if it is of none."""
    kind, parts = find_parts(layers)
    return next((f"{kind} {name}" for name, (start, end) in parts.items() if start <= index < end), layers[index])


def mark_parts(axis: Axis, layers: list[str], model: str = "") -> None:
    """Name an axis of layers, cells of width 1 from 0, by the blocks or stages that they are of."""
    kind, parts = find_parts(layers)
    step = -(-len(parts) // MOST)
    shown = list(parts.items())[::step] if parts else [("input", (0, 1)), ("output", (len(layers) - 1, len(layers)))]
    axis.set_ticks([(start + end) / 2 for _, (start, end) in shown], [name for name, _ in shown])
    axis.set_ticks(sorted({edge for part in parts.values() for edge in part}), minor=True)
    axis.set_tick_params(which="major", length=0)
    axis.set_tick_params(which="minor", length=3)
    axis.set_label_text(f"{model} {kind if parts else 'layer'}, input → output".strip())
