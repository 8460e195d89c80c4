"""What one model is made of, found by a single probing pass and handed on to whatever measures it.

Not every model has all of it: a CNN has no attention, some have blocks without positions. What is missing is refused
where it is asked for, not where it is looked for.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from seelike.activations import attention, tokens
from seelike.activations.attention import Grid
from seelike.activations.forward import read_once
from seelike.activations.layers import Layer, choose_layers, find_blocks, reading_layers
from seelike.activations.tokens import Blocks, Form
from seelike.system.errors import THE_MODEL, InputError

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Architecture:
    """A model's blocks, layers, tokens and attention, for images of one size.

    `stages` maps each block to its stage; `reached` each layer to how many tensors it returns, in the order of a pass;
    `forms` each block to its tokens' form; `attends` is the grid among whose patches the heads of `attentions` attend.
    Where there is no such thing the InputError stands that says so. `declared_prefix` is how many tokens before the
    patches the model says it has, `declares_cls` whether CLS is one.
    """

    family: str
    stages: dict[str, str]
    reached: dict[str, int]
    forms: dict[str, Form | InputError]
    attentions: tuple[str, ...]
    attends: Grid | InputError
    declared_prefix: int
    declares_cls: bool

    @classmethod
    def of(cls, model: nn.Module, images: torch.Tensor) -> "Architecture":
        """One pass of the first of the images (n, 3, height, width), shown twice."""
        image = images[:1]
        readings = reading_layers(model), tokens.reading_forms(model, image), attention.reading_forms(model)
        reached, forms, maps = read_once(model, torch.cat([image] * 2), *readings)
        try:
            attends: Grid | InputError = attention.find_attention_grid(model, maps, image)
        except InputError as error:
            attends = InputError(str(error))  # without the traceback, which would hold on to the model
        declared = tokens.declared_prefix(model), tokens.has_cls_token(model)
        return cls(type(model).__name__, find_blocks(model), reached, forms, tuple(maps), attends, *declared)

    def layers(self, layers: str) -> tuple[Layer, ...]:
        """Those of a set, "blocks" or "all", in the order of a pass. Raises InputError for a model without blocks."""
        return choose_layers(self.family, layers, self.stages, self.reached)

    def names(self, layers: str = "blocks") -> tuple[str, ...]:
        """The names of the same."""
        return tuple(layer.name for layer in self.layers(layers))

    def blocks(self, at_most: int | None = None) -> Blocks:
        """All blocks and the grid of their tokens, or `at_most` evenly spread ones with the first and the last.

        Raises InputError if a block's output has no positions.
        """
        every = self.names()
        names = [every[i] for i in spread(len(every), at_most or len(every))]
        forms = [_known(self.forms[name]) for name in names]
        n_prefix = tuple(form.n_prefix for form in forms)
        return Blocks(tuple(names), forms[-1].rows, forms[-1].columns, n_prefix, self.declares_cls and all(n_prefix))

    @property
    def grid(self) -> Grid:
        """Of the patches among which all heads attend. Raises InputError for a model without such attention."""
        return _known(self.attends)

    @property
    def n_prefix(self) -> int:
        """How many tokens precede the patches in all blocks that return lists: none where there are no such tokens.

        Raises InputError where blocks differ in it, or have such tokens and no known grid.
        """
        try:
            forms = {name: _known(self.forms[name]) for name in self.names()}
        except InputError:
            if self.declared_prefix:
                raise
            return 0
        first: dict[int, str] = {}
        for name, form in forms.items():
            if not form.is_map:
                first.setdefault(form.n_prefix, name)
        if len(first) > 1:
            counts = " and ".join(f"{n} in {name}" for n, name in sorted(first.items()))
            raise InputError(
                f"{THE_MODEL} must be a model with the same tokens before the patches in every block; "
                f"{self.family} has {counts}"
            )
        return next(iter(first), 0)

    @property
    def has_cls(self) -> bool:
        """Whether the first of those tokens is CLS."""
        return self.n_prefix > 0 and self.declares_cls

    @property
    def returns_maps(self) -> bool:
        """Whether some block returns a map, which has no tokens but those with a place."""
        return any(isinstance(form, Form) and form.is_map for form in self.forms.values())


def spread(n: int, at_most: int) -> list[int]:
    """At most so many of n indices, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int)).tolist()


def _known(found: T | InputError) -> T:
    if isinstance(found, InputError):
        raise InputError(str(found))
    return found
