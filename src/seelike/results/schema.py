"""What a result file must be: JSON of the schema, and what a schema cannot say."""

import json
from pathlib import Path

import jsonschema
import numpy as np

from seelike.results import json_text
from seelike.results.claims import CLAIMS, INTERVALS
from seelike.results.covers import IMAGES, TRAININGS
from seelike.system.errors import InputError

SCHEMA = json.loads(Path(__file__).with_name("result.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FORMAT = 3  # of the files that are written now
OLDER = (None, 1, 2)  # those of the first bear no number
LARGEST = 1e300  # beyond it numbers are no measurements, and break arithmetic


def read(path: str | Path) -> dict:
    """The content of a result file; values are float64 arrays, null in them is NaN.

    Raises InputError, which names the file and the place in it, for a file that is missing, unsound or too old.
    """
    plain = json_text.read(path, "the result file")
    if isinstance(plain, dict) and "chapter" in plain and plain.get("format") in OLDER:
        raise InputError(f"the result file {path} is of an older form, with other effects: measure it anew")
    examine(plain, f"the result file {path}")
    for measure, models in plain["measures"].items():
        for model, entry in models.items():
            entry["values"] = _array(entry, f"the result file {path} is damaged at {measure}.{model}")
    for claim, entry in plain["claims"].items():
        _check_claim(claim, entry, f"the result file {path} is damaged at {claim}")
    return plain


def examine(plain, what: str, validator: jsonschema.Draft202012Validator = VALIDATOR) -> None:
    """Raise InputError, which names the file and the place in it, where a schema does not hold."""
    try:
        check(plain, validator)
    except (jsonschema.ValidationError, RecursionError) as error:
        place, fault = (error.json_path, error.message) if hasattr(error, "json_path") else ("$", "too deep")
        raise InputError(f"{what} is damaged at {place}: {fault[:200]}") from None


def check(plain, validator: jsonschema.Draft202012Validator = VALIDATOR) -> None:
    """Raise jsonschema.ValidationError where the schema does not hold."""
    error = jsonschema.exceptions.best_match(validator.iter_errors(plain))
    if error:
        raise error


def read_schema(name: str) -> jsonschema.Draft202012Validator:
    """A schema of this room."""
    return jsonschema.Draft202012Validator(json.loads(Path(__file__).with_name(name).read_text()))


def _array(entry: dict, complaint: str) -> np.ndarray:
    shape = tuple(len(labels) for labels in entry["axes"].values())
    values = np.array(entry["values"], dtype=object)
    if any(isinstance(value, list) for value in values.flat):
        raise InputError(f"{complaint}: its rows differ in length")
    if values.shape != shape:
        raise InputError(f"{complaint}: its values have shape {values.shape}, its axes {shape}")
    if not {type(value) for value in values.flat} <= {int, float, type(None)}:
        raise InputError(f"{complaint}: its values are not all numbers")
    if any(value is not None and abs(value) > LARGEST for value in values.flat):
        raise InputError(f"{complaint}: a value is beyond {LARGEST:g}")
    if max(entry.get("stage_ends", []), default=0) > shape[0]:
        raise InputError(f"{complaint}: a stage ends beyond the last of {shape[0]} layers")
    return values.astype(float)


def _check_claim(claim: str, entry: dict, complaint: str) -> None:
    if claim not in CLAIMS:
        raise InputError(f"{complaint}: the book has no such claim")
    if list(entry["parts"]) != [part.id for part in CLAIMS[claim].parts]:
        raise InputError(f"{complaint}: its parts are {', '.join(entry['parts'])}")
    known = (IMAGES, TRAININGS) if entry["trainings"] else (CLAIMS[claim].covers,)
    if entry["covers"] not in known:
        raise InputError(f"{complaint}: it covers {entry['covers']!r}, and not {' or '.join(known)}")
    for part in entry["parts"].values():
        for kind in INTERVALS.values():
            low, high = part[kind]
            if (low is None) != (high is None) or (low is not None and low > high):
                raise InputError(f"{complaint}: its {kind} [{low}, {high}] does not go from low to high")
