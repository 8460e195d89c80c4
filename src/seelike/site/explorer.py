"""What the page "Look for yourself" shows: a few drawings through bundled models, at every stage of their training.

All of it is measured by the package, on the drawings that the chapter on localization measures, and written as files
that a page fetches when a reader asks for them; `index.json` says what there is.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch import nn

from seelike.activations.architecture import Architecture
from seelike.activations.attention import read_maps
from seelike.execution import notebook as execute
from seelike.figures import explorer as figures
from seelike.figures import style
from seelike.figures.forms import draw_narrow
from seelike.images import datasets
from seelike.images.drawings import IMAGE_SIZE
from seelike.images.shapes import Drawing, Shapes
from seelike.measures.answers_by_depth import answer_by_depth
from seelike.measures.occlusion import occlude
from seelike.measures.receptive_field import map_fields, raster
from seelike.measures.token_patch_cka import compare_with_patches
from seelike.models.bundled import NAMES, read_manifest
from seelike.models.loading import load_model, load_random, transform_of
from seelike.models.recipes import EARLY_SHARES, SHAPES, find_runs
from seelike.site import drawings, packed
from seelike.site.explored import FOLDER
from seelike.system.files import write_text, written_whole

CHAPTER = "localization"  # whose images and defaults these are
DESIGNS = {"vit": "ViT-CLS", "gap": "ViT-GAP", "resnet": "ResNet", "mixer": "Mixer"}
N_DRAWINGS = 4  # the first ones, each of another outline
N_FIELD_IMAGES = 4
FIELD_CELLS = 14  # a side of a receptive field
SPARSE = 2  # receptive fields are measured at every second row and column
FIRST = {"drawing": 1, "token": 31, "block": 3, "a": "vit-100-0", "b": "resnet-100-0"}  # what the page shows at first


def measure(build: Path) -> Path:
    """The page's files, kept in `build/explorer`, and measured anew where anything that they depend on has changed."""
    asked = execute.read_parameters(execute.find_chapter(CHAPTER))
    known = build / FOLDER / execute.hash_code(["from seelike.site import explorer"], asked)
    if not (known / "index.json").is_file():
        shutil.rmtree(known.parent, ignore_errors=True)
        write(known)
    return known


def write(folder: Path) -> None:
    """Measure everything, one state of one model after the other; `index.json` comes last."""
    images = Images()
    for number, drawing in enumerate(images.drawings):
        with written_whole(folder / f"drawing-{number}.png") as beside:
            Image.fromarray(drawing.image).save(beside)
    states, about, first = list(list_states()), {}, {}
    for state in states:
        looks = Looks(state, images)
        about[state.design] = looks.write(folder / state.folder)
        if state.folder in FIRST.values():
            first[f"{DESIGNS[state.design]}, trained"] = looks.show()
    _draw_still(images.drawings[FIRST["drawing"]].image, first, folder)
    index = {
        "first": FIRST,
        "drawings": [describe(drawing) for drawing in images.drawings],
        "classes": Shapes.classes,
        "designs": {design: {"name": name} | about[design] for design, name in DESIGNS.items()},
        "states": [asdict(state) | {"folder": state.folder, "accuracy": state.accuracy} for state in states],
        "images": {"resemblance": len(images.chosen), "field": N_FIELD_IMAGES},
    }
    write_text(folder / "index.json", json.dumps(index))


@dataclass(frozen=True)
class State:
    """Weights to look at: of a design, after so many percent of its training steps, from one seed."""

    design: str
    percent: int
    seed: int
    name: str

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return f"{self.design}-{self.percent}-{self.seed}"

    @property
    def accuracy(self) -> float | None:
        """On the test drawings, as its card says; untrained weights have no card."""
        return read_manifest()[self.name]["test_accuracy"] if self.percent else None

    def load(self) -> nn.Module:
        """The model, in evaluation mode."""
        return load_model(self.design, self.name) if self.percent else load_random(self.design, self.name)


def list_states() -> Iterator[State]:
    """Of the first seed untrained, early and trained weights, as far as they are bundled; of others trained ones."""
    for design in DESIGNS:
        first, *others = find_runs(f"{SHAPES.name(design)}.{SHAPES.tag}")
        early = {percent: f"{first}_after{percent}pct" for percent in EARLY_SHARES}
        known = {0: first} | {percent: name for percent, name in early.items() if name in NAMES} | {100: first}
        yield from (State(design, percent, 0, name) for percent, name in known.items())
        yield from (State(design, 100, seed, name) for seed, name in enumerate(others, 1))


class Images:
    """The drawings that a reader chooses from, and those that the chapter measures."""

    def __init__(self):
        asked = execute.read_parameters(execute.find_chapter(CHAPTER))
        dataset = Shapes(asked["split"])
        self.drawings: list[Drawing] = [dataset.drawing(number) for number in range(N_DRAWINGS)]
        self.batch_size = asked["batch_size"]
        self.chosen = datasets.choose(dataset, asked["n_images"], asked["seed"])
        self._seen: dict[Callable, list[torch.Tensor]] = {}

    def minibatches(self, model: nn.Module) -> list[torch.Tensor]:
        """The chapter's images as it shows them to a model; bundled models all see the same."""
        transform = transform_of(model)
        if transform not in self._seen:
            loaded = datasets.load_minibatches(self.chosen, {"": transform}, self.batch_size, "cpu", what="")
            self._seen[transform] = [batch[""] for batch in loaded]
        return self._seen[transform]

    def shown(self, model: nn.Module) -> torch.Tensor:
        """The reader's drawings, likewise."""
        return torch.stack([transform_of(model)(Image.fromarray(drawing.image)) for drawing in self.drawings])


