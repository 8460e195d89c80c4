"""What the models of a result are called, wherever they are shown: tables, captions, legends, prose."""

from seelike.results.results import Result

SEVERAL = "systems"  # the parameter that names any number of models; each of its words is a role


def model_name(result: Result, role: str) -> str:
    """The name of the model of one role, such as "vit".

    That is the timm name, tag and all, where it says what the weights are; of weights from the user's own file the
    words that its label gives, or the architecture and the file. Raises KeyError for a role that the result has not.
    """
    return result.provenance["models"][role]["name"]


def model_names(result: Result) -> dict[str, str]:
    """Role → name, of the models that the parameters name, in their order; of a role that is empty there is none."""
    return {role: model_name(result, role) for role in list_roles(result)}


def list_roles(result: Result) -> list[str]:
    """The roles of the same, and of the models that one parameter names together."""
    words = [
        role for name, value in result.parameters.items() for role in (value.split() if name == SEVERAL else [name])
    ]
    return [role for role in words if role in result.provenance["models"]]
