"""Tables of what works, in Markdown: every family in every chapter, and what each profile takes."""

import json
from collections.abc import Sized

from seelike.compatibility.families import read_table
from seelike.results.model_names import model_name
from seelike.results.results import Result, list_results
from seelike.results.runs import list_profiles
from seelike.system.paths import RESULTS
from seelike.tables.markdown import span, table
from seelike.tables.provenance import literal

PARTS = {"vit": "v", "cnn": "c", "mixer": "m", "system": "s"}


def families() -> str:
    """One row a family, one column a chapter: the parts that the family's member can take there."""
    found = read_table()
    chapters = list(next(iter(found.values()))["chapters"])
    lines = [["Family and its member", *(_head(chapter) for chapter in chapters)]]
    lines.append(["---"] * len(lines[0]))
    for name, entry in found.items():
        cells = (letters(entry["chapters"][chapter]) for chapter in chapters)
        lines.append([f"**{_shorten(name)}**<br>`{entry['member']}`", *cells])
    return table(lines)


def letters(parts: dict[str, str]) -> str:
    """The parts that a model can take in a chapter, such as "v c"; "–" for none."""
    return " ".join(PARTS[part] for part, refusal in parts.items() if not refusal) or "–"


def refusals() -> str:
    """One row a family and refusal, as the command says it, of the first part and chapter that it is said of."""
    lines = [["Family", "Chapter", "What the command says"], ["---"] * 3]
    for name, entry in read_table().items():
        said = set()
        for chapter, parts in entry["chapters"].items():
            for part, refusal in parts.items():
                reason = refusal.removeprefix(part)
                if refusal and reason not in said:
                    said.add(reason)
                    lines.append([f"**{name}**", _head(chapter), refusal])
    return table(lines)


def _shorten(family: str) -> str:
    """A bundled model's family is named after it, and its name follows anyway."""
    return family.partition(":")[0]


def _head(chapter: str) -> str:
    return chapter.removesuffix("_connections").replace("_", " ")


def profiles() -> str:
    """One row a profile: models, images, and what its chapters took, or at what pace they were rehearsed."""
    lines = [["Profile", "Models", "Images", "On a CPU", "Memory", "On a GPU"], ["---"] * 6]
    for profile in list_profiles():
        taken = [Result.load(path) for path in list_results(RESULTS / profile)]
        foreseen = [json.loads(path.read_text()) for path in sorted((RESULTS / "rehearsed" / profile).glob("*.json"))]
        if taken:
            lines.append([f"`{profile}`", *_describe_taken(taken)])
        elif foreseen:
            lines.append([f"`{profile}`", *_describe_foreseen(foreseen)])
    return table(lines)


def _describe_taken(results: list[Result]) -> list[str]:
    first = results[0]
    models = " against ".join(literal(model_name(first, role)) for role in ("vit", "cnn"))
    minutes = sum(result.provenance["seconds"] for result in results) / 60
    peaks = [result.provenance["peak_mib"] for result in results if result.provenance["peak_mib"]]
    times = {"cpu": "not measured", "gpu": "not measured"}
    where = "cpu" if first.provenance["device"] == "cpu" else "gpu"
    times[where] = f"measured: {minutes:.0f} minutes for {_count(results)}"
    memory = f"measured: {max(peaks) / 1024:.1f} GiB at most" if peaks else "not measured"
    images = span(result.provenance["dataset"]["images"] for result in results)
    images = f"{images} images of `{first.parameters['dataset']}`"
    return [models, images, times["cpu"], memory, times["gpu"]]


def _describe_foreseen(runs: list[dict]) -> list[str]:
    first = next(run for run in runs if run["chapter"] == "uniformity")
    hours = sum(run["minutes"] for run in runs) / 60
    peak = max(run["peak_mib"] for run in runs) / 1024
    return [
        " against ".join(f"`{first['models'][role]['name']}`" for role in ("vit", "cnn")),
        f"{first['images']:,}",
        f"at the pace of a rehearsal on {first['rehearsed']} images: {hours:,.0f} hours for {_count(runs)}",
        f"of that rehearsal: {peak:.1f} GiB; that of full minibatches was not measured",
        "not measured",
    ]


def _count(chapters: Sized) -> str:
    return f"{len(chapters)} chapter{'s' * (len(chapters) != 1)}"