@dataclass
class Looks:
    """One state of a model, and all that is measured of it."""

    state: State
    images: Images

    def write(self, folder: Path) -> dict:
        """Write its arrays, a file for each drawing and one of what many images give; what `index.json` says of it."""
        for number in range(N_DRAWINGS):
            arrays = {"occlusion": (self.occlusion[number], 0), "answers": (self.answers.values[number].numpy(), 0)}
            if self.attention is not None:
                arrays["attention"] = (self.attention[number], 3)
            packed.write(folder / f"drawing-{number}.bin", arrays)
        packed.write(folder / "positions.bin", {"resemblance": (self.resemblance, 1), "field": (self.fields, 2)})
        return {
            "blocks": self.own.names(),
            "stages": [layer.stage for layer in self.own.layers("blocks")],
            "grid": self.grid,
            "prefix": self.own.n_prefix,
            "heads": 0 if self.attention is None else self.attention.shape[2],
            "answering": self.answers.blocks,
            "positions": self.positions,
        }

    def show(self) -> figures.Look:
        """Some of what the page shows of it at first."""
        drawing, token, block = FIRST["drawing"], FIRST["token"], FIRST["block"]
        heads = np.empty((0, *self.grid))
        if self.attention is not None:
            patches = self.attention[drawing, block, :, self.own.n_prefix + token, self.own.n_prefix :]
            heads = patches.reshape(-1, *self.grid)
        resemblance = self.resemblance[block, token].reshape(self.grid)
        return figures.Look(heads, resemblance, self.occlusion[drawing])

    @cached_property
    def model(self) -> nn.Module:
        """The weights, loaded."""
        return self.state.load()

    @cached_property
    def shown(self) -> torch.Tensor:
        """The reader's drawings as the model takes them."""
        return self.images.shown(self.model)

    @cached_property
    def own(self) -> Architecture:
        """What the model is made of."""
        return Architecture.of(self.model, self.shown)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the last block's tokens."""
        return self.own.blocks().grid

    @property
    def positions(self) -> list[list[int]]:
        """Rows and columns at which receptive fields are measured."""
        rows, columns = (range(0, n, SPARSE) for n in self.grid)
        return [[row, column] for row in rows for column in columns]

    @cached_property
    def answers(self):
        """Probabilities of the classes by depth."""
        return answer_by_depth(self.model, self.shown)

    @cached_property
    def attention(self) -> np.ndarray | None:
        """(images, blocks, heads, queries, keys); None without attention."""
        if not self.own.attentions:
            return None
        return torch.stack(list(read_maps(self.model, self.shown).values()), 1).numpy()

    @cached_property
    def occlusion(self) -> np.ndarray:
        """The fall of the predicted class's logit, (images, rows, columns)."""
        rows, columns = self.grid
        return occlude(self.model, self.shown, (IMAGE_SIZE // rows, IMAGE_SIZE // columns)).values

    @cached_property
    def resemblance(self) -> np.ndarray:
        """Token–patch CKA, (blocks, tokens, patches)."""
        return compare_with_patches(self.model, self.images.minibatches(self.model)).cka()

    @cached_property
    def fields(self) -> np.ndarray:
        """Receptive fields relative to their largest cell, (positions, blocks, cells, cells)."""
        few = self.images.minibatches(self.model)[0][:N_FIELD_IMAGES]
        points = (np.array(self.positions) + 0.5) / self.grid
        return raster(map_fields(self.model, few, list(self.own.names()), points), FIELD_CELLS)


def describe(drawing: Drawing) -> dict:
    """A drawing's class, and the outline of its object as an SVG path, in pixels."""
    mask = np.pad(drawing.mask, 1)
    below, right = (np.argwhere(np.diff(mask, axis=axis)) for axis in (0, 1))
    edges = [f"M{x - 1} {y}h1" for y, x in below] + [f"M{x} {y - 1}v1" for y, x in right]
    return {"label": drawing.label, "outline": "".join(edges)}


def _draw_still(image: np.ndarray, looks: dict[str, figures.Look], folder: Path) -> None:
    """What the page shows where nothing can be chosen, wide and narrow; each is one file for light and dark pages."""
    with plt.style.context(style.STYLE):
        wide = figures.still(image, looks, FIRST["token"])[0, 0].figure
        for name, figure in (("still", wide), ("still-narrow", draw_narrow(wide))):
            still = folder / f"{name}.svg"
            style.save(figure, still)
            plt.close(figure)
            write_text(still, drawings.in_both_themes(drawings.compact(still.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    print(measure(Path(sys.argv[1])))
