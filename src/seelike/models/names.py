"""Which model a name means, and where its weights come from: timm's registry, or a repository on the hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import timm
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from timm.models import PretrainedCfg

from seelike.hub import files as hub
from seelike.models.spellings import suggest
from seelike.results.model_names import SEVERAL
from seelike.system.errors import InputError, in_one_line

HUB = "hf-hub:"  # what timm puts before owner/name of any repository of a timm model
WEIGHTS = "pytorch_model.bin"  # as timm calls a repository's weights, or else
SAFE_WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Blueprint:
    """What timm makes a model from: a name of its own, the card of its weights, arguments that the card lacks."""

    name: str
    card: PretrainedCfg
    arguments: dict = field(default_factory=dict)


def check_name(parameter: str, name: str, checkpoint: str) -> None:
    """Refuse a name that timm does not know, or without weights; asks no network, so any repository will do.

    Raises InputError, which names `parameter`.
    """
    if name.startswith(HUB):
        return _check_repository(parameter, name)
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise InputError(f"{parameter}={name!r} is no model that timm knows{suggest(name)}")
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        offered = f"one of {', '.join(tags)}" if tags else "none"
        known = f"timm knows {architecture}, but its weights are {offered}, not {tag!r}"
        raise InputError(f"{parameter}={name!r}: {known}{suggest(name) if 'IMAGENET' in tag else ''}")
    if not tags and not checkpoint:
        raise InputError(f"{parameter}={name!r} has no public weights: {ask_for_file(parameter, name)}")


def file_parameter(parameter: str) -> str:
    """The parameter that gives a model's weights as a file: `vit_checkpoint`, or that which names several models."""
    return parameter if parameter == SEVERAL else f"{parameter}_checkpoint"


def ask_for_file(parameter: str, name: str) -> str:
    """What helps where a model's own weights cannot be had, as the end of a refusal."""
    if parameter == SEVERAL:
        return f"give {name}=FILE, or {name}=random for random weights"
    return f"give a file as {file_parameter(parameter)}"


def find_blueprint(parameter: str, name: str) -> Blueprint:
    """From timm's registry, or from the config.json of a repository, which is fetched for it."""
    if not name.startswith(HUB):
        return Blueprint(name, timm.get_pretrained_cfg(name) or PretrainedCfg())
    repository = hub.Repository.parse(name.removeprefix(HUB))
    with _blamed(f"{parameter}={name!r}"):
        commit = hub.find_origin(hub.fetch(repository, ("config.json",)))["commit"]
    try:
        found, architecture, arguments = timm.models.load_model_config_from_hf(f"{repository.name}@{commit}")
        card = PretrainedCfg(**found | {"hf_hub_id": f"{repository.name}@{repository.revision}", "source": ""})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{parameter}={name!r} is no timm model, by its config.json: {in_one_line(error)}") from None
    if not timm.is_model(architecture):
        raise InputError(f"{parameter}={name!r} is of an architecture that this timm does not know, {architecture!r}")
    return Blueprint(architecture, card, {"pretrained_cfg": card, **arguments})


def check_weights(parameter: str, name: str) -> None:
    """Ask whether a model's own weights can be had, before the work that needs them; downloads none.

    Raises InputError, which names `parameter`.
    """
    card = find_blueprint(parameter, name).card
    if not card.file and card.hf_hub_id:
        with _blamed_weights(parameter, name):
            hub.check(hub.Repository.parse(card.hf_hub_id), _weight_files(card))


def fetch_weights(parameter: str, name: str, card: PretrainedCfg) -> str:
    """A model's own weights as a local file."""
    if card.file:
        return card.file
    with _blamed_weights(parameter, name):
        if card.hf_hub_id:
            return str(hub.fetch(hub.Repository.parse(card.hf_hub_id), _weight_files(card)))
        if card.url:
            return str(hub.fetch_address(card.url))
        raise InputError("timm knows no place of its weights")


def _weight_files(card: PretrainedCfg) -> tuple[str, str]:
    """What a repository may call its weights, safetensors first."""
    own = card.hf_hub_filename or WEIGHTS
    return Path(own.replace(WEIGHTS, SAFE_WEIGHTS)).with_suffix(".safetensors").as_posix(), own


def _blamed_weights(parameter: str, name: str):
    return _blamed(f"{parameter}={name!r}", f"; or {ask_for_file(parameter, name)}")


@contextmanager
def _blamed(who: str, help: str = "") -> Iterator[None]:
    """Context in which a refusal of the hub's becomes one whole sentence: who cannot be had, why, what would help."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{who} cannot be had: {error}{help}") from None


def _check_repository(parameter: str, name: str) -> None:
    try:
        validate_repo_id(hub.Repository.parse(name.removeprefix(HUB)).name)
    except HFValidationError:
        raise InputError(f"{parameter}={name!r} must name a repository as {HUB}owner/name") from None
