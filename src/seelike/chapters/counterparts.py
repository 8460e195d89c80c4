"""Counterparts of a chapter's models: those that are to differ from one in their training, pooling or skips alone.

Beside a model of another design the difference would be one of designs, and be told as one of training.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from torch import nn

from seelike.system.errors import InputError

OF_BLOCK = re.compile(r"(?:blocks|stages|layers|layer)\.?\d+\.")


def check_each(
    loaded: Iterable[dict[str, nn.Module]], roles: Iterable[str] | Mapping[str, str], pooled: bool = False
) -> Iterator[dict[str, nn.Module]]:
    """The models of every run, when those in `roles`, as far as they are there, are known to be counterparts.

    Args:
        roles: each with the role of the model that it is compared with; without those, all are compared with "vit".
        pooled: whether they may pool their tokens otherwise: then only blocks are compared.

    Raises InputError, which names the role, for one that has parameters of other names or shapes, heads apart.
    """
    pairs = roles if isinstance(roles, Mapping) else dict.fromkeys(roles, "vit")
    for models in loaded:
        for role, beside in pairs.items():
            if {role, beside} <= models.keys():
                _check(role, beside, models, pooled)
        yield models


def _check(role: str, beside: str, models: Mapping[str, nn.Module], pooled: bool) -> None:
    own, wanted = (_shape(models[each], pooled) for each in (role, beside))
    other = [name for name in {**own, **wanted} if own.get(name) != wanted.get(name)]
    if other:
        raise InputError(
            f"{role} must be of the design of {beside}, with which it is compared, or empty: "
            f"{other[0]} is {_name(own.get(other[0]))} instead of {_name(wanted.get(other[0]))}"
        )


def _shape(model: nn.Module, pooled: bool) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the parameters that are compared; of all but the head's where none are of blocks."""
    head = {id(parameter) for parameter in _find_head(model)}
    shapes = {name: tuple(own.shape) for name, own in model.named_parameters() if id(own) not in head}
    return (pooled and {name: shape for name, shape in shapes.items() if OF_BLOCK.match(name)}) or shapes


def _find_head(model: nn.Module) -> Iterable[nn.Parameter]:
    head = model.get_classifier() if hasattr(model, "get_classifier") else None
    return head.parameters() if isinstance(head, nn.Module) else ()


def _name(shape: tuple[int, ...] | None) -> str:
    return "×".join(map(str, shape)) if shape else "missing"
