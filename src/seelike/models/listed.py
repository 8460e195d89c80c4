"""Several models named in one parameter, `systems`: names of timm's with spaces between.

A name alone is a model with its own weights. NAME=FILE has those of a local file, or of a part of it, FILE#PART, and
NAME=random has random ones, for an architecture of which there are no others.
"""

from dataclasses import dataclass
from pathlib import Path

from seelike.models import bundled
from seelike.models.loading import check_model
from seelike.models.names import check_name
from seelike.models.spellings import find_current
from seelike.results.model_names import SEVERAL
from seelike.system.errors import InputError

RANDOM = "random"


@dataclass(frozen=True)
class Listed:
    """A model by its timm name, and what its weights are if not its own: a file, or `RANDOM`."""

    name: str
    weights: str = ""

    @property
    def is_random(self) -> bool:
        return self.weights == RANDOM

    @property
    def file(self) -> str:
        """The file of weights, "" where there is none."""
        return "" if self.is_random else self.weights

    @property
    def word(self) -> str:
        """As it stands in the parameter."""
        return "=".join(filter(None, (self.name, self.weights)))

    @property
    def role(self) -> str:
        """The same without the folders of this machine: what the model is called in a result."""
        return "=".join(filter(None, (self.name, Path(self.weights).name)))


def read_listed(text: str) -> dict[str, Listed]:
    """Role → model, in their order; nothing is checked."""
    words = (Listed(name, weights) for name, _, weights in (word.partition("=") for word in text.split()))
    return {each.role: each for each in words}


def check_listed(text: str) -> dict[str, Listed]:
    """The same, with names as timm has them today, and tags where these say which weights.

    Loads nothing and asks no network.

    Raises InputError, which names the parameter, for no model, one that is there twice, and one that cannot be had.
    """
    found = {}
    for each in read_listed(text).values():
        name = find_current(each.name)
        each = Listed(name if each.weights else bundled.complete(name), each.weights)
        if each.is_random:
            check_name(SEVERAL, each.name, RANDOM)
        else:
            check_model(SEVERAL, each.name, each.file)
        found[each.role] = each
    if not found or len(found) < len(text.split()):
        raise InputError(f"{SEVERAL} must name one model or more, each once, with spaces between, not {text!r}")
    return found
