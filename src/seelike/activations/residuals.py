"""The residual sums of a forward pass: what each skip connection carries, and what its branch adds.

A residual block returns z + f(z), a transformer's twice in a row. f is what is really added: timm passes the end of
every branch, after LayerScale, through a module called drop_path, which does nothing in evaluation; in ResNets of
post-activation, which have none, f is the output of the branch's last normalisation (or squeeze-and-excitation). z is
the block's input, by an identity skip, or what its shortcut makes of it by convolution or pooling; for a second branch
it is the sum before, always by an identity skip. That these
do add up to the block's output, bit for bit, is checked on every pass.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import nn

from seelike.activations.forward import read_once
from seelike.activations.layers import INPUT, hooked, named_modules
from seelike.system.errors import THE_MODEL, InputError

T = TypeVar("T")
SHORTCUTS = ("downsample", "shortcut")
UNCHANGED = (type(None), nn.Identity)  # what stands for a shortcut where the skip is the identity
ENDS = ("se", "bn3", "bn2")  # of a branch without drop_path, the first that is there
PASSED_ON = ("norm", "ls", "drop_path")  # modules of a block that no branch is named after


class Branch(NamedTuple):
    """One residual sum, z + f, tensors of one shape; `identity` where z came by an identity skip."""

    z: torch.Tensor
    f: torch.Tensor
    identity: bool


@dataclass(frozen=True)
class Block:
    """One block: the modules that its branches end in, the one that changes its skip, and its last activation."""

    name: str
    branches: tuple[str, ...]
    ends: tuple[str, ...]
    shortcut: str | None
    activation: nn.Module | None

    @classmethod
    def of(cls, name: str, module: nn.Module) -> "Block":
        """What the names of the block's own parts tell."""
        parts = dict(module.named_children())
        ends = [part for part in parts if part.startswith("drop_path")]
        ends = ends or [part for part in ENDS if part in parts][:1]
        shortcut = next((part for part in SHORTCUTS if not isinstance(parts.get(part), UNCHANGED)), None)
        activations = [part for key, part in parts.items() if key.startswith(("act", "relu"))]
        return cls(
            name,
            tuple(part for part in parts if not part.startswith(PASSED_ON)),
            tuple(f"{name}.{part}" for part in ends),
            shortcut and f"{name}.{shortcut}",
            activations[-1] if activations else None,
        )

    def hooks(self) -> list[str]:
        """The layers that a pass must show."""
        return [self.name + INPUT, *self.ends, *([self.shortcut] if self.shortcut else []), self.name]

    def name_sublayers(self, n: int) -> list[str]:
        """The block's own name if it has one branch; else `blocks.0.attn`, `blocks.0.mlp`, or numbers."""
        if n == 1:
            return [self.name]
        return [f"{self.name}.{part}" for part in (self.branches if len(self.branches) == n else range(n))]


@dataclass(frozen=True)
class Sums:
    """What one block did in a pass: `branches` are by sublayer, and `total` adds all up."""

    block: Block
    branches: dict[str, Branch]
    total: torch.Tensor
    output: torch.Tensor

    @classmethod
    def of(cls, block: Block, seen: dict[str, list[torch.Tensor]]) -> "Sums":
        """From what the block's `hooks` have shown. Where z and f differ in size, z is empty, and nothing adds up."""
        (z,) = seen.get(block.shortcut) or seen[block.name + INPUT]
        added = [f for end, tensors in seen.items() if end in block.ends for f in tensors]
        branches: dict[str, Branch] = {}
        for name, f in zip(block.name_sublayers(len(added)), added, strict=True):
            z = z.reshape(f.shape) if z.numel() == f.numel() else z.new_empty(0)
            branches[name] = Branch(z, f, identity=bool(branches) or block.shortcut is None)
            z = z + f if z.numel() else z
        return cls(block, branches, z, seen[block.name][0])

    def add_up(self) -> bool:
        """Whether the block's output is the last z + f, or the activation of it."""
        if self.total.numel() != self.output.numel():
            return False
        total = self.total.reshape(self.output.shape)
        activation = self.block.activation
        return torch.equal(total, self.output) or (
            activation is not None and torch.equal(activation(total), self.output)
        )

    def skip_nothing(self) -> bool:
        """Whether the block's output is its last branch alone."""
        last = list(self.branches.values())[-1]
        return torch.equal(last.f.reshape(-1), self.output.reshape(-1))


def find_parts(model: nn.Module, names: Iterable[str]) -> list[Block]:
    """What the blocks of these names are made of."""
    modules = dict(named_modules(model))
    return [Block.of(name, modules[name]) for name in names]


def read_sums(
    model: nn.Module, images: torch.Tensor, names: Iterable[str], reduce: Callable[[Branch], T]
) -> dict[str, T]:
    """Sublayer → `reduce(branch)` of named blocks in one pass, as tensors come by. Blocks without branch are left out.

    Raises InputError if a block's branches do not add up to its output, or none adds any.
    """
    return read_once(model, images, reading_sums(model, names, reduce))[0]


@contextmanager
def reading_sums(model: nn.Module, names: Iterable[str], reduce: Callable[[Branch], T]) -> Iterator[dict[str, T]]:
    """Context in which one pass fills what `read_sums` gives."""
    found: dict[str, T] = {}

    def visit(sums: Sums) -> None:
        if not sums.add_up():
            raise InputError(
                f"{THE_MODEL} must be a model whose blocks return z + f(z), such as a ViT or a ResNet; "
                f"{sums.block.name} of {type(model).__name__} does not, as far as timm's names tell"
            )
        found.update({name: reduce(branch) for name, branch in sums.branches.items()})

    with _visiting(model, find_parts(model, names), visit):
        yield found
    if not found:
        raise InputError(
            f"{THE_MODEL} must be a model of residual blocks, such as a ViT or a ResNet; "
            f"{type(model).__name__} is none, as far as timm's names tell"
        )


def find_skipless(model: nn.Module, images: torch.Tensor, names: Iterable[str]) -> int:
    """Which of the named blocks, counted from 0, returns its last branch and nothing else: both its skips are removed.

    Raises InputError unless there is exactly one, and not the first.
    """
    blocks, found = find_parts(model, names), []
    visit = lambda sums: found.append(sums.block) if sums.skip_nothing() else None  # noqa: E731
    read_once(model, images, _visiting(model, blocks, visit))
    if len(found) != 1 or found[0] is blocks[0]:
        raise InputError(
            f"{THE_MODEL} must be a model with one block without skips, not its first; "
            f"in {type(model).__name__} these are without: {', '.join(block.name for block in found) or 'none'}"
        )
    return blocks.index(found[0])


@contextmanager
def _visiting(model: nn.Module, blocks: list[Block], visit: Callable[[Sums], None]) -> Iterator[dict]:
    """Context of one forward pass; `visit` sees every block that has branches as soon as it is done."""
    owners = {hook: block for block in blocks if block.ends for hook in block.hooks()}
    seen: dict[str, list[torch.Tensor]] = {}

    def see(name: str, tensor: torch.Tensor) -> None:
        block = owners[name]
        if name == block.name + INPUT:
            seen.clear()
        # What follows may change a tensor in place; nothing does before the block's output is compared.
        seen.setdefault(name, []).append(tensor if name == block.name else tensor.clone())
        if name == block.name and any(end in seen for end in block.ends):
            visit(Sums.of(block, seen))

    with hooked(model, list(owners), see):
        yield seen
