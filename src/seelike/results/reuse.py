"""A result that was measured before, in place of measuring: only if it is the very one that would come out."""

from pathlib import Path

from seelike.results.results import Result
from seelike.system.errors import InputError

PLACES = ("device", "results_dir", "data_dir", "probe_data_dir", "transfer_data_dir")  # do not change what is measured


def read(path: str, chapter: str, parameters: dict, datasets: dict[str, dict]) -> Result:
    """The result at `path`, if it is of this chapter, these parameters and these images.

    Args:
        parameters: those of the run, `profile` among them; where models and images lie does not count.
        datasets: "dataset" and perhaps "probe_dataset", … → {"sha256": …} of the images chosen now.

    Raises InputError, which names from_result, for any other.
    """
    try:
        result = Result.load(path)
    except InputError as error:
        raise InputError(f"from_result must be a file of `seelike measure`, not {path!r}: {error}") from None
    made = result.parameters | {"profile": result.profile}
    if result.chapter != chapter:
        _refuse(path, f"a result of {chapter}", f"of {result.chapter}")
    for name, value in parameters.items():
        if name not in PLACES and made.get(name) != value:
            _refuse(path, f"a result with {name}={value!r}", f"with {made.get(name)!r}")
    for name, chosen in datasets.items():
        if result.provenance.get(name, {}).get("sha256") != chosen["sha256"]:
            _refuse(path, f"a result on the same images of {name}", "on others")
    return result


def check_models(path: str, result: Result, described: dict[str, dict]) -> None:
    """Refuse a result whose models had other weights; `described` is the provenance of those that are here."""
    made = result.provenance["models"]
    for role, model in described.items():
        if made.get(role, {}).get("state_sha256") != model["state_sha256"]:
            _refuse(path, f"a result of the same weights of {role}", "of others")
    if made.keys() - described.keys():
        _refuse(path, f"a result of {', '.join(described)} alone", f"of {', '.join(made)}")


def _refuse(path: str, wanted: str, found: str) -> None:
    raise InputError(f"from_result must be {wanted}, not {found}: {Path(path).name!r} is another run's")
