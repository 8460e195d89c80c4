"""The scorecard: every claim of the paper in every published run, from result files alone."""

from collections import Counter

from seelike.results.claims import CLAIMS, VERDICTS, Claim
from seelike.results.results import Result
from seelike.results.runs import OWN, PHOTOGRAPHS, read_runs
from seelike.results.scorecard import Found
from seelike.tables.capabilities import tell
from seelike.tables.markdown import MARKS, NO_BREAK, number, span, table
from seelike.tables.provenance import cite
from seelike.tables.verdicts import phrases_of


def columns(results: dict[str, list[Result]]) -> str:
    """One row a published run: its models and what they can do, its images, what it can tell.

    Args:
        results: run → its results, from `gather_results`.
    """
    lines, runs = [["Column", "Models", "Images", "What it can tell, and what not"], ["---"] * 4], read_runs()
    for name, found in results.items():
        used = span(result.provenance["dataset"]["images"] for result in found)
        images, tells, lacks = runs[name].fill_all(phrases_of(found[0]) | {"images": used})
        lines.append([f"`{name}`", _tell_models(found), images, f"{tells} {lacks}"])
    return table(lines)


def _tell_models(results: list[Result]) -> str:
    """ViT and CNN of a run, each with what it can do."""
    return "<br>".join(f"{cite(results[0], role)}: {tell(results[0], role)}" for role in ("vit", "cnn"))


def rows(found: Found) -> str:
    """One row a claim: its random-weights controls, its effect in each run, and what the paper shows."""
    head = ["Claim", "Random weights", *(f"`{scale}`" for scale in found), "The paper"]
    lines = [head, ["---"] * len(head)]
    for key, claim in CLAIMS.items():
        title = f"{{ref}}`{key} <{label_of(claim)}>` {claim.text}"
        controls = [f"{scale}: {_cell(claims[key], 'control')}" for scale, claims in found.items() if key in claims]
        cells = [_cell(claims[key]) if key in claims else "not measured" for claims in found.values()]
        lines.append([title, "<br>".join(controls), *cells, f"{claim.paper} (Fig. {claim.figures})"])
    return table(lines)


def label_of(claim: Claim) -> str:
    """The label of the figure that draws a claim's effect."""
    return f"fig-{claim.chapter.partition('_')[0]}-effects"


def phrases(found: Found) -> dict[str, str]:
    """Every number and list of claims that prose may cite, by name: `claims`, `<run>_holds`, `<run>_failing`, …,
    `others`, a sentence for each run but the book's own, and `turns`, what changes from drawings to photographs."""
    named = {"holding": "holds", "failing": "fails", "undecided": "open"}
    lists = {f"{run}_{name}": name_claims(found, run, v) for run in found for name, v in named.items()}
    numbers = count(found)
    others = _tell_others(numbers, [run for run in found if run != OWN])
    return numbers | lists | {"others": others, "turns": tell_turns(found, OWN, PHOTOGRAPHS)}


def tell_turns(found: Found, one: str, other: str) -> str:
    """Of the claims measured in both runs how many keep their verdict, and which turn from what to what."""
    both = [key for key in CLAIMS if key in found.get(one, {}) and key in found.get(other, {})]
    turned: dict[tuple[str, str], list[str]] = {}
    for key in both:
        verdicts = found[one][key]["verdict"], found[other][key]["verdict"]
        if len(set(verdicts)) > 1:
            turned.setdefault(verdicts, []).append(key)
    kept = len(both) - sum(map(len, turned.values()))
    told = [f"{_join(keys)} from {before} to {after}" for (before, after), keys in sorted(turned.items())]
    return f"Of {len(both)} claims {kept} keep their verdict" + (f"; {', '.join(told)}" if told else "") + "."


def _tell_others(numbers: dict[str, str], runs: list[str]) -> str:
    told = [
        f"In the run {run}, of {numbers[f'{run}_measured']} claims measured {numbers[f'{run}_holds']} hold, "
        f"{numbers[f'{run}_fails']} fail, {numbers[f'{run}_open']} stay open."
        for run in runs
    ]
    return " ".join(told) or "No other run is published."


def count(found: Found) -> dict[str, str]:
    """How many claims are measured in a run, hold, fail or stay open, and how many that hold do so untrained."""
    numbers = {"claims": len(CLAIMS)}
    for run, claims in found.items():
        verdicts = Counter(entry["verdict"] for entry in claims.values())
        numbers |= {f"{run}_{verdict}": verdicts[verdict] for verdict in VERDICTS}
        both = Counter((entry["verdict"], entry["control_verdict"]) for entry in claims.values())
        numbers[f"{run}_measured"] = len(claims)
        numbers[f"{run}_holds_untrained_too"] = both["holds", "holds"]
        numbers[f"{run}_holds_by_training"] = both["holds", "fails"] + both["holds", "open"]
    return {name: str(n) for name, n in numbers.items()}


def name_claims(found: Found, scale: str, verdict: str) -> str:
    """The claims of one verdict in one run, as a phrase: "A3, S4 and L2"."""
    return _join([key for key in CLAIMS if found.get(scale, {}).get(key, {}).get("verdict") == verdict]) or "none"


def _join(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _cell(entry: dict, kind: str = "effect") -> str:
    mark = MARKS[entry["control_verdict" if kind == "control" else "verdict"]]
    if kind == "control":
        return f"{number(entry, kind)}{NO_BREAK}{mark[0]}"
    runs = entry.get("runs", 1)
    return f"**{number(entry)}** **{mark}**" + (f"<br>{runs} trainings" if runs > 1 else "")
