"""Where layers lie in a model: in which of its blocks, or in which stage of blocks, by the names that timm gives."""

import re
from itertools import groupby

from matplotlib.axis import Axis

UNIT = re.compile(r"((?:blocks|stages|layers|layer|features)\.?\d+)(?:\.|$)")
OF_BLOCKS = re.compile(r"\.(?:blocks\.)?\d+(?:\.|$)")  # after a unit that is a stage
MOST = 9  # names beside an axis
ROOM = 1.6  # inches that a label of many words takes


def name_parts(layers: list[str]) -> list[str | None]:
    """Of each layer `block 3`, or `stage 2`: the part that it is of; None before the first part and after the last.

    Blocks bear timm's numbers, from 0, and stages count from 1. Of names that tell neither there are no parts.
    """
    units = [found[1] if (found := UNIT.match(str(layer))) else None for layer in layers]
    stages = any(OF_BLOCKS.match(str(layer)[len(unit) :]) for layer, unit in zip(layers, units, strict=True) if unit)
    order = list(dict.fromkeys(filter(None, units)))
    names = {
        unit: f"stage {i + 1}" if stages else f"block {re.search(r'[0-9]+', unit)[0]}" for i, unit in enumerate(order)
    }
    return [names.get(unit) for unit in units]


def mark_parts(axis: Axis, layers: list[str], model: str = "") -> None:
    """Name an axis of layers, cells of width 1 from 0, by the blocks or stages that they are of."""
    places, start = {}, 0
    for part, members in groupby(name_parts(layers)):
        end = start + len(list(members))
        places |= {part: (start, end)} if part else {}
        start = end
    known = places or {" input": (0, 1), " output": (start - 1, start)}
    shown = list(known.items())[:: -(-len(known) // MOST)]
    axis.set_ticks([sum(ends) / 2 for _, ends in shown], [name.split(" ")[1] for name, _ in shown])
    axis.set_ticks(sorted({edge for ends in places.values() for edge in ends}), minor=True)
    axis.set_tick_params(which="major", length=0)
    axis.set_tick_params(which="minor", length=3)
    kind = next(iter(places), "layer").split(" ")[0]
    room = axis.axes.get_position().width * axis.axes.figure.get_figwidth()
    axis.set_label_text(f"{model} {kind}{', input → output' if room > ROOM else ' →'}".strip())
