"""The scorecard: every claim in every published run, from result files alone."""

from collections.abc import Mapping

from seelike.results.claims import CLAIMS, OF_PAPER, VERDICTS, Claim
from seelike.results.covers import covers_trainings
from seelike.results.multiplicity import find_marginal
from seelike.results.results import Result
from seelike.results.robustness import is_fragile
from seelike.results.runs import OWN, PHOTOGRAPHS, read_runs
from seelike.results.scorecard import Found
from seelike.results.verdict_words import FRAGILE, MARGINAL
from seelike.tables import counts
from seelike.tables.capabilities import tell
from seelike.tables.markdown import mark, span, table
from seelike.tables.provenance import cite
from seelike.tables.verdicts import MEASURED, phrases_of, tell_by_run, tell_numbers, tell_parts, tell_source


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


def rows(found: Found, asked: Mapping[str, Claim] = OF_PAPER) -> str:
    """One row a claim: its verdict in each run, what is measured, the numbers of each run, and what the paper shows."""
    head = ["Claim", MEASURED, *(f"`{run}`" for run in found), "The paper" if asked is OF_PAPER else "Its paper"]
    lines, marginal = [head, ["---"] * len(head)], {run: find_marginal(claims) for run, claims in found.items()}
    for key, claim in asked.items():
        entries = {run: claims.get(key) for run, claims in found.items()}
        judged = tell_by_run(entries, [run for run in found if key in marginal[run]])
        title = f"{{ref}}`{key} <{label_of(claim)}>` {claim.text}<br>{judged}"
        paper = f"{claim.paper} ({tell_source(claim)}; {claim.known})"
        lines.append([title, tell_parts(claim), *map(tell_numbers, entries.values()), paper])
    return table(lines)


def label_of(claim: Claim) -> str:
    """The label of the figure that draws a claim's effect."""
    return f"fig-{claim.chapter.partition('_')[0]}-effects"


def claims_by_verdict(found: Found) -> str:
    """One row a verdict, one column a run: which claims have it, in italics where an interval covers images alone."""
    lines = [["Verdict", *(f"`{run}`" for run in found)], ["---"] * (1 + len(found))]
    for verdict in VERDICTS[::-1]:
        lines.append([f"**{mark(verdict)}**", *(_name_claims(claims, verdict) for claims in found.values())])
    return table(lines)


def _name_claims(claims: Mapping[str, dict], verdict: str) -> str:
    """The claims of one verdict in one run, as `claims_by_verdict` writes them; marginal and fragile ones bear
    their marks."""
    marginal = find_marginal(claims)
    keys = [key for key in CLAIMS if claims.get(key, {}).get("verdict") == verdict]
    named = {key: f"{key}{_mark_doubts(claims[key], key in marginal)}" for key in keys}
    return ", ".join(name if covers_trainings(claims[key]) else f"*{name}*" for key, name in named.items()) or "none"


def _mark_doubts(entry: Mapping, marginal: bool) -> str:
    return f"{MARGINAL if marginal else ''}{FRAGILE if is_fragile(entry) else ''}"


def phrases(found: Found, asked: Mapping[str, Claim] = OF_PAPER) -> dict[str, str]:
    """Every number and sentence that prose may cite, by name.

    The numbers are those of `counts.count`; `<run>_verdicts`, `<run>_training`, `<run>_marginals` and `<run>_fragiles`
    are sentences, `others` those on verdicts of all runs but `OWN` and `PHOTOGRAPHS`, and `turns` what changes from the
    one to the other.
    """
    told = counts.count(found, asked) | {"turns": counts.tell_turns(found, OWN, PHOTOGRAPHS)}
    for run, claims in found.items():
        told |= {f"{run}_verdicts": counts.tell_verdicts(claims), f"{run}_training": counts.tell_training(claims)}
        told |= {f"{run}_marginals": counts.tell_marginal(claims), f"{run}_fragiles": counts.tell_fragile(claims)}
    others = [f"In the run {run}: {told[f'{run}_verdicts']}" for run in found if run not in (OWN, PHOTOGRAPHS)]
    return told | {"others": " ".join(others) or "No other run is published."}
