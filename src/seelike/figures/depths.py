"""Where layers lie in a model: in which of its blocks, or in which stage of blocks, by the names that timm gives."""

import re
from itertools import groupby

from matplotlib.axis import Axis

UNIT = re.compile(r"((?:backbone\.)?(blocks|stages|layers|layer|features)\.?\d+)(?:\.|$)")
OF_BLOCKS = re.compile(r"\.(?:blocks\.)?\d+(?:\.|$)")  # after a unit that is a stage
MOST = 9  # names beside an axis
ROOM = 1.6  # inches that a label of many words takes


def name_parts(layers: list[str]) -> list[str | None]:
    """Of each layer `block 3`, or `stage 2`: the part that it is of; None before the first part and after the last.

    Blocks bear timm's numbers, from 0, and stages count from 1; a model may have stages and, after them, blocks. Of
    names that tell neither there are no parts.
    """
    found = [UNIT.match(str(layer)) for layer in layers]
    known = [each for each in found if each]
    stages = {each[2] for each in known if OF_BLOCKS.match(each.string[each.end(1) :])}  # the words for them
    order = list(dict.fromkeys(each[1] for each in known if each[2] in stages))
    return [each and _name_part(each, order) for each in found]


def _name_part(unit: re.Match, stages: list[str]) -> str:
    return f"stage {1 + stages.index(unit[1])}" if unit[1] in stages else f"block {re.search(r'[0-9]+', unit[1])[0]}"


def mark_parts(axis: Axis, layers: list[str], model: str = "") -> None:
    """Name an axis of layers, cells of width 1 from 0, by the blocks or stages that they are of.

    Where there are both, `s2` is a stage, and `b0–1` are the blocks.
    """
    places, start = {}, 0
    for part, members in groupby(name_parts(layers)):
        end = start + len(list(members))
        places |= {part: (start, end)} if part else {}
        start = end
    known = places or {" input": (0, 1), " output": (start - 1, start)}
    kinds = dict.fromkeys(name.split(" ")[0] for name in known)
    texts = {name.split(" ")[1]: ends for name, ends in known.items()} if len(kinds) == 1 else _join_blocks(known)
    shown = list(texts.items())[:: -(-len(texts) // MOST)]
    axis.set_ticks([sum(ends) / 2 for _, ends in shown], [text for text, _ in shown])
    axis.set_ticks(sorted({edge for ends in places.values() for edge in ends}), minor=True)
    axis.set_tick_params(which="major", length=0)
    axis.set_tick_params(which="minor", length=3)
    kind = ", ".join(kinds) if places else "layer"
    room = axis.axes.get_position().width * axis.axes.figure.get_figwidth()
    axis.set_label_text(f"{model} {kind}{', input → output' if room > ROOM * len(kinds) else ' →'}".strip())


def _join_blocks(known: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """What stands beside an axis of stages and blocks, with its ends: a stage each, and all blocks at once."""
    stages = {f"s{name.split(' ')[1]}": ends for name, ends in known.items() if name.startswith("stage")}
    blocks = {name.split(" ")[1]: ends for name, ends in known.items() if name.startswith("block")}
    numbers, ends = list(blocks), list(blocks.values())
    text = "–".join(dict.fromkeys((numbers[0], numbers[-1])))
    return stages | {f"b{text}": (ends[0][0], ends[-1][1])}
