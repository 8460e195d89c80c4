"""Result files of older forms: renewed where nothing is lost by it, refused otherwise.

The first form bears no number. It called every model by the name that its parameter gave, also where the weights were
a file's of another origin.
"""

from seelike.system.errors import InputError

FORMAT = 2  # of the files that are written now


def renew(plain, whose: str):
    """What a result file holds, in the present form; whatever is no result is left to the schema.

    Raises InputError, which begins with `whose`, for a file of the first form whose names cannot be trusted.
    """
    if not isinstance(plain, dict) or "format" in plain:
        return plain
    try:
        given = [name for name, value in plain["parameters"].items() if name.endswith("_checkpoint") and value]
        if given:
            raise InputError(
                f"{whose} is of an older form, which called weights from a file ({given[0]}) by another's name: "
                "measure it anew"
            )
        for role, model in plain["provenance"]["models"].items():
            model.setdefault("origin", "random" if role.endswith("_random") else _find_origin(model))
    except (AttributeError, KeyError, TypeError):
        return plain
    return {"format": FORMAT, **plain}


def _find_origin(model: dict) -> str:
    """Bundled weights lie in files of their names."""
    return "bundled" if model["file"] == f"{model['name']}.safetensors" else "hub"
