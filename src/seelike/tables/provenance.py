"""Where the numbers of a page come from, as Markdown: commit, software, images, parameters and weights of a run."""

import html
import re

from seelike.results.model_names import SEVERAL, list_roles
from seelike.results.results import Result
from seelike.tables.capabilities import tell
from seelike.tables.markdown import NO_BREAK, table

SHOWN = 12  # digits of a hash
UNTRAINED = " untrained"
FOLDED = "<details><summary>{summary}</summary>{gap}{content}{gap}</details>"


def provenance(results: dict[str, Result]) -> str:
    """A table of the first result, and one folded away for each other that the page draws from."""
    tables = [_table(result) for result in results.values()]
    others = [f"Provenance of the {name} numbers" for name in list(results)[1:]]
    folded = (FOLDED.format(summary=s, content=t, gap="\n\n") for s, t in zip(others, tables[1:], strict=True))
    return "\n\n".join([tables[0], *folded])


def _table(result: Result) -> str:
    known = result.provenance
    rows = [["Run of", f"{literal(result.chapter)}, profile {literal(result.profile)}"], ["---", "---"]]
    rows.append(["Commit", commit(known["commit"])])
    images = [key for key in known if key == "dataset" or key.endswith("_dataset")]
    rows += [[_title(key), _images(known[key])] for key in images]
    rows += [
        ["Weights", _weights(result)],
        ["What they can do", _capabilities(result)],
        ["Parameters", _parameters(result)],
    ]
    rows += [["Software", software(known)], ["Device", literal(known["device"])], ["Took", _cost(known)]]
    return table(rows)


def commit(name: str | None) -> str:
    """A commit by its first digits; whether the package differed from it."""
    if not name:
        return "unknown"
    changed = ", and changes that were not committed" if name.endswith("+") else ""
    return _hash(name.rstrip("+")) + changed


def software(known: dict) -> str:
    """The package, Python and the libraries of a run, with their versions."""
    versions = {"seelike": known["version"], "Python": known["python"]} | known["libraries"]
    return ", ".join(_plain(f"{name}{NO_BREAK}{version}") for name, version in versions.items())


def literal(value) -> str:
    """A value as code in a cell of a table, whatever stands in it."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    if not text:
        return ""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _title(key: str) -> str:
    kind = key.removesuffix("dataset").strip("_").replace("_", " ")
    return _plain(f"{kind} images".capitalize()) if kind else "Images"


def _images(chosen: dict) -> str:
    said = [literal(chosen["name"]), f"{_plain(chosen['split'])} split", f"{chosen['images']:,} images"]
    hidden = sum(each["pictures"] for each in chosen.get("hidden", []))
    passed_over = {
        "unreadable": len(chosen.get("skipped", [])),
        "repeated": len(chosen.get("copies", [])),
        "hidden": hidden,
    }
    said += [f"{count:,} {kind} passed over" for kind, count in passed_over.items() if count]
    return ", ".join([*said, _hash(chosen["sha256"])])


def _weights(result: Result) -> str:
    """The models that the parameters name, then, folded away, other trainings and untrained states; each once."""
    lines: dict[tuple[str, str], str] = {}
    named: dict[str, tuple[str, str]] = {}
    roles = list_roles(result)
    for role, model in result.provenance["models"].items():
        key = model["name"], model["state_sha256"]
        file = "#".join(filter(None, (model.get("file"), model.get("part"))))
        line = f"{_name(model)} {_hash(model['state_sha256'], file)}"
        lines.setdefault(key, line + UNTRAINED * role.endswith("_random"))
        if role in roles:
            named[role] = key
    shown = [f"{literal(role)} {lines[key]}" for role, key in named.items()]
    others = [line for key, line in lines.items() if key not in named.values()]
    if others:
        untrained = sum(line.endswith(UNTRAINED) for line in others)
        kinds = {"other trainings": len(others) - untrained, "untrained": untrained}
        summary = "; ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        shown.append(FOLDED.format(summary=f"and {summary}", content="<br>".join(others), gap=""))
    return "<br>".join(shown).replace("<br><details>", "<details>") or "none"


def cite(result: Result, role: str) -> str:
    """The name of the model of one role, with no hash; whole where a file's weights have it."""
    return _name(result.provenance["models"][role])


def _name(model: dict) -> str:
    """A timm name alone where it says what the weights are; else what they are called, the architecture, the file."""
    if model["origin"] != "file":
        return literal(model["name"])
    weights = f"{literal(model['architecture'])} with weights from {literal(model['file'])}"
    called = "" if model["file"] in model["name"] else f"{_plain(model['name'])}, "
    return f"{called}{weights}, {_hash(model['file_sha256'])}"


def _capabilities(result: Result) -> str:
    said = (f"{literal(role)} {_plain(tell(result, role))}" for role in list_roles(result))
    return "<br>".join(said) or "unknown"


def _parameters(result: Result) -> str:
    """All but the models' names, which stand with their weights, and files and labels that were not given."""
    models = {name.removesuffix("_checkpoint") for name in result.parameters if name.endswith("_checkpoint")}
    models |= result.provenance["models"].keys()
    own = {f"{model}_{kind}" for model in models for kind in ("checkpoint", "label")}
    left_out = models | {SEVERAL} | {name for name in own if not result.parameters.get(name)}
    given = {name: value for name, value in result.parameters.items() if name not in left_out}
    return " ".join(literal(f"{name}={value!r}") for name, value in given.items()) or "none"


def _cost(known: dict) -> str:
    memory = "" if known["peak_mib"] is None else f", at most {known['peak_mib']:,.0f}{NO_BREAK}MiB of memory"
    return f"{known['seconds']:,.0f}{NO_BREAK}seconds{memory}"


def _hash(digits: str, file: str = "") -> str:
    """Its first digits; a pointer shows them all, and the file they are of."""
    full = html.escape(" ".join(filter(None, [digits, file and f"({file})"])))
    return f'<code title="{_plain(full)}">{_plain(digits[:SHOWN])}</code>'


def _plain(text: str) -> str:
    """Text with nothing in it that Markdown, HTML or a table could take for its own."""
    return re.sub(r"[^\w\s.,:;()/&#-]|_", lambda found: f"&#{ord(found[0])};", re.sub(r"[\n\r\t]+", " ", text))
