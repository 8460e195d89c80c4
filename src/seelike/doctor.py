"""What this machine has, and which of the book's profiles will work on it."""

import os
import platform
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util

import torch
from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, scan_cache_dir
from huggingface_hub.errors import CacheNotFound, HfHubHTTPError

from seelike.hub import files as hub
from seelike.models import bundled
from seelike.results.results import LIBRARIES, Result, list_results
from seelike.results.runs import list_profiles, needs_files, read_profile
from seelike.system import memory
from seelike.system.device import choose_device
from seelike.system.errors import InputError
from seelike.system.paths import RESULTS, read_commit
from seelike.system.version import __version__

GIB = 2**30
NEEDED = ("papermill", "ipykernel", "nbformat", "seaborn")  # to run chapters, beside `LIBRARIES`
BUILDING = ("jupyter_book",)
PROBE = "timm/resnet18.a1_in1k"  # asked for to see whether the hub answers
SECONDS = 5


@dataclass(frozen=True)
class Findings:
    """`facts` are (what, how it is), `problems` what keeps the bundled models from running, each with its remedy."""

    facts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether every chapter can run on the bundled models."""
        return not self.problems


def examine() -> Findings:
    """Look at versions, device, memory, disk, caches, network and the bundled weights; changes nothing."""
    missing = [name for name in (*LIBRARIES, *NEEDED) if not _version(name)]
    damaged = _find_damaged()
    problems = [*(f"{name} is not installed: pip install {name}" for name in missing), *damaged]
    unreachable = _ask_hub()
    facts = [
        ("seelike", f"{__version__}, commit {(read_commit() or 'unknown')[:12]}"),
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("libraries", ", ".join(f"{name} {_version(name)}" for name in LIBRARIES if _version(name))),
        ("notebooks", ", ".join(f"{name} {_version(name) or 'missing'}" for name in (*NEEDED, *BUILDING))),
        ("device", _describe_device()),
        ("memory", _describe_memory()),
        ("disk", f"{shutil.disk_usage('.').free / GIB:.1f} GiB free here, {_describe_cache()}"),
        ("hub", f"{constants.ENDPOINT} {unreachable or 'answers'}"),
        ("bundled weights", f"{len(_list_weights())} files, " + ("damaged" if damaged else "intact")),
    ]
    facts += [(f"profile {profile}", _foresee(profile, problems, unreachable)) for profile in list_profiles()]
    return Findings(tuple(facts), tuple(problems))


def report(found: Findings) -> str:
    """The findings as text."""
    width = max(len(what) for what, _ in found.facts)
    lines = [f"{what:{width}}  {how}" for what, how in found.facts]
    return "\n".join([*lines, "", *(found.problems or ("Every chapter can run here on the bundled models.",))])


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "" if util.find_spec(name) is None else "unknown"


def _list_weights() -> list[str]:
    """The files that the cards name; some models have a card alone."""
    return [card["file"] for card in bundled.read_manifest().values() if "file" in card]


def _find_damaged() -> list[str]:
    problems = []
    for file in _list_weights():
        try:
            bundled.check_weights(bundled.WEIGHTS / file)
        except InputError as error:
            problems.append(str(error))
    return problems


def _describe_device() -> str:
    device = choose_device("auto")
    if device == "cpu":
        return f"cpu, {os.cpu_count()} cores, {torch.get_num_threads()} threads; no GPU that torch can use"
    about = torch.cuda.get_device_properties(0)
    return f"{about.name}, {about.total_memory / GIB:.0f} GiB; torch {torch.__version__}"


def _describe_memory() -> str:
    free = memory.find_free()
    return f"{free / 1024:.1f} GiB free" if free else "this system does not tell"


def _describe_cache() -> str:
    try:
        cache = scan_cache_dir()
        return f"{len(cache.repos)} repositories in the hub's cache, {cache.size_on_disk / GIB:.1f} GiB"
    except (CacheNotFound, OSError):
        return "nothing in the hub's cache"


def _ask_hub() -> str:
    """Nothing if the hub answers, else why not."""
    if constants.HF_HUB_OFFLINE:
        return "is not asked: HF_HUB_OFFLINE is set"
    try:
        with hub.explained("the hub"):
            _ask_for(PROBE)
    except InputError as error:
        return f"does not answer: {error}"
    return ""


def _ask_for(repository: str) -> None:
    """Ask the hub for a small file; that it has none is an answer too."""
    with suppress(HfHubHTTPError):
        get_hf_file_metadata(hf_hub_url(repository, "config.json"), timeout=SECONDS)


def _foresee(profile: str, problems: list[str], unreachable: str) -> str:
    """Whether a profile will work here, and what it took where it was measured."""
    taken = [Result.load(path) for path in list_results(RESULTS / profile)]
    if taken:
        minutes = sum(result.provenance["seconds"] for result in taken) / 60
        peak = max(result.provenance["peak_mib"] or 0 for result in taken) / 1024
        devices = ", ".join(sorted({result.provenance["device"] for result in taken}))
        need = f"took {minutes:.0f} minutes and {peak:.1f} GiB at most for {len(taken)} chapters on {devices}"
        free = memory.find_free()
        short = "; there is less memory than that here" if free and free / 1024 < peak else ""
    else:
        need, short = "not measured", ""
    if profile == "pocket":
        state = "will not work, see below" if problems else "works offline"
    else:
        state = _find_source(read_profile(profile), unreachable)
    return f"{state}; {need}{short}"


def _find_source(profile: dict, unreachable: str) -> str:
    """What a profile's models need beside this package."""
    if needs_files(profile):
        return "needs weights as files"
    own = [name for name in profile.values() if name in bundled.PLANNED]
    if set(own) - set(bundled.NAMES):
        return "its models are not all trained yet"
    if own:
        return f"works offline with the images of {profile['dataset']}"
    return "needs weights as files or in the cache" if unreachable else "works with weights from the hub"
